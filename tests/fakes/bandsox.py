# SPDX-License-Identifier: MIT
"""The listener of a Bandsox host for a guest to dial: uploads into memory or files that were
registered under a cmd_id, downloads in chunks or raw, and what can go wrong. It listens at a unix
socket: under vsockd that of a port of the host (UDS_9000), for a mote that listens at a unix
socket the one beside it.
"""

import base64
import contextlib
import hashlib
import json
import pathlib
import socket

from listening import Listening

PORT = 9000
READ = 4096           # bytes of one read while the request comes
CHUNK = 65536         # and of a chunk, or one read of an upload
LEGACY_MAX = 1 << 28  # bytes of an upload that was not registered
LONG_ERROR = "x" * 65536
GARBAGE = b"\x00\xff\x1b[31m{\"type\": ready\n"

# What a host may do in the place of what it should.
DEFECTS = ("bytes",      # lines come one byte at a time
           "reset",      # a reset comes instead of an answer
           "silence",    # nothing comes, and the connection stays
           "garbage",    # bytes that are no answer
           "close",      # an end instead of an answer
           "long error", # an error text of 64 KiB
           "stall",      # half of an upload is read, and then nothing; half of a download is sent
           "half",       # the same, and then the end
           "half reset", # the same, and then a reset
           "refuse",     # an upload is refused when it has begun, and not read
           "checksum",   # a wrong one
           "fewer",      # a byte less than was announced
           "more",       # and a byte more
           "offset",     # a chunk from somewhere else
           "stay",       # all is right, but the connection does not end
           "other")      # the answer is to somebody else's request


class Refused(Exception):
    """An error answer."""


def md5(data):
    return hashlib.md5(data).hexdigest()


class Bandsox(Listening):
    """A context manager: inside it a Bandsox host listens at path. buffers: {cmd_id: most bytes}
    of uploads that go to memory, into received; files: {cmd_id: path} of those that go to a file;
    downloads: {cmd_id: bytes}, each for one request; root: where paths lie that were not
    registered, None: there are none; checksums: whether registered data has one when it goes
    raw; together: so many have asked before one is answered. requests: what was asked; defect:
    one of DEFECTS."""

    def __init__(self, path, *, defect=None, root=None, checksums=False, seconds=300,
                 together=1):
        assert defect is None or defect in DEFECTS
        super().__init__(path, seconds)
        self.defect, self.root = defect, root
        self.checksums, self.together = checksums, together
        self.buffers, self.files, self.downloads = {}, {}, {}
        self.received, self.requests = {}, []
        # Unread bytes make a unix socket's end a reset.
        self.leaves = str(defect).endswith("reset")

    def _serve(self, connection):
        # A request without what it needs, or that is no object, has no answer at all.
        with connection, contextlib.suppress(OSError, KeyError, AttributeError, UnicodeError):
            self._answer(connection)
            if self.defect in ("silence", "stall", "stay"):
                self.over.wait()

    # -- lines

    def _read_line(self, connection):
        """The request, and what of the upload has come with it; None: it has no end."""
        data = b""
        while b"\n" not in data:
            piece = connection.recv(READ, socket.MSG_PEEK if self.leaves else 0)
            if not piece:
                return None
            data = data + piece if not self.leaves else piece
        return data.split(b"\n", 1)

    def _say(self, connection, **members):
        if self.defect == "other" and "cmd_id" in members:
            members["cmd_id"] += "s"
        line = json.dumps(members).encode() + b"\n"
        self._send(connection, line, 1 if self.defect == "bytes" else len(line))

    @staticmethod
    def _send(connection, data, size):
        for at in range(0, len(data), size or 1):
            connection.sendall(data[at:at + size])

    def _answer(self, connection):
        line = self._read_line(connection)
        if line is None:
            return
        try:
            request = json.loads(line[0])
        except json.JSONDecodeError as error:
            self._say(connection, type="error", cmd_id="unknown", error=f"Invalid JSON: {error}")
            return
        self.requests.append(request)
        while len(self.requests) < self.together and not self.over.wait(0.01):
            pass
        if self.defect in ("reset", "close", "silence"):
            return
        if self.defect == "garbage":
            connection.sendall(GARBAGE)
            return
        try:
            self._act(connection, request, line[1])
        except Refused as refusal:
            self._say(connection, type="error", cmd_id=request.get("cmd_id", "unknown"),
                      error=str(refusal))

    def _act(self, connection, request, rest):
        if self.defect == "long error":
            raise Refused(LONG_ERROR)
        acts = {"ping": self._ping, "upload": self._upload, "download": self._download,
                "download_raw": self._download_raw}
        act = acts.get(request.get("type"))
        if act is None:
            raise Refused("Unknown request type")
        act(connection, request, rest)

    def _ping(self, connection, request, _rest):
        self._say(connection, type="pong", cmd_id=request.get("cmd_id", "ping"))

    # -- uploads

    def _upload(self, connection, request, rest):
        cmd_id, size = request["cmd_id"], max(request["size"], 0)
        cap = self.buffers.get(cmd_id)
        if cap is not None and size > cap:
            raise Refused(f"Upload size {size} exceeds buffer cap {cap}")
        if size == 0 and self.defect is None:  # in one packet, as it may come
            self._keep(request, b"")
            lines = ({"type": "ready", "cmd_id": cmd_id},
                     {"type": "complete", "cmd_id": cmd_id, "size": 0})
            connection.sendall(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
            return
        request["path"]  # pylint: disable=pointless-statement
        self._say(connection, type="ready", cmd_id=cmd_id)
        if not self._is_known(cmd_id) and size > LEGACY_MAX:
            raise Refused(f"Upload too large for in-memory path: {size} > {LEGACY_MAX}")
        if self.defect == "refuse":
            raise Refused("No space left on the host")
        data = self._take(connection, rest[:size], size)
        if data is None:
            return
        expected = request.get("checksum")
        if self.defect == "checksum":
            expected = md5(b"something else")
        if expected and expected != md5(data):
            raise Refused(f"Checksum mismatch: expected {expected}, got {md5(data)}")
        self._keep(request, data)
        told = size + {"more": 1, "fewer": -1}.get(self.defect, 0)
        self._say(connection, type="complete", cmd_id=cmd_id, size=told)

    def _is_known(self, cmd_id):
        return cmd_id in self.buffers or cmd_id in self.files

    def _take(self, connection, data, size):
        """The bytes of an upload; None: no word of it any more."""
        breaks = self.defect in ("stall", "half", "half reset")
        data = bytearray(data)
        while len(data) < (size // 2 if breaks else size):
            piece = connection.recv(min(CHUNK, size - len(data)))
            if not piece:
                raise Refused("Connection closed during upload")
            data += piece
        if self.defect == "half reset":
            connection.recv(1, socket.MSG_PEEK)  # so that something is left
        return None if breaks else bytes(data)

    def _keep(self, request, data):
        """Where an upload goes; an unregistered one to the path that the guest has named."""
        cmd_id = request["cmd_id"]
        if cmd_id in self.buffers:
            del self.buffers[cmd_id]
            self.received[cmd_id] = data
            return
        path = self.files.get(cmd_id)
        if path is None:
            if self.root is None:
                raise Refused("Upload callback failed")
            path = self._place(request["path"])
        try:
            self._write(pathlib.Path(path), cmd_id, data)
        except OSError as error:
            raise Refused(f"Failed to write file: {error}") from error
        self.files.pop(cmd_id, None)

    @staticmethod
    def _write(path, cmd_id, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{cmd_id}.tmp")
        temporary.write_bytes(data)
        try:
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _place(self, path):
        return pathlib.Path(self.root) / path.lstrip("/")

    # -- downloads

    def _find(self, request):
        """What is asked for, and whether it was registered: that serves once."""
        data = self.downloads.pop(request["cmd_id"], None)
        if data is not None:
            return data, True
        path = request["path"]
        if self.root is None or not self._place(path).is_file():
            raise Refused(f"File not found: {path}")
        return self._place(path).read_bytes(), False

    def _half(self, data):
        """What of an answer is sent."""
        if self.defect in ("stall", "half", "half reset"):
            return data[:len(data) // 2]
        if self.defect == "fewer":
            return data[:-1]
        return data + b"\n" if self.defect == "more" else data

    def _download(self, connection, request, _rest):
        data, _registered = self._find(request)
        answers = []
        for at in range(0, len(data), CHUNK):
            piece = data[at:at + CHUNK]
            answers.append({"type": "chunk", "cmd_id": request["cmd_id"],
                            "data": base64.b64encode(piece).decode(),
                            "offset": at + (self.defect == "offset"),
                            "size": len(piece) + {"more": 1, "fewer": -1}.get(self.defect, 0)})
        checksum = md5(data if self.defect != "checksum" else b"something else")
        answers.append({"type": "complete", "cmd_id": request["cmd_id"], "size": len(data),
                        "checksum": checksum})
        if self.defect in ("stall", "half", "half reset"):
            lines = b"".join(json.dumps(answer).encode() + b"\n" for answer in answers)
            connection.sendall(lines[:len(lines) // 2])
            return
        for answer in answers:
            self._say(connection, **answer)

    def _download_raw(self, connection, request, _rest):
        data, registered = self._find(request)
        checksum = md5(data) if self.checksums or not registered else ""
        if self.defect == "checksum":
            checksum = md5(b"something else")
        self._say(connection, type="ready", cmd_id=request["cmd_id"], size=len(data),
                  checksum=checksum)
        self._send(connection, self._half(data), 1 if self.defect == "bytes" else len(data) + 1)
