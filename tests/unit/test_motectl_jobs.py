# SPDX-License-Identifier: MIT
"""motectl against a fake guest: the verbs that have the guest dial its host, the jobs that they
begin, and what motectl makes of how these end.
"""

import json

import pytest

from fake_guest import FAILED, OK, PONG, REFUSED, TIMEOUT, ack, short


def job(state, number=7, request="hostos", **more):
    payload = {"id": number, "request": request, "state": state, **more}
    return json.dumps({"type": "job", "payload": payload}).encode() + b"\n"


def line(type_, payload):
    return json.dumps({"type": type_, "payload": payload}, separators=(",", ":")).encode() + b"\n"


REQUESTS = [
    ("hostos get-hostos-version", "hostos", {"command": "get-hostos-version"}),
    ("hostos attach-hsm --port 7", "hostos", {"command": "attach-hsm", "port": 7}),
    ("hostos notify Yo! --count 3 --legacy", "hostos",
     {"command": "notify", "message": "Yo!", "count": 3, "legacy": True}),
    ("hostos upgrade http://a/b 00ff", "hostos",
     {"command": "upgrade", "url": "http://a/b", "hash": "00ff"}),
    ("hostos set-node-id n", "hostos", {"command": "set-node-id", "node_id": "n"}),
    ("vcom ek", "vcom", {"request": "ek"}),
    ("vcom sign 0x81000001 --data AAA=", "vcom",
     {"request": "sign", "index": 0x81000001, "data": "AAA="}),
    ("vcom activatecred 4294967295 --cred Q0M= --secret UQ== --port 2001", "vcom",
     {"request": "activatecred", "index": 2**32 - 1, "cred": "Q0M=", "secret": "UQ==",
      "port": 2001}),
    ("upload /h", "transfer", {"request": "upload", "path": "/h"}),
    ("upload /h /g --cmd-id i --checksum", "transfer",
     {"request": "upload", "path": "/h", "file": "/g", "cmd_id": "i", "checksum": True}),
    ("download /h /g --mode 600 --port 9001", "transfer",
     {"request": "download", "path": "/h", "file": "/g", "port": 9001, "mode": 0o600}),
    ("download-raw /h", "transfer", {"request": "download_raw", "path": "/h"}),
    ("ping-host --cmd-id i", "transfer", {"request": "ping", "cmd_id": "i"}),
    ("job 7", "job", {"id": 7}),
]


@pytest.mark.parametrize("words,type_,payload", REQUESTS, ids=short)
def test_bytes_sent(setup, words, type_, payload):
    setup.start(job("done", result={}))
    done = setup.run(*words.split())
    assert (done.returncode, done.stdout, done.stderr) == (OK, b"done\n", b"")
    assert setup.guest.lines == [line(type_, payload)]


WRONG = [
    ("hostos", b"too few arguments"),
    ("hostos reboot", b"unknown command reboot"),
    ("hostos notify", b"too few words for notify"),
    ("hostos upgrade u", b"too few words for upgrade"),
    ("hostos attach-hsm now", b"too many words for attach-hsm"),
    ("hostos attach-hsm --count x", b"--count must be a number"),
    ("vcom getpub 4294967296", b"not an index"),
    ("vcom getpub 0x", b"not an index"),
    ("vcom getpub -1", b"unknown option -1"),
    ("job x", b"not the id of a job"),
    ("job 1 --port 1", b"job takes no --port"),
    ("download a b c", b"too many arguments"),
]


@pytest.mark.parametrize("words,text", WRONG, ids=short)
def test_wrong_words(setup, words, text):
    setup.start().fail(words.split(), FAILED, text)
    assert setup.guest.lines == []


def test_results(setup):
    result = {"version": "1.2\x1b", "size": 17, "ek": "AAA\\/\"", "more": {"a": [1, "}"]}, "x": None}
    spaced = b' { "a" : "b" , "c" : [ 1 , 2 ] , "d" : 5 } '
    setup.start(job("done", result=result),
                job("done", result=0).replace(b'"result": 0', b'"result": ' + spaced))
    assert setup.run("hostos", "get-hostos-version").stdout.decode().splitlines() == [
        "version: 1.2?", "size: 17", 'ek: AAA\\/"', 'more: {"a": [1, "}"]}', "x: null"]
    assert setup.run("job", "7").stdout.decode().split("\n")[0::2] == ["a: b", "d: 5 "]


ENDS = [
    (job("refused", error="no HSM\nfound"), REFUSED, b"hostos refused: no HSM?found"),
    (job("failed", error="hostos: no answer"), REFUSED, b"hostos failed: hostos: no answer"),
    (job("refused", error="x", truncated=True), REFUSED, b"hostos refused: x..."),
    (job("done", result={}, truncated=True), FAILED, b"job 7: the result is too long"),
    (job("running"), TIMEOUT, b"job 7 still runs"),
    (ack("hostos", "unknown hostos command: x"), REFUSED, b"hostos failed: unknown hostos command"),
    (PONG, FAILED, b"expected job, got pong"),
    (job("done", result=[]), FAILED, b"result is not an object"),
    (job(5), FAILED, b"unexpected answer"),
]


@pytest.mark.parametrize("answer,code,text", ENDS, ids=short)
def test_ends(setup, answer, code, text):
    setup.start(answer).fail(["hostos", "attach-hsm"], code, text)


@pytest.mark.parametrize("answer,code", [(job("done", result={"a": 1}), OK),
                                         (job("failed", error="x"), REFUSED),
                                         (job("running"), TIMEOUT)], ids=short)
def test_json_prints_the_line_as_it_came(setup, answer, code):
    setup.start(answer)
    done = setup.run("--json", "hostos", "attach-hsm")
    assert (done.returncode, done.stdout) == (code, answer)


def test_wait(setup):
    setup.start(job("running"), job("running"), job("done", result={"version": "1"}))
    done = setup.run("hostos", "get-hostos-version", "--wait")
    assert (done.returncode, done.stdout) == (OK, b"version: 1\n")
    assert setup.guest.lines[1:] == [line("job", {"id": 7})] * 2
    assert [b"job 7 runs" in text for text in done.stderr.splitlines()] == [True, True]


def test_wait_for_a_job_that_is_lost(setup):
    setup.start(job("running"), ack("job", "no job 7"))
    done = setup.run("job", "7", "--wait")
    assert done.returncode == REFUSED
    assert done.stderr.splitlines()[-1] == b"motectl: job failed: no job 7"
