#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Where the memory of mote on Linux goes: `tests/bench/linux_pages.py [PINGS]` (as root: mote lets
nobody else look). Starts it, sends so many pings (none), and prints each page that it has touched with
the objects on it; file pages the kernel maps 16 at a time, touched or not.
"""

import argparse
import pathlib
import re
import struct
import sys

import linux_measure
import linux_programs
from linux_programs import ROOT

sys.path.append(str(ROOT / "linker"))

import elf  # noqa: E402 pylint: disable=wrong-import-position

PAGE = 4096
PRESENT = 1 << 63  # Linux, Documentation/admin-guide/mm/pagemap.rst
MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def mappings(pid):
    for line in pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines():
        begin, end, rights, name = MAPPING.match(line).groups()
        yield int(begin, 16), int(end, 16), rights, name


def touched(pid):
    """Address, rights and name of the mapping, for each page that the process has."""
    with open(f"/proc/{pid}/pagemap", "rb", buffering=0) as pagemap:
        for begin, end, rights, name in mappings(pid):
            if name == "[vsyscall]":  # is no memory, and out of the file's range
                continue
            pagemap.seek(begin // PAGE * 8)
            entries = pagemap.read((end - begin) // PAGE * 8)
            for number, (entry,) in enumerate(struct.iter_unpack("Q", entries)):
                if entry & PRESENT:
                    yield begin + number * PAGE, rights, name


def objects(image):
    return [symbol for symbol in image.symbols if symbol.type == elf.STT_OBJECT and symbol.size]


def on_page(symbols, address):
    """The objects that have a part there: name, and how many bytes of it."""
    for symbol in sorted(symbols, key=lambda symbol: symbol.value):
        size = min(symbol.value + symbol.size, address + PAGE) - max(symbol.value, address)
        if size > 0:
            yield symbol.name, size


def print_pages(pid, image):
    symbols = objects(image)
    for address, rights, name in touched(pid):
        there = [f"{what} {size}" for what, size in on_page(symbols, address)]
        what = pathlib.Path(name).name or "zeroed"
        print(f"{address:#14x}  {rights}  {what:8}", ", ".join(there) if "w" in rights else "")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pings", type=int, nargs="?", default=0)
    options = parser.parse_args()
    program = linux_programs.MOTE_PROGRAM
    with linux_programs.Running(program) as running:
        if options.pings:
            linux_measure.client(program, running.socket, options.pings)
        print_pages(running.pid, elf.Elf(f"{linux_programs.MOTE}.debug"))


if __name__ == "__main__":
    main()
