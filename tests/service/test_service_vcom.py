# SPDX-License-Identifier: MIT
"""The boot tests of the VComLink client, against the service: they are the same functions. What
only has room here. And that the fake host is as bad as the real ones are.
"""

import base64
import socket
import tempfile

import pytest

from helpers import PATIENCE, PING, PONG, read_to_end
from service import Service
from test_vcom import (  # noqa: F401 pylint: disable=unused-import
    ASKED_EK, ask_host, done, test_answer_in_bytes, test_answer_in_chunks, test_defect,
    test_ek_by_http, test_ek_by_json, test_end_behind_the_request, test_host_that_closes_late,
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


# --- the fake host, held against what was measured with the real ones ---

REQUEST = b'{"channel":2,"request":1}'
ANSWER = b'{"channel":2,"ek":"%s"}' % base64.b64encode(vcom.PUBLIC[vcom.EK])


@pytest.fixture(name="path")
def fixture_path():
    with tempfile.TemporaryDirectory() as directory:
        yield f"{directory}/s"


def said(path, *pieces, ends=False):
    """What a host says, to the end, to someone who sends these pieces, each to one read, and then
    ends his half, or just reads."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        answers = b""
        for piece in pieces[:-1]:
            connection.sendall(piece)
            answers += connection.recv(65536)
        connection.sendall(pieces[-1])
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return answers + read_to_end(connection)


@pytest.mark.parametrize("request_bytes", [
    REQUEST + b"\n", b'{\n "channel": 2,\n "request": 1 }  ', b'{"CHANNEL":2,"Request":1}',
    b'{"channel":2,"request":1,"x":[]}', b'{"channel":7,"channel":2,"request":1}'])
def test_json_that_is_taken(path, request_bytes):
    with vcom.VComLink(path, "json"):
        assert said(path, request_bytes, ends=True) == ANSWER + vcom.MALFORMED


@pytest.mark.parametrize("request_bytes", [
    REQUEST * 2, REQUEST + b"\n" + REQUEST, REQUEST[:9], b"null", b"{}", b'{"channel":1}',
    b'{"channel":4294967295}', b'{"channel":-2,"request":1}', b'{"channel":2.0,"request":1}',
    b'{"channel":"2","request":1}', b'{"channel":2,"request":null}', b'{"channel":2}',
    b'{"channel":2,"request":2}', b"\xef\xbb\xbf" + REQUEST, REQUEST + b"\0", ASKED_EK])
def test_json_that_is_not_taken(path, request_bytes):
    with vcom.VComLink(path, "json"):
        assert said(path, request_bytes) == vcom.MALFORMED


def test_json_again_and_silence(path):
    with vcom.VComLink(path, "json", patience=1):
        assert said(path, REQUEST, REQUEST) == ANSWER * 2 + vcom.MALFORMED


@pytest.mark.parametrize("size, framing", [(2045, b"Content-Length: 2048\r\n"),
                                           (2046, b"Transfer-Encoding: chunked\r\n")])
def test_border_of_chunks(path, monkeypatch, size, framing):
    monkeypatch.setitem(vcom.NV, 1, b"n" * size)
    with vcom.VComLink(path):
        assert framing in said(path, b"POST /tpm/readnv HTTP/1.1\r\nHost: vcom\r\n"
                                     b"Content-Length: 2\r\n\r\n\x08\x01", ends=True)


def test_late_close_and_half_a_request(path):
    with vcom.VComLink(path, patience=1) as host:
        assert said(path, ASKED_EK).endswith(b"\x10\x01\x18\xb2\x81\x0c")
        assert said(path, ASKED_EK[:-1], ends=True) == vcom.BARE
        assert host.broken == 1
        assert b"404 page not found" in said(path, ASKED_EK.replace(b"getpub", b"x"), ends=True)
        assert b"405 " in said(path, ASKED_EK.replace(b"POST", b"GET"), ends=True)
        assert b"cannot parse" in said(path, ASKED_EK[:-1] + b"\x88", ends=True)
