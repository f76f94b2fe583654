#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What parts of an image take, by the linker's map: linker/parts.py MAP NAME SOURCE ... [-- NAME SOURCE ...]

Code and constants are what a part adds to the file, buffers what it adds to RAM alone. Strings that
several files have count for the first of them.
"""

import collections
import re
import sys

# An input section: its name, perhaps on a line of its own, address, size, object file.
SECTION = re.compile(r"^ (\.[a-z]\S*)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+\.o)$", re.MULTILINE)
IN_FILE = (".text", ".rodata", ".data")
HEADING = "Linker script and memory map"


def sizes(text):
    """By source, what of it is in the file, and what not; sections that were dropped stand in front
    of the heading."""
    found = collections.defaultdict(lambda: [0, 0])
    for name, size, path in SECTION.findall(text[text.index(HEADING):]):
        if name.startswith((".debug", ".comment", ".note", ".rela")):
            continue
        source = re.sub(r"^.*/obj/(.*)\.o$", r"\1", path)
        found[source][not name.startswith(IN_FILE)] += int(size, 16)
    return found


def split(words):
    """The parts: a name and its sources each."""
    parts = [[]]
    for word in words:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    return [(part[0], [re.sub(r"\.[cS]$", "", source) for source in part[1:]]) for part in parts]


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        found = sizes(file.read())
    total = [0, 0]
    for name, sources in split(sys.argv[2:]):
        missing = [source for source in sources if source not in found]
        if missing:
            sys.exit(f"parts: {sys.argv[1]} has nothing of {' '.join(missing)}")
        part = [sum(found[source][i] for source in sources) for i in (0, 1)]
        total = [a + b for a, b in zip(total, part)]
        print(f"{part[0]:>9}  code and constants, {part[1]:>6} buffers: {name}")
    print(f"{total[0]:>9}  code and constants, {total[1]:>6} buffers: together")


if __name__ == "__main__":
    main()
