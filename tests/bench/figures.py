# SPDX-License-Identifier: MIT
"""The figures of mote alone: what it executes until it is ready, and what it uses while it is idle.

Instructions are exact: under `-icount shift=4,sleep=off` the time stamp counter counts 16 ns for each
instruction from power-on, and the test image prints it when it is ready.
"""

import os
import pathlib
import re
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD, IMAGE, Guest  # noqa: E402

TEST_IMAGE = BUILD / "test" / "mote.elf"
NS_PER_INSTRUCTION = 16
RUNS = 3
IDLE_SECONDS = 5
MACHINES = {"microvm": {"machine": "microvm"},
            "microvm with ACPI": {"machine": "microvm", "acpi": True},
            "q35": {"machine": "q35"}}


def instructions(**machine):
    """Guest instructions from power-on to ready, firmware included."""
    with Guest(TEST_IMAGE, append="test.cycles=1", extra=["-icount", "shift=4,sleep=off"],
               **machine) as guest:
        guest.wait_console("test: cycles=")
        return int(re.search(r"cycles=(\d+)", guest.console)[1]) // NS_PER_INSTRUCTION


def report_instructions():
    for name, machine in MACHINES.items():
        counts = {instructions(**machine) for _ in range(RUNS)}
        same = f"the same in {RUNS} runs" if len(counts) == 1 else f"NOT the same: {counts}"
        print(f"{max(counts):12,}  instructions from power-on to ready, {name} ({same})")


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def report_idle():
    for name, machine in MACHINES.items():
        with Guest(IMAGE, **machine) as guest:
            guest.wait_ready()
            time.sleep(1)
            before = cpu_seconds(guest.qemu_pid)
            time.sleep(IDLE_SECONDS)
            used = cpu_seconds(guest.qemu_pid) - before
        print(f"{used / IDLE_SECONDS * 100:11.1f}%  of a core used by QEMU while the guest is "
              f"idle, {name} ({IDLE_SECONDS} s)")


def report():
    report_instructions()
    report_idle()
