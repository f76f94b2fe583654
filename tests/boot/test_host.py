# SPDX-License-Identifier: MIT
"""The guest and the host's end of its device through what can happen to both: hosts that ask
before the guest is there, a guest that starts again, a QEMU that dies, and hours of nothing.
"""

import contextlib
import os
import signal
import socket
import threading
import time

import pytest

from helpers import (CONNECTIONS, OVER_VSOCKD, PATIENCE, PING, PONG, READY, ROWS, PreparedGuest,
                     ack, ask, boot, boot_all, connect_again, copies, message, secret)

STORM_BOOTS, STORM_CONNECTS = 6, 150  # of each of two threads: 1800 and what comes till ready
READY_BOOTS = 20
IDLE_SECONDS = 3


class Storm(threading.Thread):
    """Connects again and again, from before QEMU starts until the guest is ready and a number of
    attempts is made. Each one must end: in a refusal, or in an answer."""

    def __init__(self, guest):
        super().__init__(daemon=True)
        self.guest, self.attempts, self.answers, self.wrong = guest, 0, 0, []

    def run(self):
        while self.attempts < STORM_CONNECTS or READY not in self.guest.console:
            self.attempts += 1
            try:
                self.answers += self.attempt()
            except (OSError, AssertionError) as error:
                self.wrong.append(repr(error))
                return

    def attempt(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            try:
                connection.connect(str(self.guest.uds))
                ok = ask(connection, b"CONNECT 1024\n")
            except (ConnectionResetError, BrokenPipeError):
                return 0
            assert ok == b"" or ok.startswith(b"OK "), ok
            if ok:
                assert ask(connection, PING) == PONG
            return 1 if ok else 0


def start_storms(guest):
    guest.storms = [Storm(guest) for _ in range(2)]
    for storm in guest.storms:
        storm.start()


@OVER_VSOCKD
def test_storm_of_connects_while_the_guest_boots(row):
    for _ in range(STORM_BOOTS):
        with PreparedGuest(**row, prepare=start_storms) as guest:
            guest.wait_ready()
            for storm in guest.storms:
                storm.join(2 * PATIENCE)
                assert not storm.is_alive() and not storm.wrong, storm.wrong
            with connect_again(guest) as connection:
                assert ask(connection, PING) == PONG
            assert sum(storm.attempts for storm in guest.storms) >= 2 * STORM_CONNECTS


@OVER_VSOCKD
def test_guest_that_says_ready_is_ready(row):
    """The first connection behind that word is never refused."""
    for _ in range(READY_BOOTS):
        with boot(**row) as guest:
            assert guest.raw(PING) == PONG


def may_reset(guest):
    """Gives QEMU a monitor, and takes the effect of -no-reboot back."""
    monitor = f"unix:{guest.directory}/monitor,server=on,wait=off"
    guest.extra = ("-monitor", monitor, "-action", "reboot=reset")


def reset(guest):
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(str(guest.directory / "monitor"))
        monitor.sendall(b"system_reset\n")
        boots = guest.console.count(READY)
        guest.wait_for(lambda: guest.console.count(READY) > boots, "another boot")


@OVER_VSOCKD
def test_guest_starts_again(row):
    """Connections end, nothing of the last boot is known, and all slots are free."""
    value = os.urandom(16).hex()
    with boot(**row, prepare=may_reset) as guest:
        for _ in range(3):
            with contextlib.ExitStack() as stack:
                connections = [stack.enter_context(connect_again(guest))
                               for _ in range(CONNECTIONS)]
                assert ask(connections[0], secret("NAME", value)) == ack("inject_secret")
                connections[1].sendall(PING[:5])
                assert copies(guest, value) == {1}
                reset(guest)
                for connection in connections:
                    with contextlib.suppress(ConnectionResetError):
                        assert connection.recv(1) == b""
            assert copies(guest, value) == {0}
        assert guest.raw(PING) == PONG
        assert guest.raw(message("shutdown")) == ack("shutdown")


def test_guest_that_cannot_power_off_starts_again():
    """Without ACPI and isa-debug-exit, all that it can do is to reset the machine."""
    with boot(**ROWS["microvm"], prepare=may_reset, debug_exit=False) as guest:
        assert guest.raw(message("shutdown")) == ack("shutdown")
        guest.wait_for(lambda: guest.console.count(READY) == 2, "another boot")
        assert guest.raw(PING) == PONG


@OVER_VSOCKD
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_vsockd_ends_well_when_qemu_is_gone(row, number):
    with boot(**row) as guest:
        vsockd = guest._backend  # pylint: disable=protected-access
        with guest.connect() as connection:
            assert ask(connection, PING) == PONG
            os.kill(guest.qemu_pid, number)
            assert guest.wait_until(lambda: vsockd.returncode is not None, PATIENCE)
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        assert vsockd.returncode == 0
        assert (guest.directory / "vsock.err").read_text() == ""
        assert not guest.uds.exists() and not (guest.directory / "vhost.sock").exists()


@OVER_VSOCKD
def test_qemu_lives_on_when_vsockd_is_gone(row):
    """There is nobody to talk to any more, but it is no reason for the guest to fall over."""
    with boot(**row, extra=("-no-shutdown",)) as guest:
        vsockd = guest._backend  # pylint: disable=protected-access
        os.kill(vsockd.process.pid, signal.SIGKILL)
        assert guest.wait_until(lambda: vsockd.returncode is not None, PATIENCE)
        assert not guest.wait_until(lambda: guest.returncode is not None, 0.5)
        assert "EXIT" not in guest.console


def cpu_seconds(pid):
    """What the process and all its threads have used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def uptime(guest):
    return guest.request({"type": "get_health"})["payload"]["uptime_seconds"]


def test_idle_guest_uses_little_and_keeps_time():
    """With connections open, which is how an idle guest is."""
    with boot_all() as guests, contextlib.ExitStack() as stack:
        for guest in guests.values():
            stack.enter_context(guest.connect())
        pids = {name: [guest.qemu_pid, guest._backend.process.pid]  # pylint: disable=W0212
                for name, guest in guests.items()}
        up = {name: uptime(guest) for name, guest in guests.items()}
        start = time.monotonic()
        before = {name: sum(map(cpu_seconds, pids[name])) for name in ROWS}
        time.sleep(IDLE_SECONDS)
        used = {name: sum(map(cpu_seconds, pids[name])) - before[name] for name in ROWS}
        passed = time.monotonic() - start
        assert all(seconds < 0.2 * passed for seconds in used.values()), used
        for name, guest in guests.items():
            counted = uptime(guest) - up[name]
            assert IDLE_SECONDS - 1 <= counted <= 1.2 * (time.monotonic() - start) + 2
