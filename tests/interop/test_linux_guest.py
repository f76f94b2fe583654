# SPDX-License-Identifier: MIT
"""vsockd in front of Debian's Linux: a driver and a connection machine that are not ours. What the
guest does on its ports says tests/linux/services.c. Everything that is sent is checked.
"""

import contextlib
import os
import re
import socket
import struct
import time
import zlib

import pytest

from helpers import (HOST_PORT, PATIENCE, PING, PONG, Host, PreparedGuest, ask, message,
                     read_exactly, read_to_end, sending)
from serving_linux import ServingLinux

SINK, SOURCE, CHECKED_SINK, COLLECT, LATE = range(7001, 7006)
NOBODY = 5001  # a port of the host where nobody listens
MACHINES = ["q35", "microvm"]
MANY, IN_A_ROW = 64, 1000
BULK = 256 * 2**20
CHUNK = 65536
PERIOD = 256
PATTERN = bytes(range(PERIOD)) * (2 * CHUNK // PERIOD)


class Peer(PreparedGuest, ServingLinux):
    """A Linux guest behind vsockd, with something to do before it starts."""


@contextlib.contextmanager
def boot(**options):
    with Peer(**options) as guest:
        guest.wait_ready()
        yield guest


def shut_down(guest):
    """QEMU's status, once the guest has been asked to power off."""
    assert b'"ok":true' in guest.raw(message("shutdown"))
    return guest.wait_exit()


@pytest.fixture(name="machine", scope="module", params=MACHINES)
def fixture_machine(request, kernel):  # pylint: disable=unused-argument
    return request.param


@pytest.fixture(name="linux", scope="module")
def fixture_linux(machine):
    """A guest that the tests of this file share; it must survive them and end as asked."""
    with boot(machine=machine, append=f"guest.connect={NOBODY},3") as guest:
        yield guest
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def number(value):
    return struct.pack("<Q", value)


def check_pattern(connection, size):
    """Reads the stream of the guest's source to its end."""
    got = 0
    while piece := connection.recv(CHUNK):
        at = got % PERIOD
        assert piece == PATTERN[at:at + len(piece)], f"wrong bytes in {got}..{got + len(piece)}"
        got += len(piece)
    assert got == size


def send_checked(connection, size):
    """Sends size bytes to the checked sink, which must have read the same."""
    block, crc, left = os.urandom(2**20 - 1), 0, size  # an odd length: no two chunks are alike
    connection.sendall(number(size))
    while left:
        piece = block[:left]
        connection.sendall(piece)
        crc, left = zlib.crc32(piece, crc), left - len(piece)
    assert read_exactly(connection, 16) == number(size) + number(crc)


def test_lines(linux):
    with linux.connect() as connection:
        assert ask(connection, PING) == PONG
        connection.sendall(PING * 1000)
        assert read_exactly(connection, 1000 * len(PONG)) == PONG * 1000
        assert ask(connection, b"what?\n") == b'{"type":"error"}\n'
        connection.sendall(PING[:5])
        assert ask(connection, PING[5:]) == PONG


@pytest.mark.parametrize("size", [0, 1, CHUNK, 300000, 5000000])
def test_host_ends_its_half_first(linux, size):
    """All that was sent in front of the end arrives, and the answer comes behind it."""
    data = os.urandom(size)
    with linux.connect(COLLECT) as connection, sending(connection, data):
        assert read_to_end(connection) == b"%d\n" % size + data[:CHUNK]


@pytest.mark.parametrize("size", [0, 1, 1000003])
def test_guest_ends_its_half_first(linux, size):
    before = linux.console
    with linux.connect(LATE) as connection:
        assert read_to_end(connection) == b"that is all\n"
        time.sleep(0.1)  # the guest's half is closed for some time
        connection.sendall(bytes(size))
    linux.wait_for(lambda: linux.console.startswith(f"{before}linux: late bytes {size}\n"),
                   f"{size} late bytes")


def test_bulk_to_the_guest(linux):
    with linux.connect(CHECKED_SINK) as connection:
        send_checked(connection, BULK)


def test_bulk_from_the_guest(linux):
    with linux.connect(SOURCE) as connection:
        connection.sendall(number(BULK))
        check_pattern(connection, BULK)


def test_many_connections_at_once(linux):
    """In turns, a piece of each at a time: nothing of one gets into another."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(linux.connect(COLLECT)) for _ in range(MANY)]
        data = [os.urandom(CHUNK) for _ in range(MANY)]
        for at in range(0, CHUNK, 5000):
            for connection, own in zip(connections, data):
                connection.sendall(own[at:at + 5000])
        for connection in connections:
            connection.shutdown(socket.SHUT_WR)
        for connection, own in reversed(list(zip(connections, data))):
            assert read_to_end(connection) == b"%d\n" % CHUNK + own


def test_many_connections_one_behind_the_other(linux):
    for _ in range(IN_A_ROW):
        with linux.connect() as connection:
            assert ask(connection, PING) == PONG


def test_ports_where_nobody_listens(linux):
    for port in (0, 1, 1023, 1025, 4294967294):
        with pytest.raises(ConnectionRefusedError):
            linux.connect(port)
    linux.wait_for(lambda: linux.console.count("Connection reset by peer") == 3, "three refusals")
    assert sorted(re.findall(r"linux: connect (\d): Connection reset", linux.console)) == \
        ["0", "1", "2"]


def test_slow_reader_keeps_nobody_waiting(linux):
    size = 20 * 2**20
    with linux.connect(SOURCE) as slow, linux.connect() as other, \
            linux.connect(CHECKED_SINK) as bulk:
        slow.sendall(number(size))
        for _ in range(100):
            assert ask(other, PING) == PONG
        send_checked(bulk, size)
        for _ in range(100):
            assert ask(other, PING) == PONG
        check_pattern(slow, size)


def test_clients_that_go_in_the_middle(linux):
    """More of them than the guest has connections: it learns of each one's end."""
    for _ in range(300):
        with linux.connect(SOURCE) as connection:
            connection.sendall(number(2**40))
            assert len(read_exactly(connection, CHUNK)) == CHUNK


def test_guest_that_goes_while_the_host_sends(linux):
    """The host learns of it, and whatever it goes on to send keeps nobody waiting."""
    for _ in range(50):
        with linux.connect(SOURCE) as connection:
            connection.sendall(number(1))
            with pytest.raises((BrokenPipeError, ConnectionResetError)):
                while True:
                    connection.sendall(bytes(CHUNK))
    assert linux.raw(PING) == PONG


def check_echo(connection, data):
    with sending(connection, data):
        assert read_to_end(connection) == data


def test_guest_connects_and_goes(machine):
    """As many as it may at once; each one's bytes come back on it alone. When the guest powers
    off, those still open end, and so does vsockd."""
    host = Host()
    with host.listener, contextlib.ExitStack() as stack, \
            boot(machine=machine, prepare=host.prepare,
                 append=f"guest.connect={HOST_PORT},{MANY}") as guest:
        connections = {}
        for _ in range(MANY):
            connection = stack.enter_context(host.accept())
            connections[ask(connection, b"")] = connection
        assert set(connections) == {b"hello %d\n" % i for i in range(MANY)}
        data = {name: os.urandom(CHUNK // 2) for name in connections}
        for name, connection in connections.items():
            connection.sendall(data[name])
        for name, connection in connections.items():
            assert read_exactly(connection, CHUNK // 2) == data[name]
        check_echo(connections.pop(b"hello 0\n"), os.urandom(3 * 2**20))
        open_one = stack.enter_context(guest.connect())
        assert shut_down(guest) == 0
        for connection in [open_one, *connections.values()]:
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        vsockd = guest._backend  # pylint: disable=protected-access
        assert guest.wait_until(lambda: vsockd.returncode is not None, PATIENCE)
        assert vsockd.returncode == 0
        assert (guest.directory / "vsock.err").read_text() == ""
