# SPDX-License-Identifier: MIT
"""Reads 64-bit little-endian ELF files: headers, segments, sections, symbols, relocations.

Only what the tools beside it need. It judges nothing except whether the file can be read at
all; what an image must look like is check.py's business. After the ELF-64 object file format.
"""

import struct
import sys
from typing import NamedTuple

PT_LOAD, PT_DYNAMIC, PT_INTERP, PT_NOTE, PT_TLS = 1, 2, 3, 4, 7
PF_X, PF_W = 1, 2
SHT_SYMTAB, SHT_RELA, SHT_NOBITS = 2, 4, 8
SHF_ALLOC, SHF_EXECINSTR = 2, 4
SHN_UNDEF = 0
STT_OBJECT, STT_FUNC, STT_SECTION = 1, 2, 3
EM_X86_64 = 62

MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
HEADER_SIZE = _HEADER.size
_SEGMENT = struct.Struct("<IIQQQQQQ")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELA = struct.Struct("<QQq")


class ElfError(Exception):
    """The file is not an ELF file that can be read."""


class Segment(NamedTuple):
    type: int
    flags: int
    address: int
    memory_size: int
    data: bytes


class Section(NamedTuple):
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int


class Symbol(NamedTuple):
    name: str
    type: int
    section: int
    value: int
    size: int


class Relocation(NamedTuple):
    section: Section
    address: int
    type: int
    symbol: Symbol
    addend: int


class Elf:
    """One file. A part that lies outside of it, or makes no sense, raises ElfError."""

    def __init__(self, path):
        self.path = path
        try:
            with open(path, "rb") as file:
                self.data = file.read()
            self._read()
        except OSError as error:
            raise ElfError(f"{path}: {error.strerror}") from error
        except (struct.error, IndexError, ValueError) as error:
            raise ElfError(f"{path}: not a 64-bit little-endian ELF file: {error}") from error

    def _read(self):
        (ident, _, self.machine, _, self.entry, segments, sections, _, _, segment_size,
         segment_count, section_size, section_count, names) = _HEADER.unpack_from(self.data)
        if not ident.startswith(MAGIC):
            raise ValueError("wrong first bytes")
        self.segments = [self._segment(segments + index * segment_size)
                         for index in range(segment_count)]
        headers = [_SECTION.unpack_from(self.data, sections + index * section_size)
                   for index in range(section_count)]
        name_table = headers[names][4] if headers else 0
        self.sections = [
            Section(self._string(name_table + name), kind, flags, address, offset, size, link, info)
            for name, kind, flags, address, offset, size, link, info, _, _ in headers]
        self.symbols = [symbol for section in self.sections if section.type == SHT_SYMTAB
                        for symbol in self._symbols(section)]

    def _bytes(self, offset, size):
        if offset + size > len(self.data):
            raise ValueError("a part lies behind the end of the file")
        return self.data[offset:offset + size]

    def _string(self, offset):
        return self.data[offset:self.data.index(b"\0", offset)].decode("ascii", "replace")

    def _segment(self, header):
        kind, flags, offset, address, _, file_size, memory_size, _ = \
            _SEGMENT.unpack_from(self.data, header)
        return Segment(kind, flags, address, memory_size, self._bytes(offset, file_size))

    def _symbols(self, table):
        strings = self.sections[table.link].offset
        for name, info, _, section, value, size in \
                _SYMBOL.iter_unpack(self._bytes(table.offset, table.size)):
            yield Symbol(self._string(strings + name), info & 15, section, value, size)

    def contents(self, section):
        """The bytes of a section as they are in the file."""
        return b"" if section.type == SHT_NOBITS else self._bytes(section.offset, section.size)

    def relocations(self):
        """All that apply to what is loaded (debugging information is not)."""
        for table in self.sections:
            target = self.sections[table.info] if table.type == SHT_RELA else table
            if table.type == SHT_RELA and target.flags & SHF_ALLOC:
                for address, info, addend in _RELA.iter_unpack(self.contents(table)):
                    yield Relocation(target, address, info & 0xffffffff,
                                     self.symbols[info >> 32], addend)

    def symbol(self, name):
        """The value of a defined symbol, or None."""
        return next((symbol.value for symbol in self.symbols
                     if symbol.name == name and symbol.section != SHN_UNDEF), None)


def report(tool, problems):
    """One line for each problem; returns the exit status."""
    for problem in problems:
        print(f"{tool}: {problem}", file=sys.stderr)
    return 1 if problems else 0
