# SPDX-License-Identifier: MIT
"""vsockd breaks the rules of its device on request, and a real guest must bear it: it serves on, or
it ends the one connection that was lied about, or it says that the device is broken and ends with
its status. Nothing may hang, and those who are not concerned must not notice.
"""

import contextlib
import re
import socket
import subprocess
import time

import pytest

from guest import GuestError
from helpers import (BUILD, CONNECTIONS, PATIENCE, PING, PONG, ROWS, ack, ask, boot, connect_again,
                     connect_as, copies, eventually, know_event_queue, message, read_exactly,
                     read_to_end, secret, sending)

BROKEN = 5
HALF = 7  # bytes of a line that are sent before the fault

SERVES = "the guest serves on, the victim of it too"
VICTIM_DIES = "the victim's connection ends, the others go on"
BROKEN_RX = "the device wrote nonsense into the receive queue"
BROKEN_TX = "the device wrote nonsense into the transmit queue"
BROKEN_EVENT = "the device wrote nonsense into the event queue"
ELSEWHERE = "has a test of its own"

FAULTS = {
    "op-0": SERVES,
    "op-8": SERVES,
    "op-ffff": SERVES,
    "type-0": SERVES,
    "type-2": SERVES,
    "type-ffff": SERVES,
    "len-over": SERVES,
    "len-huge": SERVES,
    "len-wraps": SERVES,
    "len-under": SERVES,
    "used-0": SERVES,
    "used-43": SERVES,
    "used-less": SERVES,
    "src-cid": SERVES,
    "src-cid-high": SERVES,
    "dst-cid": SERVES,
    "dst-cid-high": SERVES,
    "credit-zero": SERVES,
    "credit-huge": SERVES,
    "credit-ahead": VICTIM_DIES,
    "credit-behind": VICTIM_DIES,
    "credit-payload": VICTIM_DIES,
    "credit-storm": SERVES,
    "overrun": VICTIM_DIES,
    "request-live": VICTIM_DIES,
    "response-live": VICTIM_DIES,
    "shutdown-flags": SERVES,
    "changed-later": SERVES,
    "rst-storm": SERVES,
    "rw-storm": SERVES,
    "request-flood": SERVES,
    "cid-flood": SERVES,
    "rw-early": SERVES,
    "request-twice": SERVES,
    "rx-id-past": BROKEN_RX,
    "rx-id-huge": BROKEN_RX,
    "rx-id-idle": BROKEN_RX,
    "rx-id-twice": SERVES,  # the buffer is the device's again when its second entry is looked at
    "rx-idx-jump": BROKEN_RX,
    "rx-idx-back": BROKEN_RX,
    "rx-len-over": BROKEN_RX,
    "rx-len-huge": BROKEN_RX,
    "tx-id-past": BROKEN_TX,
    "tx-id-huge": BROKEN_TX,
    "tx-id-idle": BROKEN_TX,
    "tx-id-twice": BROKEN_TX,
    "tx-idx-jump": BROKEN_TX,
    "tx-idx-back": BROKEN_TX,
    "tx-len-huge": ELSEWHERE,
    "event-id-past": BROKEN_EVENT,
    "event-id-idle": BROKEN_EVENT,
    "event-idx-jump": BROKEN_EVENT,
    "event-len-over": BROKEN_EVENT,
    "event-len-short": SERVES,
    "event-unknown": SERVES,
    "stop": ELSEWHERE,
    "rx-stop": ELSEWHERE,
    "tx-stop": ELSEWHERE,
    "mute": ELSEWHERE,
    "config-storm": ELSEWHERE,
}


def described():
    """The faults that vsockd knows, as its help has them: (name, whether it needs a victim)."""
    text = subprocess.run([BUILD / "host" / "vsockd", "--help"], capture_output=True, text=True,
                          check=True).stdout
    return re.findall(r"^  ([a-z0-9-]+) +(P?) ", text.split("\nFaults:\n")[1], re.MULTILINE)


VICTIMS = {name for name, victim in described() if victim}
HERE = [name for name, outcome in FAULTS.items() if outcome != ELSEWHERE]


def test_every_fault_has_a_row():
    assert [name for name, _ in described()] == list(FAULTS)


@contextlib.contextmanager
def scene(machine, **options):
    """A guest with a connection that will suffer, and one in the middle of a line that must not."""
    with boot(**ROWS[machine], control=True, **options) as guest, guest.connect() as bystander:
        know_event_queue(guest)
        victim, port = connect_as(guest)
        with victim:
            for connection in (victim, bystander):
                assert ask(connection, PING) == PONG
            bystander.sendall(PING[:HALF])
            yield guest, victim, port, bystander


def others_are_unharmed(guest, bystander):
    assert ask(bystander, PING[HALF:]) == PONG
    with connect_again(guest) as connection:
        assert ask(connection, PING) == PONG
    assert ask(bystander, secret("NAME", "v")) == ack("inject_secret")


def ends_as_asked(guest):
    """With nothing on the console but what stands there after every quiet run."""
    with connect_again(guest) as connection:
        assert ask(connection, message("shutdown")) == ack("shutdown")
    assert guest.wait_exit() == 0
    said = [line for line in guest.console.splitlines() if line.startswith("mote: vsock:")]
    assert len(said) == 1, said


def all_slots_are_free(guest, taken):
    with contextlib.ExitStack() as stack:
        for _ in range(CONNECTIONS - taken):
            connection = stack.enter_context(connect_again(guest))
            assert ask(connection, PING) == PONG


def is_closed(connection):
    with contextlib.suppress(ConnectionResetError):
        assert read_to_end(connection) == b""
    return True


def is_broken(guest, sentence):
    assert guest.wait_exit() == BROKEN
    assert guest.console.count(f"\nmote: vsock: {sentence}\n") == 1
    assert guest.console.endswith(f"\nEXIT: STATUS={BROKEN}\n")


@pytest.mark.parametrize("machine", ROWS)
@pytest.mark.parametrize("name", HERE)
def test_fault(machine, name):
    outcome = FAULTS[name]
    with scene(machine) as (guest, victim, port, bystander):
        guest.control(f"fault {name} {port}" if name in VICTIMS else f"fault {name}")
        if name.startswith("tx-"):
            victim.sendall(PING)  # the answer is what is struck
        if outcome == SERVES:
            others_are_unharmed(guest, bystander)
            assert ask(victim, PING) == PONG
            all_slots_are_free(guest, 2)
            ends_as_asked(guest)
        elif outcome == VICTIM_DIES:
            assert is_closed(victim)
            others_are_unharmed(guest, bystander)
            all_slots_are_free(guest, 1)
            ends_as_asked(guest)
        else:
            is_broken(guest, outcome)


@pytest.mark.parametrize("machine", ROWS)
def test_all_that_is_survived_in_a_row(machine):
    with scene(machine) as (guest, victim, port, bystander):
        for name in (name for name in HERE if FAULTS[name] == SERVES):
            guest.control(f"fault {name} {port}" if name in VICTIMS else f"fault {name}")
            assert ask(victim, PING) == PONG
        others_are_unharmed(guest, bystander)
        all_slots_are_free(guest, 2)
        ends_as_asked(guest)


@pytest.mark.parametrize("machine", ROWS)
def test_bytes_written_into_what_the_guest_sends(machine):
    """Nonsense, but none that matters. The packet is lost: the RST that refuses a connection."""
    with scene(machine) as (guest, victim, _, bystander):
        guest.control("fault tx-len-huge")
        with pytest.raises(ConnectionRefusedError):
            guest.connect(1025)
        assert ask(victim, PING) == PONG
        others_are_unharmed(guest, bystander)
        ends_as_asked(guest)


def is_silent(connection, seconds):
    connection.settimeout(seconds)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(PATIENCE)


@pytest.mark.parametrize("machine", ROWS)
def test_device_that_takes_nothing(machine):
    """The guest hears all the same: the first value is gone from its memory, so it has read the
    second. Then everything that it had to say comes, in order."""
    with scene(machine) as (guest, victim, _, bystander):
        first, second = ("".join(f"{n}{c}" for n in range(32)) for c in "ab")
        guest.control("fault tx-stop")
        victim.sendall(secret("NAME", first) + secret("NAME", second) + PING * 400)
        eventually(lambda: copies(guest, first) == {0} and copies(guest, second) == {1},
                   "the second value in the place of the first")
        is_silent(victim, 1.5)
        bystander.sendall(PING[HALF:] + PING[:HALF])
        is_silent(bystander, 0.5)
        guest.control("fault none")
        expected = ack("inject_secret") * 2 + PONG * 400
        assert read_exactly(victim, len(expected)) == expected
        assert read_exactly(bystander, len(PONG)) == PONG
        others_are_unharmed(guest, bystander)
        ends_as_asked(guest)


@pytest.mark.parametrize("machine", ROWS)
def test_device_that_gives_nothing(machine):
    with scene(machine) as (guest, victim, _, bystander):
        guest.control("fault rx-stop")
        victim.sendall(PING * 3)
        is_silent(victim, 1.5)
        guest.control("fault none")
        assert read_exactly(victim, 3 * len(PONG)) == PONG * 3
        others_are_unharmed(guest, bystander)
        ends_as_asked(guest)


@pytest.mark.parametrize("machine", ROWS)
def test_device_that_stops_and_goes_on(machine):
    """In the middle of a stream, again and again; once for longer than any of its timers."""
    count = 3000
    with scene(machine) as (guest, victim, _, bystander):
        with sending(victim, PING * count, socket.socket.sendall):
            for n in range(10):
                guest.control("fault stop")
                time.sleep(0.05 if n else 3)
                guest.control("fault none")
                assert read_exactly(victim, 100 * len(PONG)) == PONG * 100
            rest = (count - 1000) * len(PONG)
            assert read_exactly(victim, rest) == PONG * (count - 1000)
        others_are_unharmed(guest, bystander)
        ends_as_asked(guest)


@pytest.mark.parametrize("machine", ROWS)
def test_device_that_does_not_interrupt(machine):
    """Slow, but nothing hangs: the guest looks once a second at least."""
    with scene(machine) as (guest, victim, _, bystander):
        guest.control("fault mute")
        for _ in range(3):
            assert ask(victim, PING) == PONG
        others_are_unharmed(guest, bystander)
        guest.control("fault none")
        ends_as_asked(guest)


@pytest.mark.parametrize("machine", ROWS)
def test_configuration_that_goes_on_changing(machine):
    """Thousands of interrupts a second, for nothing. See also test_transport_reset.py."""
    with scene(machine) as (guest, victim, _, bystander):
        guest.control("fault config-storm")
        for _ in range(200):
            assert ask(victim, PING) == PONG
        others_are_unharmed(guest, bystander)
        guest.control("fault none")
        ends_as_asked(guest)


class Registers:
    """QEMU's test protocol: reads and writes memory and ports of a machine that runs."""

    def __init__(self, guest):
        self.connection = socket.socket(socket.AF_UNIX)
        self.connection.settimeout(PATIENCE)
        self.connection.connect(str(guest.directory / "qtest"))

    def __call__(self, command):
        ok, *value = ask(self.connection, command.encode() + b"\n").split()
        assert ok == b"OK"
        return int(value[0], 16) if value else None

    def pci(self, device, offset):
        self(f"outl 0xcf8 {1 << 31 | device << 8 | offset:#x}")
        return self("inl 0xcfc")

    def write_status(self, guest, status):
        """The device's status register, as its driver would write it."""
        kind, at = re.search(r"vsock: .*, virtio-(\w+) at ([0-9a-f]+)", guest.console).groups()
        if kind == "mmio":
            self(f"writel {int(at, 16) + 0x70:#x} {status}")
        else:  # QEMU has the common configuration at the start of BAR 4, which has 64 bits
            bar = self.pci(int(at, 16), 0x20) & ~15 | self.pci(int(at, 16), 0x24) << 32
            self(f"writeb {bar + 0x14:#x} {status}")


def with_qtest(line):
    directory = next(word for word in line if "vhost.sock" in word).split("path=")[1]
    path = directory.replace("vhost.sock", "qtest")
    return line + ["-qtest", f"unix:{path},server=on,wait=off", "-qtest-log", "none"]


@pytest.mark.parametrize("status", [0x4f, 0x8f], ids=["needs-reset", "failed"])
@pytest.mark.parametrize("machine", ROWS)
def test_device_that_needs_a_reset(machine, status):
    """Within a second, though nothing tells the guest to look."""
    with scene(machine, change=with_qtest) as (guest, *_):
        Registers(guest).write_status(guest, status)
        is_broken(guest, "the device needs a reset")


def test_what_vsockd_does_not_do():
    with scene("microvm") as (guest, victim, port, bystander):
        for command in ("", "fault", "fault nonsense", "fault op-0", "fault op-0 1", "reset me",
                        f"fault rst-storm {port}", "event-queue 0", "x" * 1000):
            with pytest.raises((GuestError, ConnectionResetError)):
                guest.control(command)
        assert ask(victim, PING) == PONG
        others_are_unharmed(guest, bystander)
        ends_as_asked(guest)
