# SPDX-License-Identifier: MIT
"""Measures one program as a process: what its file takes, its memory, how fast it starts and
answers, and what it asks of the kernel for that. Figures by their names, as tables want them.
"""

import mmap
import pathlib
import re
import statistics
import struct
import subprocess
import time

from linux_programs import BUILD, SETTLE_SECONDS, Running

from initramfs import libraries  # found by linux_programs' path

PINGS = BUILD / "bench" / "pings"
SYSCALLS = BUILD / "bench" / "syscalls"
CLIENT_TIMEOUT = 300
CALLS_MAX = 512  # tests/bench/syscalls.c has it, too
FIELD = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)
STATUS = {"VmRSS": "rss", "RssAnon": "anon", "RssFile": "file"}


def client(program, socket, *words):
    """What the client measured, by name."""
    command = [PINGS, socket, program.request, program.answer, *words]
    run = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                         timeout=CLIENT_TIMEOUT, check=True)
    return {name: float(value) for name, value in re.findall(r"(\w+)=(.+)", run.stdout)}


def file_size(program):
    """Bytes of the file, and of the libraries that come with it when it is started."""
    shared = [pathlib.Path(library).resolve() for library in libraries(program.file)]
    return {"file_bytes": program.file.stat().st_size, "libraries": len(shared),
            "library_bytes": sum(library.stat().st_size for library in shared)}


def fields(text):
    """The lines of status or smaps_rollup that are in KiB."""
    return {name: int(value) for name, value in FIELD.findall(text)}


def memory(pid):
    """KiB; without Pss when we may not look (mote lets root alone)."""
    process = pathlib.Path(f"/proc/{pid}")
    status = fields((process / "status").read_text())
    found = {short: status[name] for name, short in STATUS.items()}
    try:
        found["pss"] = fields((process / "smaps_rollup").read_text())["Pss"]
    except PermissionError:
        pass
    return found


def prefixed(prefix, found):
    return {f"{prefix}_{name}": value for name, value in found.items()}


def resident(program, pings):
    """Memory when it has nothing to do, and behind so many pings and the end of their
    connection."""
    with Running(program) as running:
        found = prefixed("idle", memory(running.pid))
        if program.socket:
            client(program, running.socket, pings)
            time.sleep(SETTLE_SECONDS)  # until what the connection had is given back
            found |= prefixed("after", memory(running.pid))
        return found


def speed(program, pings):
    with Running(program) as running:
        times = client(program, running.socket, pings)
    return {name.replace("_ns", "_us"): value / 1000 for name, value in times.items()}


def first(program, starts):
    """Milliseconds from exec to the first answer: the median of so many starts, and the least."""
    times = []
    with Running(program) as running:  # for its directory
        command = [str(word) for word in running.process.args]
        for _ in range(starts):
            times.append(client(program, running.socket, "start", *command)["first_ns"] / 1e6)
    return {"first_ms": statistics.median(times), "first_min_ms": min(times)}


def total_calls(path):
    with open(path, "rb") as file, \
            mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as counts:
        return sum(struct.unpack(f"{CALLS_MAX}Q", counts))


def calls(program, pings):
    """System calls for each of so many pings: what twice as many take more, so that neither the
    start nor the connection is in it."""
    path = BUILD / "bench" / "calls"
    with Running(program, before=[SYSCALLS, path]) as running:
        totals = [total_calls(path)]
        for amount in (pings, 2 * pings):
            client(program, running.socket, amount)
            time.sleep(SETTLE_SECONDS)  # until the connection's end was noticed
            totals.append(total_calls(path))
    once, twice = totals[1] - totals[0], totals[2] - totals[1]
    return {"calls_per_ping": (twice - once) / pings}
