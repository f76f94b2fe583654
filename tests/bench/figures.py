#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints the figures of the README that need a running guest: `make bench`.

Instructions are exact: under `-icount shift=4,sleep=off` the time stamp counter counts 16 ns for each
instruction from power-on, and the test image prints it when it is ready. Times are this machine's.
"""

import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD, IMAGE, Guest, GuestError  # noqa: E402

TEST_IMAGE = BUILD / "test" / "mote.elf"
NS_PER_INSTRUCTION = 16
RUNS = 3
BOOTS = 20
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


def first_pong(**machine):
    """Milliseconds from QEMU's start to the first pong, asked for by `motectl wait` and ping."""
    begin = time.monotonic()
    with Guest(IMAGE, **machine) as guest:
        motectl = [str(BUILD / "host" / "motectl"), guest.address]
        subprocess.run([*motectl, "wait"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*motectl, "ping"], check=True, stdout=subprocess.DEVNULL)
        return (time.monotonic() - begin) * 1000


def report_first_pong():
    for name, machine in MACHINES.items():
        times = [first_pong(**machine) for _ in range(BOOTS)]
        print(f"{statistics.median(times):12.0f}  ms from vsockd's and QEMU's start to the first "
              f"pong, {name}, TCG (median of {BOOTS}; worst {max(times):.0f})")


def boots(memory, **machine):
    try:
        with Guest(IMAGE, memory=memory, timeout=20, **machine) as guest:
            guest.wait_ready()
            return guest.request({"type": "ping"}) == {"type": "pong"}
    except GuestError:
        return False


def report_smallest_memory():
    for name, machine in MACHINES.items():
        smallest = next((size for size in ("1M", "1536K", "2M", "3M", "4M", "8M", "16M")
                         if boots(size, **machine)), "more than 16M")
        print(f"{smallest:>12}  smallest -m that boots and answers, {name}")


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


def main():
    report_instructions()
    report_first_pong()
    report_smallest_memory()
    report_idle()


if __name__ == "__main__":
    main()
