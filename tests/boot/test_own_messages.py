# SPDX-License-Identifier: MIT
"""mote's own messages, by the exact bytes of their answers: capabilities, and what can be done
with secrets beyond putting them there. What is left of them in memory is test_secrets.py's.
"""

import json
import subprocess

import pytest

from helpers import (CONNECTIONS, LINE_MAX, MOTECTL, STORE_SIZE, ack, boot, compact, message,
                     secret)

VERSION = subprocess.run([MOTECTL, "--version"], capture_output=True, text=True,
                         check=True).stdout.split()[1]
CAPABILITIES = {
    "agent": "mote", "version": VERSION, "protocol": 1, "platform": "bare metal x86_64",
    "messages": ["ping", "get_health", "set_config", "inject_secret", "inject_ssh_key", "mount",
                 "shutdown", "capabilities", "list_secrets", "delete_secret", "rotate_secret",
                 "purge_secrets", "hostos", "vcom", "transfer", "job", "tpm_info", "ek", "aik",
                 "pcr_read", "pcr_extend", "quote", "random", "seal", "unseal",
                 "activate_credential", "inject_sealed_secret"],
    "limits": {"line": LINE_MAX, "line_seconds": 60, "connections": CONNECTIONS,
               "store": STORE_SIZE, "names": 64, "field": 255, "path": 255, "type": 64,
               "error": 256, "depth": 32, "values": 256, "agents": 4, "jobs": 8,
               "job_data": 2048, "nonce": 64, "random": 1024, "sealed": 128},
}

# message, payload, error
BAD = [
    ("delete_secret", '{"name":"no such"}', 'delete secret "no such": not found'),
    ("delete_secret", "{}", "secret name cannot be empty"),
    ("rotate_secret", '{"name":"no such","value":"v"}', 'rotate secret "no such": not found'),
    ("rotate_secret", '{"name":"a/b"}', 'invalid secret name: "a/b" (must be a simple filename)'),
    ("list_secrets", '{"after":1}', "decode list payload: json: cannot unmarshal number into Go "
     "struct field ListPayload.after of type string"),
    *((kind, None, f"decode {what} payload: envelope {kind} has no payload") for kind, what in [
        ("delete_secret", "name"), ("rotate_secret", "secret")]),
]


def test_capabilities(guest):
    """Every key in its place, and what is listed is understood."""
    expected = compact({"type": "capabilities", "payload": CAPABILITIES}) + b"\n"
    assert guest.raw(message("capabilities")) == expected
    for kind in CAPABILITIES["messages"]:
        if kind != "shutdown":
            assert b"unknown message type" not in guest.raw(message(kind))


@pytest.mark.parametrize("kind,payload,error", BAD)
def test_errors(guest, kind, payload, error):
    line = f'{{"type":"{kind}"{"" if payload is None else f""","payload":{payload}"""}}}\n'
    assert guest.raw(line.encode()) == ack(kind, error)


def listed(guest):
    """What is listed, in as many answers as it takes, and their number."""
    entries, answers, more = [], 0, True
    while more:
        behind = {"after": entries[-1]["name"]} if entries else {}
        answer = json.loads(guest.raw(message("list_secrets", **behind)))
        assert answer["type"] == "secrets"
        entries += answer["payload"]["secrets"]
        answers, more = answers + 1, answer["payload"]["more"]
    return entries, answers


def test_list_rotate_delete_purge(row):
    with boot(**row) as guest:
        assert listed(guest) == ([], 1)
        for name, value in (("b", "two"), ("a", "one"), ("\u00e4<", "")):
            assert guest.raw(secret(name, value)) == ack("inject_secret")
        line = message("rotate_secret", name="a", value="longer", mode=0o400)
        assert guest.raw(line) == ack("rotate_secret")
        assert guest.raw(message("rotate_secret", name="b", value="2")) == ack("rotate_secret")
        assert guest.raw(message("list_secrets")) == (
            b'{"type":"secrets","payload":{"secrets":[{"name":"a","size":6,"mode":256},'
            b'{"name":"b","size":1,"mode":384},{"name":"\xc3\xa4\\u003c","size":0,"mode":384}],'
            b'"more":false}}\n')
        assert guest.raw(message("delete_secret", name="b")) == ack("delete_secret")
        assert [entry["name"] for entry in listed(guest)[0]] == ["a", "\u00e4<"]
        assert guest.raw(message("purge_secrets")) == \
            b'{"type":"purged","payload":{"secrets":2,"bytes":6,"residue":0}}\n'
        assert listed(guest) == ([], 1)


def test_list_of_all_that_fit(row):
    names = [f"NAME_{i:02}_{'n' * 150}" for i in range(64)]
    with boot(**row) as guest:
        for name in reversed(names):
            assert guest.raw(secret(name, "v")) == ack("inject_secret")
        entries, answers = listed(guest)
        assert entries == [{"name": name, "size": 1, "mode": 0o600} for name in names]
        assert answers > 1


def test_motectl_speaks_them(guest):
    def run(*words, stdin=b""):
        return subprocess.run([MOTECTL, f"unix:{guest.uds}:1024", *words], input=stdin,
                              capture_output=True, check=True, timeout=60).stdout

    assert run("secret", "purge")
    assert run("secret", "put", "A", stdin=b"one") == b"ok\n"
    assert run("secret", "rotate", "A", stdin=b"three") == b"ok\n"
    assert run("secret", "list") == b"A: 5 bytes, mode 600\n"
    assert run("secret", "rm", "A") == b"ok\n"
    assert run("secret", "purge") == b"0 secrets of 0 bytes wiped\n"
    assert run("capabilities").startswith(
        f"mote {VERSION} on bare metal x86_64, protocol 1\nmessages: ping, get_health".encode())
