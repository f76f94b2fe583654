# SPDX-License-Identifier: MIT
"""linker/size.py: the sums of a small image, and both budgets at their edge."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

SOURCE = """
char table[2000] = {1};
static char small[1023] = {1};
char edge[1024];
static char arena[5000] __attribute__((section(".noinit")));
char *boot(int n) { return n ? &small[n] : n ? table : n ? edge : &arena[n]; }
"""
LINKER_SCRIPT = """
SECTIONS {
    . = 0x100000;
    __image_start = .;
    .text : { *(.text .text.*) }
    .data : { *(.data) }
    .bss : { *(.bss) }
    .noinit (NOLOAD) : { *(.noinit) }
    . = 0x103000;
    __image_end = .;
    PROVIDE(__ram_budget = 0x3000);
    ASSERT(__ram_budget > 0, "")
    /DISCARD/ : { *(.comment) *(.note.*) *(.eh_frame) }
}
"""
RAM = 0x3000


@pytest.fixture(name="size")
def fixture_size(tmp_path):
    """size(arguments..., budget of RAM) -> the finished process; image and debug are built."""

    def size(*arguments, ram_budget=RAM):
        (tmp_path / "code.c").write_text(SOURCE)
        (tmp_path / "image.ld").write_text(LINKER_SCRIPT)
        subprocess.run(["gcc", "-O1", "-ffreestanding", "-fno-pic", "-nostdlib", "-static",
                        "-no-pie", "-T", "image.ld", f"-Wl,--defsym=__ram_budget={ram_budget}",
                        "-Wl,-e,boot,--build-id=none,--no-warn-rwx-segments", "code.c",
                        "-o", "debug"], cwd=tmp_path, check=True)
        subprocess.run(["objcopy", "--strip-all", "debug", "image"], cwd=tmp_path, check=True)
        return subprocess.run([sys.executable, ROOT / "linker/size.py", "debug", *arguments],
                              cwd=tmp_path, capture_output=True, text=True)

    return size


def test_json(size, tmp_path):
    result = size("--image", "image", "--image-budget", "0x10000", "--json")
    table = json.loads(result.stdout)
    assert (result.returncode, result.stderr) == (0, "")
    assert table["ram"] == {"bytes": RAM, "budget": RAM}
    assert table["image"] == {"bytes": (tmp_path / "image").stat().st_size, "budget": 0x10000}
    assert [section["name"] for section in table["sections"]] == \
        [".text", ".data", ".bss", ".noinit"]
    assert {"name": ".noinit", "bytes": 5000} in table["sections"]
    assert table["objects"] == [{"name": "arena", "bytes": 5000, "section": ".noinit"},
                                {"name": "table", "bytes": 2000, "section": ".data"},
                                {"name": "edge", "bytes": 1024, "section": ".bss"}]


def test_table(size):
    result = size("--image-budget", "1000000")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert lines.index("5000 .noinit") + 1 == lines.index("5000 arena")
    assert "12288 RAM, first to last byte: 100 % of 12288" in lines
    assert "small" not in result.stdout


def test_image_budget(size, tmp_path):
    size("--image-budget", "1")
    exact = (tmp_path / "image").stat().st_size
    assert size("--image", "image", "--image-budget", str(exact)).returncode == 0
    result = size("--image", "image", "--image-budget", str(exact - 1))
    assert (result.returncode, result.stderr) == \
        (1, f"size: image takes {exact} bytes, 1 above its budget\n")
    assert "RAM" in result.stdout


def test_ram_budget(size):
    result = size("--image-budget", "1000000", ram_budget=RAM - 1)
    assert (result.returncode, result.stderr) == \
        (1, f"size: ram takes {RAM} bytes, 1 above its budget\n")


def test_without_symbols(size, tmp_path):
    size("--image-budget", "1")
    result = subprocess.run([sys.executable, ROOT / "linker/size.py", "image",
                             "--image-budget", "1000000"], cwd=tmp_path, capture_output=True,
                            text=True)
    assert (result.returncode, result.stderr) == (1, "size: image: no symbol __image_start\n")


def test_linux_program_has_no_budget_of_ram(size):
    result = size("--image-budget", "1000000", "--linux", "--json", ram_budget=1)
    assert (result.returncode, result.stderr) == (0, "")
    assert "ram" not in json.loads(result.stdout)
    assert "RAM" not in size("--image-budget", "1000000", "--linux").stdout
