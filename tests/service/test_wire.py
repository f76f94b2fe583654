# SPDX-License-Identifier: MIT
"""The boot tests whose answers do not depend on the platform, against the service: they are the
same functions. And what differs: lines may be longer here, and refused ones are answered.
"""

import contextlib
import os
import socket
import time

import pytest

from helpers import (CONNECTIONS, PATIENCE, PING, PONG, ack, ask, message, read_exactly,
                     read_to_end, secret, stuff)
from service import IS_ROOT, PROGRAMS, WAYS, Service
from test_connections import (  # noqa: F401 pylint: disable=unused-import
    HALF, take_all, test_all_connections_at_once, test_all_others_never_read,
    test_flood_from_all_sides, test_flood_keeps_nobody_waiting,
    test_half_a_line_keeps_nobody_waiting, test_many_connections_one_behind_the_other,
    test_peer_that_never_reads_keeps_nobody_waiting, test_peers_that_go_while_they_are_answered,
    test_peers_that_go_without_a_word, test_peers_that_send_no_more_and_never_read,
    test_twelve_connections_answer_and_the_next_is_refused, test_two_interleaved)
from test_framing import (  # noqa: F401 pylint: disable=unused-import
    test_answer_spells_characters_as_the_real_peers_do,
    test_backspace_and_form_feed_may_be_spelled_in_two_ways, test_connection_without_a_word,
    test_line_is_cut_at_every_place, test_many_lines_in_one_connection, test_stream,
    test_stream_byte_by_byte)
from test_messages import (  # noqa: F401 pylint: disable=unused-import
    test_boot_sequence_of_the_real_client, test_error, test_error_text_is_cut_at_its_limit,
    test_error_without_a_type, test_get_health, test_message_is_acknowledged, test_ping,
    test_too_long_a_type_is_not_echoed)
from test_oversize import (  # noqa: F401 pylint: disable=unused-import
    LARGE_MAX, config, refusal, test_large_line_of_size,
    test_large_lines_on_all_connections_at_once, test_only_newlines)


@pytest.mark.parametrize("start, reply_to", [
    (b'{"type":"inject_secret","payload":{"value":"', "inject_secret"),
    (b'{"payload":"', ""),
    (b"", ""),
])
def test_longest_line_but_one_more_byte(guest, start, reply_to):
    """It is answered before its end, and the connection goes on in step."""
    with guest.connect() as connection:
        connection.sendall(start + b"v" * (LARGE_MAX - len(start)))
        connection.sendall(b"v")
        assert ask(connection, b"") == refusal(LARGE_MAX, reply_to)
        connection.sendall(b"more of it" * 500000 + b'"}}\n' + PING)
        assert ask(connection, b"") == PONG
        assert ask(connection, PING) == PONG


def test_value_of_the_longest_line_is_whole(guest):
    """Nothing between the socket and the file is shorter than a line."""
    value = "<&>\u2028" * 40000
    value += "v" * (LARGE_MAX + 1 - len(secret("LONGEST", value)))
    line = secret("LONGEST", value)
    assert len(line) == LARGE_MAX + 1
    assert guest.raw(line) == ack("inject_secret")
    assert (guest.secrets / "LONGEST").read_text() == value


def test_long_lines_on_every_connection_byte_streams_apart(roomy):
    """Each of the twelve has a window of its own, and none sees a byte of another's."""
    with contextlib.ExitStack() as stack:
        connections = take_all(roomy, stack)
        for i, connection in enumerate(connections):
            connection.sendall(secret(f"NAME_{i}", f"{i:04}" * 100000)[:-1])
        for connection in connections:
            assert ask(connection, b"\n") == ack("inject_secret")
    for i in range(CONNECTIONS):
        assert (roomy.secrets / f"NAME_{i}").read_text() == f"{i:04}" * 100000


def test_refused_connection_sees_an_end_and_nothing_else(roomy):
    """The kernel has taken it already; a request in it is not served."""
    with contextlib.ExitStack() as stack:
        take_all(roomy, stack)
        with contextlib.suppress(ConnectionResetError, BrokenPipeError), roomy.dial() as more:
            more.sendall(secret("REFUSED", "v"))
            assert more.recv(100) == b""
    assert os.listdir(roomy.secrets) == []


def test_host_that_does_not_read_stops_being_read(roomy):
    """Answers wait for room in mote and the kernel, not in memory that grows; and then all come."""
    with roomy.connect() as deaf:
        sent = stuff(deaf, message("nobody") * 100)
        time.sleep(0.2)
        assert stuff(deaf, b"\n") < 2**20
        answer = ack("nobody", "unknown message type: nobody")
        whole = sent // len(message("nobody"))
        assert read_exactly(deaf, whole * len(answer)) == answer * whole


def test_answer_to_a_last_line_that_is_half_closed_at_once(guest):
    for _ in range(200):
        with guest.dial() as connection:
            connection.sendall(PING[:-1])
            connection.shutdown(socket.SHUT_WR)
            assert read_to_end(connection) == PONG


def test_request_of_a_peer_that_is_gone_is_still_served(guest):
    for i in range(50):
        with guest.connect() as connection:
            connection.sendall(PING * 300 + message("set_config", content=f"{i}"))
        deadline = time.monotonic() + PATIENCE
        while guest.config.read_text() != f"{i}":
            assert time.monotonic() < deadline


def test_unfinished_line_ends_its_connection():
    """After 60 s: all of them wait at the same time."""
    ways = WAYS if IS_ROOT else ("unix",)
    with contextlib.ExitStack() as stack:
        services = [stack.enter_context(Service(program, way))
                    for program in PROGRAMS for way in ways]
        started = time.monotonic()
        halves = [stack.enter_context(service.connect()) for service in services]
        finished = [stack.enter_context(service.connect()) for service in services]
        skipped = [stack.enter_context(service.connect()) for service in services]
        for half, silent, long in zip(halves, finished, skipped):
            half.sendall(HALF)
            assert ask(silent, HALF + PING[len(HALF):]) == PONG
            long.sendall(config(LARGE_MAX + 1)[:-1])
        for half, silent, long in zip(halves, finished, skipped):
            half.settimeout(2 * PATIENCE)
            assert read_to_end(half) == ack("", "line not finished: limit is 60 s")
            assert time.monotonic() - started >= 60
            assert read_to_end(long) == refusal(LARGE_MAX)
            assert ask(silent, PING) == PONG
