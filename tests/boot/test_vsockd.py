# SPDX-License-Identifier: MIT
"""vsockd's own protocol on its socket, in front of a real guest: the line that a host client says
first, clients that say it wrong or not at all, and more clients than it has room for.
"""

import contextlib
import socket

import pytest

from helpers import (CONNECTIONS, OVER_VSOCKD, PATIENCE, PING, PONG, ask, boot, connect_again,
                     read_to_end)

pytestmark = OVER_VSOCKD

CLIENTS_MAX = 256
WRONG = [b"\n", b"CONNECT\n", b"CONNECT \n", b"connect 1024\n", b"CONNECT 1024 \n",
         b"CONNECT 1024\r\n", b"CONNECT -1\n", b"CONNECT 0x400\n", b"CONNECT 4294967296\n",
         b"CONNECT 99999999999999999999\n", b"x" * 32, b"x" * 5000, PING, b"\x00" * 20 + b"\n",
         b"CONNECT 1025\n", b"CONNECT 0\n", b"CONNECT 4294967295\n"]


@contextlib.contextmanager
def client(guest):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(str(guest.uds))
        yield connection


def say(connection, line):
    """What comes back; the other end may close before it has read all."""
    with contextlib.suppress(ConnectionResetError, BrokenPipeError):
        return ask(connection, line)
    return b""


@pytest.mark.parametrize("line", WRONG, ids=lambda line: ascii(line[:24]))
def test_line_that_is_refused(guest, line):
    """Without a word, as Firecracker does."""
    with client(guest) as connection:
        assert say(connection, line) == b""
    with connect_again(guest) as connection:
        assert ask(connection, PING) == PONG


def test_stream_begins_right_behind_the_line(guest):
    """Nothing that is sent together with it, or before the answer to it, is lost."""
    with client(guest) as connection:
        connection.sendall(b"CONNECT 1024\n" + PING * 3 + PING[:-1])
        connection.shutdown(socket.SHUT_WR)
        ok, *answers = read_to_end(connection).splitlines(keepends=True)
        assert ok.startswith(b"OK ") and ok[3:-1].isdigit()
        assert answers == [PONG] * 4


def test_line_byte_by_byte(guest):
    with client(guest) as connection:
        for byte in b"CONNECT 1024":
            connection.sendall(bytes([byte]))
        assert ask(connection, b"\n").startswith(b"OK ")
        assert ask(connection, PING) == PONG


def test_clients_without_a_word_keep_nobody_waiting(guest):
    with contextlib.ExitStack() as stack:
        for _ in range(CLIENTS_MAX - CONNECTIONS):
            stack.enter_context(client(guest))
        for _ in range(20):
            with connect_again(guest) as connection:
                assert ask(connection, PING) == PONG


def test_too_many_clients_are_turned_away(row):
    """All at once: as many as the guest takes are served, nobody hangs."""
    with boot(**row) as guest, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(guest)) for _ in range(CLIENTS_MAX + 100)]
        answers = [say(connection, b"CONNECT 1024\n") for connection in clients]
        served = [one for one, answer in zip(clients, answers) if answer.startswith(b"OK ")]
        assert len(served) == CONNECTIONS
        for connection in served:
            assert ask(connection, PING) == PONG
