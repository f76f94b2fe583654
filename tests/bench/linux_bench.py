#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures mote as a process of Linux, and as its first one: `make bench-linux`.

Every round measures all programs in turn; of sizes and memory the largest is printed, of times the
median, and the least where it says so: other work on the machine only ever adds to them. In the
environment:

  BENCH_ROUNDS=3  BENCH_REQUESTS=10000  BENCH_STARTS=50  BENCH_MACHINES="microvm q35"
"""

import os
import subprocess
import sys

import linux_init
import linux_measure as measure
from bench import FAILURES, available, say, setting, words
from linux_programs import PROGRAMS, SERVERS
from table import Figure, aim, line, number, print_lines, print_table

FILE_MAX, RSS_MAX_KIB, READY_MAX_MS, CALLS_MAX = 163840, 128, 5, 3
COUNTED_PINGS = 1000

SPEED = [
    Figure("first_ms", "exec to first answer, ms"),
    Figure("first_min_ms", "the same, least"),
    Figure("min_us", "ping, least, us"),
    Figure("p50_us", "ping, p50, us"),
    Figure("p99_us", "ping, p99, us"),
    Figure("calls_per_ping", "system calls per ping", at_most=CALLS_MAX),
]
SPEED_HEADINGS = ("", "mote", "C echo", "qemu-ga", "echo/mote", "qemu-ga/mote", "aim", "met")

MEMORY = ["rss", "anon", "file", "pss"]
SIZE_HEADINGS = ("KiB, but for the file", "file, bytes", "RSS", "anon", "file", "Pss",
                 "RSS after", "anon", "file", "Pss", "libraries")
INIT = [
    Figure("ready_us", "from the kernel's start of /init to ready, us"),
    Figure("own_instructions", "instructions of mote itself until then"),
    Figure("first_instructions", "instructions for the first connection, ping and end"),
    Figure("answer_ms", "start to first answer, ms", at_most=READY_MAX_MS),
]

NOTES = f"""\
mote aims at {FILE_MAX:,} bytes of file and {RSS_MAX_KIB} KiB of RSS, the same before and behind
{{requests}} requests. RSS and Pss are of /proc/PID/status and smaps_rollup; Pss is a share of pages that others
have mapped, too, and needs root for mote. Ratios say how many times better mote is. An instruction
of a guest is a nanosecond: see tests/bench/linux_init.py."""


def attempt(what, function, *arguments):
    """What function finds. A failure is told of, and its figures are missing."""
    try:
        found, end = function(*arguments), "done"
    except (*FAILURES, KeyError, ValueError) as error:
        found, end = {}, f"FAILED: {error}"
    say(f"{what}: {function.__name__}: {end}")
    return found


def whole(value):
    return "-" if value is None else f"{value:,}"


def cells(program, found):
    """A line of the table of sizes. found: the largest of each figure."""
    memory = [whole(found.get(f"{when}_{name}")) for when in ("idle", "after") for name in MEMORY]
    count = found.get("libraries")
    shared = f"dynamic: {count}, {found['library_bytes']:,} bytes" if count else "static"
    return [program.name, whole(found.get("file_bytes")), *memory, shared]


def largest(rounds):
    return {name: max(found[name] for found in rounds if name in found)
            for name in set().union(*rounds)}


def report_sizes(runs):
    print_lines("size and memory", [SIZE_HEADINGS, *(cells(program, largest(runs[program.name]))
                                                     for program in PROGRAMS)])


def one(program, requests, starts):
    """One round of one program."""
    found = attempt(program.name, measure.file_size, program)
    found |= attempt(program.name, measure.resident, program, requests)
    if program in SERVERS:
        found |= attempt(program.name, measure.speed, program, requests)
        found |= attempt(program.name, measure.first, program, starts)
        found |= attempt(program.name, measure.calls, program, COUNTED_PINGS)
    return found


def report_processes(rounds, requests, starts):
    runs = {program.name: [] for program in PROGRAMS}
    for _ in range(rounds):
        for program in PROGRAMS:
            runs[program.name].append(one(program, requests, starts))
    report_sizes(runs)
    print_table(f"as a process on a unix socket, {rounds} rounds",
                {program.name: runs[program.name] for program in SERVERS}, SPEED, SPEED_HEADINGS)


def report_init(machines):
    """Once: nothing of the machine below is in these."""
    places = [(kernel, machine) for kernel in linux_init.KERNELS for machine in machines]
    runs = [attempt(f"{kernel}, {machine}", linux_init.measure, kernel, machine)
            for kernel, machine in places]
    headings = ("as process 1", *(", ".join(place) for place in places), "aim")
    print_lines("as process 1, of the guest's time",
                [headings, *([figure.label, *(number(found.get(figure.name)) for found in runs),
                              aim(figure)] for figure in INIT)])


def main():
    if len(available(["bench"], {"bench": "bench"})) == 0:
        sys.exit(1)
    requests = setting("BENCH_REQUESTS", 10000)
    report_processes(setting("BENCH_ROUNDS", 3), requests, setting("BENCH_STARTS", 50))
    if available(["init-linux", "linux"], {"init-linux": "init-linux", "linux": "linux"}):
        report_init(words("BENCH_MACHINES", "microvm q35"))
    print(NOTES.format(requests=f"{requests:,}"))


if __name__ == "__main__":
    main()
