# SPDX-License-Identifier: MIT
"""The transport reset of a running guest, as after a migration: vsockd writes the event into the
guest's queue. Connections end with a word to their owners, on both sides; listeners, the store and
the guest's state stay; the CID is read again.
"""

import contextlib

import pytest

from guest import GuestError
from helpers import (CONNECTIONS, OVER_VSOCKD, PING, PONG, TEST_IMAGE, Host, ack, ask, boot,
                     connect_again, copies, know_event_queue, read_exactly, read_to_end, secret,
                     shut_down)

pytestmark = OVER_VSOCKD

EVENTS = 10  # more than the guest has buffers for
VALUE = "f5a1c07d2be94e36-of-a-secret"
ECHO = "test.echo=5000"


@contextlib.contextmanager
def listening(row, **options):
    """A guest whose event queue vsockd knows; it must survive and end as asked."""
    with boot(**row, control=True, **options) as guest:
        know_event_queue(guest)
        yield guest
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def reset(guest, cid=None):
    """Resets the transport, and waits until the guest has said so, once."""
    said = f"mote: vsock: transport reset, CID {cid or guest.cid}\n"
    before = guest.console.count(said)
    guest.control("reset" if cid is None else f"reset {cid}")
    guest.wait_for(lambda: guest.console.count(said) > before, said)
    assert guest.console.count(said) == before + 1


def is_closed(connection):
    with contextlib.suppress(ConnectionResetError):
        read_to_end(connection)
    return True


def test_connections_end_and_listeners_stay(row):
    with listening(row) as guest, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(guest.connect()) for _ in range(CONNECTIONS)]
        for connection in connections:
            assert ask(connection, PING) == PONG
        reset(guest)
        for connection in connections:
            assert is_closed(connection)
        again = [stack.enter_context(guest.connect()) for _ in range(CONNECTIONS)]
        for connection in again:
            assert ask(connection, PING) == PONG
        with pytest.raises(ConnectionRefusedError):
            guest.connect()
        reset(guest)


def test_store_keeps_what_it_has(row):
    with listening(row) as guest:
        assert guest.raw(secret("NAME", VALUE)) == ack("inject_secret")
        reset(guest)
        reset(guest, 4)
        assert copies(guest, VALUE) == {1}


def test_new_cid(row):
    with listening(row) as guest:
        for cid in (4, 0xfffffffe, 1234, 1234, 3):
            reset(guest, cid)
            assert guest.raw(PING) == PONG


def test_many_resets(row):
    with listening(row) as guest:
        for _ in range(EVENTS):
            with guest.connect() as connection:
                assert ask(connection, PING) == PONG
                reset(guest)
                assert is_closed(connection)


def test_nobody_waits_for_the_guest(row):
    """A host may connect as soon as it has written its event: the guest looks at that first."""
    with listening(row) as guest:
        for n in range(EVENTS):
            guest.control(f"reset {100 + n % 2}")
            with guest.connect() as connection:
                assert ask(connection, PING) == PONG


def test_in_the_middle_of_lines_and_answers(row):
    long_secret = secret("BIG", VALUE + "b" * 16000)
    with listening(row) as guest, guest.connect() as half, guest.connect() as deaf:
        half.sendall(long_secret[:9000])
        deaf.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                deaf.send(PING * 500)
        reset(guest)
        deaf.settimeout(60)
        assert is_closed(half) and is_closed(deaf)
        with guest.connect() as connection:
            assert ask(connection, long_secret[9000:]) != ack("inject_secret")
            assert copies(guest, VALUE) == {0}
            assert ask(connection, long_secret) == ack("inject_secret")
            assert copies(guest, VALUE) == {1}


def test_while_everybody_talks(row):
    with listening(row) as guest:
        for n in range(EVENTS):
            with contextlib.ExitStack() as stack:
                connections = [stack.enter_context(connect_again(guest)) for _ in range(6)]
                for connection in connections:
                    connection.sendall(PING * 300)
                read_exactly(connections[0], (n + 1) * len(PONG))
                reset(guest, 50 + n)
                for connection in connections:
                    assert is_closed(connection)


def test_guests_own_connection_ends_too(row):
    host = Host()
    with boot(**row, image=TEST_IMAGE, append=ECHO, prepare=host.prepare, control=True) as guest:
        know_event_queue(guest)
        with host.accept() as connection:
            connection.sendall(b"hello\n")
            assert read_exactly(connection, 6) == b"hello\n"
            reset(guest)
            assert is_closed(connection)
        guest.wait_console("\ntest: echo ended with error ")
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def test_during_a_storm_of_changes(row):
    """A hundred resets while the configuration's generation rises as fast as QEMU can count: a
    guest gives up after 16 looks, which tests/unit/test_vsock_device.c has, but not here."""
    with listening(row) as guest:
        guest.control("fault config-storm")
        for n in range(100):
            reset(guest, 3 + n % 2)
        assert guest.raw(PING) == PONG
        guest.control("fault none")


@pytest.mark.parametrize("cid", [0, 1, 2, 0xffffffff, 1 << 32 | 3])
def test_cid_that_is_no_guests_breaks_the_device(row, cid):
    with boot(**row, control=True) as guest:
        know_event_queue(guest)
        with contextlib.suppress(GuestError):
            guest.control(f"reset {cid}")
        assert guest.wait_exit() == 5
        assert f"\nmote: vsock: CID {cid} can't be a guest's\n" in guest.console
        assert guest.console.endswith("\nmote: vsock: no CID after a transport reset\n"
                                      "EXIT: STATUS=5\n")
