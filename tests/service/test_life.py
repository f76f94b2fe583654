# SPDX-License-Identifier: MIT
"""How mote starts and ends as a service: options, verbs, a second one in the same place, signals,
the shutdown message, and what its host and its console are told meanwhile.
"""

import contextlib
import json
import os
import re
import signal
import stat
import time

import pytest

from helpers import (PING, PONG, ack, ask, connect_again, eventually, message, read_to_end, secret,
                     stuff)
from service import PROGRAMS, Service, need_root, run, run_apart
from test_messages import SHUTDOWNS

USAGE, FAILED = 2, 1
ENTROPY = "mote: entropy: the kernel\n"
NO_TMPFS = re.compile(r"^mote: \S+ is no tmpfs: secrets may reach a disk\n", re.MULTILINE)


@pytest.fixture(name="own")
def fixture_own(program, way):
    """A service of one's own, either way."""
    with Service(program, way) as service:
        yield service


def essence(console):
    """Without what depends on where the tests run."""
    return NO_TMPFS.sub("", console)


def run_to_its_end(program, *options, **arguments):
    status, said = run_apart(program, *options, **arguments)
    return status, essence(said)


# --- verbs and options ---

@pytest.mark.parametrize("word", ["help", "--help", "-h"])
def test_help(program, word):
    status, said = run(program, word)
    assert status == 0
    assert said.startswith("usage: mote [OPTION ...] ")
    for option in ("listen", "secrets", "config", "passwd", "poweroff"):
        assert re.search(rf"^  --{option} [A-Z]+ ", said, re.MULTILINE)
    for verb in ("help", "version"):
        assert re.search(rf"^  {verb} ", said, re.MULTILINE)


@pytest.mark.parametrize("word", ["version", "--version", "-V"])
def test_version(service, word):
    status, said = run(service.program, word)
    assert status == 0
    assert re.fullmatch(r"mote \d+\.\d+\.\d+, Linux x86_64\n", said)
    payload = json.loads(service.raw(message("capabilities")))["payload"]
    assert said == f'mote {payload["version"]}, {payload["platform"]}\n'


@pytest.mark.parametrize("options, error", [
    (["--nope"], "--nope: no such option; see mote help"),
    (["nope"], "nope: no such option; see mote help"),
    (["--"], "--: no such option; see mote help"),
    ([""], ": no such option; see mote help"),
    (["--listenx=tcp"], "--listenx=tcp: no such option; see mote help"),
    (["--listen"], "--listen needs a value"),
    (["--poweroff", "exit", "--poweroff", "never"],
     "--poweroff never: systemctl, signal-init or exit"),
    (["--listen", "tcp", "--config"], "--config needs a value"),
    (["--listen", "tcp", "version"], "version: no such option; see mote help"),
    (["--config", "x" * 5000], "more than 4096 bytes of options"),
    ([*["--allow-cid", "2"] * 500], "more than 4096 bytes of options"),
], ids=lambda value: str(value)[:40])
def test_options_that_are_wrong(program, options, error):
    assert run(program, *options) == (USAGE, f"mote: {error}\n")


@pytest.mark.parametrize("cid", ["", "x", "-1", "2 ", "0x2", "4294967296"])
def test_cid_that_is_none(program, cid, tmp_path):
    status, said = run_to_its_end(program, "--listen", f"unix:{tmp_path}/s", "--allow-cid", cid)
    assert (status, said) == \
        (FAILED, f"{ENTROPY}mote: mote.allow_cid={cid}: not a CID, or one too many\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("where", ["", "nowhere", "tcp:1024", "unix:", "unix:" + "x" * 102, "TCP"])
def test_way_that_is_none(program, where):
    status, said = run_to_its_end(program, "--listen", where)
    assert status == 1
    assert re.fullmatch(re.escape(ENTROPY) + "mote: --listen .*: "
                        "(auto, vsock, tcp or unix:PATH|PATH has 1 to 101 bytes)\n", said)


def test_options_with_and_without_an_equals_sign(program):
    """The last of several wins; a value may have anything in it."""
    with Service(program) as service:
        service.end(signal.SIGTERM)
        service.path = service.directory / "a=b c\u00e4"
        service.secrets = service.directory / "s=s s"
        service.options = [f"--listen=unix:{service.path}", f"--secrets={service.secrets}"]
        service.start()
        service.wait_ready()
        assert service.raw(secret("KEY", "v")) == ack("inject_secret")
        assert (service.secrets / "KEY").read_text() == "v"
        assert not (service.directory / "s").exists()


# --- two in the same place ---

def enter(service):
    """What starts a program in the network of a service."""
    return ["nsenter", "--net", f"--target={service.pid}"]


def another(service, prefix=()):
    """Runs a second mote where the first one is: its status and what it says."""
    line = service.line()
    return run_to_its_end(service.program, *line[line.index("--listen"):], prefix=prefix)


def test_second_one_on_the_same_socket(service):
    for _ in range(2):
        assert another(service) == (FAILED, f"{ENTROPY}mote: port 1024 is taken: another agent "
                                    f"listens there (unix socket {service.path})\n")
        assert service.raw(PING) == PONG


def test_second_one_on_the_same_tcp_port(program):
    with Service(program, "tcp") as service:
        assert another(service, enter(service)) == (
            FAILED, f"{ENTROPY}mote: port 1024 is taken: another agent listens there "
            "(TCP 0.0.0.0:1024)\n")
        assert service.raw(PING) == PONG


def test_second_one_while_the_first_has_no_slot(service):
    """A socket that is only busy is not stale."""
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(service.connect())
        assert another(service)[0] == FAILED
        assert service.path.exists()


def test_stale_socket_is_replaced(service):
    service.end(signal.SIGKILL)
    assert service.path.is_socket()
    service.start()
    service.wait_ready()
    assert service.raw(PING) == PONG
    assert stat.S_IMODE(service.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("what", ["file", "directory", "link"])
def test_what_is_no_socket_is_not_replaced(service, what):
    service.end(signal.SIGTERM)
    other = service.directory / "other"
    other.write_text("content")
    {"file": lambda: service.path.write_text("content"), "directory": service.path.mkdir,
     "link": lambda: service.path.symlink_to(other)}[what]()
    assert another(service) == \
        (FAILED, f"{ENTROPY}mote: unix socket {service.path}: file exists\n")
    assert service.path.exists() and other.read_text() == "content"
    assert service.path.is_symlink() == (what == "link")


@pytest.mark.parametrize("place, why", [("nowhere/s", "no such file or directory"),
                                        ("passwd/s", "not a directory")])
def test_socket_that_can_t_be_made(service, place, why):
    service.end(signal.SIGTERM)
    service.path = service.directory / place
    assert another(service) == (FAILED, f"{ENTROPY}mote: unix socket {service.path}: {why}\n")


def test_only_its_owner_may_connect(service):
    assert stat.S_IMODE(service.path.stat().st_mode) == 0o600
    service.end(signal.SIGTERM)
    service.arguments["umask"] = 0o777
    service.start()
    service.wait_ready()
    assert stat.S_IMODE(service.path.stat().st_mode) & 0o177 == 0


# --- the end ---

@pytest.mark.parametrize("number, said", [
    (signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "SIGINT (ctrl-alt-del)")])
def test_signal_ends_it_in_order(own, number, said):
    with own.connect() as connection, own.connect() as half:
        half.sendall(b'{"type":"pi')
        assert own.end(number) == 0
        assert read_to_end(connection) == read_to_end(half) == b""
    assert f"\nmote: shutdown: {said}\n" in own.console
    assert not own.path.exists()


def test_signals_that_do_not_end_it(service):
    for number in (signal.SIGHUP, signal.SIGPIPE, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD,
                   signal.SIGALRM, signal.SIGWINCH, signal.SIGTTOU, signal.SIGQUIT):
        service.process.send_signal(number)
    assert service.raw(PING) == PONG


def test_many_signals_at_once(own):
    for _ in range(50):
        own.process.send_signal(signal.SIGINT)
        own.process.send_signal(signal.SIGTERM)
    assert own.wait_exit() == 0


def test_end_with_answers_that_nobody_takes(own):
    """They do not hold it up for long."""
    with own.connect() as deaf:
        stuff(deaf, message("nobody"))
        assert own.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("line, reason", SHUTDOWNS)
def test_shutdown(own, line, reason):
    with own.connect() as other, own.connect() as connection:
        connection.sendall(PING + line)
        assert read_to_end(connection) == PONG + ack("shutdown")
        assert read_to_end(other) == b""
    assert own.wait_exit() == 0
    assert own.console.endswith(f"\nmote: shutdown: {reason}\n")
    assert not own.path.exists()


def test_shutdown_behind_much_else(own):
    """All answers leave before it ends, whatever their number."""
    with own.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(PING * 1000 + message("shutdown") + PING)
        assert [stream.readline() for _ in range(1001)] == [PONG] * 1000 + [ack("shutdown")]
    assert own.wait_exit() == 0


def test_start_again_and_again(program):
    with Service(program) as service:
        for _ in range(10):
            assert service.raw(message("shutdown")) == ack("shutdown")
            assert service.wait_exit() == 0
            assert not service.path.exists()
            service.start()
            service.wait_ready()


# Is told of the machine's end as its first process; this one is but that of a namespace.
FIRST = 'trap "exit 9" TERM; "$@" & while :; do wait; done'


@pytest.mark.parametrize("how", ["signal-init", "exit"])
def test_poweroff(program, how):
    need_root("a process namespace")
    with Service(program) as service:
        service.end(signal.SIGTERM)
        script = FIRST if how == "signal-init" else '"$@"; exit $?'
        service.prefix = ["unshare", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh"]
        service.poweroff = how
        service.start()
        service.wait_ready()
        assert service.raw(message("shutdown")) == ack("shutdown")
        assert service.wait_exit() == (9 if how == "signal-init" else 0)


# --- what is told ---

def test_console_of_a_life(own):
    names = [f"unix socket {own.path}", f"unix socket {own.path}.2000"]
    if own.way == "tcp":
        names = ["TCP 0.0.0.0:1024", "TCP 0.0.0.0:2000"]
    listening = "".join(f"mote: listening on {name}\n" for name in names)
    assert essence(own.console) == f"{ENTROPY}{listening}mote: ready: all subsystems started\n"


def test_health_and_uptime(program):
    """Whole seconds since mote's start, not the machine's."""
    before = time.monotonic()
    with Service(program) as service, service.connect() as connection:
        def uptime():
            answer = ask(connection, message("get_health"))
            found = re.fullmatch(rb'\{"type":"health","payload":\{"state":"ready",'
                                 rb'"uptime_seconds":(\d+)\}\}\n', answer)
            assert int(found[1]) <= time.monotonic() - before
            return int(found[1])

        first = uptime()
        ready = time.monotonic()
        eventually(lambda: uptime() >= first + 2, "two seconds")
        assert time.monotonic() - ready > 1


def wait_listening(service):
    """For one whose console says nothing. Its socket is there before it listens."""
    eventually(service.path.exists, "a socket")
    connect_again(service).close()


def test_console_that_nobody_reads_any_more(program):
    """What it says is lost, and nothing else is."""
    with Service(program) as service:
        service.end(signal.SIGTERM)
        end, pipe = os.pipe()
        service.arguments |= {"stdout": pipe, "stderr": pipe}
        os.close(end)
        service.start()
        os.close(pipe)
        wait_listening(service)
        assert service.raw(secret("KEY", "v")) == ack("inject_secret")
        assert service.raw(message("shutdown")) == ack("shutdown")
        assert service.wait_exit() == 0


def test_no_standard_streams_at_all(program):
    """Their numbers are then those of mote's own files: no word of the console may get there."""
    with Service(program) as service:
        service.end(signal.SIGTERM)
        service.prefix = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh"]
        service.start()
        wait_listening(service)
        with contextlib.ExitStack() as stack:
            connections = [stack.enter_context(service.connect()) for _ in range(5)]
            assert ask(connections[0], secret("KEY", "v")) == ack("inject_secret")
            line = message("mount", tag="t", guest_path=f"{service.directory}/m", fs_type="9p")
            assert b"exit status 32" in ask(connections[1], line)  # which the console is told, too
            for connection in connections:
                assert ask(connection, PING) == PONG
            connections[2].sendall(message("shutdown"))
            assert read_to_end(connections[2]) == ack("shutdown")
            assert read_to_end(connections[3]) == b""
        assert service.wait_exit() == 0
        assert (service.secrets / "KEY").read_text() == "v"


def test_console_of_control_characters(own):
    line = message("shutdown", reason="\r\n\x1b[1m\x00\x7f")
    assert own.raw(line) == ack("shutdown")
    assert own.wait_exit() == 0
    assert own.console.endswith("\nmote: shutdown: ???[1m??\n")


def test_environment_and_arguments_are_not_needed():
    """As some programs start others: with neither."""
    for program in PROGRAMS:
        with Service(program, env={}) as service:
            assert service.raw(PING) == PONG


def test_port_is_free_again_at_once(program):
    """Where a connection of the last one still rests. Another service keeps the network alive."""
    with Service(program, "tcp") as first, Service(program, prefix=enter(first)) as keeper:
        with first.connect() as connection:
            assert first.end(signal.SIGTERM) == 0
            assert read_to_end(connection) == b""
        with Service(program, prefix=enter(keeper), options=["--listen", "tcp"]) as second:
            second.way = "tcp"
            assert second.raw(PING) == PONG
