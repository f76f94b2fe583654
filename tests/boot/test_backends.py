# SPDX-License-Identifier: MIT
"""The guest with the other ends that a host may have for its device: vhost-device-vsock, and the
kernel's vhost-vsock. What they are not here for is skipped with the reason.
"""

import contextlib
import os
import re

import pytest

from helpers import (PING, PONG, ROWS, ack, ask, boot, connect_again, message, reason_of_setup,
                     secret)


def reason_against(backend):
    """Why a back end can't be had on this machine; None when it can."""
    if backend == "vhost":
        have = os.access("/dev/vhost-vsock", os.R_OK | os.W_OK)
        return None if have else "no /dev/vhost-vsock that can be opened"
    return reason_of_setup(backend)


@pytest.fixture(name="backend", scope="module", params=["vhost-device-vsock", "vhost"])
def fixture_backend(request):
    reason = reason_against(request.param)
    if reason:
        pytest.skip(reason)
    return request.param


def boot_with(backend, name):
    """A ready guest; its CID is the machine's own, for the kernel has but one of each."""
    return boot(**ROWS[name], vsock=backend, cid=1000 + list(ROWS).index(name))


@pytest.fixture(name="other", params=ROWS)
def fixture_other(request, backend):
    with boot_with(backend, request.param) as guest:
        yield guest


def test_first_words(other):
    with connect_again(other) as connection:
        assert ask(connection, PING) == PONG
        health = ask(connection, message("get_health"))
        assert re.fullmatch(rb'\{"type":"health","payload":\{"state":"ready",'
                            rb'"uptime_seconds":\d+\}\}\n', health)
    assert "EXIT" not in other.console


def test_secrets_and_configuration(other):
    with connect_again(other) as connection:
        for size in (0, 1, 4000, 16000):
            assert ask(connection, secret("NAME", "s" * size)) == ack("inject_secret")
            assert ask(connection, message("set_config", content="c" * size)) == ack("set_config")
        error = "line too long: limit is 16383 bytes"
        assert ask(connection, secret("NAME", "s" * 50000)) == ack("inject_secret", error)
        assert ask(connection, PING) == PONG


def test_many_connections(other):
    for _ in range(50):
        with connect_again(other) as connection:
            assert ask(connection, PING) == PONG


def test_pipelined_requests(other):
    with connect_again(other) as connection, connection.makefile("rb") as stream:
        connection.sendall(PING * 300)
        assert all(stream.readline() == PONG for _ in range(300))


def test_shutdown(backend):
    """All at once: a back end that never confirms the end of a connection makes each wait."""
    with contextlib.ExitStack() as stack:
        guests = [stack.enter_context(boot_with(backend, name)) for name in ROWS]
        for guest in guests:
            assert guest.raw(message("shutdown")) == ack("shutdown")
        assert [guest.wait_exit() for guest in guests] == [0] * len(ROWS)
