#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures mote against a minimal Linux and Debian's: `make bench`.

Speed is measured in rounds, the guests in turn, and medians are printed; what they execute, once. A
table for each machine and each host's end of the vsock device. In the environment:

  BENCH_ROUNDS=3  BENCH_MIB=256  BENCH_PINGS=10000  BENCH_CONNECTIONS=1000
  BENCH_MACHINES="microvm q35"  BENCH_VSOCK="vsockd vhost-device-vsock"  ACCEL=tcg
"""

import os
import subprocess
import sys
import time

import figures
import measure
from rivals import BUILD, MEMORY, RIVALS, ROOT
from table import print_table

from guest import GuestError  # found by rivals' path

NEEDED = {"minimal Linux": "tiny-linux", "Debian": "linux"}  # and the set-up that brings it
OPTIONAL = {"vhost-device-vsock": "vhost-device-vsock"}
# Counting needs less: a count varies little.
COUNT_PINGS, COUNT_CONNECTIONS, COUNT_MIB = 2000, 500, 32
FAILURES = (GuestError, OSError, subprocess.SubprocessError)

NOTES = f"""\
Ratios say how many times better mote is. Every guest has {MEMORY} of RAM and the same client; speed
is of {{pings}} pings, {{connections}} connections and {{mib}} MiB each way, in writes and reads of
64 KiB. Instructions are counted by a TCG plugin, a repeated string instruction once for each time
round; to ready they include the firmware. A notification is a write to a notify register of the
vsock device, an interrupt one that comes to the local APIC from outside of it. Resident memory is
QEMU's behind all of this, with what of the guest's RAM was touched."""


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def setting(name, default):
    return int(os.environ.get(name) or default)


def words(name, default):
    return (os.environ.get(name) or default).split()


def available(names, verbs):
    """Those of names that are there once their set-up has run; the others are told of."""
    found = []
    for name in names:
        verb = verbs.get(name)
        if verb is None or subprocess.run([ROOT / "qemu" / "setup", verb],
                                          env={**os.environ, "BUILD": str(BUILD)},
                                          check=False).returncode == 0:
            found.append(name)
        else:
            say(f"{name}: left out, see above")
    return found


class Bench:
    """What is to be measured, and how much of each."""

    def __init__(self):
        self.accel = os.environ.get("ACCEL") or "tcg"
        self.rounds = setting("BENCH_ROUNDS", 3)
        self.mib = setting("BENCH_MIB", 256)
        self.pings = setting("BENCH_PINGS", 10000)
        self.connections = setting("BENCH_CONNECTIONS", 1000)
        self.machines = words("BENCH_MACHINES", "microvm q35")
        self.backends = available(words("BENCH_VSOCK", "vsockd vhost-device-vsock"), OPTIONAL)
        self.rivals = available(RIVALS, NEEDED)
        self.smallest = {}

    def guest(self, rival, machine, vsock):
        return RIVALS[rival](machine, vsock=vsock, accel=self.accel)

    def measures(self, number):
        """The measurements of a round, and how much work each is given; the plugin needs TCG."""
        counted = (min(self.pings, COUNT_PINGS), min(self.connections, COUNT_CONNECTIONS),
                   min(self.mib, COUNT_MIB))
        yield measure.speed, (self.pings, self.connections, self.mib)
        if self.accel == "tcg" and number == 0:
            yield measure.count, counted
            yield measure.signals, counted

    def smallest_mib(self, rival, machine):
        if (rival, machine) not in self.smallest:
            self.smallest[rival, machine] = measure.smallest_memory(rival, machine, self.accel)
        return self.smallest[rival, machine]

    def one(self, rival, machine, vsock, number):
        """One round of one guest. What fails is told of, and its figures are missing."""
        found = {}
        for function, work in self.measures(number):
            begin = time.monotonic()
            try:
                found |= function(self.guest(rival, machine, vsock), *work)
                end = f"{time.monotonic() - begin:.0f} s"
            except FAILURES as error:
                end = f"FAILED: {error}"
            say(f"{machine}, {vsock}: {rival}: {function.__name__}: {end}")
        return found

    def table(self, machine, vsock):
        runs = {rival: [] for rival in RIVALS}
        for number in range(self.rounds):
            for rival in self.rivals:
                runs[rival].append(self.one(rival, machine, vsock, number))
        for rival in filter(lambda rival: any(runs[rival]), self.rivals):
            runs[rival].append({"smallest_mib": self.smallest_mib(rival, machine)})
        print_table(f"{machine}, {vsock}, {self.accel.upper()}, speed is the median of "
                    f"{self.rounds} rounds", runs)

    def run(self):
        for machine in self.machines:
            for vsock in self.backends:
                self.table(machine, vsock)
        print(NOTES.format(pings=self.pings, connections=self.connections, mib=self.mib))


def main():
    Bench().run()
    print()
    figures.report()


if __name__ == "__main__":
    main()
