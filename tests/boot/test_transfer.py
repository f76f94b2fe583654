# SPDX-License-Identifier: MIT
"""Files from and to a Bandsox host, with every defect that tests/fakes/bandsox.py knows, as the
host has them moved by the message transfer. What a guest has received it sends back.
"""

import concurrent.futures
import contextlib
import json
import random
import sys
import time

import pytest

from helpers import (PATIENCE, ROOT, TEST_IMAGE, PreparedGuest, ack, boot, eventually,
                     message)

sys.path.insert(0, str(ROOT / "tests" / "fakes"))

from bandsox import LONG_ERROR, PORT, Bandsox, md5  # noqa: E402 pylint: disable=C0413

DOWNLOADS = ("download", "download_raw")
AT_ONCE = 8
ID = "0b0e5b2c-2a7e-4b3f-9d53-6f6a3f0d2f11"


def content(size):
    """Bytes that are like no others of another size."""
    return random.Random(size).randbytes(size)


class Mover:
    """A guest that has a Bandsox host. uds: beside it are the sockets of the host's ports; place:
    in front of its paths; sizes: of files that it has room for, one beside another; kept: bytes
    of an error text that it keeps; sees_resets: a reset of the host's socket gets to it as one,
    and not, as by vsockd, as an end."""

    def __init__(self, guest, uds, *, place, sizes, kept, sees_resets):
        self.guest, self.uds, self.place = guest, uds, place
        self.sizes, self.kept, self.sees_resets = sizes, kept, sees_resets

    def host(self, **options):
        return Bandsox(f"{self.uds}_{PORT}", **options)

    def path(self, name):
        return f"{self.place}/{name}"

    def ask(self, request, **payload):
        """What became of a transfer."""
        answer = self._job("transfer", request=request, **payload)
        deadline = time.monotonic() + PATIENCE
        while answer["state"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.05)
            answer = self._job("job", id=answer["id"])
        return answer

    def _job(self, kind, **payload):
        answer = json.loads(self.guest.raw(message(kind, **payload)))
        assert answer["type"] == "job" and answer["payload"]["request"] == "transfer", answer
        return answer["payload"]

    def fails(self, request, **payload):
        """What went wrong, by whose fault."""
        job = self.ask(request, **payload)
        assert "result" not in job
        return job["state"], job["error"]

    def works(self, request, **payload):
        job = self.ask(request, **payload)
        assert job["state"] == "done" and "error" not in job, job
        return job.get("result", {})

    def receive(self, host, name, data, request="download"):
        host.downloads[name] = data
        result = self.works(request, path="/on/the/host", file=self.path(name), cmd_id=name)
        assert result["size"] == len(data)
        assert result.get("checksum", md5(data)) == md5(data)

    def send(self, host, name, **payload):
        """What the host has then."""
        host.buffers[name] = 1 << 30
        result = self.works("upload", path=self.path(name), cmd_id=name, **payload)
        data = host.received.pop(name)
        assert result["size"] == len(data)
        assert result.get("checksum", md5(data)) == md5(data)
        return data

    def has_nothing(self, name):
        """Nothing lies under that name, and so nothing leaves."""
        path = self.path(name)
        answer = self.guest.raw(message("transfer", request="upload", path=path, cmd_id=name))
        return answer == ack("transfer", f"bandsox: open {path}: no such file or directory")

    def leave(self, request, name, **payload):
        """Asks for a transfer, and does not wait for what becomes of it."""
        with self.guest.connect() as connection:
            connection.sendall(message("transfer", request=request, path=self.path(name),
                                       cmd_id=name, **payload))


@pytest.fixture(name="mover", scope="module", params=["q35", "microvm"])
def fixture_mover(request):
    with boot(machine=request.param) as guest:
        yield Mover(guest, guest.uds, place="/data", sizes=(0, 1, 4095, 4096, 20000), kept=1000,
                    sees_resets=False)


def test_ping(mover):
    with mover.host() as host:
        assert mover.works("ping") == {}
        assert mover.works("ping", cmd_id="abc") == {}
    assert host.requests == [{"type": "ping"}, {"type": "ping", "cmd_id": "abc"}]


@pytest.mark.parametrize("defect", [None, "bytes", "stay"])
@pytest.mark.parametrize("request_", DOWNLOADS)
def test_there_and_back(mover, request_, defect):
    """What comes in and goes out is the same, in every size."""
    for size in mover.sizes if defect is None else mover.sizes[1:2]:
        with mover.host(defect=defect) as host:
            mover.receive(host, "file", content(size), request_)
            assert mover.send(host, "file", checksum=size % 2 == 0) == content(size)


def test_raw_with_a_checksum(mover):
    with mover.host(checksums=True) as host:
        mover.receive(host, "file", content(5000), "download_raw")
        assert mover.send(host, "file") == content(5000)


def test_upload_says_what_it_sends(mover):
    with mover.host() as host:
        mover.receive(host, "file", b"hello")
        mover.send(host, "file", checksum=True)
        mover.send(host, "file")
    path = mover.path("file")
    assert [list(request.items()) for request in host.requests] == [
        [("type", "download"), ("path", "/on/the/host"), ("cmd_id", "file")],
        [("type", "upload"), ("path", path), ("size", 5), ("checksum", md5(b"hello")),
         ("cmd_id", "file")],
        [("type", "upload"), ("path", path), ("size", 5), ("checksum", ""), ("cmd_id", "file")]]


def test_eight_at_once(mover):
    """Four go and four come, in both ways: none begins before all have asked."""
    size = mover.sizes[-1] // AT_ONCE
    up, down = [f"up-{i}" for i in range(4)], [f"down-{i}" for i in range(4)]
    wanted = {name: content(size + i) for i, name in enumerate(up + down)}
    with mover.host() as host:
        for name in up:
            mover.receive(host, name, wanted[name])
    with mover.host(together=AT_ONCE) as host:
        host.buffers.update(dict.fromkeys(up, size * 2))
        host.downloads.update({name: wanted[name] for name in down})
        for i, name in enumerate(up + down):
            mover.leave("upload" if i < 4 else DOWNLOADS[i % 2], name, checksum=i % 2 == 0)
        eventually(lambda: len(host.received) == 4, "uploads")
        assert host.received == {name: wanted[name] for name in up}
    with mover.host() as host:
        for name in down:
            eventually(lambda i=name: not mover.has_nothing(i), name)
            assert mover.send(host, name, checksum=True) == wanted[name]


@pytest.mark.parametrize("request_", ["ping", "upload", *DOWNLOADS])
def test_host_that_says_no(mover, request_):
    """As much of what it says as there is room for."""
    with mover.host() as host:
        mover.receive(host, "file", b"hello")
    with mover.host(defect="long error"):
        state, error = mover.fails(request_, path=mover.path("file"), cmd_id=ID)
    assert state == "refused"
    assert LONG_ERROR.startswith(error) and len(error) >= mover.kept


def test_texts_of_the_host(mover):
    with mover.host() as host:
        for request in DOWNLOADS:
            assert mover.fails(request, path="/x", file=mover.path("none"), cmd_id=ID) == (
                "refused", "File not found: /x")
        mover.receive(host, "file", b"hello")
        host.buffers[ID] = 4
        assert mover.fails("upload", path=mover.path("file"), cmd_id=ID) == (
            "refused", "Upload size 5 exceeds buffer cap 4")
        host.files["dir"] = str(ROOT)
        state, error = mover.fails("upload", path=mover.path("file"), cmd_id="dir")
        assert state == "refused" and error.startswith("Failed to write file: [Errno 21] Is a d")
    assert mover.has_nothing("none")


LOST = "port 9000 of the host: connection reset"

# What every request is answered with, and what comes of it.
ANSWERS = {
    "reset": LOST,
    "close": "connection closed, 0 bytes into the {}",
    "garbage": "invalid character ",
    "other": "an answer with another cmd_id",
}


@pytest.mark.parametrize("defect", ANSWERS)
@pytest.mark.parametrize("request_", ["ping", "upload", *DOWNLOADS])
def test_bad_answer(mover, request_, defect):
    with mover.host() as host:
        mover.receive(host, "file", b"hello")
    with mover.host(defect=defect) as host:
        host.buffers[ID], host.downloads[ID] = 100, b"other"
        state, error = mover.fails(request_, path=mover.path("file"), cmd_id=ID)
    if defect == "reset" and not mover.sees_resets:
        defect = "close"
    assert state == "failed"
    assert error.startswith("bandsox: " + ANSWERS[defect].format(request_)), error
    with mover.host() as host:
        assert mover.send(host, "file") == b"hello"


# (request, defect): what comes of 4096 bytes; {}: of how many it got, any.
BREAKS = {
    ("download", "half"): "connection closed, {} bytes into the download",
    ("download", "half reset"): LOST,
    ("download", "offset"): "a chunk's offset: expected 0, got 1",
    ("download", "fewer"): "short chunk: expected 4095, got 4096",
    ("download", "more"): "short chunk: expected 4097, got 4096",
    ("download", "checksum"): "Checksum mismatch: expected {}",
    ("download_raw", "half"): "short download: expected 4096, got 2048",
    ("download_raw", "half reset"): "connection reset, short download: expected 4096, got 2048",
    ("download_raw", "fewer"): "short download: expected 4096, got 4095",
    ("download_raw", "more"): "long download: expected 4096, got 4097",
    ("download_raw", "checksum"): "Checksum mismatch: expected {}",
}


@pytest.mark.parametrize("request_,defect", BREAKS)
def test_nothing_stays_of_what_breaks(mover, request_, defect):
    seen = defect if mover.sees_resets else defect.removesuffix(" reset")
    start, _, end = ("bandsox: " + BREAKS[request_, seen]).partition("{}")
    with mover.host(defect=defect) as host:
        host.downloads[ID] = content(4096)
        state, error = mover.fails(request_, path="/x", file=mover.path("none"), cmd_id=ID)
    assert state == "failed" and error.startswith(start) and error.endswith(end), error
    assert mover.has_nothing("none")


@pytest.mark.parametrize("request_", DOWNLOADS)
def test_what_was_there_stays_when_its_successor_breaks(mover, request_):
    with mover.host() as host:
        mover.receive(host, "file", b"old")
    with mover.host(defect="half") as host:
        host.downloads[ID] = content(4096)
        mover.fails(request_, path="/x", file=mover.path("file"), cmd_id=ID)
    with mover.host() as host:
        assert mover.send(host, "file") == b"old"


@pytest.mark.parametrize("defect,state,error", [
    ("half", "failed", "bandsox: {}"),
    ("half reset", "failed", "bandsox: {}"),
    ("checksum", "refused", "Checksum mismatch: expected {}"),
    ("refuse", "refused", "No space left on the host"),
    ("more", "failed", "bandsox: the host has another size: expected {}"),
    ("fewer", "failed", "bandsox: the host has another size: expected {}"),
])
def test_upload_that_breaks(mover, defect, state, error):
    with mover.host() as host:
        mover.receive(host, "file", content(mover.sizes[-1]))
    with mover.host(defect=defect) as host:
        host.buffers[ID] = 1 << 30
        got = mover.fails("upload", path=mover.path("file"), cmd_id=ID)
    assert got[0] == state and got[1].startswith(error.partition("{}")[0]), got


def test_silent_host_keeps_nobody_waiting(mover):
    """One is silent, one stops in the middle: others are served meanwhile, and the guest gives up
    when the host goes."""
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with mover.host(defect="stall") as host:
            host.downloads.update(a=content(4096), b=content(4096))
            waiting = [pool.submit(mover.fails, request, path="/x", file=mover.path("none"),
                                   cmd_id=name) for request, name in zip(DOWNLOADS, "ab")]
            eventually(lambda: len(host.requests) == 2, "two requests")
            assert mover.guest.raw(message("ping")) == b'{"type":"pong"}\n'
        assert [future.result()[0] for future in waiting] == ["failed", "failed"]
    assert mover.has_nothing("none")


def test_nobody_listens(mover):
    state, error = mover.fails("ping")
    assert state == "failed" and error == "bandsox: port 9000 of the host: connection refused"


@pytest.mark.parametrize("payload,error", [
    ({"request": "upload", "cmd_id": ID}, "file must be absolute: "),
    ({"request": "upload", "path": "/x"}, "bandsox: there is no cmd_id"),
    ({"request": "download", "path": "/etc/passwd", "cmd_id": ID},
     "cannot download over system directory: "),
    ({"request": "download", "path": "/data/../etc/x", "cmd_id": ID}, 'file must be without ".."'),
    ({"request": "download", "path": "x", "cmd_id": ID}, "file must be absolute: "),
])
def test_what_is_not_begun(mover, payload, error):
    with mover.host() as host:
        answer = json.loads(mover.guest.raw(message("transfer", **payload)))
    assert error in json.dumps(answer).replace('\\"', '"'), answer
    assert not host.requests


def test_64_mib_of_linked_code(tmp_path):
    """More than the guest has memory, from and to code that makes and looks at every byte."""
    size = 64 << 20
    period = bytes((i * 7 + i // 251) & 255 for i in range(4093))
    data = (period * (size // len(period) + 1))[:size]
    (tmp_path / "moved").write_bytes(data)
    with contextlib.ExitStack() as stack:
        hosts = []

        def prepare(guest):
            hosts.append(stack.enter_context(Bandsox(f"{guest.uds}_{PORT}", root=tmp_path)))
            hosts[0].buffers["moved"] = size

        said = f'test: moved: "size":{size},"checksum":"{md5(data)}"'
        with PreparedGuest(image=TEST_IMAGE, append=f"test.move={size}", prepare=prepare,
                           timeout=5 * PATIENCE) as guest:
            guest.wait_for(lambda: guest.console.count("test: moved") == 3, "three transfers")
            assert guest.console.count(said) == 3, guest.console
    assert hosts[0].received["moved"] == data
