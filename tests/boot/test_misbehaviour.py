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
from helpers import (BUILD, CONNECTIONS, PING, PONG, ROWS, ack, ask, boot, connect_again, connect_as,
                     exchange, know_event_queue, message, read_exactly, read_to_end, secret, shut_down)

BROKEN = 5
HALF = 7  # bytes of a line that are sent before the fault

SERVES = "the guest serves on, the victim of it too"
VICTIM_DIES = "the victim's connection ends, the others go on"
BROKEN_RX = "the device wrote nonsense into the receive queue"
BROKEN_TX = "the device wrote nonsense into the transmit queue"
BROKEN_EVENT = "the device wrote nonsense into the event queue"
NEEDS_RESET = "the device needs a reset"
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
