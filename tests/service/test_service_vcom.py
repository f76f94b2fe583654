# SPDX-License-Identifier: MIT
"""The boot tests of the VComLink client, against the service: they are the same functions. And what
only has room here.
"""

import pytest

from helpers import PING, PONG
from service import Service
from test_vcom import (  # noqa: F401 pylint: disable=unused-import
    ask_host, done, test_answer_in_bytes, test_answer_in_chunks, test_defect, test_ek_by_http,
    test_ek_by_json, test_end_behind_the_request, test_host_that_closes_late,
    test_host_that_knows_but_the_ek, test_json_with_more_behind_it, test_long_error,
    test_nobody_listens, test_refusal, test_request, test_reset, test_signature_of_another_kind,
    vcom)


@pytest.fixture(name="guest", scope="module")
def fixture_guest(program):
    """A service that can dial: by TCP nobody knows where the host is."""
    with Service(program, "unix") as service:
        yield service
        assert service.raw(PING) == PONG


@pytest.fixture(name="link")
def fixture_link(guest):
    return lambda *arguments, **options: vcom.VComLink(f"{guest.path}_{vcom.PORT}", *arguments,
                                                       **options)


def test_answer_that_a_host_sends_in_chunks(guest, link):
    """One of more than 2,048 bytes."""
    with link():
        assert ask_host(guest, "readnv", index=0x01C0000A) == done(data=vcom.NV[0x01C0000A])


@pytest.mark.parametrize("size", [16384, 50000])
def test_long_request(guest, link, size):
    """It leaves in pieces, and whole."""
    data = bytes(i % 251 for i in range(size))
    with link() as host:
        assert ask_host(guest, "sign", index=vcom.AIK, data=data) == done(
            algorithm="RSASSA", rsa_signature=vcom.signature(data), rsa_hash="SHA256")
        assert host.broken == 0
        assert host.requests[0].endswith(data)


def test_long_error_in_json(guest, link):
    with link("json", defect="long error"):
        state, error = ask_host(guest, "ek")
        assert (state, error[:19]) == ("refused", "received mmmmmmmmmm")


def test_one_host_behind_the_other(guest, link):
    """No place is lost, whatever came of what was asked."""
    for defect in (None, "garbage", "reset", "short EK", "long error"):
        with link(defect=defect):
            for _ in range(10):
                ask_host(guest, "ek")
    with link("json"):
        assert ask_host(guest, "ek") == done(ek=vcom.PUBLIC[vcom.EK])
