# SPDX-License-Identifier: MIT
"""Measures one guest: what a host sees of it (speed), what it executes (count), and what goes
between it and its device (signals). Each boots the guest anew and returns figures by their names.
"""

import contextlib
import pathlib
import re
import subprocess
import time

from count import Counts, arguments
from rivals import BUILD, RIVALS

from guest import GuestError  # found by rivals' path

CLIENT = BUILD / "bench" / "client"
MIB = 1 << 20
CLIENT_TIMEOUT = 300
SETTLE_SECONDS = 0.5  # until a guest has done what comes behind the last answer
IDLE_SECONDS = 2
SMALL_TIMEOUT = 30
SIZES = ["1M", "1536K", "1728K", "2M", "3M", "4M", "6M", "8M", "12M", "16M", "20M", "24M", "28M", "32M",
         "40M", "48M", "56M", "64M", "72M", "80M", "96M", "112M", "128M", "160M", "192M", "256M"]


def client(guest, *words):
    """What the client measured, by name."""
    run = subprocess.run([CLIENT, guest.uds, *map(str, words)], stdout=subprocess.PIPE, text=True,
                         timeout=CLIENT_TIMEOUT, check=True)
    return {name: float(value) for name, value in re.findall(r"(\w+)=(.+)", run.stdout)}


def first_pong(guest, waiting):
    """Milliseconds from QEMU's start to the first pong. vhost-device-vsock dies of a client that
    comes while QEMU sets up the queues, so with that none is there before the guest is ready."""
    if waiting:
        answer = waiting.communicate(timeout=CLIENT_TIMEOUT)[0]
        if waiting.returncode != 0:
            raise subprocess.CalledProcessError(waiting.returncode, waiting.args)
        pong_ns = int(answer.strip().removeprefix("pong_ns="))
    else:
        guest.wait_ready()
        pong_ns = client(guest, "first")["pong_ns"]
    return (pong_ns - guest.started_ns) / 1e6


@contextlib.contextmanager
def first_client(guest):
    """A client that tries from before QEMU is started."""
    waiting = []

    def start(started):
        waiting.append(subprocess.Popen([CLIENT, started.uds, "first"], stdout=subprocess.PIPE,
                                        text=True))

    if guest.vsock == "vsockd":
        guest.prepare = start
    try:
        with guest:
            yield waiting[0] if waiting else None
    finally:
        for process in waiting:
            process.kill()
            process.communicate()


def resident(pid):
    """MiB of RAM that a process has, those that it shares included."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def speed(guest, pings, connections, mib):
    with first_client(guest) as waiting:
        found = {"first_pong_ms": first_pong(guest, waiting)}
        guest.wait_ready()
        trip = client(guest, "ping", pings)
        found["p50_us"], found["p99_us"] = trip["p50_ns"] / 1000, trip["p99_ns"] / 1000
        found["connections_per_s"] = connections / client(guest, "connections",
                                                          connections)["seconds"]
        for name, mode in (("in", "sink"), ("out", "source")):
            found[f"mib_per_s_{name}"] = mib / client(guest, mode, mib * MIB)["seconds"]
        found["resident_mib"] = resident(guest.qemu_pid)
    return found


def batches(guest, pings, connections, mib):
    """Runs each kind of work alone; yields its name before it and how much it was behind it."""
    for name, mode, amount, argument in (("ping", "ping", pings, pings),
                                         ("connection", "connections", connections, connections),
                                         ("mib_in", "sink", mib, mib * MIB),
                                         ("mib_out", "source", mib, mib * MIB)):
        yield name, 0
        client(guest, mode, argument)
        time.sleep(SETTLE_SECONDS)
        yield name, amount


def per_piece(guest, work, read):
    """What read() counts in one ping, one connection, one MiB; a dict of dicts."""
    found, before = {}, {}
    for name, amount in batches(guest, *work):
        now = read()
        if amount:
            found[name] = {what: (now[what] - before[what]) / amount for what in now}
        before = now
    return found


def named(found):
    return {f"{what}_per_{piece}": value for piece, values in found.items()
            for what, value in values.items()}


def count(guest, *work):
    """Instructions; the plugin must not do more, for how much a guest finds to do at once depends
    on how long it takes."""
    file = BUILD / "bench" / "counts"
    guest.extra = [*guest.extra, *arguments(file)]
    with guest:
        guest.wait_ready()
        counts = Counts(file)
        time.sleep(SETTLE_SECONDS)
        found = {"instructions_to_ready": counts.instructions}
        time.sleep(IDLE_SECONDS)  # the end of the boot
        before = counts.instructions
        time.sleep(IDLE_SECONDS)
        found["instructions_per_idle_s"] = (counts.instructions - before) / IDLE_SECONDS
        return found | named(per_piece(guest, work, lambda: {"instructions": counts.instructions}))


def signals(guest, *work):
    """Notifications: what the guest writes to the notify registers of its device. Interrupts: what
    comes to its local APIC from outside of it."""
    file, log = BUILD / "bench" / "counts", BUILD / "bench" / "interrupts"
    log.unlink(missing_ok=True)
    guest.extra = [*guest.extra, *arguments(file, io=True), "-D", str(log), "-trace",
                   "apic_deliver_irq"]
    with guest:
        guest.wait_ready()
        counts = Counts(file)
        time.sleep(IDLE_SECONDS)

        def read():
            return {"notifications": counts.notifications,
                    "interrupts": log.read_bytes().count(b"apic_deliver_irq")}

        return named(per_piece(guest, work, read))


def boots(rival, machine, memory, accel):
    try:
        with RIVALS[rival](machine, memory=memory, accel=accel, vsock="vsockd",
                           timeout=SMALL_TIMEOUT) as guest:
            guest.wait_ready()
            client(guest, "ping", 1)
            return True
    except (GuestError, subprocess.SubprocessError):
        return False


def smallest_memory(rival, machine, accel):
    """MiB of the smallest -m of SIZES that boots and answers; None: not even the largest."""
    low, high = 0, len(SIZES)
    while low < high:
        middle = (low + high) // 2
        if boots(rival, machine, SIZES[middle], accel):
            high = middle
        else:
            low = middle + 1
    if low == len(SIZES):
        return None
    number, unit = int(SIZES[low][:-1]), SIZES[low][-1]
    return number / 1024 if unit == "K" else number
