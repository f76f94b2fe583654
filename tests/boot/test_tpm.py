# SPDX-License-Identifier: MIT
"""A guest with a TPM, by both interfaces on both machines: that what it says of its TPM is true,
by tpm2-tools over a twin of that TPM and by certificates, and that nothing of it is left there.
"""

import concurrent.futures
import contextlib
import hashlib
import json
import os
import re
import time

import pytest

from helpers import PING, PONG, ask, boot, message, read_exactly, read_to_end, shut_down
from tpms import (AIK, EK, Tools, as_bytes, bare, certificate_of, check_nothing_is_left, copied,
                  extended, name_of, pcr, refusal, serving, sized, told)

ROWS = {f"{tpm}-{machine}": {"machine": machine, "tpm": tpm}
        for tpm in ("tis", "crb") for machine in ("q35", "microvm")}
NONCE = bytes(range(20))
FREE, OTHER = 16, 23  # PCRs of nobody
CPUCLOCK_SCHED = 2  # Linux: of all threads of a process, by the scheduler
ERROR = b'{"channel":1,"error":"received malformed packet"}'

# What is refused, and a part of the reason.
BAD = [
    ("pcr_read", {"pcrs": "sha256:24"}, '"24" is no list of PCRs'),
    ("pcr_read", {"pcrs": "md5:0"}, '"md5" is no hash'),
    ("pcr_extend", {"pcr": 24, "digest": bare(bytes(32))}, '"24" is no list of PCRs'),
    ("pcr_extend", {"pcr": FREE, "digest": bare(bytes(31))}, "31 bytes in the place of 32"),
    ("pcr_extend", {"pcr": FREE, "digest": "!"}, "illegal base64"),
    ("pcr_extend", {"pcr": FREE, "bank": "sha512", "digest": bare(bytes(32))},
     "32 bytes in the place of 64"),
    ("quote", {"nonce": bare(bytes(65)), "pcrs": "sha256:0"}, "1 to 64 bytes"),
    ("quote", {"nonce": bare(NONCE), "pcrs": "sha512:0"}, "no such PCR in a bank of sha512"),
    ("random", {"bytes": 0}, "1 to 1024 bytes"),
    ("random", {"bytes": 1025}, "1 to 1024 bytes"),
    ("seal", {"data": bare(bytes(129))}, "1 to 128 bytes"),
    ("seal", {"data": ""}, "1 to 128 bytes"),
    ("seal", {"name": "no such secret"}, '"no such secret": not found'),
    ("unseal", {"private": bare(bytes(64)), "public": bare(bytes(64))}, "Load: TPM_RC_TYPE"),
    ("unseal", {"private": "", "public": ""}, "Load: TPM_RC_SIZE"),
    ("activate_credential", {"credential": bare(sized(bytes(40))),
                             "secret": bare(sized(b"\x01" * 256))}, "ActivateCredential: "),
    ("activate_credential", {"credential": bare(bytes(7)), "secret": bare(bytes(7))},
     "its first two bytes"),
]


@pytest.fixture(name="row", scope="module", params=ROWS)
def fixture_row(request):
    return ROWS[request.param]


def test_it_is_shut_down_in_order(row, factory, tmp_path):
    """Else a TPM takes the next start for an attack on what its lockout protects, as the EK."""
    state = copied(factory, tmp_path / "state")
    with boot(**row, tpm_state=state) as guest:
        told(guest, "random", bytes=1)
        assert shut_down(guest) == 0
    with serving(state) as swtpm:
        tools = Tools(tmp_path, swtpm.socket)
        found = tools.run("tpm2_getcap", "properties-variable")
    assert re.search(r"orderly: +1\n", found), found


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row, factory, tmp_path_factory):
    """One for all tests that leave nothing behind in it but a PCR; it must survive them."""
    state = copied(factory, tmp_path_factory.mktemp("guest") / "state")
    with boot(**row, tpm_state=state) as guest:
        yield guest
        assert "EXIT" not in guest.console
        assert shut_down(guest) == 0


@pytest.fixture(name="nothing_is_left", autouse=True)
def fixture_nothing_is_left(request):
    """Behind every test with the guest that all share."""
    yield
    if "guest" in request.fixturenames:
        check_nothing_is_left(request.getfixturevalue("guest"))


def test_info(guest):
    info = told(guest, "tpm_info")
    assert info["interface"] == guest.tpm
    assert (info["manufacturer"], info["banks"], info["lockout"]) == ("IBM", ["sha256"], False)
    assert info["keys"] == "transient"
    assert f"mote: tpm: {guest.tpm}\n" in guest.console


def test_ek_is_the_twins(guest, tools):
    ek = told(guest, "ek")
    public = tools.public(EK)
    assert ek["handle"] == EK
    assert as_bytes(ek["public"]) == public
    assert as_bytes(ek["name"]) == name_of(public)


def test_certificate_verifies_and_is_of_the_ek(guest, tools, factory, tmp_path):
    certificate = certificate_of(guest)
    assert certificate == tools.certificate()
    assert tools.certificate_verifies(certificate, factory / "ca.pem")
    assert tools.key_of_certificate(certificate) == \
        tools.key_of_public(as_bytes(told(guest, "ek")["public"]))
    other = tmp_path / "other.pem"
    tools.run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null",
              "-subj", "/CN=swtpm-localca", "-out", other)
    assert not tools.certificate_verifies(certificate, other)


def test_quote_verifies(guest, tools):
    """And does not with another nonce, value or key."""
    selection = f"sha256:0,7,{FREE}"
    quote = told(guest, "quote", nonce=bare(NONCE), pcrs=selection)
    aik = as_bytes(told(guest, "aik")["public"])
    assert list(quote["values"]) == ["0", "7", str(FREE)]
    assert tools.quote_verifies(aik, quote, NONCE)
    assert not tools.quote_verifies(aik, quote, NONCE[:-1] + b"\xff")
    assert not tools.quote_verifies(as_bytes(told(guest, "ek")["public"]), quote, NONCE)
    quote["values"]["7"] = bare(b"\x01" * 32)
    assert not tools.quote_verifies(aik, quote, NONCE)


def test_quote_of_all_pcrs(guest, tools):
    """As much as an answer has to hold."""
    quote = told(guest, "quote", nonce=bare(NONCE), pcrs="sha256:all")
    aik = as_bytes(told(guest, "aik")["public"])
    assert len(quote["values"]) == 24 and tools.quote_verifies(aik, quote, NONCE)


def test_extended_pcr(guest, tools):
    """A quote from before is not one of the value that it has now."""
    before = pcr(guest, FREE)
    stale = told(guest, "quote", nonce=bare(NONCE), pcrs=f"sha256:{FREE}")
    digest = hashlib.sha256(b"something").digest()
    assert told(guest, "pcr_extend", pcr=FREE, digest=bare(digest)) is None
    assert pcr(guest, FREE) == extended(before, digest)
    stale["values"][str(FREE)] = bare(pcr(guest, FREE))
    aik = as_bytes(told(guest, "aik")["public"])
    assert not tools.quote_verifies(aik, stale, NONCE)


def test_sealed_to_a_pcr(guest):
    """What is sealed opens as long as the PCR has its value, and never again behind that."""
    sealed = told(guest, "seal", data=bare(b"open sesame"), pcrs=f"sha256:{FREE}")
    assert told(guest, "unseal", pcrs=f"sha256:{FREE}", **sealed) == {"data": bare(b"open sesame")}
    assert "POLICY" in refusal(guest, "unseal", pcrs=f"sha256:{OTHER}", **sealed)
    assert "AUTH_UNAVAILABLE" in refusal(guest, "unseal", **sealed)
    told(guest, "pcr_extend", pcr=FREE, digest=bare(bytes(32)))
    error = refusal(guest, "unseal", pcrs=f"sha256:{FREE}", **sealed)
    assert "POLICY_FAIL" in error


def test_sealed_to_the_tpm_alone(guest):
    data = os.urandom(128)
    sealed = told(guest, "seal", data=bare(data))
    told(guest, "pcr_extend", pcr=FREE, digest=bare(bytes(32)))
    assert told(guest, "unseal", **sealed) == {"data": bare(data)}
    damaged = bytearray(as_bytes(sealed["private"]))
    damaged[-1] ^= 1
    error = refusal(guest, "unseal", private=bare(damaged), public=sealed["public"])
    assert "INTEGRITY" in error


def test_credential(guest, tools):
    """Opens here, as it is, for the key that it was made for; not else."""
    ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
    assert as_bytes(told(guest, "aik")["name"]) == name_of(aik)
    content = os.urandom(32)
    blob, secret = tools.credential(ek, name_of(aik), content)
    assert told(guest, "activate_credential", credential=bare(blob), secret=bare(secret)) == \
        {"credential": bare(content)}
    for broken in ((blob[:-1] + bytes([blob[-1] ^ 1]), secret),
                   (blob, secret[:-1] + bytes([secret[-1] ^ 1])),
                   tools.credential(ek, name_of(ek), content)):
        error = refusal(guest, "activate_credential", credential=bare(broken[0]),
                        secret=bare(broken[1]))
        assert error.startswith("tpm: ")


def test_secret_that_only_this_tpm_opens(guest, tools):
    ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
    blob, secret = tools.credential(ek, name_of(aik), b"the secret itself")
    told(guest, "inject_sealed_secret", name="OPENED", credential=bare(blob), secret=bare(secret))
    assert told(guest, "list_secrets")["secrets"] == [{"name": "OPENED", "size": 17, "mode": 0o600}]
    sealed = told(guest, "seal", name="OPENED")
    assert told(guest, "unseal", **sealed) == {"data": bare(b"the secret itself")}
    told(guest, "delete_secret", name="OPENED")
    told(guest, "inject_sealed_secret", name="SEALED", mode=0o400, **sealed)
    assert told(guest, "list_secrets")["secrets"] == [{"name": "SEALED", "size": 17, "mode": 0o400}]
    told(guest, "delete_secret", name="SEALED")


def test_random(guest):
    found = {told(guest, "random", bytes=size)["random"] for size in (32, 32, 32)}
    assert len(found) == 3
    assert [len(as_bytes(told(guest, "random", bytes=size)["random"])) for size in (1, 1024)] == \
        [1, 1024]


def measured(guest):
    """The value that the log of the measured start makes, and the PCR's."""
    log = told(guest, "tpm_info")["measured"]
    value = as_bytes(log["start"])
    for event in log["events"]:
        assert event["extended"]
        value = extended(value, as_bytes(event["digest"]))
    return value, pcr(guest, log["pcr"])


def test_bad_input_changes_nothing(guest):
    before = told(guest, "pcr_read")
    for kind, payload, reason in BAD:
        error = refusal(guest, kind, **payload)
        assert error.startswith("tpm: ") and reason in error, (kind, payload, error)
        check_nothing_is_left(guest)
    assert told(guest, "pcr_read") == before


def test_measured_start(row, factory, tmp_path):
    """The log makes the PCR's value, also when its oldest events are told no more."""
    line = "some.option=1 mote.tpm_pcr=14"
    with boot(**row, tpm_state=copied(factory, tmp_path / "state"), append=line) as guest:
        log = told(guest, "tpm_info")["measured"]
        assert (log["pcr"], log["bank"], log["folded"]) == (14, "sha256", 0)
        assert [event["what"] for event in log["events"]] == ["cmdline"]
        assert as_bytes(log["start"]) == bytes(32) != pcr(guest, 14)
        if row["machine"] == "q35":  # microvm's line has more: where its devices are
            assert log["events"][0]["size"] == len(line)
            assert as_bytes(log["events"][0]["digest"]) == hashlib.sha256(line.encode()).digest()
        for number in range(10):
            content = f"number = {number}"
            told(guest, "set_config", content=content)
            value, there = measured(guest)
            assert value == there
        log = told(guest, "tpm_info")["measured"]
        assert log["folded"] == 11 - len(log["events"]) > 0
        assert log["events"][-1] == {"what": "config", "size": len(content), "extended": True,
                                     "digest": bare(hashlib.sha256(content.encode()).digest())}


def test_nothing_is_measured_when_told_so(row, factory, tmp_path):
    with boot(**row, tpm_state=copied(factory, tmp_path / "state"),
              append="mote.tpm_pcr=none") as guest:
        assert told(guest, "tpm_info")["measured"] is None
        assert pcr(guest, 12) == bytes(32)


def test_what_outlives_the_guest(row, factory, tmp_path):
    """Its keys, and what was sealed to a PCR that has the same value again; no counter of ours."""
    state = copied(factory, tmp_path / "state")
    with boot(**row, tpm_state=state) as guest:
        ek, aik = told(guest, "ek"), told(guest, "aik")
        sealed = told(guest, "seal", data=bare(b"kept"), pcrs="sha256:0,12")
        assert shut_down(guest) == 0
    with boot(**row, tpm_state=state) as guest:
        assert (told(guest, "ek"), told(guest, "aik")) == (ek, aik)
        assert told(guest, "unseal", pcrs="sha256:0,12", **sealed) == {"data": bare(b"kept")}
    with boot(**row, tpm_state=state, append="mote.other=1") as guest:
        assert "POLICY" in refusal(guest, "unseal", pcrs="sha256:0,12", **sealed)


def test_another_tpm_opens_nothing(row, factory, tmp_path, tools):
    with boot(**row, tpm_state=copied(factory, tmp_path / "state")) as guest:
        ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
        sealed = told(guest, "seal", data=bare(b"mine"))
    blob, secret = tools.credential(ek, name_of(aik), b"yours")
    with boot(**row) as guest:  # its TPM is made for it
        assert as_bytes(told(guest, "ek")["public"]) != ek
        assert refusal(guest, "unseal", **sealed).startswith("tpm: ")
        assert refusal(guest, "activate_credential", credential=bare(blob),
                       secret=bare(secret)).startswith("tpm: ")
        check_nothing_is_left(guest)


def test_keys_that_stay(row, factory, tmp_path):
    """They are in the TPM behind the guest's end, where evetpm has them."""
    state = copied(factory, tmp_path / "state")
    with boot(**row, tpm_state=state, append="mote.tpm_keys=persistent") as guest:
        assert told(guest, "tpm_info")["keys"] == "persistent"
        aik = told(guest, "aik")
        assert aik["handle"] == AIK
        check_nothing_is_left(guest)
        assert shut_down(guest) == 0
    with serving(state) as swtpm:
        assert Tools(tmp_path, swtpm.socket).public(AIK) == as_bytes(aik["public"])


def processor_seconds(guest):
    """What QEMU has taken so far. The guest's own time is part of it, and that this machine has
    others to serve is not. The clock is the one that clock_getcpuclockid() tells."""
    return time.clock_gettime(~guest.qemu_pid << 3 | CPUCLOCK_SCHED)


def test_ten_requests_at_once_while_pings_are_answered(guest, tools):
    """Each quote needs an RSA key to be made. Whoever asks for something else does not wait."""
    nonces = [bytes([number]) * 20 for number in range(10)]
    aik = as_bytes(told(guest, "aik")["public"])
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(guest.connect()) for _ in range(5)]
        streams = [stack.enter_context(c.makefile("rb")) for c in connections]
        pinger = stack.enter_context(guest.connect())
        pool = stack.enter_context(concurrent.futures.ThreadPoolExecutor(len(streams)))
        for number, nonce in enumerate(nonces):
            connections[number // 2].sendall(message("quote", nonce=bare(nonce), pcrs="sha256:0"))
        answers = [pool.submit(lambda s: [s.readline() for _ in range(2)], s) for s in streams]
        pings = []
        while not all(answer.done() for answer in answers):
            begin = processor_seconds(guest)
            assert ask(pinger, PING) == PONG
            pings.append(processor_seconds(guest) - begin)
        lines = [line for answer in answers for line in answer.result()]
    assert len(pings) > 10 and max(pings) < 0.1
    for nonce, line in zip(nonces, lines):
        quote = json.loads(line)
        assert quote["type"] == "quote", line
        assert tools.quote_verifies(aik, quote["payload"], nonce)


def test_host_that_hangs_up_meanwhile(guest):
    """What was begun for it ends, and leaves nothing."""
    for _ in range(3):
        with guest.connect() as connection:
            connection.sendall(message("quote", nonce=bare(NONCE), pcrs="sha256:0"))
    assert told(guest, "quote", nonce=bare(NONCE), pcrs="sha256:0")


def vcom(connection, request):
    connection.sendall(request)
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    return answer


def test_vcomlink_in_json(guest, tools):
    """As upstream's tests ask: twice on a connection, then something else."""
    with guest.connect(2000) as connection:
        for _ in range(2):
            assert vcom(connection, b'{"channel":2,"request":1}') == \
                b'{"channel":2,"ek":"' + bare(tools.public(EK)).encode() + b'"}'
        assert vcom(connection, b'{"channel":4294967295}') == ERROR
        assert read_to_end(connection) == b""


def test_vcomlink_by_http(guest, tools):
    """activatecredparams for the AIK: three fields of bytes (protobuf), as upstream's check has
    them."""
    aik = as_bytes(told(guest, "aik")["public"])
    body = b"\x08\x83\x80\x80\x88\x08"
    with guest.connect(2000) as connection:
        connection.sendall(b"POST /tpm/activatecredparams HTTP/1.1\r\nHost: vcom\r\n"
                           b"Content-Type: application/x-proto-binary\r\nContent-Length: 6\r\n"
                           b"Connection: close\r\n\r\n" + body)
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += read_exactly(connection, 1)
        assert head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nContent-Length: 638\r\n" in head
        assert read_exactly(connection, 638) == (
            b"\x0a\xba\x02" + tools.public(EK) + b"\x12\x98\x02" + aik +
            b"\x1a\x24" + sized(name_of(aik)))


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_guest_without_one(machine):
    """It starts as ever, and says why everything about a TPM fails."""
    with boot(machine=machine) as guest:
        assert "EXIT" not in guest.console
        for kind in ("tpm_info", "ek", "aik", "pcr_read"):
            assert refusal(guest, kind) == \
                "tpm: there is no TPM: there is none at 0xfed40000"
        assert refusal(guest, "random", bytes=8).startswith("tpm: ")
        with guest.connect(2000) as connection:
            assert vcom(connection, b'{"channel":2,"request":1}') == ERROR
        assert shut_down(guest) == 0
