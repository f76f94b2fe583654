# SPDX-License-Identifier: MIT
"""linker/check.py: a tiny image passes, and each property broken alone is refused by name."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LINKER_SCRIPT = """
PHDRS {{
    text PT_LOAD FLAGS({flags});
    data PT_LOAD FLAGS(6);
    note PT_NOTE FLAGS(4);
    {segment}
}}
SECTIONS {{
    . = {base};
    .text : {{ *(.text .text.*) }} :text
    .note.pvh : {{ KEEP(*(.note.pvh)) }} :text :note
    .extra : {{ LONG(0) }} :text {extra}
    . = ALIGN(4096);
    .data : {{ *(.data .bss) }} :data
    /DISCARD/ : {{ *(.comment) *(.note.GNU-stack) *(.note.gnu*) *(.eh_frame) }}
}}
"""

SOURCE = """
        .section .note.pvh, "a", @note
        .balign 4
        {note}
        .text
        .global pvh_start, start
pvh_start:
start:  hlt
        {code}
"""

NOTE = """
        .long 2f - 1f, 4f - 3f, {type}
1:      {owner}
2:      .balign 4
3:      {descriptor}
4:      .balign 4
"""
XEN = {"type": 18, "owner": '.asciz "Xen"', "descriptor": ".long pvh_start"}
GOOD = {"flags": 5, "base": "0x100000", "segment": "", "extra": "", "code": "", "link": []}


@pytest.fixture(name="gate")
def fixture_gate(tmp_path):
    """gate(what differs from the good image) -> the lines that check.py says."""

    def gate(note="", entry_symbol="pvh_start", stale=False, notes=1, linux=False, **changes):
        of = {**GOOD, **changes}
        text = note or NOTE.format(**{**XEN, **{k: of[k] for k in XEN if k in of}}) * notes
        build(tmp_path, of, text)
        if stale:
            build_other(tmp_path, of, text)
        result = subprocess.run(
            [sys.executable, ROOT / "linker/check.py",
             *(["--linux"] if linux else ["--entry-symbol", entry_symbol]),
             "--symbols", "debug", "image"], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == (1 if result.stderr else 0)
        assert result.stdout == ""
        return result.stderr.splitlines()

    return gate


def build(directory, of, note):
    (directory / "image.ld").write_text(LINKER_SCRIPT.format(**of))
    (directory / "image.S").write_text(SOURCE.format(note=note, code=of["code"]))
    subprocess.run(["gcc", "-nostdlib", "-static", "-no-pie", "-T", "image.ld",
                    "-Wl,--build-id=none,--no-warn-rwx-segments,-e,start,-z,max-page-size=4096",
                    *of["link"], "-o", "debug", "image.S"], cwd=directory, check=True)
    subprocess.run(["objcopy", "--strip-all", "debug", "image"], cwd=directory, check=True)


def build_other(directory, of, note):
    """Leaves a debug file that belongs to another image."""
    image = (directory / "image").read_bytes()
    build(directory, {**of, "code": "nop"}, note)
    (directory / "image").write_bytes(image)


def test_good_image_passes(gate):
    assert gate() == []


@pytest.mark.parametrize("changes, expected", [
    ({"owner": '.asciz "Xem"'}, r"the note's owner is b'Xem\\x00', not b'Xen\\x00'"),
    ({"owner": '.ascii "Xen"'}, r"the note's owner is b'Xen', not b'Xen\\x00'"),
    ({"type": 17}, r"the note's type is 17, not 18"),
    ({"descriptor": ".quad pvh_start"}, r"the note's descriptor has 8 bytes, not 4"),
    ({"descriptor": ""}, r"the note's descriptor has 0 bytes, not 4"),
    ({"descriptor": ".long pvh_start + 1"}, r"the note's entry is 0x100001, but .* 0x100000"),
    ({"entry_symbol": "other_start"}, r"there is no symbol other_start to compare"),
    ({"notes": 2}, r"there are 2 notes in PT_NOTE, not 1"),
    ({"note": ".long 4, 4"}, r"PT_NOTE: a note is cut short"),
    ({"note": ".long 4, 0x7fffffff, 18, 0, 0"}, r"PT_NOTE: a note is cut short"),
    ({"segment": "second PT_NOTE;", "extra": ":second"}, r"there are 2 PT_NOTE segments, not 1"),
    ({"flags": 7}, r"the segment at 0x100000 is writable and executable"),
    ({"base": "0xff000"}, r"the entry 0xff000 is below 0x100000"),
    ({"segment": "tls PT_TLS;", "extra": ":tls"}, r"there is a PT_TLS segment"),
    ({"segment": "dynamic PT_DYNAMIC;", "extra": ":dynamic"}, r"there is a PT_DYNAMIC segment"),
    ({"segment": "interp PT_INTERP;", "extra": ":interp"}, r"there is a PT_INTERP segment"),
    *(({"code": f"{name}: ret"}, rf"{name} is linked: mote has no heap")
      for name in ("malloc", "calloc", "realloc", "free", "sbrk", "_sbrk")),
    ({"code": ".weak nowhere\n call nowhere", "link": ["-Wl,--emit-relocs"]},
     r"nowhere is undefined"),
    ({"stale": True}, r"debug is not image with symbols"),
    ({"link": ["-s"]}, r"debug has no symbols"),
])
def test_each_violation_is_refused(gate, changes, expected):
    lines = gate(**changes)
    assert any(re.fullmatch(f"check: {expected}.*", line) for line in lines), lines
    assert len(lines) <= 2  # without symbols, the note has nothing to be compared with


def test_linux_program_needs_no_note(gate):
    assert gate(linux=True, notes=0, base="0x10000") == []
    assert gate(linux=True, notes=0, code="malloc: ret") == \
        ["check: malloc is linked: mote has no heap"]


def test_all_violations_are_told_at_once(gate):
    assert len(gate(flags=7, base="0xff000", type=17)) == 3


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(200), bytes(64)])
def test_what_is_no_elf_file_is_refused(tmp_path, data):
    (tmp_path / "image").write_bytes(data)
    result = subprocess.run([sys.executable, ROOT / "linker/check.py", "image"], cwd=tmp_path,
                            capture_output=True, text=True)
    assert result.returncode == 1
    assert result.stderr.startswith("check: image: not a 64-bit little-endian ELF file")
    assert len(result.stderr.splitlines()) == 1


def test_every_truncation_is_refused_or_reported(gate, tmp_path):
    gate()
    image = (tmp_path / "debug").read_bytes()
    for size in range(0, len(image), 97):
        (tmp_path / "cut").write_bytes(image[:size])
        result = subprocess.run([sys.executable, ROOT / "linker/check.py", "cut"], cwd=tmp_path,
                                capture_output=True, text=True)
        assert result.returncode == 1
        assert result.stderr.startswith("check: ")
