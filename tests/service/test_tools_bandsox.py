# SPDX-License-Identifier: MIT
"""mote upload, download, download-raw and ping-host, as somebody in the guest runs them."""

import hashlib
import json
import os
import pty
import threading

import pytest

from bandsox import PORT, Bandsox
from helpers import PATIENCE
from tool import FAILED, TIMED_OUT

DATA = bytes(range(256)) * 1000
DOWNLOADS = ["download", "download-raw"]


@pytest.fixture(name="box")
def fixture_box(tool):
    return lambda **options: Bandsox(f"{tool.place}_{PORT}", **options)


def test_ping(tool, box):
    with box():
        assert tool.run("mote", "ping-host") == (0, "pong\n", "")
        assert tool.run("mote", "ping-host", "--cmd-id", "x") == (0, "pong\n", "")
    assert tool.run("mote", "ping-host") == (
        FAILED, "", "mote: bandsox: port 9000 of the host: connection refused\n")


@pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "long"])
@pytest.mark.parametrize("options,path,checksum", [
    ([], None, False), (["--path", "/there"], "/there", False), (["--checksum"], None, True)])
def test_upload(tool, box, data, options, path, checksum):
    file = tool.directory / "file"
    file.write_bytes(data)
    with box() as host:
        host.buffers["id"] = len(data)
        assert tool.run("mote", "upload", str(file), "--cmd-id", "id", *options) == (0, "", "")
    assert host.received == {"id": data}
    request, = host.requests
    assert request["path"] == (path or str(file))
    assert request["checksum"] == (hashlib.md5(data).hexdigest() if checksum else "")


@pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "long"])
@pytest.mark.parametrize("verb", DOWNLOADS)
def test_download(tool, box, verb, data):
    """A relative path is below the working directory."""
    with box() as host:
        host.downloads["id"] = data
        assert tool.run("mote", verb, "/there", "here", "--cmd-id=id", cwd=tool.directory) == (
            0, "", "")
    assert (tool.directory / "here").read_bytes() == data
    assert [(request["type"], request["path"]) for request in host.requests] == [
        (verb.replace("-", "_"), "/there")]


@pytest.mark.parametrize("verb", DOWNLOADS)
def test_download_of_nothing(tool, box, verb):
    with box():
        assert tool.run("mote", verb, "/there", "new", "--cmd-id=id", cwd=tool.directory) == (
            FAILED, "", "mote: the host refuses: File not found: /there\n")
    assert not (tool.directory / "new").exists()


def test_upload_of_nothing(tool, box):
    with box() as host:
        status, output, errors = tool.run("mote", "upload", "/nonexistent", "--cmd-id", "id")
    assert (status, output) == (FAILED, "") and host.requests == []
    assert "/nonexistent" in errors and errors.endswith("no such file or directory\n")


def test_upload_that_the_host_refuses(tool, box):
    (tool.directory / "file").write_bytes(DATA)
    with box() as host:
        host.buffers["id"] = 1000
        assert tool.run("mote", "upload", "file", "--cmd-id", "id", cwd=tool.directory) == (
            FAILED, "", "mote: the host refuses: Upload size 256000 exceeds buffer cap 1000\n")


@pytest.mark.parametrize("defect", ["half", "half reset", "checksum", "garbage", "other", "fewer"])
@pytest.mark.parametrize("verb", DOWNLOADS)
def test_nothing_stays_of_a_download_that_fails(tool, box, verb, defect):
    (tool.directory / "there").write_bytes(b"already")
    with box(defect=defect) as host:
        host.downloads["id"] = DATA
        status, output, errors = tool.run("mote", verb, "p", "there", "--cmd-id", "id",
                                          cwd=tool.directory)
    assert (status, output) == (FAILED, "") and errors.startswith("mote: bandsox: ")
    assert sorted(file.name for file in tool.directory.iterdir()) == ["there", "vsock_guest"]
    assert (tool.directory / "there").read_bytes() == b"already"


def test_download_out_of_time(tool, box):
    with box(defect="stall") as host:
        host.downloads["id"] = DATA
        assert tool.run("mote", "download", "p", "new", "--cmd-id", "id", "--timeout", "1",
                        cwd=tool.directory) == (TIMED_OUT, "", "mote: bandsox: not done in time\n")
    assert sorted(file.name for file in tool.directory.iterdir()) == ["vsock_guest"]


@pytest.mark.parametrize("is_seen", [True, False])
def test_progress_is_for_people(tool, is_seen):
    """On a terminal, and of what takes longer than a second."""
    def serve(connection):
        connection.recv(65536)
        connection.sendall(json.dumps({"type": "ready", "cmd_id": "id", "size": 10,
                                       "checksum": ""}).encode() + b"\n12345")
        seen.wait(PATIENCE if is_seen else 2)
        connection.sendall(b"67890")

    seen = threading.Event()
    ours, its = pty.openpty() if is_seen else os.pipe()
    with tool.host(serve, PORT), tool.start("mote", "download-raw", "p", "new", "--cmd-id", "id",
                                            cwd=tool.directory, stderr=its) as process:
        os.close(its)
        while is_seen and b"5 of 10 bytes" not in os.read(ours, 4096):
            pass
        if is_seen:
            seen.set()
        assert process.wait(PATIENCE) == 0
    assert is_seen or os.read(ours, 4096) == b""
    os.close(ours)
    assert (tool.directory / "new").read_bytes() == b"1234567890"
