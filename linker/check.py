#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The gate that an x86_64 image, or the Linux program, passes before anybody runs it.

It looks at the image as a VMM's loader does (PVH: xen/include/public/elfnote.h and
xen/include/public/arch-x86/hvm/start_info.h) and at the symbols for what must not be linked.
It does not run the image, and says nothing about its size (size.py) or its stacks (stack.py).
"""

import argparse
import struct
import sys

import elf

LOWEST_ENTRY = 0x100000  # a VMM keeps its own data below 1 MiB
XEN_OWNER = b"Xen\0"
XEN_ELFNOTE_PHYS32_ENTRY = 18
FORBIDDEN_SEGMENTS = {elf.PT_INTERP: "PT_INTERP", elf.PT_DYNAMIC: "PT_DYNAMIC",
                      elf.PT_TLS: "PT_TLS"}
ALLOCATORS = {"malloc", "calloc", "realloc", "free", "sbrk", "_sbrk"}


def align4(value):
    return (value + 3) & ~3


def split_notes(data):
    """[(owner, type, descriptor)] of one note segment; ValueError when it is cut short."""
    notes = []
    while data:
        if len(data) < 12:
            raise ValueError("a note is cut short")
        owner_size, size, kind = struct.unpack_from("<III", data)
        start = 12 + align4(owner_size)
        if start + size > len(data):
            raise ValueError("a note is cut short")
        notes.append((data[12:12 + owner_size], kind, data[start:start + size]))
        data = data[start + align4(size):]
    return notes


def check_note(owner, kind, descriptor, entry_symbol, entry):
    """The one note: where the VMM enters, in 32-bit protected mode."""
    if owner != XEN_OWNER:
        yield f"the note's owner is {owner!r}, not {XEN_OWNER!r}"
    if kind != XEN_ELFNOTE_PHYS32_ENTRY:
        yield f"the note's type is {kind}, not {XEN_ELFNOTE_PHYS32_ENTRY}"
    if len(descriptor) != 4:
        yield f"the note's descriptor has {len(descriptor)} bytes, not 4"
    elif entry is None:
        yield f"there is no symbol {entry_symbol} to compare the note with"
    elif int.from_bytes(descriptor, "little") != entry:
        yield (f"the note's entry is {int.from_bytes(descriptor, 'little'):#x}, "
               f"but {entry_symbol} is at {entry:#x}")


def check_notes(image, entry_symbol, entry):
    segments = [segment for segment in image.segments if segment.type == elf.PT_NOTE]
    if len(segments) != 1:
        yield f"there are {len(segments)} PT_NOTE segments, not 1"
        return
    try:
        notes = split_notes(segments[0].data)
    except ValueError as error:
        yield f"PT_NOTE: {error}"
        return
    if len(notes) != 1:
        yield f"there are {len(notes)} notes in PT_NOTE, not 1"
    for note in notes:
        yield from check_note(*note, entry_symbol, entry)


def check_headers(image):
    if image.machine != elf.EM_X86_64:
        yield f"the machine is {image.machine}, not {elf.EM_X86_64} (x86-64)"
    for segment in image.segments:
        if segment.type in FORBIDDEN_SEGMENTS:
            yield f"there is a {FORBIDDEN_SEGMENTS[segment.type]} segment"
        if segment.type == elf.PT_LOAD and segment.flags & elf.PF_W and segment.flags & elf.PF_X:
            yield f"the segment at {segment.address:#x} is writable and executable"


def check_symbols(symbols):
    for symbol in symbols:
        if symbol.name and symbol.section == elf.SHN_UNDEF:
            yield f"{symbol.name} is undefined"
        elif symbol.name in ALLOCATORS:
            yield f"{symbol.name} is linked: mote has no heap"


def without_header(data):
    """Stripping moves the section headers, and the ELF header, which may be loaded, tells where."""
    return data[elf.HEADER_SIZE:] if data.startswith(elf.MAGIC) else data


def loaded(file):
    return [segment._replace(data=without_header(segment.data))
            for segment in file.segments if segment.type == elf.PT_LOAD]


def check_entry(image, entry_symbol, entry):
    if image.entry < LOWEST_ENTRY:
        yield f"the entry {image.entry:#x} is below {LOWEST_ENTRY:#x}"
    yield from check_notes(image, entry_symbol, entry)


def check(image, debug, entry_symbol):
    """All violations; entry_symbol is None for Linux. The symbols count only when they are those
    of this image."""
    yield from check_headers(image)
    if entry_symbol:
        yield from check_entry(image, entry_symbol, debug.symbol(entry_symbol))
    if not debug.symbols:
        yield f"{debug.path} has no symbols"
    if (image.entry, loaded(image)) != (debug.entry, loaded(debug)):
        yield f"{debug.path} is not {image.path} with symbols"
    yield from check_symbols(debug.symbols)


def main():
    parser = argparse.ArgumentParser(description="Checks an x86_64 image.")
    parser.add_argument("image", help="the ELF file that is booted")
    parser.add_argument("--symbols", metavar="ELF",
                        help="the same image before it was stripped (default: the image)")
    parser.add_argument("--entry-symbol", default="pvh_start", metavar="NAME",
                        help="where the PVH note must point (default: %(default)s)")
    parser.add_argument("--linux", dest="entry_symbol", action="store_const", const=None,
                        help="a program of Linux: it has no PVH note")
    options = parser.parse_args()
    try:
        image = elf.Elf(options.image)
        debug = elf.Elf(options.symbols or options.image)
    except elf.ElfError as error:
        return elf.report("check", [error])
    return elf.report("check", list(check(image, debug, options.entry_symbol)))


if __name__ == "__main__":
    sys.exit(main())
