# SPDX-License-Identifier: MIT
"""The benchmark of mote on Linux: what it reads of /proc, of a console and of its counters."""

import pathlib
import struct
import sys
from types import SimpleNamespace

import pytest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "bench"))

# pylint: disable=wrong-import-position
import linux_bench  # noqa: E402
import linux_init  # noqa: E402
import linux_measure  # noqa: E402
import linux_pages  # noqa: E402
from linux_programs import PROGRAMS  # noqa: E402

STATUS = "Name:\tmote\nUmask:\t0022\nVmRSS:\t      96 kB\nRssAnon:\t      20 kB\nThreads:\t1\n"
CONSOLE = """\
[    0.045194] Run /sbin/x as init process
[    0.045777] Run /init as init process
[    0.045777] Run /init as init process
[    0.046399] mote: entropy: the kernel
mote: ready: without a stamp
[    1.046649] mote: ready: all subsystems started
"""


def test_fields_in_kib():
    assert linux_measure.fields(STATUS) == {"VmRSS": 96, "RssAnon": 20}


def test_calls_are_those_of_all_numbers(tmp_path):
    counts = [0] * linux_measure.CALLS_MAX
    counts[0], counts[44], counts[-1] = 3, 2, 5
    file = tmp_path / "calls"
    file.write_bytes(struct.pack(f"{len(counts)}Q", *counts))
    assert linux_measure.total_calls(file) == 10


def test_stamps():
    assert linux_init.stamp_us(CONSOLE, linux_init.BEGIN) == 45777
    assert linux_init.stamp_us(CONSOLE, linux_init.READY) == 1046649
    with pytest.raises(ValueError, match="no line \"mote: gone\""):
        linux_init.stamp_us(CONSOLE, "mote: gone")


def test_instructions_of_a_segment_alone():
    segment = SimpleNamespace(address=0x1000, data=bytes(0x100))
    blocks = {0xfff: 1, 0x1000: 2, 0x10ff: 4, 0x1100: 8, 0xffffffff81000000: 16}
    assert linux_init.instructions_in(blocks, segment) == 6


def test_what_lies_on_a_page():
    symbols = [SimpleNamespace(name=name, value=value, size=size) for name, value, size in
               [("above", 0x2000, 8), ("over", 0x1ff0, 0x20), ("all", 0x800, 0x3000),
                ("below", 0xff0, 0x10)]]
    assert list(linux_pages.on_page(symbols, 0x1000)) == [("all", 0x1000), ("over", 0x10)]


@pytest.mark.parametrize("line, found", [
    ("00400000-00411000 r-xp 00000000 fe:00 11076167          /a directory/mote",
     ("00400000", "00411000", "r-xp", "/a directory/mote")),
    ("00412000-011ee000 rw-p 00000000 00:00 0 ", ("00412000", "011ee000", "rw-p", "")),
])
def test_a_mapping(line, found):
    assert linux_pages.MAPPING.match(line).groups() == found


def test_a_line_of_sizes_has_the_largest():
    rounds = [{"file_bytes": 69720, "libraries": 0, "library_bytes": 0, "idle_rss": 96},
              {"idle_rss": 100, "after_rss": 96}]
    cells = linux_bench.cells(PROGRAMS[0], linux_bench.largest(rounds))
    assert cells == ["mote", "69,720", "100", "-", "-", "-", "96", "-", "-", "-", "static"]
    assert len(cells) == len(linux_bench.SIZE_HEADINGS)
    assert linux_bench.cells(PROGRAMS[2], {"libraries": 2, "library_bytes": 2141232})[-1] == \
        "dynamic: 2, 2,141,232 bytes"


def test_a_failure_is_told_of(capsys):
    def broken():
        raise OSError("it broke")

    assert linux_bench.attempt("mote", broken) == {}
    assert "mote: broken: FAILED: it broke" in capsys.readouterr().err
