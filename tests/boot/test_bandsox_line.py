# SPDX-License-Identifier: MIT
"""mote as the guest agent of a Bandsox host, on bare metal: the serial line is a socket, the files
are those of the store, and the console is somewhere else, or nowhere.
"""

import base64
import contextlib
import socket

import pytest

from bandsox import Bandsox
from bandsox_line import READY, Line
from guest import exit_code
from helpers import PATIENCE, PreparedGuest, ack, message

OK, FAILED = ("exit", {"exit_code": 0}), ("exit", {"exit_code": 1})
NO_PROGRAMS = "there are no programs on bare metal: that needs mote on Linux"
LINE_MAX = 8192
BIG = bytes(range(256)) * 200
PORT = {"vsock_port": 9000}
# The host's end, by the number of the port: what QEMU has in the place of the console on ttyS0,
# and what is added to it.
MACHINES = [("q35", 0), ("q35", 1), ("microvm", 0)]


def b64(data):
    return base64.b64encode(data).decode()


class SerialGuest(PreparedGuest):
    """A guest whose serial port is a socket of the test. The console is the other one, if any."""

    def __init__(self, number, listener, **options):
        super().__init__(append=f"mote.bandsox=ttyS{number}", **options)
        self.number, self.listener = number, listener

    def command(self, directory):
        path = f"{directory}/serial"
        self.listener.bind(path)
        self.listener.listen()
        line = super().command(directory)
        at = line.index("-serial")
        ports = [["-serial", "chardev:line"], line[at:at + 2]]
        if self.number == 1:
            ports.reverse()
        if self.machine == "microvm":  # it has one alone
            ports.pop()
        return [*line[:at], "-chardev", f"socket,id=line,path={path}", *sum(ports, []),
                *line[at + 2:]]


@contextlib.contextmanager
def serving(machine, number):
    """A guest that has said `ready`, and its line."""
    with socket.socket(socket.AF_UNIX) as listener, \
            SerialGuest(number, listener, machine=machine) as guest:
        listener.settimeout(PATIENCE)
        transport, _ = listener.accept()
        with transport:
            line = Line(transport, PATIENCE)
            first = line.read_line()
            assert first == READY, first  # and not a byte of anything in front of it
            yield guest, line


@pytest.fixture(name="pair", scope="module", params=MACHINES,
                ids=[f"{machine}-ttyS{number}" for machine, number in MACHINES])
def fixture_pair(request):
    with serving(*request.param) as (guest, line):
        yield guest, line
        assert line.data == b""
        assert guest.raw(message("shutdown")) == ack("shutdown")
        guest.wait_for(lambda: guest.returncode is not None, "an end")
        assert guest.returncode == exit_code(0)  # for it may have nowhere to say EXIT
        assert line.read_to_end() == b""


@pytest.fixture(name="line")
def fixture_line(pair):
    return pair[1]


@pytest.fixture(name="host")
def fixture_host(pair):
    with Bandsox(f"{pair[0].uds}_9000") as host:
        yield host


def test_console_is_elsewhere(pair):
    guest, line = pair
    assert line.ask("file_info", path="/")[-1] == OK
    if guest.machine == "microvm":
        assert guest.console == ""
    else:
        guest.wait_ready()


def test_files(line):
    assert line.ask("write_file", path="/new/f", content=b64(b"\0one\r\ntwo"), append=False) == [OK]
    assert line.ask("write_text", path="/new/f", content=" h\u00e9\n", append=True) == [OK]
    content = b"\0one\r\ntwo h\xc3\xa9\n"
    assert line.ask("read_file", path="/new/f") == [
        ("file_content", {"content": b64(content), "path": "/new/f", "total_lines": 3}), OK]
    assert line.ask("read_file", path="/new/f", offset=1, limit=1, show_line_numbers=True)[0][1] \
        == {"content": b64("2\ttwo h\u00e9".encode()), "path": "/new/f", "total_lines": 2}
    assert line.ask("file_info", path="/new/f")[0][1]["info"]["size"] == len(content)
    assert line.ask("list_dir", path="/new") == [("dir_list", {"path": "/new", "files": [
        {"mode": 0o644, "mtime": 0, "name": "f", "size": len(content), "type": "file"}]}), OK]
    assert line.ask("read_file", path="/nonexist") == [
        ("error", {"error": "File not found: /nonexist"}), FAILED]
    assert line.ask("write_file", path="/new/f", content="!", append=False) == [
        ("error", {"error": "illegal base64 data at input byte 0"}), FAILED]


def test_transfers(line, host):
    host.downloads["down"] = BIG
    assert line.ask("write_file_vsock", id="down", path="/big", append=False, **PORT) == [OK]
    host.buffers["up"] = len(BIG)
    assert line.ask("read_file", id="up", path="/big", use_vsock=True, **PORT) == [
        ("status", {"size": len(BIG), "status": "uploaded"}), OK]
    assert host.received["up"] == BIG
    content, end = line.ask("read_file", path="/big")
    assert (base64.b64decode(content[1]["content"]), end) == (BIG, OK)
    host.buffers["list"] = 4096
    assert line.ask("list_dir", id="list", path="/", use_vsock=True, **PORT)[-1] == OK
    assert b'"name":"big"' in host.received["list"]
    host.downloads["down"] = b""
    assert line.ask("write_file_vsock", id="down", path="/big", append=False, **PORT) == [OK]


def test_without_a_listener(line):
    assert line.ask("write_text", path="/f", content="hi", append=False) == [OK]
    assert line.ask("read_file", path="/f", use_vsock=True, **PORT) == [
        ("file_content", {"content": "aGk=", "path": "/f", "total_lines": 1}), OK]
    assert line.ask("write_file_vsock", path="/f", append=False, **PORT)[-1] == FAILED


@pytest.mark.parametrize("fields", [{}, {"background": True}, {"use_vsock_output": True, **PORT}])
def test_commands(line, fields):
    refused = [("error", {"error": NO_PROGRAMS}), FAILED]
    assert line.ask("exec", command="echo hi", **fields) == refused
    assert line.ask("pty_exec", command="sh", cols=80, rows=24) == refused
    line.send("resize", id="x", cols=1, rows=1)
    line.send("kill", id="x")
    line.send("input", id="x", data="y")
    assert line.event() == ("error", {"cmd_id": "x", "error": "Session not found"})


def test_long_lines(line):
    """The longest one, and one more."""
    rest = len(b'{"type":"write_text","id":"x","path":"/l","content":""}')
    for more, expected in [(0, [OK]), (1, [("error", {
            "error": f"request too long: limit is {LINE_MAX} bytes"}), FAILED])]:
        line.write(b'{"type":"write_text","id":"x","path":"/l","content":"%s"}\n'
                   % (b"A" * (LINE_MAX - rest + more)))
        events = line.until_exit("x")["x"]
        assert [(kind, {key: value for key, value in payload.items() if key != "cmd_id"})
                for kind, payload in events] == expected
    assert line.ask("file_info", path="/l")[0][1]["info"]["size"] == LINE_MAX - rest


def test_many_at_once(line):
    assert line.ask("write_text", path="/m", content="x" * 4000, append=False) == [OK]
    names = [line.send("read_file", path="/m") for _ in range(50)]
    outcomes = [events[0][0] for events in line.until_exit(*names).values()]
    assert outcomes.count("file_content") >= 8 and set(outcomes) <= {"file_content", "error"}


def test_control_port_serves_as_well(pair):
    guest, line = pair
    assert guest.raw(message("ping")) == b'{"type":"pong"}\n'
    assert line.ask("file_info", path="/")[-1] == OK


@pytest.mark.parametrize("name", ["ttyS4", "ttyS3", "hvc0", "/dev/ttyS0"])
def test_no_such_line(name):
    with PreparedGuest(append=f"mote.bandsox={name}") as guest:
        assert guest.wait_exit() == 1
        assert f"mote: mote.bandsox={name}: no such serial line\n" in guest.console
