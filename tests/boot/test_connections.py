# SPDX-License-Identifier: MIT
"""Many connections: the limit, peers that stop in the middle, do not read, say too much, or go
without a word. None of them may keep another one from its answers, nor a slot for ever.
"""

import contextlib
import socket

import pytest

from helpers import (CONNECTIONS, JUMPING_CLOCK, LARGE_IMAGE, PING, PONG, ack, ask, boot,
                     connect_again, message, read_exactly, read_to_end, secret, sending, stuff)

FLOOD = 30000
HALF = b'{"type":"pi'


@pytest.fixture(name="roomy")
def fixture_roomy(row):
    """A guest of one's own; its slots are all free again at the end."""
    with boot(**row) as guest:
        yield guest
        with contextlib.ExitStack() as stack:
            take_all(guest, stack)
        assert "EXIT" not in guest.console


def take_all(guest, stack):
    """Every connection that the guest can have, and every one of them answers."""
    connections = [stack.enter_context(connect_again(guest)) for _ in range(CONNECTIONS)]
    for connection in reversed(connections):
        assert ask(connection, PING) == PONG
    return connections


def test_twelve_connections_answer_and_the_next_is_refused(roomy):
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                roomy.connect()
        for i, connection in enumerate(connections):
            answer = ask(connection, secret(f"NAME_{i}", "v"))
            assert answer == ack("inject_secret")
        connections[5].close()
        again = stack.enter_context(connect_again(roomy))
        assert ask(again, PING) == PONG
        with pytest.raises(ConnectionRefusedError):
            roomy.connect()


def test_all_connections_at_once(roomy):
    """Requests first, then the answers, in another order."""
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for connection in connections:
            connection.sendall(PING * 50)
        for connection in reversed(connections):
            assert read_exactly(connection, 50 * len(PONG)) == PONG * 50


def test_large_image_has_four_connections(row):
    with boot(**row, image=LARGE_IMAGE) as guest, contextlib.ExitStack() as stack:
        connections = [stack.enter_context(guest.connect()) for _ in range(4)]
        with pytest.raises(ConnectionRefusedError):
            guest.connect()
        for connection in connections:
            assert ask(connection, PING) == PONG


def test_other_ports_are_refused(guest):
    for port in (0, 1023, 1025, 4294967294):
        with pytest.raises(ConnectionRefusedError):
            guest.connect(port)
    assert guest.raw(PING) == PONG


def test_two_interleaved(guest):
    with guest.connect() as one, guest.connect() as two:
        for cut in range(1, len(PING)):
            one.sendall(PING[:cut])
            two.sendall(HALF)
            assert ask(one, PING[cut:]) == PONG
            one.sendall(message("x"))
            assert ask(two, PING[len(HALF):]) == PONG
            assert ask(one, b"") == ack("x", "unknown message type: x")


@pytest.mark.needs("many at once")
def test_half_a_line_keeps_nobody_waiting(roomy):
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for connection in connections[1:]:
            connection.sendall(HALF)
        for _ in range(100):
            assert ask(connections[0], PING) == PONG
        for connection in connections[1:]:
            assert ask(connection, PING[len(HALF):]) == PONG


@pytest.mark.needs("half-close")
def test_peer_that_never_reads_keeps_nobody_waiting(roomy):
    """And loses nothing: when it reads at last, every line has its answer."""
    with roomy.connect() as deaf, roomy.connect() as other:
        sent = stuff(deaf, PING * 1000)
        for _ in range(100):
            assert ask(other, PING) == PONG
        with sending(deaf, b""):
            answers = read_to_end(deaf)
        whole, rest = divmod(sent, len(PING))
        assert answers[:whole * len(PONG)] == PONG * whole
        assert answers[whole * len(PONG):].count(b"\n") == (1 if rest else 0)


@pytest.mark.needs("room on both sides")
def test_all_others_never_read(roomy):
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for deaf in connections[1:]:
            stuff(deaf, message("nobody"))
        for _ in range(100):
            assert ask(connections[0], PING) == PONG


@pytest.mark.needs("many at once")
def test_flood_keeps_nobody_waiting(roomy):
    with roomy.connect() as flood, roomy.connect() as other, sending(flood, PING * FLOOD):
        got = bytearray()
        while len(got) < FLOOD * len(PONG):
            assert ask(other, PING) == PONG
            piece = flood.recv(65536)
            assert piece
            got += piece
        assert got == PONG * FLOOD


@pytest.mark.needs("many at once")
def test_flood_from_all_sides(roomy):
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for connection in connections:
            stack.enter_context(sending(connection, PING * 1000))
        for connection in connections:
            assert read_to_end(connection) == PONG * 1000


def test_many_connections_one_behind_the_other(guest):
    for _ in range(500):
        with connect_again(guest) as connection:
            assert ask(connection, PING) == PONG


@pytest.mark.parametrize("data", [b"", HALF, PING + HALF, PING * 500, b"x" * 100000, b"\n" * 50000,
                                  HALF + b"g" * 20000],
                         ids=["silent", "half", "half-behind-one", "unread", "too-long", "empty",
                              "half-too-long"])
def test_peers_that_go_without_a_word(roomy, data):
    """vsockd sees a reset where answers are left unread, and an end of file elsewhere."""
    for _ in range(3 * CONNECTIONS):
        connection = connect_again(roomy)
        connection.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            connection.send(data)
        connection.close()
    assert ask(connect_again(roomy), PING) == PONG


@pytest.mark.needs("room on both sides")
def test_peers_that_go_while_they_are_answered(roomy):
    for n in range(50):
        connection = connect_again(roomy)
        with contextlib.suppress(OSError), sending(connection, PING * 2000):
            read_exactly(connection, 100 * n)
            connection.close()


@pytest.mark.needs("half-close")
def test_peers_that_send_no_more_and_never_read(roomy):
    """A half-closed connection whose answers nobody takes must not hold its slot for ever once
    the peer is gone."""
    connections = [connect_again(roomy) for _ in range(CONNECTIONS)]
    for connection in connections:
        stuff(connection, message("nobody"))
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
    for connection in connections:
        connection.close()
    assert ask(connect_again(roomy), PING) == PONG


def test_request_of_a_peer_that_is_gone_is_still_served(row):
    """As the real guest does: a host may leave without waiting for the answer."""
    with boot(**row) as guest:
        with guest.connect() as connection:
            connection.sendall(PING * 300 + message("shutdown", reason="and away"))
        assert guest.wait_exit() == 0
        assert "\nmote: shutdown: and away\n" in guest.console


@pytest.mark.needs("jumping clock")
def test_unfinished_line_ends_its_connection(row):
    """After 60 seconds of the guest's time: here its clock jumps whenever it sleeps."""
    with boot(**row, extra=JUMPING_CLOCK) as guest:
        with guest.connect() as connection:
            connection.sendall(HALF)
            assert read_to_end(connection) == ack("", "line not finished: limit is 60 s")
        assert guest.raw(PING) == PONG
