# SPDX-License-Identifier: MIT
"""motectl against a fake guest: the verbs for mote's own messages, and what they make of answers
that no mote would give.
"""

import os
import subprocess

import pytest

from fake_guest import (FAILED, MOTECTL, OK, PONG, PURGED, REFUSED, TIMEOUT, ack, log, secrets,
                        short, workloads)


def log_request(offset):
    return b'{"type":"logs","payload":{"name":"web","offset":%d}}\n' % offset


def test_capabilities(setup):
    line = (b'{"type":"capabilities","payload":{"agent":"mote","version":"1.2","protocol":3,'
            b'"platform":"a \\u001b[2J place","messages":["ping","mount"],'
            b'"limits":{"line":16383,"store":65536}}}\n')
    setup.start(line, line)
    done = setup.run("capabilities")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout == (b"mote 1.2 on a ?[2J place, protocol 3\nmessages: ping, mount\n"
                           b"limits: line 16383, store 65536\n")
    assert setup.run("--json", "capabilities").stdout == line


def test_capabilities_of_a_guest_that_has_none(setup):
    setup.start(ack("capabilities", "unknown message type: capabilities"))
    done = setup.run("capabilities")
    assert done.returncode == REFUSED
    assert done.stderr == b"motectl: capabilities failed: unknown message type: capabilities\n"


def test_secret_list_follows_more(setup):
    setup.start(secrets("A", "AB\x1b", more=True), secrets("a", "\u00e4", more=True), secrets())
    done = setup.run("secret", "list")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout.decode() == ("A: 1 bytes, mode 640\nAB?: 3 bytes, mode 640\n"
                                    "a: 1 bytes, mode 640\n\u00e4: 1 bytes, mode 640\n")
    assert setup.guest.lines == [
        b'{"type":"list_secrets"}\n',
        b'{"type":"list_secrets","payload":{"after":"AB\\u001b"}}\n',
        '{"type":"list_secrets","payload":{"after":"\u00e4"}}\n'.encode()]


@pytest.mark.parametrize("answers,text", [
    ([secrets("B", "A")], b"names are not in order"),
    ([secrets("A", more=True), secrets("A", more=True)], b"names are not in order"),
    ([secrets("A", more=True), secrets(more=True)], b"more secrets, but none of them"),
    ([secrets(more=True)], b"more secrets, but none of them"),
    ([secrets("")], b"names are not in order"),
    ([b'{"type":"secrets","payload":{"secrets":{}}}\n'], b"secrets is not an array"),
    ([b'{"type":"secrets","payload":{"secrets":[1]}}\n'], b"cannot unmarshal number"),
    ([PONG], b"expected secrets, got pong")], ids=short)
def test_secret_list_that_could_go_on_for_ever(setup, answers, text):
    setup.start(*answers)
    done = setup.run("secret", "list")
    assert done.returncode == FAILED and text in done.stderr
    assert len(setup.guest.lines) == len(answers)


def test_secret_purge_tells_of_what_remains(setup):
    setup.start(PURGED % 0, PURGED % 7, ack("purge_secrets", "delete secret \"A\": busy"))
    done = setup.run("secret", "purge")
    assert (done.returncode, done.stdout) == (OK, b"2 secrets of 30 bytes wiped\n")
    done = setup.run("secret", "purge")
    assert done.returncode == REFUSED and b"7 bytes of secrets remain" in done.stderr
    done = setup.run("secret", "purge")
    assert done.returncode == REFUSED and b'delete secret "A": busy' in done.stderr


def test_workloads_for_people(setup):
    setup.start(workloads({"name": "web", "running": True, "pid": 7, "restarts": 0},
                          {"name": "job", "running": True, "pid": 8, "status": 1, "restarts": 2},
                          {"name": "run", "running": False, "status": 0, "restarts": 1},
                          {"name": "bad\x1b", "running": False, "restarts": 0, "error": "no\n"}),
                workloads())
    done = setup.run("workloads")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout == (b"web: running, pid 7, 0 restarts\njob: running, pid 8, 2 restarts\n"
                           b"run: exit status 0, 1 restarts\n"
                           b"bad?: not started, 0 restarts, error: no?\n")
    assert setup.run("workloads").stdout == b""


def test_logs_go_on_until_there_is_no_more(setup):
    setup.start(log(0, "one\ntw"), log(6, "o \x1b[2J\0\u00e4"), log(15, ""))
    done = setup.run("logs", "web")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert done.stdout == "one\ntwo \x1b[2J\0\u00e4".encode()
    assert setup.guest.lines == [log_request(0), log_request(6), log_request(15)]


def test_logs_as_they_came(setup):
    answers = [log(0, "one\n"), log(4, "")]
    setup.start(*answers)
    done = setup.run("logs", "web", "--json")
    assert (done.returncode, done.stderr, done.stdout) == (OK, b"", b"".join(answers))


def test_logs_tell_of_gaps_and_count_modulo(setup):
    setup.start(log(2**32 - 3, "abcdef"), log(3, "g"), log(9, "h"), log(10, ""))
    done = setup.run("logs", "web")
    assert (done.returncode, done.stdout) == (OK, b"abcdefgh")
    assert done.stderr == (b"motectl: web: offsets 0 to 4294967292 are not kept any more\n"
                           b"motectl: web: offsets 4 to 8 are not kept any more\n")
    assert setup.guest.lines == [log_request(n) for n in (0, 3, 4, 10)]


def test_logs_are_followed_to_the_guests_end(setup):
    setup.start(log(0, "half a li"), log(9, ""), log(9, "ne\n"), log(12, ""), None)
    with subprocess.Popen([MOTECTL, setup.address, "logs", "web", "--follow"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.read(9) == b"half a li"  # at once
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (OK, b"ne\n")
    assert err == b"motectl: the guest has ended: connection closed while waiting for response\n"
    assert setup.guest.lines == [log_request(n) for n in (0, 9, 9, 12, 12)]


@pytest.mark.parametrize("answer,code,text", [
    (ack("logs", "no"), REFUSED, b"motectl: logs failed: no\n"),
    (..., TIMEOUT, b"motectl: timed out while waiting for response\n"),
    (PONG, FAILED, b"motectl: expected logs, got pong\n")], ids=short)
def test_logs_are_followed_until_something_is_wrong(setup, answer, code, text):
    setup.start(log(0, ""), answer)
    done = setup.run("logs", "web", "--follow", "--timeout", "5")
    assert (done.returncode, done.stdout, done.stderr) == (code, b"", text)


def test_logs_end_when_nobody_reads_them(setup):
    setup.start(log(0, "one\n"), log(4, "two\n"), log(8, ""))
    reader, writer = os.pipe()
    os.close(reader)  # before there is anything to write
    with subprocess.Popen([MOTECTL, setup.address, "logs", "web", "--follow"],
                          stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        assert process.wait(60) == FAILED
        assert process.stderr.read() == b"motectl: cannot write to standard output\n"


@pytest.mark.parametrize("args,answer,code,text", [
    (["workloads"], PONG, FAILED, b"expected workloads, got pong"),
    (["workloads"], workloads(1), FAILED, b"cannot unmarshal number"),
    (["workloads"], workloads({"name": "a"}, {"status": -1}), FAILED, b"unexpected answer"),
    (["workloads"], b'{"type":"workloads","payload":{"workloads":{}}}\n', FAILED,
     b"workloads is not an array"),
    (["logs", "web"], PONG, FAILED, b"expected logs, got pong"),
    (["logs", "web"], log(0, "", 5), FAILED, b"the text does not end at next"),
    (["logs", "web"], log(5, "text", 5), FAILED, b"the text does not end at next"),
    (["logs", "web"], ack("logs", 'logs: no workload "web"'), REFUSED, b'no workload "web"\n'),
    (["logs", "web", "--follow"], None, FAILED, b"connection closed while waiting")], ids=short)
def test_bad_answers(setup, args, answer, code, text):
    setup.start(answer).fail(args, code, text)
