# SPDX-License-Identifier: MIT
"""The VComLink client against a host of EVE-OS, of both generations, that works or does not."""

import base64
import json

import pytest

import vcom
from helpers import OVER_VSOCKD, PING, PONG, boot, eventually, know_event_queue, message

ASKED_EK = (b"POST /tpm/getpub HTTP/1.1\r\nHost: vcom\r\n"
            b"Content-Type: application/x-proto-binary\r\nContent-Length: 6\r\n"
            b"Connection: close\r\n\r\n\x08\x81\x80\x80\x88\x08")
GENERATIONS = ("http", "json")


@pytest.fixture(name="link")
def fixture_link(guest):
    """Makes a host for the guest to dial."""
    return lambda *arguments, **options: vcom.VComLink(f"{guest.uds}_{vcom.PORT}", *arguments,
                                                       **options)


def line_of(request, **payload):
    """The line that has the guest ask its host."""
    for key in ("data", "cred", "secret"):
        if key in payload:
            payload[key] = base64.b64encode(payload[key]).decode()
    return message("vcom", request=request, **payload)


def outcome_of(answer):
    """What came of it: the state, and the result or the error."""
    answer = json.loads(answer)
    assert (answer["type"], answer["payload"]["request"]) == ("job", "vcom"), answer
    job = answer["payload"]
    return job["state"], job.get("result", job.get("error"))


def ask_host(guest, request, **payload):
    return outcome_of(guest.raw(line_of(request, **payload)))


def done(**fields):
    """The outcome with these fields; bytes as the answer has them."""
    return "done", {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
                    for name, value in fields.items()}


HAS_EK = done(ek=vcom.PUBLIC[vcom.EK])
HAS_CERTIFICATE = done(data=vcom.NV[vcom.CERTIFICATE])


def test_ek_by_http(guest, link):
    with link() as host:
        assert ask_host(guest, "ek") == HAS_EK
        assert host.requests == [ASKED_EK]


@pytest.mark.needs("end behind ours")
def test_end_behind_the_request(guest, link):
    """It is what a real host's late close does not hold up."""
    with link(defect="end first"):
        assert ask_host(guest, "ek") == HAS_EK


def test_ek_by_json(guest, link):
    """The guest does not end its half before it has the answer: that is one packet more."""
    with link("json") as host:
        assert ask_host(guest, "ek") == HAS_EK
        assert host.requests == [ASKED_EK, b'{"channel":2,"request":1}']


ATTEST = b"\xffTCG\x80\x17" + vcom.name_of(vcom.PUBLIC[vcom.ECDH])
REQUESTS = {
    "getpub": ({"index": vcom.AIK}, done(public=vcom.PUBLIC[vcom.AIK], algorithm=1,
                                         attributes=0x50472)),
    "sign": ({"index": vcom.AIK, "data": b"test data"},
             done(algorithm="RSASSA", rsa_signature=vcom.signature(b"test data"),
                  rsa_hash="SHA256")),
    "readnv": ({"index": vcom.CERTIFICATE}, HAS_CERTIFICATE),
    "activatecredparams": ({"index": vcom.AIK},
                           done(ek=vcom.PUBLIC[vcom.EK], aik_pub=vcom.PUBLIC[vcom.AIK],
                                aik_name=vcom.name_of(vcom.PUBLIC[vcom.AIK]))),
    "activatecred": ({"index": vcom.AIK, "cred": b"\0\x44" + b"c" * 68,
                      "secret": b"\1\0" + b"s" * 256},
                     done(secret=vcom.secret_of(b"\0\x44" + b"c" * 68, b"\1\0" + b"s" * 256))),
    "certifykey": ({"index": vcom.ECDH},
                   done(public=vcom.PUBLIC[vcom.ECDH], attest=ATTEST,
                        sig=b"\0\x14\0\x0b\x01\0" + vcom.signature(ATTEST))),
}


@pytest.mark.parametrize("request_name", REQUESTS)
def test_request(guest, link, request_name):
    payload, outcome = REQUESTS[request_name]
    with link() as host:
        assert ask_host(guest, request_name, **payload) == outcome
        assert (len(host.requests), host.broken) == (1, 0)


def test_signature_of_another_kind(guest, link):
    with link():
        assert ask_host(guest, "sign", index=vcom.ECDH, data=b"d" * 32) == done(
            algorithm="ECDSA", ecc_signature_r=b"r" * 32, ecc_signature_s=b"s" * 31,
            ecc_hash="SHA256")


@pytest.mark.parametrize("request_name", REQUESTS)
def test_host_that_knows_but_the_ek(guest, link, request_name):
    with link("json"):
        assert ask_host(guest, request_name, **REQUESTS[request_name][0]) == (
            "failed", "vcom: the host speaks JSON (EVE-OS before 15.11) and gives its EK alone")


@pytest.mark.parametrize("request_name, payload, error", [
    ("readnv", {"index": 0x1800000},
     "500: failed to read NV: reading NV index 1800000 is not allowed"),
    ("sign", {"index": 0x817FFFFF, "data": b"d"},
     "500: failed to sign data: using key at 817fffff is not allowed"),
    ("activatecred", {"index": vcom.AIK, "cred": b"c", "secret": b"s"},
     "500: failed to activate credential: invalid credential blob or encrypted secret"),
    ("getpub", {"index": 7},
     "500: failed to get public key: error while reading EK public: handle 7"),
])
def test_refusal(guest, link, request_name, payload, error):
    with link():
        assert ask_host(guest, request_name, **payload) == ("refused", error)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_answer_in_bytes(guest, link, generation):
    with link(generation, defect="bytes"):
        assert ask_host(guest, "ek") == HAS_EK


def test_json_with_more_behind_it(guest, link):
    with link("json", defect="more"):
        assert ask_host(guest, "ek") == HAS_EK


def test_answer_in_chunks(guest, link):
    with link(defect="chunks"):
        assert ask_host(guest, "readnv", index=vcom.CERTIFICATE) == HAS_CERTIFICATE


def test_host_that_closes_late(guest, link):
    """A guest that waited for the end would have no answer in time."""
    with link(defect="late"):
        assert ask_host(guest, "ek") == HAS_EK


NO_EK = "vcom: ek is no TPMT_PUBLIC: it ends too early"
BAD_NAME = "vcom: aik_name is not 000b and the SHA-256 of aik_pub"


@pytest.mark.parametrize("generation, defect, request_name, outcome", [
    ("http", "short EK", "ek", ("failed", NO_EK)),
    ("json", "short EK", "ek", ("failed", NO_EK)),
    ("http", "short EK", "activatecredparams", ("failed", NO_EK)),
    ("http", "wrong name", "activatecredparams", ("failed", BAD_NAME)),
    ("http", "garbage", "ek", ("failed", "vcom: not an HTTP/1.x status line")),
    ("json", "garbage", "ek", ("failed", "vcom: not an HTTP/1.x status line")),
    pytest.param("http", "bare 400", "ek", ("refused", "400: 400 Bad Request"),
                 marks=pytest.mark.needs("end behind ours")),
    pytest.param("http", "short body", "ek", ("failed", "vcom: the answer ends in the middle"),
                 marks=pytest.mark.needs("end behind ours")),
    pytest.param("http", "silence", "ek", ("failed", "vcom: no answer"),
                 marks=pytest.mark.needs("end behind ours")),
])
def test_defect(guest, link, generation, defect, request_name, outcome):
    with link(generation, defect=defect, seconds=1):
        assert ask_host(guest, request_name, index=vcom.AIK) == outcome
    assert guest.raw(PING) == PONG


@pytest.mark.needs("end behind ours")
def test_reset(guest, link):
    with link(defect="reset"):
        state, error = ask_host(guest, "ek")
        assert (state, error) in (("failed", "vcom: port 2000 of the host: connection reset"),
                                  ("failed", "vcom: no answer"))


def test_long_error(guest, link):
    """As much of it is passed on as there is room for."""
    with link(defect="long error"):
        state, error = ask_host(guest, "ek")
        assert (state, error[:28]) == ("refused", "500: failed to read NV: eeee")
        assert len(error) > 1000


@pytest.mark.needs("refusal")
def test_nobody_listens(guest):
    assert ask_host(guest, "ek") == ("failed", "vcom: port 2000 of the host: connection refused")


@OVER_VSOCKD
@pytest.mark.parametrize("request_name, outcome", [
    ("readnv", HAS_CERTIFICATE),
    ("sign", ("failed", "vcom: port 2000 of the host: connection reset"))])
def test_transport_reset(row, request_name, outcome):
    """What reads is asked for once more, and of what signs it is said that nobody knows."""
    with boot(**row, control=True) as guest:
        know_event_queue(guest)
        with vcom.VComLink(f"{guest.uds}_{vcom.PORT}", defect="silence") as host, \
                guest.connect() as connection:
            connection.sendall(line_of(request_name, index=vcom.CERTIFICATE, data=b"d"))
            eventually(lambda: host.requests, "a request")
            host.defect = None
            guest.control("reset")
            eventually(lambda: len(host.requests) == (1 if request_name == "sign" else 2), "more")
            answers = [b"running"]

            def has_ended():
                answers.append(guest.raw(message("job", id=1)))
                return b"running" not in answers[-1]

            eventually(has_ended, "an end")
            assert outcome_of(answers[-1]) == outcome
            assert len(set(host.requests)) == 1
