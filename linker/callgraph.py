# SPDX-License-Identifier: MIT
"""The call graph of what was linked: gcc's -fcallgraph-info=su files joined with the ELF file.

The .ci files know frames and calls. The ELF file knows which functions are left, which names
mean the same one and, from the relocations that ld --emit-relocs keeps, whose address is taken.
What assembly calls, nobody sees here; an assembly function whose address is taken counts only
when it is typed @function.
"""

import re
from collections import defaultdict

import elf

INDIRECT = "__indirect_call"  # gcc's name for whatever is called through a pointer

R_X86_64_PC32, R_X86_64_PLT32 = 2, 4
NODE = re.compile(r'node: { title: "([^"]+)" label: "[^"]*\\n(\d+) bytes \(([^)]+)\)')
EDGE = re.compile(r'edge: { sourcename: "([^"]+)" targetname: "([^"]+)"')


def symbol_name(title):
    """The title of a static function is `file.c:name`."""
    return title.rpartition(":")[2].lstrip("*")


def source_name(title):
    """As in the source: without .constprop.0, .isra.0, .part.0."""
    return symbol_name(title).partition(".")[0]


def is_branch(code, field, kind):
    """Is the relocated field at this offset the target of a call, jmp or jcc?"""
    before = code[max(field - 2, 0):field]
    return kind in (R_X86_64_PC32, R_X86_64_PLT32) and (
        before[-1:] in (b"\xe8", b"\xe9")
        or len(before) == 2 and before[0] == 0x0f and before[1] & 0xf0 == 0x80)


class CallGraph:
    """frames: bytes of each function's title; calls: titles or symbols that it calls;
    unbounded: titles with a frame of no fixed size; taken: symbols whose address is taken."""

    def __init__(self, image):
        self.frames, self.unbounded = {}, set()
        self.calls = defaultdict(set)
        self._titles = defaultdict(set)
        self._names_at, self._addresses = defaultdict(set), defaultdict(set)
        for symbol in image.symbols:
            if symbol.name and 0 < symbol.section < len(image.sections) and \
                    image.sections[symbol.section].flags & elf.SHF_EXECINSTR:
                self._names_at[symbol.value].add(symbol.name)
                self._addresses[symbol.name].add(symbol.value)
        relocations = list(image.relocations())
        self.has_relocations = bool(relocations)
        self.taken = self._taken(image, relocations)

    def _taken(self, image, relocations):
        functions = defaultdict(set)
        for symbol in image.symbols:
            if symbol.type == elf.STT_FUNC:
                functions[symbol.value].add(symbol.name)
        code = {section: image.contents(section) for section in image.sections
                if section.flags & elf.SHF_EXECINSTR}
        taken = set()
        for section, address, kind, symbol, addend in relocations:
            target = symbol.value
            if section in code and is_branch(code[section], address - section.address, kind):
                continue
            if symbol.type == elf.STT_SECTION:
                # A field in an instruction counts from its own end, 4 bytes on.
                relative = section in code and kind in (R_X86_64_PC32, R_X86_64_PLT32)
                target += addend + (4 if relative else 0)
            elif symbol.type != elf.STT_FUNC:
                continue
            if not section.name.startswith(".eh_frame"):
                taken |= functions.get(target, set())
        return taken

    def read(self, path):
        """Adds one .ci file. Of two functions with the same title, the worse of each counts."""
        with open(path, encoding="utf-8") as file:
            for line in file:
                if node := NODE.match(line):
                    title, size, kind = node.groups()
                    self.add(title, int(size))
                    if kind == "dynamic":
                        self.unbounded.add(title)
                elif edge := EDGE.match(line):
                    self.calls[edge[1]].add(edge[2])

    def add(self, title, size):
        self.frames[title] = max(size, self.frames.get(title, 0))
        self._titles[symbol_name(title)].add(title)

    def is_linked(self, name):
        return symbol_name(name) in self._addresses

    def callees(self, target):
        """The titles of what a call names. A static function elsewhere may have the same name."""
        return {target} if target in self.frames else self._aliases(symbol_name(target))

    def named(self, symbol):
        """The titles of what a symbol may stand for: static functions, too, of every file."""
        return self._titles.get(symbol) or self._aliases(symbol)

    def _aliases(self, symbol):
        return {title for address in self._addresses.get(symbol, ())
                for alias in self._names_at[address] - {symbol}
                for title in self._titles.get(alias, ())}
