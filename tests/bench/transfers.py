#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures transfers, each by the same host: by mote on bare metal, by mote as the first process of
Debian's kernel, and by socat in that same guest; part of `make bench`. In the environment:

  BENCH_ROUNDS=3  BENCH_TRANSFER_MIB=64  BENCH_MACHINES="microvm q35"
"""

import contextlib
import json
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time

from bench import FAILURES, available, say, setting, words
from rivals import MEMORY, MOTE, ROOT
from table import number, print_lines

sys.path[:0] = [str(ROOT / "tests" / "linux_boot"), str(ROOT / "tests" / "boot")]

# pylint: disable=wrong-import-position
from helpers import PreparedGuest  # noqa: E402
from inside import InsideGuest  # noqa: E402

MIB = 1 << 20
BANDSOX_PORT, SINK_PORT, SOURCE_PORT = 9000, 9001, 9002
PATIENCE = 300
AIMS = {"mote, bare metal": 1.5, "mote, Linux": 1}
HEADINGS = ("MiB/s", "mote, bare metal", "mote, Linux", "socat, Linux", "bare/socat", "aim", "met",
            "Linux/socat", "aim", "met")


class Host:
    """Listens on the ports that a guest dials. A transfer is timed from its first byte or, where
    the guest only takes, from the connection, to the moment when the last has arrived."""

    def __init__(self, size):
        self.size, self.data = size, bytes(range(256)) * (size // 256)
        self.found = []  # which, and MiB/s
        self.changed = threading.Condition()

    def prepare(self, guest):
        for port, serve in ((BANDSOX_PORT, self._bandsox), (SINK_PORT, self._sink),
                            (SOURCE_PORT, self._source)):
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(f"{guest.uds}_{port}")
            listener.listen()
            threading.Thread(target=self._accept, args=(listener, serve), daemon=True).start()

    @staticmethod
    def _accept(listener, serve):
        while True:
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):  # the guest ends in the middle of one
                serve(connection)

    def _note(self, what, begin):
        speed = self.size / MIB / (time.monotonic() - begin)
        with self.changed:
            self.found.append((what, speed))
            self.changed.notify_all()

    def wait(self, what, times):
        """What was measured of it, when that is as often."""
        def measured():
            return [speed for name, speed in self.found if name == what]

        with self.changed:
            if not self.changed.wait_for(lambda: len(measured()) >= times, PATIENCE):
                raise OSError(f"{what}: {len(measured())} of {times} in {PATIENCE} s")
            return measured()[:times]

    def _take(self, connection, total):
        piece, taken = bytearray(MIB), 0
        while taken < total and (n := connection.recv_into(piece, min(MIB, total - taken))):
            taken += n
        if taken != total:
            raise OSError(f"{taken} bytes came, not {total}")

    def _bandsox(self, connection):
        with connection.makefile("rb", buffering=0) as stream:
            request = json.loads(stream.readline())
        begin = time.monotonic()
        if request["type"] == "upload":
            connection.sendall(b'{"type": "ready", "cmd_id": "bench"}\n')
            self._take(connection, request["size"])
            self._note("upload", begin)
            connection.sendall(b'{"type": "complete", "cmd_id": "bench", "size": %d}\n'
                               % request["size"])
        elif request["type"] == "ping":
            connection.sendall(b'{"type": "pong", "cmd_id": "bench"}\n')
        else:
            connection.sendall(b'{"type": "ready", "cmd_id": "bench", "size": %d, '
                               b'"checksum": ""}\n' % self.size)
            self._give(connection)
            self._note("download", begin)

    def _give(self, connection):
        """Until the guest has ended, too: it has taken everything then."""
        connection.sendall(self.data)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(MIB):
            pass

    def _sink(self, connection):
        begin = time.monotonic()
        self._take(connection, self.size)
        self._note("socat upload", begin)

    def _source(self, connection):
        begin = time.monotonic()
        self._give(connection)
        self._note("socat download", begin)


def bare_metal(machine, size, rounds):
    host = Host(size)
    with PreparedGuest(MOTE, machine=machine, memory=MEMORY, append=f"bench.move={size}",
                       prepare=host.prepare, timeout=PATIENCE):
        return {way: host.wait(way, rounds) for way in ("upload", "download")}


class PreparedLinux(PreparedGuest, InsideGuest):
    pass


def ask(guest, kind):
    """mote's own, as the first process; the file is the same that socat reads and writes."""
    answer = guest.request({"type": "transfer", "payload": {
        "request": kind, "path": "bench", "file": "/tmp/bench", "cmd_id": "bench"}})
    if answer["payload"].get("state") not in ("done", "running"):
        raise OSError(f"{kind}: {answer}")


def resident(guest):
    """KiB of the first process; its status alone counts some of its pages later."""
    return int(guest.look("grep Rss /proc/1/smaps_rollup").split()[1])


def on_linux(machine, size, rounds):
    host = Host(size)
    kernel = pathlib.Path(ROOT / "build" / "linux" / "cloud" / "vmlinuz")
    with PreparedLinux(kernel, machine=machine, memory="512M", add=[shutil.which("socat")],
                       prepare=host.prepare, timeout=PATIENCE) as guest:
        guest.wait_ready()
        guest.wait_inside()
        guest.look(f"head -c {size} /dev/zero > /tmp/bench")
        ask(guest, "ping")
        before = resident(guest)
        found = {name: [] for name in ("upload", "download", "socat upload", "socat download")}
        for turn in range(1, rounds + 1):
            ask(guest, "upload")
            found["upload"] = host.wait("upload", turn)
            guest.look(f"socat -b65536 -u FILE:/tmp/bench VSOCK-CONNECT:2:{SINK_PORT}")
            found["socat upload"] = host.wait("socat upload", turn)
            ask(guest, "download_raw")
            found["download"] = host.wait("download", turn)
            guest.look(f"socat -b65536 -u VSOCK-CONNECT:2:{SOURCE_PORT} CREATE:/tmp/socat")
            found["socat download"] = host.wait("socat download", turn)
        say(f"{machine}: RSS of mote as the first process: {before} KiB before these transfers, "
            f"{resident(guest)} KiB behind")
        return found


def attempt(function, machine, *work):
    try:
        return function(machine, *work)
    except FAILURES as error:
        say(f"{machine}: {function.__name__}: FAILED: {error}")
        return {}


def compared(own, other, aim):
    if not own or not other:
        return ["", f">= {aim:g}x", ""]
    return [f"{own / other:.2f}x", f">= {aim:g}x",
            "yes" if own >= aim * other else f"no: {own / other / aim:.0%} of it"]


def row(way, bare, linux):
    speeds = [statistics.median(found[name]) if found.get(name) else None
              for found, name in ((bare, way), (linux, way), (linux, f"socat {way}"))]
    return [way, *map(number, speeds), *compared(speeds[0], speeds[2], AIMS["mote, bare metal"]),
            *compared(speeds[1], speeds[2], AIMS["mote, Linux"])]


def main():
    if not available(["socat", "Debian"], {"socat": "bench", "Debian": "linux"})[1:]:
        sys.exit(1)
    mib, rounds = setting("BENCH_TRANSFER_MIB", 64), setting("BENCH_ROUNDS", 3)
    for machine in words("BENCH_MACHINES", "microvm q35"):
        bare = attempt(bare_metal, machine, mib * MIB, rounds)
        linux = attempt(on_linux, machine, mib * MIB, rounds)
        print_lines(f"transfers of {mib} MiB, {machine}, vsockd, TCG, medians of {rounds}",
                    [HEADINGS, *(row(way, bare, linux) for way in ("upload", "download"))])
    print("On bare metal what is moved lies nowhere; under Linux it is a file on a tmpfs, for mote\n"
          "as for socat, which moves 64 KiB at once.")


if __name__ == "__main__":
    main()
