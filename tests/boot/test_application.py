# SPDX-License-Identifier: MIT
"""What an application linked with the agent can do, by the test image: report agents, and dial
the host. The host's ports are sockets next to vsockd's own.
"""

import hashlib
import random
import re
import select
import socket

import pytest

from helpers import (HOST_PORT, PATIENCE, PING, PONG, TEST_IMAGE, Host, ack, ask, boot,
                     boot_dialling, boot_undialled, eventually, message, read_exactly,
                     read_to_end, sending, shut_down)

RUNNING = rb'\{"type":"health","payload":\{"state":"healthy","agents":\[\{"name":"worker",' \
    rb'"running":true,"restarts":0\}\],"uptime_seconds":\d+\}\}\n'
BROKEN = rb'\{"type":"health","payload":\{"state":"degraded","agents":\[\{"name":"worker",' \
    rb'"running":false,"restarts":0,"error":"worker broke on purpose"\}\],' \
    rb'"uptime_seconds":\d+\}\}\n'


@pytest.fixture(name="dialled")
def fixture_dialled(row):
    """A guest, and the connection that it has made to the host."""
    with boot_dialling(**row) as (guest, connection):
        yield guest, connection
        assert guest.raw(PING) == PONG
        assert "EXIT" not in guest.console


def test_echo_of_a_few_bytes(dialled):
    _, connection = dialled
    for data in (b"x", b"\n", b"\x00" * 100, bytes(range(256))):
        connection.sendall(data)
        assert read_exactly(connection, len(data)) == data


@pytest.mark.needs("room on both sides")
def test_echo_of_a_mebibyte(dialled):
    guest, connection = dialled
    data = random.Random(1).randbytes(1 << 20)
    with sending(connection, data):
        answer = read_to_end(connection)
    assert len(answer) == len(data)
    assert hashlib.sha256(answer).digest() == hashlib.sha256(data).digest()
    assert "test: echo ended" not in guest.console


@pytest.mark.needs("room on both sides")
def test_echo_of_a_reader_that_comes_late(dialled):
    """Everything on the way is full before the first byte is taken."""
    guest, connection = dialled
    data = random.Random(2).randbytes(1 << 20)
    with sending(connection, data):
        for _ in range(200):
            assert guest.raw(PING) == PONG
        assert read_to_end(connection) == data


@pytest.mark.needs("half-close")
def test_rest_arrives_behind_a_half_close(dialled):
    _, connection = dialled
    with sending(connection, b"the rest" * 3000):
        assert read_to_end(connection) == b"the rest" * 3000
    assert connection.recv(1) == b""


def test_half_close_without_a_byte(dialled):
    _, connection = dialled
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(1) == b""


def test_host_that_goes_leaves_the_guest_alone(dialled):
    """With bytes under way in both directions."""
    guest, connection = dialled
    connection.settimeout(0)
    while True:
        try:
            connection.send(b"x" * 65536)
        except BlockingIOError:
            break
    connection.close()
    assert guest.raw(PING) == PONG


def test_power_off_ends_the_connection_in_order(row):
    with boot_dialling(**row) as (guest, connection):
        connection.sendall(b"x")
        assert read_exactly(connection, 1) == b"x"
        assert shut_down(guest) == 0
        assert connection.recv(1) == b""


@pytest.mark.needs("room on both sides")
def test_echo_does_not_disturb_the_control_port(dialled):
    guest, connection = dialled
    with guest.connect() as control, sending(connection, b"e" * 300000):
        got = 0
        while got < 300000:
            got += len(read_exactly(connection, 10000))
            assert ask(control, PING) == PONG


@pytest.mark.needs("refusal")
def test_nobody_listens(row):
    with boot(image=TEST_IMAGE, **row, append=f"test.echo={HOST_PORT}") as guest:
        guest.wait_console("test: echo ended with error -7\n")
        assert guest.raw(PING) == PONG


@pytest.mark.needs("refusal")
def test_port_of_another_number_is_not_it(row):
    host = Host()
    with host.listener, boot(image=TEST_IMAGE, **row, append=f"test.echo={HOST_PORT + 1}",
                             prepare=host.prepare) as guest:
        guest.wait_console("test: echo ended with error -7\n")


def test_host_that_never_accepts(row):
    """The connection stands, as with any socket; nothing comes, and nobody minds."""
    host = Host()
    with host.listener, boot_undialled(image=TEST_IMAGE, **row, append=f"test.echo={HOST_PORT}",
                                       prepare=host.prepare) as guest:
        assert select.select([host.listener], [], [], PATIENCE)[0]
        assert guest.raw(PING) == PONG
        assert "test: echo ended" not in guest.console


def healths(guest, last):
    """The answers to get_health up to one that matches last."""
    answers = []

    def came():
        answers.append(guest.raw(message("get_health")))
        return re.fullmatch(last, answers[-1])

    eventually(came, last)
    return answers


def test_agents_are_reported(row):
    """The agent runs for one second of the guest: on a very slow host its health comes too late
    to be seen, and then the next boot may be luckier."""
    for _ in range(5):
        with boot(image=TEST_IMAGE, **row, append="test.agents=1") as guest:
            *before, _ = healths(guest, BROKEN)
            assert all(re.fullmatch(RUNNING, answer) for answer in before)
            guest.wait_console("mote: degraded")
            said = [line for line in guest.console.splitlines()
                    if re.match("mote: (ready|healthy|degraded)", line)]
            assert said == ["mote: ready: all subsystems started", "mote: healthy: agents running",
                            "mote: degraded: worker broke on purpose"]
            if before:
                return
    raise AssertionError("never seen healthy")


def test_option_without_effect(row):
    """The test image is no other than the default one when nothing is asked of it."""
    with boot(image=TEST_IMAGE, **row, append="test.fault=nothing test.faultx=null") as guest:
        assert guest.raw(PING) == PONG
        assert "test:" not in guest.console


def test_requests_are_answered_until_it_has_stopped(row):
    """And its status is the guest's, also as the host is told it."""
    host = Host()
    options = {"append": f"test.status=42 mote.notify={HOST_PORT}", "image": TEST_IMAGE}
    with host.listener, boot_undialled(**row, **options, prepare=host.prepare) as guest:
        with host.accept() as connection:
            assert read_to_end(connection) == b"READY=1\n"
        with guest.connect() as connection:
            assert ask(connection, message("shutdown")) == ack("shutdown")
            assert b'"state":"shutdown"' in ask(connection, message("get_health"))
            assert guest.raw(PING) == PONG
        with host.accept() as connection:
            assert read_to_end(connection) == b"EXIT_STATUS=42\n"
        assert guest.wait_exit() == 42
        assert guest.console.count("test: stops in a second\n") == 1
