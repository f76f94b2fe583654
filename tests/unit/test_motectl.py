# SPDX-License-Identifier: MIT
"""motectl against a fake guest: the exact bytes it sends, what it makes of the answers,
its exit codes. The bytes are those of the real client (protocol StereOS). The binary is
named by MOTECTL.
"""

import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

from fake_guest import (FAILED, LINE_MAX, MOTECTL, OK, PONG, PURGED, REFUSED, TIMEOUT, FakeGuest,
                        ack, health, motectl, secrets, short, unix_listener, workloads)

KEY = b"ssh-ed25519 AAAAC3Nz...\n"

REQUESTS = [
    (["ping"], b"", b'{"type":"ping"}\n', PONG),
    (["health"], b"", b'{"type":"get_health"}\n', health("ready", uptime_seconds=3)),
    (["config", "set"], b'mixtape = "base:latest"\n',
     b'{"type":"set_config","payload":{"content":"mixtape = \\"base:latest\\"\\n"}}\n', "ack"),
    (["config", "set", "-"], b"", b'{"type":"set_config","payload":{"content":""}}\n', "ack"),
    (["ssh-key", "add", "admin"], KEY,
     b'{"type":"inject_ssh_key","payload":{"user":"admin",'
     b'"public_key":"ssh-ed25519 AAAAC3Nz...\\n"}}\n', "ack"),
    (["secret", "put", "KEY"], b"...",
     b'{"type":"inject_secret","payload":{"name":"KEY","value":"...","mode":384}}\n', "ack"),
    (["secret", "put", "--mode", "0644", "KEY"], b"",
     b'{"type":"inject_secret","payload":{"name":"KEY","value":"","mode":420}}\n', "ack"),
    (["secret", "put", "KEY", "--mode=0"], b"v",
     b'{"type":"inject_secret","payload":{"name":"KEY","value":"v"}}\n', "ack"),
    (["secret", "rotate", "KEY"], b"new",
     b'{"type":"rotate_secret","payload":{"name":"KEY","value":"new"}}\n', "ack"),
    (["secret", "rotate", "KEY", "--mode", "400"], b"",
     b'{"type":"rotate_secret","payload":{"name":"KEY","value":"","mode":256}}\n', "ack"),
    (["secret", "rm", "KEY"], b"", b'{"type":"delete_secret","payload":{"name":"KEY"}}\n', "ack"),
    (["secret", "list"], b"", b'{"type":"list_secrets"}\n', secrets("A")),
    (["secret", "purge"], b"", b'{"type":"purge_secrets"}\n', PURGED % 0),
    (["workloads"], b"", b'{"type":"workloads"}\n', workloads({"name": "web"})),
    (["mount", "share0", "/workspace"], b"",
     b'{"type":"mount","payload":{"tag":"share0","guest_path":"/workspace","fs_type":"9p"}}\n',
     "ack"),
    (["mount", "share1", "/data", "--type", "virtiofs", "--read-only"], b"",
     b'{"type":"mount","payload":{"tag":"share1","guest_path":"/data","fs_type":"virtiofs",'
     b'"read_only":true}}\n', "ack"),
    (["shutdown", "mb down"], b"",
     b'{"type":"shutdown","payload":{"reason":"mb down"}}\n', "ack"),
    (["shutdown"], b"", b'{"type":"shutdown","payload":{}}\n', "ack"),
    (["raw", '{"type": "ping" }'], b"", b'{"type": "ping" }\n', PONG),
]


def answer_to(request, answer):
    return ack(json.loads(request)["type"]) if answer == "ack" else answer


@pytest.mark.parametrize("args,stdin,request_,answer", REQUESTS)
def test_bytes_sent(setup, args, stdin, request_, answer):
    setup.start(answer_to(request_, answer))
    done = setup.run(*args, stdin=stdin)
    assert (done.returncode, done.stderr) == (OK, b"")
    assert setup.guest.lines == [request_]
    assert done.stdout.count(b"\n") == 1


@pytest.mark.parametrize("args,stdin,request_,answer", REQUESTS)
def test_json_prints_the_line_as_it_came(setup, args, stdin, request_, answer):
    line = answer_to(request_, answer)
    setup.start(line)
    done = setup.run("--json", *args, stdin=stdin)
    assert (done.returncode, done.stderr) == (OK, b"")
    if args == ["ping"]:
        assert json.loads(done.stdout)["elapsed_ms"] > 0
    else:
        assert done.stdout == line


@pytest.mark.parametrize("value,escaped", [
    (b"<>&\"\\", rb'\u003c\u003e\u0026\"\\'),
    (b"a\nb\rc\td", rb"a\nb\rc\td"),
    ("\u2028\u2029".encode(), rb"\u2028\u2029"),
    (b"\0\x01\x1f\x7f", b"\\u0000\\u0001\\u001f\x7f"),
    ("ä€😀\ufffd".encode(), "ä€😀\ufffd".encode()),
])
def test_secret_escapes(setup, value, escaped):
    setup.start(ack("inject_secret"))
    done = setup.run("secret", "put", "N<", stdin=value)
    assert done.returncode == OK
    assert setup.guest.lines == [
        b'{"type":"inject_secret","payload":{"name":"N\\u003c","value":"' + escaped +
        b'","mode":384}}\n']


def test_content_from_files(setup, tmp_path):
    setup.start(ack("inject_secret"), ack("set_config"), ack("inject_ssh_key"))
    file = tmp_path / "content"
    file.write_bytes(b"from a file")
    assert setup.run("secret", "put", "N", "--file", file, stdin=b"no").returncode == OK
    assert setup.run("config", "set", file, stdin=b"no").returncode == OK
    assert setup.run("ssh-key", "add", "u", file, stdin=b"no").returncode == OK
    assert [b"from a file" in line for line in setup.guest.lines] == [True] * 3


def test_binary_secret_is_refused_and_not_sent(setup):
    setup.start()
    for value in (b"\xff\xfe", b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82", b"\xf4\x90\x80\x80"):
        done = setup.run("secret", "put", "N", stdin=value)
        assert done.returncode == FAILED
        assert b"value is not valid UTF-8" in done.stderr and value not in done.stderr
    assert setup.guest.lines == []


def test_value_on_the_command_line_is_refused(setup):
    setup.start()
    done = setup.run("secret", "put", "N", "hunter2")
    assert done.returncode == FAILED
    assert b"never taken from the command line" in done.stderr
    assert b"hunter2" not in done.stderr and setup.guest.lines == []


def test_longest_line(setup):
    setup.start(ack("set_config"))
    room = LINE_MAX - len('{"type":"set_config","payload":{"content":""}}')
    assert setup.run("config", "set", stdin=b"x" * room).returncode == OK
    assert len(setup.guest.lines[0]) == LINE_MAX + 1


@pytest.mark.parametrize("content", [
    b"x" * (LINE_MAX - 45), b"<" * (LINE_MAX // 6), b"x" * (LINE_MAX + 1), b"x" * 3000000],
    ids=short)
def test_too_long_is_refused_before_sending(setup, content):
    setup.start()
    done = setup.run("config", "set", stdin=content)
    assert done.returncode == FAILED and b"1048575" in done.stderr
    assert setup.guest.lines == []


# Answers that fail: the verb, the answer, the exit code, what stderr must hold.
BAD_ANSWERS = [
    (["mount", "t", "/x"], ack("mount", "exit status 32"), REFUSED,
     b"motectl: mount failed: exit status 32\n"),
    (["mount", "t", "/x"], ack("", "malformed JSON: oh"), REFUSED,
     b"motectl: malformed JSON: oh\n"),
    (["mount", "t", "/x"], ack("mount", ""), REFUSED, b"mount failed: \n"),
    (["mount", "t", "/x"], ack("shutdown"), FAILED, b"ack for shutdown, expected mount"),
    (["mount", "t", "/x"], ack("shutdown", "no"), FAILED, b"ack for shutdown, expected mount"),
    (["mount", "t", "/x"], ack(""), FAILED, b"ack for , expected mount"),
    (["mount", "t", "/x"], b'{"type":"ack"}\n', FAILED, b"ack for , expected mount"),
    (["mount", "t", "/x"], b'{"type":"ack","payload":{"reply_to":"mount"}}\n', REFUSED,
     b"mount failed: \n"),
    (["mount", "t", "/x"], PONG, FAILED, b"expected ack, got pong"),
    (["ping"], ack("ping"), FAILED, b"expected pong, got ack"),
    (["ping"], ack("ping", "busy"), REFUSED, b"ping failed: busy"),
    (["ping"], ack("", "unknown message type: "), REFUSED, b"unknown message type"),
    (["health"], PONG, FAILED, b"expected health, got pong"),
    (["health"], health(7), FAILED, b"unexpected answer"),
    (["health"], health("ready", agents={}), FAILED, b"agents is not an array"),
    (["health"], health("ready", agents=[{"name": 1}]), FAILED, b"unexpected answer"),
    (["health"], health("ready", uptime_seconds=-1), FAILED, b"unexpected answer"),
    (["ping"], b"\n", FAILED, b"unexpected answer"),
    (["ping"], b"\r\n", FAILED, b"unexpected answer"),
    (["ping"], b"hello\n", FAILED, b"unexpected answer"),
    (["ping"], b"\0\xff\n", FAILED, b"unexpected answer"),
    (["ping"], b'{"type":"p\\u001b[31mng"}\n', FAILED, b"got p?[31mng"),
    (["ping"], None, FAILED, b"connection closed while waiting for response"),
    (["ping"], b"x" * (LINE_MAX + 1) + b"\n", FAILED, b"longer than 1048575 bytes"),
]


@pytest.mark.parametrize("args,answer,code,text", BAD_ANSWERS, ids=short)
def test_bad_answers(setup, args, answer, code, text):
    setup.start(answer).fail(args, code, text)


def test_refusal_with_json(setup):
    line = ack("mount", "no")
    setup.start(line)
    done = setup.run("--json", "mount", "t", "/x")
    assert (done.returncode, done.stdout) == (REFUSED, line)
    assert done.stderr == b"motectl: mount failed: no\n"


@pytest.mark.parametrize("answer", [
    b'{"type":"pong"}\r\n', b' { "extra" : [1] , "TYPE" : "pong" } \n',
    [bytes([b]) for b in PONG], b'{"type":"pong","pad":"' + b"x" * (LINE_MAX - 24) + b'"}\n'],
    ids=short)
def test_unusual_answers(setup, answer):
    setup.start(answer)
    assert setup.run("ping").returncode == OK


def test_health_for_people(setup):
    agents = [{"name": "co,[d\"er", "running": True, "session": "s]}", "restarts": 0},
              {"name": "x\x1b[2J\u009b", "running": False, "restarts": 2, "error": "boom\n"}]
    setup.start(health("healthy", agents=agents, uptime_seconds=61), health("booting", agents=[]),
                b'{"type":"health","payload":{"state":"ready","agents":null}}\n')
    lines = setup.run("health").stdout.decode().splitlines()
    assert lines[:2] == ["healthy, up 61 s",
                         'agent co,[d"er: running, session s]}, 0 restarts']
    assert lines[2:] == ["agent x?[2J??: not running, 2 restarts, error: boom?"]
    assert setup.run("health").stdout == b"booting, up 0 s\n"
    assert setup.run("health").stdout == b"ready, up 0 s\n"


def test_timeout_waiting_for_the_answer(setup):
    setup.start(...)
    start = time.monotonic()
    done = setup.run("--timeout", "0.3", "ping")
    assert done.returncode == TIMEOUT and b"timed out" in done.stderr
    assert 0.25 < time.monotonic() - start < 5


def test_timeout_holds_for_answers_in_drops(setup):
    setup.start([b" "] * 10000)
    assert setup.run("--timeout", "0.3", "ping").returncode == TIMEOUT


def test_timeout_while_sending(setup):
    listener = unix_listener(setup.path)  # which accepts nothing and reads nothing
    done = setup.run("--timeout", "0.3", "config", "set", stdin=b"x" * 1000000)
    listener.close()
    assert done.returncode == TIMEOUT


def test_closed_while_sending(setup):
    setup.guest = FakeGuest(unix_listener(setup.path), [], hybrid=True, hello=b"no line")
    done = setup.run("config", "set", stdin=b"x" * 1000000)
    assert done.returncode == FAILED and b"connection closed while" in done.stderr


def test_hybrid(setup):
    setup.guest = FakeGuest(unix_listener(setup.path), [PONG], hybrid=True)
    done = motectl(f"unix:{setup.path}:1024", "ping")
    assert (done.returncode, done.stderr) == (OK, b"")
    assert setup.guest.connects == [b"CONNECT 1024\n"]
    assert setup.guest.lines == [b'{"type":"ping"}\n']


@pytest.mark.parametrize("hello,text", [
    (b"", b"nothing listens on guest port 4294967295"), (b"OK 1", b"nothing listens"),
    (b"ERR\n", b'answer to CONNECT is "ERR"'), (b"OK" * 100, b"nothing listens")])
def test_hybrid_refused(setup, hello, text):
    setup.guest = FakeGuest(unix_listener(setup.path), [], hybrid=True, hello=hello)
    done = motectl(f"unix:{setup.path}:4294967295", "ping")
    assert done.returncode == FAILED and text in done.stderr


@pytest.mark.parametrize("host,family,bind", [
    ("127.0.0.1", socket.AF_INET, "127.0.0.1"), ("localhost", socket.AF_INET, "127.0.0.1"),
    ("[::1]", socket.AF_INET6, "::1")])
def test_tcp(host, family, bind):
    listener = socket.socket(family)
    try:
        socket.getaddrinfo(host.strip("[]"), 0)
        listener.bind((bind, 0))
    except OSError as error:
        pytest.skip(f"no {host} at {bind} here: {error}")
    listener.listen()
    guest = FakeGuest(listener, [PONG])
    done = motectl(f"tcp:{host}:{listener.getsockname()[1]}", "ping")
    guest.close()
    assert (done.returncode, done.stderr) == (OK, b"")


def test_nobody_listens(setup):
    done = setup.run("ping")
    assert done.returncode == FAILED and b"No such file" in done.stderr
    unix_listener(setup.path).close()
    assert b"Connection refused" in setup.run("ping").stderr
    assert motectl("tcp:127.0.0.1:1", "ping").returncode == FAILED
    assert motectl("vsock:4000000:1", "--timeout", "1", "ping").returncode in (TIMEOUT, FAILED)


def test_address_from_the_environment(setup):
    setup.start(PONG, PONG)
    env = {"MOTE_ADDRESS": setup.address}
    assert setup.run("ping", address=False, env=env).returncode == OK
    assert setup.run("ping", env={"MOTE_ADDRESS": "unix:/nowhere"}).returncode == OK


@pytest.mark.parametrize("address", [
    "unix:", "unix::5", "unix:" + "x" * 108, "vsock:", "vsock:x", "vsock:3:", "vsock:3:x",
    "vsock:4294967296", "tcp:host", "tcp::1", "tcp:h:65536", "tcp:" + "h" * 300 + ":1", "file:/x",
    "unix:" + "x" * 108 + ":1"])
def test_bad_addresses(address):
    done = motectl(address, "ping")
    assert done.returncode == FAILED and b"bad address" in done.stderr


@pytest.mark.parametrize("args,text", [
    ([], b"no verb"), (["unix:/x"], b"no verb"), (["frobnicate"], b"unknown verb frobnicate"),
    (["secret"], b"unknown verb secret"), (["ping"], b"no address"),
    (["unix:/x", "ping", "more"], b"too many arguments"),
    (["unix:/x", "secret", "put"], b"too few arguments"),
    (["unix:/x", "mount", "tag"], b"too few arguments"),
    (["unix:/x", "ping", "--mode", "600"], b"ping takes no --mode"),
    (["unix:/x", "logs"], b"too few arguments"), (["unix:/x", "logs", "a", "b"], b"too many"),
    (["unix:/x", "workloads", "--follow"], b"workloads takes no --follow"),
    (["unix:/x", "ping", "--nonsense"], b"unknown option --nonsense"),
    (["unix:/x", "ping", "-x"], b"unknown option -x"), (["-=", "ping"], b"unknown option -"),
    (["unix:/x", "ping", "--json=yes"], b"--json takes no value"),
    (["unix:/x", "ping", "--timeout"], b"--timeout must be"),
    (["unix:/x", "ping", "--timeout", "0"], b"--timeout must be"),
    (["unix:/x", "ping", "--timeout", "nan"], b"--timeout must be"),
    (["unix:/x", "ping", "--timeout=1e9"], b"--timeout must be"),
    (["unix:/x", "secret", "put", "n", "--mode", "8"], b"--mode must be"),
    (["unix:/x", "secret", "put", "n", "--mode", "1000"], b"--mode must be"),
    (["unix:/x", "secret", "put", "n", "--mode="], b"--mode must be"),
    (["unix:/x", "wait", "--for", "godot"], b"--for must be"),
    (["unix:/x", "secret", "put", "n", "--file", "/nonexistent"], b"cannot open /nonexistent"),
    (["unix:/x", "config", "set", "/"], b"cannot read /"), (["a"] * 9, b"more than 8 words"),
    (["help", "nonsense"], b"unknown verb nonsense")])
def test_usage_errors(args, text):
    done = motectl(*args)
    assert done.returncode == FAILED and text in done.stderr
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1


VERBS = ["wait", "ping", "health", "capabilities", "workloads", "logs", "secret put",
         "secret rotate", "secret list", "secret rm", "secret purge", "config set", "ssh-key add",
         "mount", "hostos", "vcom",
         "upload", "download", "download-raw", "ping-host", "job", "shutdown", "raw",
         "tpm info", "tpm ek", "tpm ek-cert", "tpm aik", "tpm pcrs", "tpm extend", "tpm random",
         "tpm quote", "tpm seal", "tpm unseal", "tpm activate"]


def test_help_lists_every_verb():
    done = motectl("--help")
    assert done.returncode == OK and done.stderr == b""
    listed = re.search(r"VERB is one of\n(.*?)\n\n", done.stdout.decode(), re.S).group(1)
    assert [line[2:16].strip() for line in listed.splitlines()] == VERBS
    assert motectl("help").stdout == done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(verb):
    words = verb.split()
    done = motectl(*words, "--help")
    assert done.returncode == OK
    assert done.stdout.startswith(
        f"Usage: motectl [--timeout SECONDS] [--json] ADDRESS {verb}".encode())
    assert motectl("help", *words).stdout == done.stdout
    assert motectl("unix:/x", *words, "--help").stdout == done.stdout
    assert done.stdout in motectl("help", words[0]).stdout
    assert done.stdout.count(b"Usage: ") == 1


def test_version():
    assert re.fullmatch(rb"motectl \d+\.\d+\.\d+\n", motectl("--version").stdout)


def test_full_output_is_an_error(setup):
    setup.start(PONG)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([MOTECTL, setup.address, "ping"], stdout=full,
                              stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == FAILED and b"standard output" in done.stderr


def test_raw_lines_from_stdin(setup):
    setup.start(b"one\n", ack("", "no"), b"three\r\n")
    done = setup.run("raw", stdin=b'\n{"a":1}\r\n\n\r\nnot json\nlast')
    assert setup.guest.lines == [b'{"a":1}\r\n', b"not json\n", b"last\n"]
    assert done.stdout == b"one\n" + ack("", "no") + b"three\n"
    assert (done.returncode, done.stderr) == (REFUSED, b"motectl: no\n")


def test_raw_prints_each_answer_at_once(setup):
    setup.start(PONG, PONG)
    with subprocess.Popen([MOTECTL, setup.address, "raw"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        for _ in range(2):
            process.stdin.write(b'{"type":"ping"}\n')
            process.stdin.flush()
            assert process.stdout.readline() == PONG
        process.stdin.close()
        assert process.wait(10) == OK


def test_raw_limits(setup):
    setup.start(PONG)
    done = setup.run("raw", stdin=b"x" * LINE_MAX + b"\n" + b"y" * (LINE_MAX + 1) + b"\n")
    assert done.returncode == FAILED and b"limit of 1048575 bytes" in done.stderr
    assert done.stdout == PONG and len(setup.guest.lines) == 1
    assert setup.run("raw", stdin=b"").returncode == OK


def test_raw_many_lines(setup):
    setup.start()
    done = setup.run("raw", stdin=b"x\n" * 5000)
    assert done.returncode == OK and done.stdout == PONG * 5000


def test_wait_sees_the_state_change(setup):
    setup.start(health("booting"), health("degraded"), health("ready"))
    done = setup.run("wait")
    assert done.returncode == OK and done.stdout.startswith(b"ready after ")
    assert setup.guest.lines == [b'{"type":"get_health"}\n'] * 3


def test_wait_for_the_listener(setup):
    timer = threading.Timer(0.3, lambda: setup.start(health("healthy")))
    timer.start()
    done = setup.run("--json", "wait", "--timeout", "20")
    timer.join()
    answer = json.loads(done.stdout)
    assert done.returncode == OK
    assert answer["state"] == "healthy" and 250 < answer["elapsed_ms"] < 20000


def test_wait_reconnects_when_closed_or_silent(setup):
    setup.start(None, None, ..., health("ready"))
    done = setup.run("wait", "--timeout", "30")
    assert done.returncode == OK and len(setup.guest.lines) == 4


def test_wait_hybrid_that_closes_at_once(setup):
    setup.guest = FakeGuest(unix_listener(setup.path), [], hybrid=True, hello=b"")
    timer = threading.Timer(0.3, lambda: setattr(setup.guest, "hello", b"OK 5\n"))
    setup.guest.answers = [health("ready")]
    timer.start()
    done = motectl(f"unix:{setup.path}:1024", "wait", "--timeout", "20")
    timer.join()
    assert done.returncode == OK and len(setup.guest.connects) > 2


@pytest.mark.parametrize("args,states,code", [
    (["--for", "ready"], ["booting", "healthy"], OK),
    (["--for", "healthy"], ["ready", "healthy"], OK),
    (["--for", "booting"], ["ready", "booting"], OK),
    (["--for", "shutdown"], ["ready", "shutdown"], OK),
    ([], ["booting", "shutdown"], REFUSED)])
def test_wait_for_states(setup, args, states, code):
    setup.start(*map(health, states))
    done = setup.run("wait", *args)
    assert done.returncode == code
    assert done.stderr == (b"" if code == OK else b"motectl: guest is shutting down\n")


def test_wait_gives_up(setup):
    done = setup.run("wait", "--timeout", "0.3")
    assert done.returncode == TIMEOUT and b"No such file" in done.stderr
    setup.start(*[health("booting")] * 1000)
    done = setup.run("wait", "--timeout", "5")
    assert done.returncode == TIMEOUT and b"still booting" in done.stderr


def test_wait_does_not_retry_a_wrong_peer(setup):
    setup.start(PONG)
    done = setup.run("wait")
    assert done.returncode == FAILED and b"expected health, got pong" in done.stderr
    assert len(setup.guest.lines) == 1


def test_no_heap():
    symbols = subprocess.run(["nm", "-u", MOTECTL], capture_output=True, text=True, check=True)
    assert not re.search(r"\b(malloc|calloc|realloc|free)\b", symbols.stdout)


def writable_memory(pid):
    """What lies in the writable memory of a process."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                start, end = (int(x, 16) for x in span.split("-"))
                mem.seek(start)
                yield mem.read(end - start)


def test_secret_is_wiped_while_waiting_for_the_answer(setup):
    setup.start(...)
    value = os.urandom(16).hex().encode()
    with subprocess.Popen([MOTECTL, setup.address, "secret", "put", "the_name"],
                          stdin=subprocess.PIPE) as process:
        process.stdin.write(value)
        process.stdin.close()
        while not setup.guest.lines:
            time.sleep(0.01)
        time.sleep(0.2)
        try:
            memory = b"".join(writable_memory(process.pid))
        except PermissionError:
            pytest.skip("memory of child processes can't be read here")
        finally:
            process.kill()
    assert value in setup.guest.lines[0]
    assert b"the_name" in memory and value not in memory
