# SPDX-License-Identifier: MIT
"""Lines at and past the longest one: what is too long is answered with the limit and under the
message's name, and the connection goes on in step. Both images, which have different limits.
"""

import secrets

import pytest

from helpers import (LARGE_IMAGE, JUMPING_CLOCK, LINE_MAX, PING, PONG, ack, boot, copies, exchange,
                     message, read_to_end, read_whole, secret, sending_whole)

LARGE_MAX = 1048575
SIZES = [(LINE_MAX - 1, True), (LINE_MAX, True), (LINE_MAX + 1, False), (LINE_MAX + 2, False),
         (2 * LINE_MAX, False), (100000, False)]
LARGE_SIZES = [(LARGE_MAX - 1, True), (LARGE_MAX, True), (LARGE_MAX + 1, False),
               (3 * LARGE_MAX, False)]


@pytest.fixture(name="large", scope="module")
def fixture_large(row):
    with boot(**row, image=LARGE_IMAGE) as guest:
        yield guest


def config(size):
    """A line of size bytes, its newline not counted."""
    line = message("set_config", content="")
    return message("set_config", content="c" * (size - len(line) + 1))


def refusal(limit, reply_to="set_config"):
    return ack(reply_to, f"line too long: limit is {limit} bytes")


def answer_to(size, fits, limit):
    return ack("set_config") if fits else refusal(limit)


@pytest.mark.parametrize("size, fits", SIZES)
def test_line_of_size(guest, size, fits):
    assert len(config(size)) == size + 1
    answer = answer_to(size, fits, LINE_MAX)
    assert exchange(guest, PING + config(size) + PING * 2) == PONG + answer + PONG * 2


@pytest.mark.needs("half-close")
@pytest.mark.parametrize("size, fits", SIZES)
def test_last_line_of_size_without_newline(guest, size, fits):
    assert exchange(guest, PING + config(size)[:-1]) == PONG + answer_to(size, fits, LINE_MAX)


def test_sizes_one_behind_the_other(guest):
    data = b"".join(config(size) + PING for size, _ in SIZES)
    answers = b"".join(answer_to(size, fits, LINE_MAX) + PONG for size, fits in SIZES)
    assert exchange(guest, data * 3) == answers * 3


@pytest.mark.parametrize("start, reply_to", [
    (b'{"type":"inject_secret","payload":{"value":"', "inject_secret"),
    (b' { "Type" : "mount" , "x":"', "mount"),
    (b'{"\\u0074ype":"\\u0070ing","x":"', "ping"),
    (b'{"type":"nope","x":"', "nope"),
    (b'{"type":"\\u003c","x":"', "<"),
    (b'{"payload":"', ""),
    (b'{"type":1,"x":"', ""),
    (b'{"type":"', ""),
    (b"", ""),
    (b"[", ""),
    (b'{"x":{"type":"inner"},"y":"', ""),
])
def test_answer_has_the_name_of_the_message(guest, start, reply_to):
    line = start + b"v" * 20000 + b'"}\n'
    assert exchange(guest, line + PING) == refusal(LINE_MAX, reply_to) + PONG


def test_too_long_a_line_is_answered_before_its_end(guest):
    """The peer may never send it; what it has sent is enough to tell."""
    with guest.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(config(LINE_MAX + 1)[:-1])
        assert stream.readline() == refusal(LINE_MAX)
        connection.sendall(b"more of it" * 5000 + b"\n" + PING)
        assert stream.readline() == PONG


@pytest.mark.needs("jumping clock")
def test_too_long_a_line_that_never_ends_has_one_answer(row):
    """Its time runs out like any other line's; it was answered already. See -icount in
    test_connections.py."""
    with boot(**row, extra=JUMPING_CLOCK) as guest:
        with guest.connect() as connection:
            connection.sendall(config(LINE_MAX + 1)[:-1])
            assert read_to_end(connection) == refusal(LINE_MAX)


def test_million_bytes_in_one_line(guest):
    assert exchange(guest, b"x" * 1000000 + b"\n" + PING) == refusal(LINE_MAX, "") + PONG


def test_only_newlines(guest):
    assert exchange(guest, b"\n" * 200000 + PING) == PONG


@pytest.mark.parametrize("size, fits", LARGE_SIZES)
def test_large_line_of_size(large, size, fits):
    answer = answer_to(size, fits, LARGE_MAX)
    assert exchange(large, PING + config(size) + PING) == PONG + answer + PONG


@pytest.mark.needs("many at once")
def test_large_lines_on_all_connections_at_once(large):
    """Each of the four has a window of its own."""
    connections = [large.connect() for _ in range(4)]
    for connection in connections:
        connection.sendall(config(LARGE_MAX)[:-1])
    for connection in connections:
        with connection, sending_whole(large, connection, b"\n"):
            assert read_whole(large, connection) == ack("set_config")


def test_secret_and_config_of_a_million_bytes(row):
    value = secrets.token_hex(500000)
    with boot(**row, image=LARGE_IMAGE) as guest:
        assert guest.raw(secret("LARGE", value)) == ack("inject_secret")
        assert copies(guest, value) == {1}
        full = guest.raw(message("set_config", content=value * 2))
        assert full == refusal(LARGE_MAX)
        assert guest.raw(message("set_config", content=value)) == ack("set_config")
        assert copies(guest, value) == {2}
        full = guest.raw(secret("ANOTHER", value))
        assert b"store full: 1000000 bytes wanted, " in full
        assert b"; limit is 2097152 bytes and 64 names" in full
        assert guest.raw(PING) == PONG
