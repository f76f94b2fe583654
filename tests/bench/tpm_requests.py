#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures what requests about the TPM take, and of what: `make bench-tpm`. Beside each other stand the
time until the answer has come, the time in which swtpm worked (the TPM's part), what is left of the first
(ours, QEMU's and the host's), and the instructions that the guest executed. One boot for each machine,
interface and way to have keys. In the environment:

  BENCH_TPM_REQUESTS=20  BENCH_MACHINES="microvm q35"
"""

import json
import os
import pathlib
import sys
import time

from bench import setting, words
from count import Counts, arguments
from table import number, print_lines

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qemu"))

# pylint: disable=wrong-import-position
import tpm as tpms  # noqa: E402
from guest import BUILD, Guest  # noqa: E402

NONCE = "AAECAwQFBgcICQoLDA0ODw=="
REQUESTS = {
    "ping": {"type": "ping"},
    "random, 32 bytes": {"type": "random", "payload": {"bytes": 32}},
    "pcr_read, all": {"type": "pcr_read", "payload": {"pcrs": "sha256:all"}},
    "ek, with certificate": {"type": "ek"},
    "quote, 8 PCRs": {"type": "quote", "payload": {"nonce": NONCE,
                                                   "pcrs": "sha256:0,1,2,3,4,5,6,7"}},
    "tpm_info": {"type": "tpm_info"},
}
HEADINGS = ("request", "ms", "of it TPM", "of it ours", "instructions of the guest")
INTERFACES, KEYS = ("tis", "crb"), ("transient", "persistent")
SETTLE_SECONDS = 0.5


def worked_ns(pid):
    """Time that all threads of a process ran."""
    return sum(int((task / "schedstat").read_text().split()[0])
               for task in pathlib.Path(f"/proc/{pid}/task").iterdir())


class Meter:
    """One connection to a guest, and what an exchange on it took."""

    def __init__(self, guest, counts):
        self.connection = guest.connect()
        self.reader = self.connection.makefile("rb")
        self.swtpm, self.counts = guest.swtpm.process.pid, counts

    def ask(self, request):
        self.connection.sendall(json.dumps(request).encode() + b"\n")
        answer = json.loads(self.reader.readline())
        if answer["type"] == "ack":
            raise SystemExit(f"the guest refuses: {answer['payload']}")

    def read(self):
        return time.monotonic_ns(), worked_ns(self.swtpm), self.counts.instructions

    def measure(self, request, times):
        """Of one: ms, ms of the TPM, instructions."""
        self.ask(request)  # a key that is made for good is made here
        before = self.read()
        for _ in range(times):
            self.ask(request)
        wall, tpm, instructions = ((b - a) / times for a, b in zip(before, self.read()))
        return wall / 1e6, tpm / 1e6, instructions


def table(machine, interface, keys, state, times):
    counts = BUILD / "bench" / "counts"
    with Guest(machine=machine, tpm=interface, tpm_state=state,
               append=f"mote.tpm_keys={keys}", extra=arguments(counts)) as guest:
        guest.wait_ready()
        time.sleep(SETTLE_SECONDS)
        meter = Meter(guest, Counts(counts))
        rows = [HEADINGS]
        for name, request in REQUESTS.items():
            wall, tpm, instructions = meter.measure(request, times)
            rows.append((name, number(wall), number(tpm), number(wall - tpm),
                         number(instructions)))
    print_lines(f"{machine}, {interface}, {keys} keys; of one request", rows)


def main():
    times = setting("BENCH_TPM_REQUESTS", 20)
    made = BUILD / "bench" / "tpm"
    made.parent.mkdir(parents=True, exist_ok=True)
    for machine in words("BENCH_MACHINES", "microvm q35"):
        for interface in INTERFACES:
            for keys in KEYS:
                directory = made / f"{os.getpid()}-{machine}-{interface}-{keys}"
                tpms.make(directory)
                table(machine, interface, keys, directory / tpms.STATE, times)


if __name__ == "__main__":
    sys.exit(main())
