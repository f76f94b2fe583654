# SPDX-License-Identifier: MIT
"""The programs that mote is measured beside, each as a process of this machine: supervisors that
have one child, which sleeps; agents, which have a socket; and a C program that only echoes.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD  # noqa: E402 pylint: disable=wrong-import-position

MOTE = BUILD / "linux" / "mote"
ECHO = BUILD / "bench" / "echo"
SLEEP = ["/usr/bin/sleep", "infinity"]
INITTAB = "::respawn:/bin/busybox sleep 1000000\n"
LISTEN_SECONDS = 60
SETTLE_SECONDS = 1


class Program(NamedTuple):
    """command: of a directory of its own, which it may use; its last process is the program's
    when it begins with unshare. socket: a name in there; request and answer: a ping's."""

    name: str
    file: pathlib.Path
    command: object
    socket: str = ""
    request: str = ""
    answer: str = ""


def installed(name):
    found = shutil.which(name, path="/usr/bin:/bin:/usr/sbin:/sbin")
    return pathlib.Path(found or name)


def mote_command(directory):
    (directory / "workloads").touch()
    return [MOTE, "--listen", f"unix:{directory}/socket", "--secrets", directory / "secrets",
            "--config", directory / "config", "--workloads", directory / "workloads",
            "--poweroff", "exit"]


def supervisor(name, file, *words):
    return Program(name, file, lambda _: [file, *words, *SLEEP])


def busybox_command(directory):
    """Insists on being process 1; with a file system of its own it finds our inittab alone."""
    for name in ("bin", "etc"):
        (directory / name).mkdir()
    shutil.copy(installed("busybox"), directory / "bin")
    (directory / "etc" / "inittab").write_text(INITTAB)
    return ["unshare", "--pid", "--fork", "--kill-child", "chroot", directory, "/bin/busybox",
            "init"]


def agent_command(directory):
    return [installed("qemu-ga"), "-m", "unix-listen", "-p", directory / "socket", "-t", directory,
            "-f", directory / "pid"]


MOTE_PROGRAM = Program("mote", MOTE, mote_command, "socket", '{"type":"ping"}',
                       '{"type":"pong"}')
ECHO_PROGRAM = Program("C echo", ECHO, lambda directory: [ECHO, directory / "socket"], "socket",
                       "ping", "ping")
AGENT_PROGRAM = Program("qemu-ga", installed("qemu-ga"), agent_command, "socket",
                        '{"execute":"guest-ping"}', '{"return": {}}')
PROGRAMS = [
    MOTE_PROGRAM,
    ECHO_PROGRAM,
    supervisor("tini", installed("tini"), "-s", "--"),
    supervisor("tini-static", installed("tini-static"), "-s", "--"),
    supervisor("dumb-init", installed("dumb-init")),
    Program("busybox init", installed("busybox"), busybox_command),
    AGENT_PROGRAM,
]
SERVERS = [MOTE_PROGRAM, ECHO_PROGRAM, AGENT_PROGRAM]


def children(pid):
    return [int(word) for word in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


class Running:
    """A context manager: inside it the program runs. before: words before its own."""

    def __init__(self, program, before=()):
        self.program, self.before = program, before
        self.directory = self.process = None

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.directory = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            command = [*self.before, *self.program.command(self.directory)]
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(self._stop)
            self._wait_begun(command)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exception):
        return self._stack.__exit__(*exception)

    def _stop(self):
        self.process.kill()
        self.process.wait()

    def _wait_begun(self, command):
        deadline = time.monotonic() + LISTEN_SECONDS
        while self.program.socket and not self.socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise OSError(f"{command[0]}: rc {self.process.poll()}, no socket")
            time.sleep(0.01)
        time.sleep(SETTLE_SECONDS)
        if self.process.poll() is not None:
            raise OSError(f"{command[0]} has ended: rc {self.process.returncode}")

    @property
    def socket(self):
        return self.directory / self.program.socket

    @property
    def pid(self):
        """The program's own."""
        own = self.process.pid
        is_below = pathlib.Path(self.process.args[0]).name == "unshare"
        return children(own)[0] if is_below else own
