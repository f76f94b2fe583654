# SPDX-License-Identifier: MIT
"""mote as the guest agent of a Bandsox host, on a terminal in the place of the serial line: what
the host asks of files and commands, by the line alone and with a listener to dial.
"""

import base64
import contextlib
import hashlib
import json
import os
import pty
import signal
import time

import pytest

from bandsox import Bandsox
from bandsox_line import READY, Line, output
from helpers import PATIENCE, eventually
from service import PROGRAMS, Service, run_apart

OK = ("exit", {"exit_code": 0})
FAILED = ("exit", {"exit_code": 1})
LINE_MAX = 1048576
AT_ONCE = 16
KEPT_MAX = 4194304  # bytes of an output
BIG = bytes(range(256)) * 800 + b"the end"
PORT = {"vsock_port": 9000}


def error(text):
    return ("error", {"error": text})


def b64(data):
    return base64.b64encode(data).decode()


@contextlib.contextmanager
def serving(program):
    """A service with a terminal, and a host's end of that, which has read the first line."""
    master, slave = pty.openpty()
    try:
        with Service(program, options=["--bandsox", os.ttyname(slave)]) as service:
            line = Line(master, PATIENCE)
            assert line.read_line() == READY
            yield service, line
    finally:
        os.close(master)
        os.close(slave)


@pytest.fixture(name="pair", scope="module", params=PROGRAMS)
def fixture_pair(request):
    with serving(request.param) as pair:
        yield pair


@pytest.fixture(name="line")
def fixture_line(pair):
    return pair[1]


@pytest.fixture(name="host")
def fixture_host(pair):
    """A host that can be dialled, too."""
    with Bandsox(f"{pair[0].path}_9000") as host:
        yield host


# --- files, by the line ---

def test_small_file(line, tmp_path):
    for content, lines in [(b"", 1), (b"x", 1), (b"a\nb\n", 3), (b"\0\xff\r\n" * 7, 8),
                           (BIG[:65536], BIG[:65536].count(b"\n") + 1)]:
        (tmp_path / "f").write_bytes(content)
        assert line.ask("read_file", path=f"{tmp_path}/f") == [
            ("file_content", {"content": b64(content), "path": f"{tmp_path}/f",
                              "total_lines": lines}), OK]


def test_large_file(line, tmp_path):
    (tmp_path / "f").write_bytes(BIG)
    *chunks, complete, end = line.ask("read_file", path=f"{tmp_path}/f")
    assert [(kind, chunk["offset"], chunk["size"]) for kind, chunk in chunks] == [
        ("file_chunk", at, min(65536, len(BIG) - at)) for at in range(0, len(BIG), 65536)]
    assert b"".join(base64.b64decode(chunk["data"]) for _, chunk in chunks) == BIG
    assert complete == ("file_complete", {"checksum": hashlib.md5(BIG).hexdigest(),
                                          "path": f"{tmp_path}/f", "total_size": len(BIG),
                                          "total_lines": BIG.count(b"\n") + 1})
    assert end == OK


@pytest.mark.parametrize("content", [b"", b"\n", b"one", b"one\ntwo", b"one\r\ntwo\r\n\r\n",
                                     b"a\rb\r\r\nc\r", b"x" * 9000 + b"\n" + b"\n" * 300])
@pytest.mark.parametrize("offset,limit,numbers", [(1, 0, False), (0, 1, False), (1, 2, True),
                                                  (0, 0, True), (500, 5, True)])
def test_window(line, tmp_path, content, offset, limit, numbers):
    """Lines as Go's scanner has them."""
    (tmp_path / "f").write_bytes(content)
    lines = content.split(b"\n")
    lines = [one.removesuffix(b"\r") for one in (lines if lines[-1] else lines[:-1])]
    window = list(enumerate(lines, 1))[offset:offset + limit if limit else None]
    expected = b"\n".join(b"%d\t%s" % one if numbers else one[1] for one in window)
    assert line.ask("read_file", path=f"{tmp_path}/f", offset=offset, limit=limit,
                    show_line_numbers=numbers) == [
        ("file_content", {"content": b64(expected), "path": f"{tmp_path}/f",
                          "total_lines": len(lines)}), OK]


def test_write(line, tmp_path):
    path = tmp_path / "new" / "deep" / "f"
    assert line.ask("write_file", path=str(path), content=b64(b"\0hi"), append=False) == [OK]
    assert path.read_bytes() == b"\0hi"
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755
    inode = path.stat().st_ino
    assert line.ask("write_text", path=str(path), content=" h\u00e9\U0001f600", append=True) == [OK]
    assert path.read_bytes() == b"\0hi h\xc3\xa9\xf0\x9f\x98\x80"
    assert line.ask("write_text", path=str(path), content="", append=False) == [OK]
    assert path.read_bytes() == b"" and path.stat().st_ino == inode
    assert line.ask("write_file", path=str(path), content=b64(BIG * 2), append=False) == [OK]
    assert path.read_bytes() == BIG * 2
    assert line.ask("write_file", path=str(path), content="a$==", append=False) == [
        error("illegal base64 data at input byte 1"), FAILED]
    assert path.read_bytes() == BIG * 2


def test_file_errors(line, tmp_path):
    (tmp_path / "f").write_bytes(b"")
    for kind, path, text in [
            ("read_file", "/nonexist", "File not found: /nonexist"),
            ("read_file", tmp_path, f"Path is a directory: {tmp_path}"),
            ("file_info", "/nonexist", "Path not found: /nonexist"),
            ("list_dir", "/nonexist", "open /nonexist: no such file or directory"),
            ("write_text", tmp_path, f"open {tmp_path}: is a directory"),
            ("write_file", f"{tmp_path}/f/g", f"open {tmp_path}/f/g: not a directory")]:
        assert line.ask(kind, path=str(path), content="") == [error(text), FAILED]


def test_list_and_info(line, tmp_path):
    (tmp_path / "file <1>").write_bytes(b"four")
    (tmp_path / "file <1>").chmod(0o640)
    (tmp_path / "d").mkdir(0o755)
    (tmp_path / "link").symlink_to("nowhere")
    kind, listed = line.ask("list_dir", path=str(tmp_path))[0]
    found = {file.pop("name"): file for file in listed["files"]}
    assert (kind, listed["path"], sorted(found)) == (
        "dir_list", str(tmp_path), ["d", "file <1>", "link"])
    assert found["file <1>"] == {"mode": 0o640, "size": 4, "type": "file",
                                 "mtime": int((tmp_path / "file <1>").stat().st_mtime)}
    assert (found["d"]["mode"], found["d"]["type"]) == (0o755 | 1 << 31, "directory")
    assert found["link"]["mode"] == 0o777 | 1 << 27
    assert line.ask("file_info", path=f"{tmp_path}/file <1>")[0] == ("file_info", {
        "info": {"mode": "640", "size": 4, "mtime": found["file <1>"]["mtime"]}})
    assert line.ask("file_info", path=f"{tmp_path}/d")[0][1]["info"]["mode"] == "20000000755"


def test_empty_directory(line, tmp_path):
    assert line.ask("list_dir", path=str(tmp_path)) == [
        ("dir_list", {"files": [], "path": str(tmp_path)}), OK]


# --- files, with a listener ---

@pytest.mark.parametrize("content", [b"", b"x", BIG], ids=["0", "1", "big"])
def test_upload(line, host, tmp_path, content):
    (tmp_path / "f").write_bytes(content)
    host.buffers["up"] = len(content)
    assert line.ask("read_file", id="up", path=f"{tmp_path}/f", use_vsock=True, **PORT) == [
        ("status", {"status": "uploaded", "size": len(content)}), OK]
    assert host.received["up"] == content


def test_upload_of_a_list(line, host, tmp_path):
    for i in range(300):
        (tmp_path / f"file {i}").write_bytes(b"x" * i)
    host.buffers["list"] = 1 << 20
    events = line.ask("list_dir", id="list", path=str(tmp_path), use_vsock=True, **PORT)
    listed = host.received["list"]
    assert events == [("status", {"status": "uploaded", "size": len(listed)}), OK]
    files = json.loads(listed)["files"]
    assert {file["name"]: file["size"] for file in files} == {f"file {i}": i for i in range(300)}


def test_upload_that_fails_comes_by_the_line(line, tmp_path):
    """Nobody listens."""
    (tmp_path / "f").write_bytes(b"hi")
    assert line.ask("read_file", path=f"{tmp_path}/f", use_vsock=True, **PORT) == [
        ("file_content", {"content": b64(b"hi"), "path": f"{tmp_path}/f", "total_lines": 1}), OK]
    assert line.ask("list_dir", path=f"{tmp_path}", use_vsock=True, **PORT)[0][0] == "dir_list"
    assert line.ask("read_file", path="/nonexist", use_vsock=True, **PORT) == [
        error("File not found: /nonexist"), FAILED]


def test_download(line, host, tmp_path):
    path = tmp_path / "new" / "f"
    for append, expected in [(False, BIG), (True, BIG + b"more"), (False, b"")]:
        host.downloads["down"] = expected[len(BIG):] if append else expected
        assert line.ask("write_file_vsock", id="down", path=str(path), append=append,
                        **PORT) == [OK]
        assert path.read_bytes() == expected
    (_, payload), end = line.ask("write_file_vsock", path=str(path), append=False, **PORT)
    assert f"File not found: {path}" in payload["error"] and end == FAILED


# --- commands ---

def test_exec(line):
    for code in (0, 1, 42):
        events = line.ask("exec", command=f"echo out; echo err >&2; exit {code}", background=False,
                          env={})
        assert (output(events), output(events, "stderr")) == (b"out\n", b"err\n")
        assert events[-1] == ("exit", {"exit_code": code})
    assert line.ask("exec", command="kill -9 $$")[-1] == ("exit", {"exit_code": -1})
    assert output(line.ask("whatever", command="echo $A; cat", env={"A": "b  c"})) == b"b c\n"


def test_no_output_is_lost(line):
    for i in range(100):
        assert output(line.ask("exec", command=f"echo {i}")) == b"%d\n" % i
    events = line.ask("exec", command="seq 300000")
    assert output(events) == b"".join(b"%d\n" % i for i in range(1, 300001))
    for _, payload in events[:-1]:
        assert len(base64.b64decode(payload["data"])) <= 4096


def test_output_past_its_limit(line):
    events = line.ask("exec", command=f"head -c {KEPT_MAX + 1} /dev/zero; echo err >&2")
    assert output(events) == bytes(KEPT_MAX) and output(events, "stderr") == b"err\n"
    assert events[-2:] == [("output_truncated", {"bytes_sent": KEPT_MAX, "stream": "stdout"}), OK]


def test_what_a_command_leaves_behind_is_not_waited_for(line):
    begin = time.monotonic()
    events = line.ask("exec", command="sleep 1000 & echo $!")
    os.kill(int(output(events)), signal.SIGKILL)
    assert events[-1] == OK and time.monotonic() - begin < PATIENCE


def uploads(stdout, stderr):
    return {"attempted": True, "requested": True, "stderr_uploaded": stderr,
            "stdout_uploaded": stdout}


def test_exec_with_uploads(line, host):
    for name, command, streams in [("some", "echo out; echo err >&2; exit 3", (b"out\n", b"err\n")),
                                   ("none", "exit 3", (b"", b""))]:
        host.buffers.update({f"{name}:stdout": 99, f"{name}:stderr": 99})
        events = line.ask("exec", id=name, command=command, use_vsock_output=True, **PORT)
        assert events == [("exit", {"exit_code": 3, "vsock_output": uploads(True, True)})]
        assert (host.received[f"{name}:stdout"], host.received[f"{name}:stderr"]) == streams


def test_exec_with_uploads_that_fail(line):
    events = line.ask("exec", command="seq 9000; exit 3", use_vsock_output=True, **PORT)
    assert output(events) == b"".join(b"%d\n" % i for i in range(1, 9001))
    assert events[-1] == ("exit", {"exit_code": 3, "vsock_output": uploads(False, False)})


def test_background_and_input(line):
    name = line.send("exec", command="cat", background=True, env={})
    kind, payload = line.event()
    os.kill(payload["pid"], 0)
    assert (kind, payload["status"]) == ("status", "started")
    for fields, expected in [({"data": "ls\n"}, b"ls\n"),
                             ({"data": "AP8=", "encoding": "base64"}, b"\0\xff"),
                             ({"data": "AP8", "encoding": "base64"}, b"\0\xff")]:
        line.send("input", id=name, **fields)
        assert output([line.event()]) == expected
    line.send("input", id=name, data="!", encoding="base64")
    assert line.event() == ("error", {
        "cmd_id": name, "error": "base64 decode failed: illegal base64 data at input byte 0"})
    line.send("kill", id=name)
    assert line.event() == ("exit", {"cmd_id": name, "exit_code": -1})
    line.send("input", id=name, data="x")
    assert line.event() == ("error", {"cmd_id": name, "error": "Session not found"})


def test_input_to_a_command_that_reads_late(line):
    name = line.send("exec", command="sleep 1; head -c 100000 | wc -c", background=True)
    assert line.event()[1]["status"] == "started"
    for _ in range(2):
        line.send("input", id=name, data="x" * 50000)
    assert output(line.until_exit(name)[name]) == b"100000\n"


def test_input_without_an_input(line):
    name = line.send("exec", command="sleep 1")
    line.send("input", id=name, data="x")
    assert line.event() == ("error", {"cmd_id": name, "error": "Session stdin not available"})
    assert line.event() == ("exit", {"cmd_id": name, "exit_code": 0})


def test_kill_of_who_does_not_want_to_go(line):
    name = line.send("exec", command="trap '' TERM; echo up; while :; do sleep 0.1; done")
    assert output([line.event()]) == b"up\n"
    line.send("kill", id=name)
    line.send("kill", id="unknown")
    line.send("resize", id="unknown", cols=1, rows=1)
    assert line.until_exit(name)[name] == [("exit", {"cmd_id": name, "exit_code": -1})]


def test_terminal(line):
    name = line.send("pty_exec", command="stty size; echo $COLUMNS $LINES; read x; stty size; tty",
                     cols=81, rows=25)
    assert line.event() == ("status", {"cmd_id": name, "status": "started"})
    seen = b""
    while seen.count(b"\n") < 2:
        seen += output([line.event()])
    assert seen == b"25 81\r\n81 25\r\n"
    line.send("resize", id=name, cols=120, rows=40)
    line.send("input", id=name, data="yes\n")
    events = line.until_exit(name)[name]
    echoed, size, terminal = output(events).splitlines()
    assert (echoed, size, terminal[:9]) == (b"yes", b"40 120", b"/dev/pts/")
    assert events[-1] == ("exit", {"cmd_id": name, "exit_code": 0})


# --- the line ---

def test_many_at_once(line, tmp_path):
    (tmp_path / "f").write_bytes(BIG)
    names = [line.send("read_file", path=f"{tmp_path}/f") for _ in range(AT_ONCE)]
    for events in line.until_exit(*names).values():
        assert b"".join(base64.b64decode(payload["data"]) for kind, payload in events
                        if kind == "file_chunk") == BIG


def test_many_lists_at_once(line, tmp_path):
    """More than there may be open at the same time."""
    for i in range(200):
        (tmp_path / f"{i}").write_bytes(b"")
    names = [line.send("list_dir", path=str(tmp_path)) for _ in range(AT_ONCE)]
    for events in line.until_exit(*names).values():
        assert [len(payload.get("files", ())) for _, payload in events] == [200, 0]


def test_too_many_at_once(line):
    names = [line.send("exec", command="sleep 2; echo x") for _ in range(AT_ONCE + 3)]
    events = line.until_exit(*names)
    for name in names[:AT_ONCE]:
        assert output(events[name]) == b"x\n"
    for name in names[AT_ONCE:]:
        assert events[name][0][1]["error"] == f"too many requests at once: limit is {AT_ONCE}"


def test_what_is_ignored(line):
    line.write(b"\n[    0.0] Linux version\n{\"type\":\"exec\",\"command\":7,\"id\":\"x\"}\n[]\n"
               b"{\"type\":\"nothing\",\"id\":\"x\"}\n{\"type\":\"exec\"\n")
    assert line.ask("file_info", path="/")[-1] == OK


def test_too_long_a_line(line):
    """Who has sent it is told, if that can be known from its begin."""
    content = b'"content":"%s"' % (b"A" * LINE_MAX)
    line.write(b'{"type":"write_file",%s,"id":"last"}\n' % content)
    line.write(b'{"type":"input","id":"input",%s}\n' % content)
    line.write(b'{"type":"write_file","id":"first",%s}\n' % content)
    text = f"request too long: limit is {LINE_MAX} bytes"
    assert line.event() == ("error", {"cmd_id": "input", "error": text})
    assert line.until_exit("first")["first"] == [
        ("error", {"cmd_id": "first", "error": text}),
        ("exit", {"cmd_id": "first", "exit_code": 1})]
    assert line.ask("file_info", path="/")[-1] == OK


@pytest.mark.parametrize("program", PROGRAMS)
def test_end(program):
    """Commands do not outlive mote, and a line that is gone ends nothing but itself."""
    with serving(program) as (service, line):
        line.send("exec", command="echo $$; exec sleep 1000")
        pid = int(output([line.event()]))
        assert service.end(signal.SIGTERM) == 0
        eventually(lambda: not os.path.exists(f"/proc/{pid}"), "the end of a command")


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("name", ["ttyNONE", "/dev/null", "/nonexist"])
def test_no_such_line(program, name, tmp_path):
    status, said = run_apart(program, "--listen", f"unix:{tmp_path}/s", "--bandsox", name)
    assert status == 1
    assert f"mote: mote.bandsox={name}: no such serial line\n" in said
