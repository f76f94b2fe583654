# SPDX-License-Identifier: MIT
"""mote.notify: the guest tells its host that it is ready, and with what status it ends."""

import contextlib

import pytest

from helpers import (CONNECTIONS, HOST_PORT, OVER_VSOCKD, PING, PONG, Host, PreparedGuest, ack, ask,
                     boot_undialled, end_of_start, message, read_to_end, shut_down)

WANTED = {"append": f"mote.notify={HOST_PORT}"}


@pytest.fixture(name="host")
def fixture_host():
    host = Host()
    with host.listener:
        yield host


def told(host):
    """What one connection of the guest says, which then sees our end."""
    with host.accept() as connection:
        return read_to_end(connection)


@pytest.mark.parametrize("address", [f"{HOST_PORT}", f"vsock:2:{HOST_PORT}",
                                     f"vsock-stream:2:{HOST_PORT}"])
def test_ready_and_exit_status(row, host, address):
    with boot_undialled(**row, append=f"mote.notify={address}", prepare=host.prepare) as guest:
        assert told(host) == b"READY=1\n"
        assert guest.raw(message("shutdown")) == ack("shutdown")
        assert told(host) == b"EXIT_STATUS=0\n"
        assert guest.wait_exit() == 0


@pytest.mark.needs("end behind ours")
def test_host_that_has_read_is_believed(row, host):
    with boot_undialled(**row, **WANTED, prepare=host.prepare) as guest:
        assert told(host) == b"READY=1\n"
        assert guest.raw(message("shutdown")) == ack("shutdown")
        assert told(host) == b"EXIT_STATUS=0\n"
        assert guest.wait_exit() == 0
        assert "notify" not in guest.console


def test_host_that_is_slow_to_close_is_answered(row, host):
    """And nobody else waits: the first connection is still open."""
    with boot_undialled(**row, **WANTED, prepare=host.prepare) as guest, \
            host.accept() as connection:
        assert guest.raw(PING) == PONG
        assert read_to_end(connection) == b"READY=1\n"


@OVER_VSOCKD
def test_silent_host_does_not_hold_up_the_end(row, host):
    with boot_undialled(**row, **WANTED, prepare=host.prepare) as guest, host.accept() as first:
        assert read_to_end(first) == b"READY=1\n"
        guest.wait_console(f"mote: notify vsock:2:{HOST_PORT}: timed out")
        assert guest.raw(message("shutdown")) == ack("shutdown")
        with host.accept() as second:
            assert read_to_end(second) == b"EXIT_STATUS=0\n"
            assert guest.wait_exit() == 0
        assert guest.console.count(f"mote: notify vsock:2:{HOST_PORT}: timed out") == 2


@pytest.mark.needs("refusal")
def test_nobody_listens(row):
    with boot_undialled(**row, **WANTED) as guest:
        guest.wait_console(f"mote: notify vsock:2:{HOST_PORT}: refused")
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0
        assert guest.console.count(": refused") == 2


@OVER_VSOCKD
def test_every_connection_is_in_use_at_the_end(row, host):
    """One that closes makes room."""
    with boot_undialled(**row, **WANTED, prepare=host.prepare) as guest:
        assert told(host) == b"READY=1\n"
        with contextlib.ExitStack() as stack:
            many = [stack.enter_context(guest.connect()) for _ in range(CONNECTIONS)]
            assert [ask(connection, PING) for connection in many] == [PONG] * CONNECTIONS
            assert ask(many[0], message("shutdown")) == ack("shutdown")
            many[0].close()
            assert told(host) == b"EXIT_STATUS=0\n"
            assert guest.wait_exit() == 0


@OVER_VSOCKD
def test_host_that_is_not_allowed_is_not_told(row, host):
    with boot_undialled(**row, append=f"mote.notify={HOST_PORT} mote.allow_cid=7",
                        prepare=host.prepare) as guest:
        guest.wait_console(f"mote: notify vsock:2:{HOST_PORT}: the CID is not allowed")


@OVER_VSOCKD
@pytest.mark.parametrize("value", ["", "x", "vsock:2", "4294967296", "vsock:2:5000:"])
def test_address_that_can_not_be_read_ends_the_guest(row, value):
    with PreparedGuest(**row, append=f"mote.notify={value}") as guest:
        assert end_of_start(guest) == 1
        assert f"mote: mote.notify={value}: not PORT or vsock:CID:PORT" in guest.console
