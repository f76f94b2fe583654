# SPDX-License-Identifier: MIT
"""A guest that only plays its part, for the tests of motectl: it keeps the lines that it gets and
gives the answers that it was told. And the way to run motectl, named by MOTECTL, against it.
"""

import contextlib
import json
import os
import socket
import subprocess
import threading
import time

MOTECTL = os.environ.get("MOTECTL", "build/host/motectl")
LINE_MAX = 1048575
PONG = b'{"type":"pong"}\n'
PURGED = b'{"type":"purged","payload":{"secrets":2,"bytes":30,"residue":%d}}\n'
OK, REFUSED, TIMEOUT, FAILED = 0, 1, 124, 125


def short(value):
    """Names a parameter: pytest puts it in the environment, where a megabyte does not fit."""
    return repr(value)[:40]


def ack(reply_to, error=None):
    payload = {"reply_to": reply_to, "ok": error is None}
    if error is not None:
        payload["error"] = error
    return json.dumps({"type": "ack", "payload": payload}).encode() + b"\n"


def health(state, **more):
    return json.dumps({"type": "health", "payload": {"state": state, **more}}).encode() + b"\n"


def secrets(*names, more=False):
    entries = [{"name": name, "size": len(name), "mode": 0o640} for name in names]
    return json.dumps({"type": "secrets", "payload": {"secrets": entries, "more": more}},
                      ensure_ascii=False).encode() + b"\n"


def workloads(*entries):
    return json.dumps({"type": "workloads", "payload": {"workloads": entries}}).encode() + b"\n"


def log(offset, text, next_=None):
    next_ = offset + len(text.encode()) if next_ is None else next_
    return json.dumps({"type": "logs", "payload": {"name": "web", "offset": offset, "text": text,
                                                   "next": next_ % 2**32}}).encode() + b"\n"


class FakeGuest:
    """Serves one connection after the other. answers: per line received, what is sent for it:
    bytes, a list of bytes sent one by one, None to close, or ... to say nothing at all."""

    def __init__(self, listener, answers, hybrid=False, hello=b"OK 1073741824\n"):
        self.listener, self.answers = listener, list(answers)
        self.hybrid, self.hello = hybrid, hello
        self.lines, self.connects = [], []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                with self.listener.accept()[0] as peer:
                    self.converse(peer)

    def converse(self, peer):
        stream = peer.makefile("rb")
        if self.hybrid:
            self.connects.append(stream.readline())
            for byte in self.hello:
                peer.sendall(bytes([byte]))
            if not self.hello.endswith(b"\n"):
                return
        for line in stream:
            self.lines.append(line)
            answer = self.answer(line)
            if answer is None:
                return
            if answer is ...:
                continue
            for part in answer if isinstance(answer, list) else [answer]:
                peer.sendall(part)
                time.sleep(0.001 if isinstance(answer, list) else 0)

    def answer(self, _line):
        return self.answers.pop(0) if self.answers else PONG

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)


def unix_listener(path):
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    return listener


class Setup:
    """A fake guest and a motectl that talks to it."""

    def __init__(self, directory):
        self.path = directory / "guest"
        self.address = f"unix:{self.path}"
        self.guest = None

    def start(self, *answers):
        self.guest = FakeGuest(unix_listener(self.path), answers)
        return self

    def run(self, *args, stdin=b"", address=True, env=None):
        words = [self.address, *args] if address else args
        return motectl(*words, stdin=stdin, env=env)

    def fail(self, args, code, text):
        """Runs what must end with this code, say this, in one line, and nothing else."""
        done = self.run(*args)
        assert done.returncode == code and text in done.stderr
        assert done.stdout == b"" and done.stderr.count(b"\n") == 1


def motectl(*args, stdin=b"", env=None):
    clean = {k: v for k, v in os.environ.items() if k != "MOTE_ADDRESS"}
    return subprocess.run([MOTECTL, *map(str, args)], input=stdin, capture_output=True,
                          env={**clean, **(env or {})}, timeout=60, check=False)
