# SPDX-License-Identifier: MIT
"""mote as an ordinary process of this machine, for its tests: both programs, over a unix socket or
TCP, with its files in a directory of their own, in namespaces where a test needs them. It answers
to what tests/boot/helpers.py asks of a guest. It tests nothing itself.
"""

import concurrent.futures
import ctypes
import functools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from guest import BUILD, PORT, READY, make_directory
from helpers import PATIENCE, PING, PONG, ask, compact, eventually

PROGRAMS = {"release": BUILD / "linux" / "mote", "asan": BUILD / "linux-asan" / "mote"}
WAYS = ("unix", "tcp")
IS_ROOT = os.getuid() == 0
USERS = ("admin", "u")  # who has a home here unless a test has others
POWERLESS = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]  # root as anybody else
CLONE_NEWNET = 0x40000000

# What makes namespaces of one's own, and what is then done there before mote takes its place.
UNSHARE = ["unshare", "--net", "--mount", "sh", "-ec"]
PREPARE = 'busybox ip link set lo up; {}; exec "$@"'


def need_root(what):
    """Skips a test that this machine gives to its superuser only."""
    if not IS_ROOT:
        pytest.skip(f"{what}: only root may")


@functools.cache
def reason_against_namespaces():
    """Why there can be no namespaces here (in a chroot, or a container); None when there can."""
    tried = subprocess.run([*UNSHARE, "true"], capture_output=True, text=True, check=False)
    return tried.stderr.strip() or "unshare gave no reason" if tried.returncode else None


def need_namespaces():
    need_root("a namespace of one's own")
    if reason_against_namespaces():
        pytest.skip(reason_against_namespaces())


def command(program, *options, setup=None, prefix=()):
    """mote's command line. prefix: what starts it; setup: what a shell does first, in namespaces
    of their own."""
    line = [*prefix, str(PROGRAMS[program]), *map(str, options)]
    if setup is None:
        return line
    need_namespaces()
    return [*UNSHARE, PREPARE.format(setup), "sh", *line]


def run(program, *options, **arguments):
    """Runs mote to its end: its status and all it said, which no sanitizer did."""
    ended = subprocess.run(command(program, *options, **arguments), timeout=PATIENCE,
                           capture_output=True, text=True, check=False)
    if program == "asan":
        assert ended.stderr == ""
    return ended.returncode, ended.stdout + ended.stderr


def run_apart(program, *options, **arguments):
    """The same with directories of its own, for mote makes them. The last options count."""
    with tempfile.TemporaryDirectory() as places:
        return run(program, f"--secrets={places}/secrets", f"--config={places}/jcard.toml",
                   *options, **arguments)


def socket_of_namespace(pid):
    """A TCP socket in the network of that process: a thread of ours makes it there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def make():
        with open(f"/proc/{pid}/ns/net", "rb") as namespace:
            assert libc.setns(namespace.fileno(), CLONE_NEWNET) == 0, ctypes.get_errno()
        return socket.socket(socket.AF_INET)

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(make).result()


class Service:
    """A context manager: inside it mote runs and is ready; behind it nothing is left, and mote
    has ended in order unless a test ended it. listen: options in the place of --listen for its
    way; users: lines of the passwd file, {} for the directory; arguments: of Popen.
    """

    vsock = None  # helpers ask which back end this is

    def __init__(self, program="release", way="unix", *, options=(), setup=None, prefix=(),
                 listen=None, users=None, **arguments):
        self.program, self.way, self.options = program, way, options
        self.setup, self.prefix = setup, prefix
        self.directory = make_directory()
        self.arguments = arguments
        self.path, self.passwd = self.directory / "s", self.directory / "passwd"
        self.secrets, self.home = self.directory / "secrets", self.directory / "home"
        self.config = self.directory / "etc" / "jcard.toml"
        self.listen, self.poweroff = listen, "exit"
        self.process, self.address = None, "127.0.0.1"
        self.home.mkdir()
        lines = users or "".join(map(self.passwd_line, USERS))
        self.passwd.write_text(lines.replace("{}", str(self.directory)))

    def passwd_line(self, user):
        return f"{user}:x:{os.getuid()}:{os.getgid()}::{self.home}:/bin/sh\n"

    def line(self):
        """The whole command line."""
        listen = self.listen
        if listen is None:
            listen = ["--listen", f"unix:{self.path}" if self.way == "unix" else "tcp"]
        setup = self.setup.replace("{}", str(self.directory)) if self.setup else self.setup
        return command(self.program, *listen, "--secrets", self.secrets, "--config", self.config,
                       "--passwd", self.passwd, "--poweroff", self.poweroff, *self.options,
                       setup=":" if setup is None and self.way == "tcp" else setup,
                       prefix=self.prefix)

    def start(self):
        line = self.line()
        with open(self.directory / "out", "wb") as out, open(self.directory / "err", "wb") as err:
            self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, process_group=0,
                                            **{"stdout": out, "stderr": err, **self.arguments})

    def wait_ready(self):
        """The console is that of this start."""
        eventually(lambda: READY in self.console or self.process.poll() is not None, READY)
        assert READY in self.console, self.console

    def __enter__(self):
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, *_exception):
        try:
            if kind is None:
                status = self.end(signal.SIGTERM) if self.process.poll() is None else None
                assert self.said_by_sanitizers == ""
                assert status in (0, None)
        finally:
            self.close()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def end(self, number):
        """The status after a signal."""
        self.process.send_signal(number)
        return self.wait_exit()

    def wait_exit(self):
        return self.process.wait(PATIENCE)

    @property
    def pid(self):
        return self.process.pid

    @property
    def console(self):
        """What mote says; over the system's C library that is standard output."""
        file = "out" if self.program == "asan" else "err"
        return (self.directory / file).read_text(errors="replace")

    @property
    def said_by_sanitizers(self):
        """And what nobody may say."""
        return (self.directory / ("err" if self.program == "asan" else "out")).read_text()

    def inside(self, path):
        """A path of the process, also of one that has another view of the files."""
        return pathlib.Path(f"/proc/{self.pid}/root{path}") if self.setup else pathlib.Path(path)

    def dial(self):
        """A connection, whether mote takes it or not: the kernel does. Over TCP the reset of one
        that mote refuses may come so early that connecting fails."""
        if self.way == "tcp":
            connection, address = socket_of_namespace(self.pid), (self.address, PORT)
        else:
            connection, address = socket.socket(socket.AF_UNIX), str(self.path)
        connection.settimeout(PATIENCE)
        try:
            connection.connect(address)
        except BaseException:
            connection.close()
            raise
        return connection

    def connect(self):
        """A connection that mote has taken: it has answered."""
        try:
            connection = self.dial()
            if ask(connection, PING) == PONG:
                return connection
            connection.close()
        except (ConnectionResetError, BrokenPipeError):
            pass
        raise ConnectionRefusedError("mote did not take it")

    def request(self, asked):
        """What comes back for a message, both as JSON."""
        return json.loads(self.raw(compact(asked) + b"\n"))

    def raw(self, line):
        """The line that comes back for one."""
        with self.dial() as connection:
            return ask(connection, line)
