# SPDX-License-Identifier: MIT
"""What mote holds of its machine: memory, files, processes and system calls are the same behind
ten thousand requests as before them, whatever the requests are. Of the program that is released.
"""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess

import pytest

from helpers import (CONNECTIONS, PATIENCE, PING, PONG, ack, ask, connect_again, eventually,
                     message, read_to_end, secret, stuff)
from service import Service, need_root
from test_connections import HALF, take_all
from test_oversize import LARGE_MAX, config, refusal

REQUESTS = 10000
A_CONNECTION = 100  # requests of it
PINGS = 500
PER_PING = 3  # to wait, to receive, to send
KEY = "ssh-ed25519 AAAA"
LONG = "v" * 20000


@pytest.fixture(name="way", params=["unix", "tcp"])
def fixture_way(request):
    return request.param


@pytest.fixture(name="lean")
def fixture_lean(way):
    """The program as it is released. It lets nobody but root look into it."""
    need_root("looking into mote's process")
    with Service("release", way) as service:
        yield service


def lines_of_all_kinds(service):
    """One of each, and what must come back of it."""
    directory = service.directory
    return [
        (PING, PONG), (message("get_health"), b'{"type":"health",'),
        (message("capabilities"), b'{"type":"capabilities",'),
        (secret("A", "v"), ack("inject_secret")), (secret("B", LONG), ack("inject_secret")),
        (secret("../A", LONG), b'{"type":"ack",'), (message("list_secrets"), b'{"type":"secrets",'),
        (message("rotate_secret", name="A", value=LONG), ack("rotate_secret")),
        (message("delete_secret", name="A"), ack("delete_secret")),
        (message("delete_secret", name="A"), b'{"type":"ack",'),
        (message("set_config", content=LONG), ack("set_config")),
        (message("inject_ssh_key", user="u", public_key=KEY), ack("inject_ssh_key")),
        (message("inject_ssh_key", user="nobody-here", public_key=KEY), b'{"type":"ack",'),
        (message("mount", tag="t", guest_path="/etc", fs_type="9p"), b'{"type":"ack",'),
        (message("mount", tag="t", guest_path=f"{directory}/m", fs_type="9p"), b'{"type":"ack",'),
        (message("purge_secrets"), b'{"type":"purged",'), (message("nope"), b'{"type":"ack",'),
        (b"malformed\n", b'{"type":"ack",'), (b"\n\r\n" + PING, PONG),
    ]


def serve(service, count):
    """count requests of all kinds, a hundred to a connection."""
    lines = itertools.cycle(lines_of_all_kinds(service))
    for _ in range(0, count, A_CONNECTION):
        with connect_again(service) as connection:
            for line, answer in itertools.islice(lines, A_CONNECTION):
                assert ask(connection, line).startswith(answer)


def memory(service):
    """Pages of it that are there, in KiB, counted one by one: all, and those of no file."""
    text = pathlib.Path(f"/proc/{service.pid}/smaps_rollup").read_text()
    return {name: int(re.search(rf"^{name}: +(\d+) kB$", text, re.MULTILINE)[1])
            for name in ("Rss", "Anonymous", "Swap")}


def files(service):
    return sorted(os.listdir(f"/proc/{service.pid}/fd"))


def children(service):
    return pathlib.Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text()


def rest(service):
    """Waits until mote has seen the end of every connection: all its slots are free."""
    with contextlib.ExitStack() as stack:
        take_all(service, stack)
    connect_again(service).close()
    eventually(lambda: children(service) == "", "the end of its processes")


def state(service):
    rest(service)
    found = {}

    def is_at_rest():  # the last connections' ends may still be on their way to mote
        before, found["memory"] = found.get("memory"), memory(service)
        found["files"] = files(service)
        return before == found["memory"] and len(found["files"]) == service.files

    eventually(is_at_rest, f"rest: {found}")
    return found


@pytest.fixture(name="warm")
def fixture_warm(lean):
    """It has served each kind of request once, so that all of its program is there."""
    lean.files = len(files(lean))
    serve(lean, A_CONNECTION)
    return lean


def test_memory_and_files_behind_ten_thousand_requests(warm):
    before = state(warm)
    serve(warm, REQUESTS)
    assert state(warm) == before


def test_memory_behind_the_longest_lines(warm):
    """On all connections at once; what is refused, too."""
    before = state(warm)
    with contextlib.ExitStack() as stack:
        connections = take_all(warm, stack)
        for connection in connections:
            connection.sendall(config(LARGE_MAX)[:-1])
        eventually(lambda: memory(warm)["Anonymous"] > CONNECTIONS * 1000, "all of it in mote")
        for connection in connections:
            assert ask(connection, b"\n") == ack("set_config")
            assert ask(connection, config(LARGE_MAX + 1)) == refusal(LARGE_MAX)
    assert state(warm) == before


def test_memory_behind_a_long_line_while_its_connection_stays(warm):
    """An idle connection is two pages, whatever it has been before: soon, but not at once."""
    with warm.connect() as connection:
        rest_of = memory(warm)
        for _ in range(3):
            assert ask(connection, config(LARGE_MAX)) == ack("set_config")
            assert ask(connection, PING) == PONG
        eventually(lambda: memory(warm) == rest_of, "one page for each half")


def test_memory_behind_answers_that_were_not_read(warm):
    before = state(warm)
    for _ in range(3):
        with contextlib.ExitStack() as stack:
            for connection in take_all(warm, stack)[1:4]:
                stuff(connection, message("nobody") * 50)
    assert state(warm) == before


def test_files_behind_a_thousand_connections(warm):
    """However they end."""
    before = state(warm)
    ends = [
        lambda c: None, lambda c: ask(c, PING), lambda c: c.sendall(HALF),
        lambda c: c.sendall(PING * 50), lambda c: c.sendall(b"x" * 5000),
        lambda c: (c.sendall(PING), c.shutdown(1), read_to_end(c)),
    ]
    for _, end in zip(range(1000), itertools.cycle(ends)):
        with connect_again(warm) as connection:
            end(connection)
    assert state(warm) == before


def test_files_behind_refused_connections(warm):
    before = state(warm)
    with contextlib.ExitStack() as stack:
        take_all(warm, stack)
        for _ in range(200):
            with pytest.raises(ConnectionRefusedError):
                warm.connect()
    assert state(warm) == before


def test_files_of_a_service(lean):
    """The three that it was given, epoll, signals, its listener and VComLink's."""
    kinds = [os.readlink(f"/proc/{lean.pid}/fd/{number}") for number in files(lean)[3:]]
    assert [re.sub(r"\[\d+\]", "", kind) for kind in kinds] == \
        ["anon_inode:[eventpoll]", "anon_inode:[signalfd]", "socket:", "socket:"]


def test_mappings(warm):
    """No heap, no library, and nothing that can both be written and executed."""
    lines = pathlib.Path(f"/proc/{warm.pid}/maps").read_text().splitlines()
    names = {line.split(maxsplit=5)[5] for line in lines if len(line.split()) > 5}
    assert "[heap]" not in names
    assert {name for name in names if name.startswith("/")} == \
        {os.readlink(f"/proc/{warm.pid}/exe")}
    for line in lines:
        permissions = line.split()[1]
        assert not ("w" in permissions and "x" in permissions), line


def trace(service, act):
    """The system calls of mote's process while act() runs, by name."""
    if not shutil.which("strace"):
        pytest.skip("no strace on this machine")
    log = service.directory / "trace"
    tracer = subprocess.Popen(["strace", "-qq", "-o", log, "-p", str(service.pid)])
    try:
        eventually(lambda: f"TracerPid:\t{tracer.pid}\n" in
                   pathlib.Path(f"/proc/{service.pid}/status").read_text(), "a tracer")
        act()
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(PATIENCE)
    return re.findall(r"^(\w+)\(", log.read_text(), re.MULTILINE)


def test_system_calls_of_a_ping(warm):
    """The first to wait may have begun before, and the last may not have ended."""
    with warm.connect() as connection:
        def act():
            for _ in range(PINGS):
                assert ask(connection, PING) == PONG

        calls = trace(warm, act)
    counts = {name: calls.count(name) for name in set(calls)}
    assert set(counts) == {"epoll_wait", "recvfrom", "sendto"}, counts
    assert counts["recvfrom"] == counts["sendto"] == PINGS
    assert PINGS - 1 <= counts["epoll_wait"] <= PINGS + 2
    assert (len(calls) + 1) // PINGS == PER_PING


def test_pipelined_pings_share_their_system_calls(warm):
    with warm.connect() as connection:
        def act():
            connection.sendall(PING * 100)
            for _ in range(100):
                assert ask(connection, b"") == PONG

        assert len(trace(warm, act)) < 100
