# SPDX-License-Identifier: MIT
"""Commands to a HostOS: the boot tests against the service, whose CID is 0 where there is no
vsock; and that the fake host is as bad as the real ones are.
"""

import json
import socket
import tempfile
import time

import pytest

from helpers import PATIENCE, read_to_end
from hostos import ANSWER_MAX, INVALID, HostOS, error_of_size
from service import PROGRAMS, Service
from test_hostos import (  # noqa: F401 pylint: disable=unused-import
    Dialler, test_answer_byte_by_byte, test_answer_past_64_kib, test_cid_is_checked, test_command,
    test_command_to_v0, test_error_is_passed_on, test_error_of_64_kib, test_garbage,
    test_host_that_gives_up_an_upgrade, test_many_at_once, test_no_answer, test_nobody_listens,
    test_reset_behind_an_answer,
    test_silent_host_keeps_nobody_waiting, test_too_long_a_request,
    test_upgrade_by_v0_is_under_way, test_v1_is_found_behind_the_question_for_v0,
    test_what_v0_does_not_know)

ATTACH = b'{"sender_cid":3,"message":"attach-hsm"}'
OK = b'{"Ok":"NoPayload"}'


@pytest.fixture(name="dialler", scope="module", params=PROGRAMS)
def fixture_dialler(request):
    with Service(request.param) as service:
        yield Dialler(service, service.path, 0)


# --- the fake host ---

@pytest.fixture(name="path")
def fixture_path():
    with tempfile.TemporaryDirectory() as directory:
        yield f"{directory}/s"


def said(path, *pieces, ends=True):
    """What a host says to a guest that sends its request in pieces, each behind some time."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(path)
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(0.2)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


@pytest.mark.parametrize("generation,answer", [
    ("v0", INVALID),
    ("early", b'{"Err":"unable to parse: {\\"sender_cid\\":3,\\"messa"}'),
    ("newest", OK),
])
def test_request_in_two_pieces(path, generation, answer):
    with HostOS(path, generation):
        assert said(path, ATTACH[:22], ATTACH[22:]) == answer


def test_request_in_two_pieces_is_explained(path):
    with HostOS(path, "single"):
        answer = json.loads(said(path, ATTACH[:22], ATTACH[22:]))
    assert answer["Err"].startswith("Unable to parse guest request: " + ATTACH[:22].decode() + ": ")


@pytest.mark.parametrize("generation,answer", [("single", OK), ("early", OK), ("newest", b"")])
def test_request_without_an_end(path, generation, answer):
    """The newest waits for it, and then says nothing."""
    with HostOS(path, generation, seconds=0.3) as host:
        assert said(path, ATTACH, ends=False) == answer
    assert True not in host.ends


@pytest.mark.parametrize("request_", [
    b"{ not json", b"", b"[]", b'{"sender_cid":3}', b'{"sender_cid":"3","message":"attach-hsm"}',
    b'{"sender_cid":-1,"message":"attach-hsm"}', b'{"sender_cid":3,"message":"AttachHsm"}',
    b'{"sender_cid":3,"sender_cid":3,"message":"attach-hsm"}',
    b'{"sender_cid":3,"message":{"notify":{"count":1.5,"message":""}}}',
    b'{"sender_cid":3,"message":{"upgrade":{"url":"u"}}}', ATTACH + b"}"])
def test_request_that_is_none(path, request_):
    with HostOS(path) as host:
        assert said(path, request_).startswith(b'{"Err":"unable to parse client request: ')
    assert host.commands == []


def test_request_that_is_no_text(path):
    with HostOS(path):
        assert said(path, b'{"\xff') == b""


def test_answer_of_64_kib(path):
    with HostOS(path, error=error_of_size(ANSWER_MAX)):
        assert len(said(path, ATTACH)) == ANSWER_MAX
