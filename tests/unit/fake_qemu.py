# SPDX-License-Identifier: MIT
"""A QEMU and a vsockd that only play their parts, for the tests of qemu/run: in a copy of qemu/, so
that the fakes can stand where the built programs would. The motectl used is named by MOTECTL.
"""

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MOTECTL = os.path.abspath(os.environ.get("MOTECTL", ROOT / "build" / "host" / "motectl"))

# Plays the guest that the kernel command line describes, one word after the other.
QEMU = """#!/usr/bin/env python3
import os, pathlib, shutil, signal, socket, sys, time
arguments = sys.argv[1:]
script = arguments[arguments.index("-append") + 1] if "-append" in arguments else ""
directory = next(a for a in arguments if a.startswith("socket,")).split("path=")[1]
stop = pathlib.Path(directory).parent / "stop"
(pathlib.Path(__file__).parent / "pids").open("a").write(f"{os.getpid()}\\n")
for word in script.split():
    verb, _, value = word.partition("=")
    if verb == "say":
        print(value.replace("_", " ").replace("@", "\\x1b[2J\\x1bc"), end="\\r\\n", flush=True)
    elif verb == "notify":
        with socket.socket(socket.AF_UNIX) as host:
            host.connect(f"{stop.parent}/vm.vsock_1030")
            host.sendall(value.encode() + b"\\n")
            host.shutdown(socket.SHUT_WR)
            host.recv(1)
    elif verb == "keep":
        shutil.copy(arguments[arguments.index("-initrd") + 1], pathlib.Path(__file__).parent)
    elif verb == "complain":
        print(value, file=sys.stderr, flush=True)
    elif verb == "sleep":
        time.sleep(float(value))
    elif verb == "serve":
        while not stop.exists():
            time.sleep(0.01)
    elif verb == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif verb == "rc":
        os._exit(int(value))
    elif verb == "crash":
        os.abort()
"""

# Answers every connection's CONNECT and then each line; a shutdown stops the fake QEMU.
VSOCKD = """#!/usr/bin/env python3
import os, pathlib, socket, sys, threading
uds = sys.argv[sys.argv.index("--uds") + 1]
(pathlib.Path(__file__).parents[2] / "pids").open("a").write(f"{os.getpid()}\\n")
(pathlib.Path(__file__).parents[2] / "arguments").write_text(" ".join(sys.argv[1:]))
if (pathlib.Path(__file__).parents[2] / "broken").exists():
    sys.exit("vsockd is broken")
def converse(peer):
    stream = peer.makefile("rb")
    port = stream.readline().split()[1]
    if port == b"9":
        return peer.shutdown(socket.SHUT_RDWR)
    peer.sendall(b"OK 1\\n")
    for line in stream:
        if b"die" in line:
            os._exit(3)
        if b"mute" in line:
            continue
        if b"shutdown" in line:
            peer.sendall(b'{"type":"ack","payload":{"reply_to":"shutdown","ok":true}}\\n')
            (pathlib.Path(uds).parent / "stop").touch()
        else:
            peer.sendall(b'{"type":"pong"}\\n')
listener = socket.socket(socket.AF_UNIX)
listener.bind(uds)
listener.listen()
print("vsockd: listening", flush=True)
while True:
    threading.Thread(target=converse, args=listener.accept()[:1], daemon=True).start()
"""


class Tree:
    """A copy of qemu/run with fakes around it."""

    def __init__(self, base):
        self.base = base
        (base / "qemu").mkdir()
        for file in (ROOT / "qemu" / "run", *(ROOT / "qemu").glob("*.py")):
            shutil.copy(file, base / "qemu")
        for path, text in (("build/host/vsockd", VSOCKD), ("fake-qemu", QEMU),
                           ("build/x86_64/mote.elf", "")):
            file = base / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
            file.chmod(0o755)

    def command(self, *words):
        return [sys.executable, self.base / "qemu" / "run", "--qemu", self.base / "fake-qemu",
                *words]

    def run(self, append, *words):
        environment = {k: v for k, v in os.environ.items() if k != "VSOCK"} | {"MOTECTL": MOTECTL}
        return subprocess.run(self.command("--append", append, *words), capture_output=True,
                              text=True, env=environment, timeout=60, check=False)

    def start(self, append, *words):
        return subprocess.Popen(self.command("--append", append, *words), text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env={**os.environ, "MOTECTL": MOTECTL})

    def check_clean(self):
        """No process is left that was started, and no directory."""
        pids = self.base / "pids"
        for pid in pids.read_text().split() if pids.exists() else []:
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)
        assert not list((self.base / "build").glob("run-*"))
