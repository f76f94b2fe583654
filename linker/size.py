#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What an image takes, against its two budgets: bytes of the file and bytes of RAM.

The RAM budget is the linker script's (__ram_budget), the file's is given. A program of Linux has
no RAM of its own, and what it never touches takes none: its file alone has a budget. Sections are listed
as they lie in memory, and every object that is worth a look. Stack depth is stack.py's.
"""

import argparse
import json
import os
import sys

import elf

LISTED_FROM = 1024  # smaller objects are noise in the table


def objects(image):
    """The named objects from LISTED_FROM bytes up, largest first."""
    found = {(symbol.name, symbol.size, symbol.section) for symbol in image.symbols
             if symbol.type == elf.STT_OBJECT and symbol.size >= LISTED_FROM}
    return [{"name": name, "bytes": size, "section": image.sections[section].name}
            for name, size, section in sorted(found, key=lambda item: (-item[1], item[0]))]


def measure_ram(image, linux):
    if linux:
        return {}
    edges = {name: image.symbol(name) for name in ("__image_start", "__image_end", "__ram_budget")}
    for name, value in edges.items():
        if value is None:
            raise elf.ElfError(f"{image.path}: no symbol {name}")
    return {"ram": {"bytes": edges["__image_end"] - edges["__image_start"],
                    "budget": edges["__ram_budget"]}}


def measure(image, file_bytes, file_budget, linux):
    """The whole table as plain data: what --json prints."""
    sections = sorted((section for section in image.sections
                       if section.flags & elf.SHF_ALLOC and section.size),
                      key=lambda section: section.address)
    return {
        "image": {"bytes": file_bytes, "budget": file_budget},
        **measure_ram(image, linux),
        "sections": [{"name": section.name, "bytes": section.size} for section in sections],
        "objects": objects(image),
    }


def overruns(table):
    return [f"{what} takes {table[what]['bytes']} bytes, "
            f"{table[what]['bytes'] - table[what]['budget']} above its budget"
            for what in ("image", "ram")
            if what in table and table[what]["bytes"] > table[what]["budget"]]


def print_table(table):
    for section in table["sections"]:
        print(f"{section['bytes']:>9}  {section['name']}")
        for item in table["objects"]:
            if item["section"] == section["name"]:
                print(f"{'':9}  {item['bytes']:>9}  {item['name']}")
    for what, meaning in (("ram", "RAM, first to last byte"), ("image", "image file")):
        if what not in table:
            continue
        size, budget = table[what]["bytes"], table[what]["budget"]
        print(f"{size:>9}  {meaning}: {100 * size / budget:.0f} % of {budget}")


def positive(text):
    value = int(text, 0)
    if value <= 0:
        raise ValueError
    return value


def main():
    parser = argparse.ArgumentParser(
        description="Prints what an image takes; exits with 1 when it is above its budget.")
    parser.add_argument("elf", help="the linked ELF file with its symbols")
    parser.add_argument("--image", metavar="FILE",
                        help="the file that is booted, if it is another (stripped) one")
    parser.add_argument("--image-budget", metavar="BYTES", type=positive, required=True)
    parser.add_argument("--linux", action="store_true", help="a program of Linux: no budget of RAM")
    parser.add_argument("--json", action="store_true", help="for programs")
    options = parser.parse_args()
    try:
        table = measure(elf.Elf(options.elf), os.path.getsize(options.image or options.elf),
                        options.image_budget, options.linux)
    except (elf.ElfError, OSError) as error:
        return elf.report("size", [error])
    if options.json:
        print(json.dumps(table, indent=2))
    else:
        print_table(table)
    return elf.report("size", overruns(table))


if __name__ == "__main__":
    sys.exit(main())
