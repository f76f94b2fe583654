# SPDX-License-Identifier: MIT
"""One guest under QEMU, for qemu/run and the boot tests: starts the host's end of the vsock
device and QEMU, reads the console, and ends both by process id. It does not know what the guest
is for, only how it says that it is ready ("mote: ready") and how it ended ("EXIT: STATUS=n").
"""

import contextlib
import json
import math
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import weakref

import tpm as tpms

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
IMAGE = BUILD / "x86_64" / "mote.elf"
PORT = 1024
READY = "mote: ready"
SOCKET_PATH_MAX = 107  # sun_path without its NUL
# max for RDRAND; without the rest QEMU aborts on KVM hosts that refuse that register (MSR 0x10a).
CPU = "max,-arch-capabilities"
STOP_SECONDS = 5  # from SIGTERM to SIGKILL
NOTICE_SECONDS = 0.1  # from a broken connection to knowing that its process has ended
# One wait at most: Python does not see a signal that comes just as a wait begins before its end.
SIGNAL_SECONDS = 0.5

# SeaBIOS puts terminal escapes in front of what the guest prints.
ESCAPES = re.compile(r"\x1b(\[[0-9;?=]*[ -/]*[@-~]|.)")
EXIT_LINE = re.compile(r"^EXIT: STATUS=(\d{1,3})$", re.MULTILINE)


class GuestError(Exception):
    """The guest can't be started, or something of it has ended that should not have."""


class GuestDied(GuestError):
    """QEMU, or the host's end of its vsock device, has ended."""


class GuestTimeout(GuestError):
    """What was waited for has not come in time."""


class Child:
    """A process, with a thread that takes its lines and its end. changed is notified then."""

    def __init__(self, command, changed, on_line=None, on_end=None, **options):
        self.changed, self.on_line, self.on_end = changed, on_line, on_end
        self.returncode = None
        stdout = subprocess.PIPE if on_line else None
        self.process = subprocess.Popen(command, stdout=stdout, **options)
        self.thread = threading.Thread(target=self._follow, daemon=True)
        self.thread.start()

    def _follow(self):
        if self.on_line:
            for line in self.process.stdout:
                self.on_line(line)
            self.process.stdout.close()
        code = self.process.wait()
        with self.changed:
            self.returncode = code
            self.changed.notify_all()
        if self.on_end:
            self.on_end()

    def stop(self):
        for send in (self.process.terminate, self.process.kill):
            if self.returncode is None:
                send()
                self.thread.join(STOP_SECONDS)


def exit_code(status):
    """What QEMU returns when the guest writes its status to isa-debug-exit: never 0."""
    return ((status + 0x10) & 0x7F) << 1 | 1


def find_program(name, *places):
    for place in places:
        found = [place] if place.is_file() else sorted(place.rglob(name)) if place.is_dir() else []
        if found:
            return str(found[0])
    in_path = shutil.which(name)
    if not in_path:
        raise GuestError(f"{name} not found in {', '.join(map(str, places))} or PATH")
    return in_path


def make_directory():
    """A fresh directory for sockets, under build/ unless their names would be too long there."""
    longest = len(str(BUILD / "run-12345678" / "vm.vsock_4294967295"))
    parent = BUILD if longest <= SOCKET_PATH_MAX else pathlib.Path(tempfile.gettempdir())
    parent.mkdir(exist_ok=True)
    return pathlib.Path(tempfile.mkdtemp(prefix="run-", dir=parent))


@contextlib.contextmanager
def signals_later():
    """Holds SIGTERM and SIGINT back: a process just started must not be lost to an exception.
    Not by masking them, which the process would inherit."""
    seen, old = [], {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            old[number] = signal.signal(number, lambda n, _frame: seen.append(n))
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        if seen:
            signal.raise_signal(seen[0])


def exit_on_sigterm(_signal, _frame):
    raise SystemExit(128 + signal.SIGTERM)


class Guest:
    """A context manager: inside it the guest runs, behind it nothing is left.

    vsock: vsockd, vhost-device-vsock or vhost (the kernel's). control: whether vsockd shall take
    commands to misbehave. tpm: the interface of one, tis or crb; tpm_state: where swtpm keeps it,
    without that it is made for this run. on_line gets each console line.
    timeout: seconds that any wait takes at most, unless it is given its own.
    """

    ready = READY  # what a guest says when it is

    def __init__(self, image=IMAGE, *, machine="microvm", acpi=False, memory="16M", append="",
                 accel="tcg", vsock=None, cid=3, host_cid=None, control=False, debug_exit=True,
                 rng=False, tpm=None, tpm_state=None, initrd=None, extra=(),
                 qemu="qemu-system-x86_64", timeout=60, on_line=None):
        self.image, self.machine, self.acpi, self.memory = image, machine, acpi, memory
        self.append, self.accel, self.initrd, self.extra = append, accel, initrd, extra
        self.vsock = vsock or os.environ.get("VSOCK") or "vsockd"
        self.cid, self.host_cid, self.has_control = cid, host_cid, control
        self.debug_exit, self.rng, self.qemu = debug_exit, rng, qemu
        self.tpm, self.tpm_state, self.swtpm = tpm, tpm_state, None
        self.timeout, self.on_line = timeout, on_line
        self.changed = threading.Condition()
        self.directory = None
        self._console = ""
        self._listening = False
        self._qemu = self._backend = self._old_sigterm = None
        self._sockets = weakref.WeakSet()

    # -- start and end

    def __enter__(self):
        try:
            self._catch_sigterm()
            self._check_host()
            with signals_later():
                self.directory = make_directory()
            self._prepare()
            self._start_tpm()
            self._start_backend()
            self._start_qemu()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_exception):
        self.close()

    def close(self):
        """Ends everything; signals wait until that is done."""
        with signals_later():
            for child in (self._qemu, self._backend):
                if child:
                    child.stop()
            if self.swtpm:
                self.swtpm.stop()
            if self.directory:
                shutil.rmtree(self.directory, ignore_errors=True)
        if self._old_sigterm is not None:
            signal.signal(signal.SIGTERM, self._old_sigterm)
            self._old_sigterm = None

    def _catch_sigterm(self):
        if threading.current_thread() is threading.main_thread() and \
                signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            self._old_sigterm = signal.signal(signal.SIGTERM, exit_on_sigterm)

    def _prepare(self):
        """For a kind of guest that needs more than QEMU and a back end; its close() ends that."""

    def _check_host(self):
        if not pathlib.Path(self.image).is_file():
            raise GuestError(f"no image {self.image}")
        if self.accel == "kvm" and not os.access("/dev/kvm", os.R_OK | os.W_OK):
            raise GuestError("KVM asked for, but /dev/kvm can't be opened here")
        if self.vsock == "vhost" and not os.path.exists("/dev/vhost-vsock"):
            raise GuestError("vhost asked for, but there is no /dev/vhost-vsock here")
        if self.vsock == "vhost-device-vsock" and self.host_cid is not None:
            raise GuestError("vhost-device-vsock can't take another host CID")

    def _start(self, name, command, on_line, on_end=None):
        """Starts a process in its own group: Ctrl-C is for us, not for it."""
        with open(self.directory / f"{name}.err", "wb") as errors:
            try:
                return Child(command, self.changed, on_line, on_end, stdin=subprocess.DEVNULL,
                             stderr=errors, process_group=0)
            except OSError as error:
                raise GuestError(f"cannot start {command[0]}: {error.strerror}") from error

    def _errors(self, name):
        """What a process has said on its standard error, for a message; nothing after close."""
        file = self.directory / f"{name}.err"
        text = file.read_text(errors="replace").strip() if file.exists() else ""
        return f"\n{text}" if text else ""

    def _start_tpm(self):
        if not self.tpm:
            return
        try:
            if not self.tpm_state:
                tpms.make(self.directory / "tpm")
                self.tpm_state = self.directory / "tpm" / tpms.STATE
            self.swtpm = tpms.Swtpm(self.tpm_state, self.directory)
            with signals_later():
                self.swtpm.start()
            self.swtpm.wait(self.timeout)
        except tpms.TpmError as error:
            raise GuestError(str(error)) from error

    def _start_backend(self):
        socket_path, uds = self.directory / "vhost.sock", self.uds
        if self.vsock == "vsockd":
            command = [find_program("vsockd", BUILD / "host" / "vsockd"), "--socket", socket_path,
                       "--uds", uds, "--cid", str(self.cid)]
            if self.host_cid is not None:
                command += ["--host-cid", str(self.host_cid)]
            if self.has_control:
                command += ["--control", self.directory / "control"]
        elif self.vsock == "vhost-device-vsock":
            command = [find_program("vhost-device-vsock", BUILD / "vhost-device-vsock"),
                       "--guest-cid", str(self.cid), "--socket", socket_path, "--uds-path", uds]
        elif self.vsock == "vhost":
            return
        else:
            raise GuestError(f"unknown vsock back-end {self.vsock}")
        with signals_later():
            self._backend = self._start("vsock", command, self._take_backend_line)
        self._wait_backend(socket_path)

    def _wait_backend(self, socket_path):
        """vsockd says when it listens; vhost-device-vsock only makes its sockets."""
        says = self.vsock == "vsockd"
        deadline = time.monotonic() + self.timeout

        def ready():
            return self._listening if says else socket_path.exists() and self.uds.exists()

        while not ready():
            self.wait_until(lambda: ready() or self.ended(), self.timeout if says else 0.01)
            if self.ended():
                raise self._backend_died()
            if time.monotonic() > deadline:
                raise GuestTimeout(f"{self.vsock} does not listen after {self.timeout} s")

    def _start_qemu(self):
        with signals_later():
            self._qemu = self._start("qemu", self.command(self.directory), self._take_line,
                                     self._close_sockets)

    def command(self, directory):
        """QEMU's command line, for sockets in directory."""
        microvm = self.machine == "microvm"
        bus = "device" if microvm else "pci"
        line = [self.qemu, "-accel", self.accel, "-cpu", CPU, "-nodefaults", "-display", "none",
                "-no-reboot", "-serial", "stdio", "-m", self.memory,
                "-object", f"memory-backend-memfd,id=mem,size={self.memory},share=on"]
        if microvm:
            line += ["-M", f"microvm,acpi={'on' if self.acpi else 'off'},memory-backend=mem",
                     "-global", "virtio-mmio.force-legacy=false"]
            line += ["-bios", "qboot.rom"] if self.acpi else []
        else:
            line += ["-M", f"{self.machine},memory-backend=mem"]
        if self.vsock == "vhost":
            line += ["-device", f"vhost-vsock-{bus},guest-cid={self.cid}"]
        else:
            line += ["-chardev", f"socket,id=vs,path={directory}/vhost.sock",
                     "-device", f"vhost-user-vsock-{bus},chardev=vs"]
        line += ["-device", f"virtio-rng-{bus}"] if self.rng else []
        if self.tpm:
            line += ["-chardev", f"socket,id=tpm,path={directory}/{tpms.CONTROL}",
                     "-tpmdev", "emulator,id=tpm,chardev=tpm",
                     "-device", f"tpm-{self.tpm},tpmdev=tpm"]
        line += ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"] if self.debug_exit else []
        line += ["-kernel", str(self.image)]
        line += ["-initrd", str(self.initrd)] if self.initrd else []
        line += ["-append", self.append] if self.append else []
        return line + list(self.extra)

    # -- what happens meanwhile; these run in the threads that read

    def _take_line(self, raw):
        line = ESCAPES.sub("", raw.decode(errors="replace")).replace("\r", "")
        with self.changed:
            self._console += line
            self.changed.notify_all()
        if self.on_line:
            self.on_line(line)

    def _take_backend_line(self, line):
        with self.changed:
            self._listening = self._listening or b"listening" in line
            self.changed.notify_all()

    def _close_sockets(self):
        """Wakes whoever waits for an answer of a guest that is gone."""
        for connection in list(self._sockets):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    # -- what one can know

    @property
    def console(self):
        with self.changed:
            return self._console

    @property
    def uds(self):
        return self.directory / "vm.vsock"

    @property
    def address(self):
        """As motectl takes it."""
        return f"vsock:{self.cid}:{PORT}" if self.vsock == "vhost" else f"unix:{self.uds}:{PORT}"

    @property
    def qemu_pid(self):
        return self._qemu.process.pid

    @property
    def returncode(self):
        """QEMU's; None while it runs."""
        return self._qemu.returncode if self._qemu else None

    def dead(self):
        """Why nothing more is to be expected of the guest; None while it runs."""
        if self.returncode is None and self._backend and self._backend.returncode is not None:
            # It may have ended because QEMU did.
            if not self.wait_until(lambda: self.returncode is not None, 1):
                return self._backend_died()
        if self.returncode is None:
            return None
        return GuestDied(f"guest ended (QEMU rc {self.returncode}){self._errors('qemu')}"
                         f"{self._errors('swtpm')}")

    def _backend_died(self):
        return GuestDied(f"{self.vsock} ended (rc {self._backend.returncode})"
                         f"{self._errors('vsock')}")

    def ended(self):
        """Whether a process has ended; cheap, for use under the lock."""
        return self.returncode is not None or \
            self._backend is not None and self._backend.returncode is not None

    def wait_until(self, condition, timeout=math.inf):
        """Whether condition() holds before the time is over; looked at when anything happens."""
        end = time.monotonic() + timeout
        with self.changed:
            while not condition():
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(min(left, SIGNAL_SECONDS))
            return True

    def wait_for(self, condition, what, timeout=None):
        """Waits until condition() holds; an exception when it can't any more."""
        timeout = self.timeout if timeout is None else timeout
        self.wait_until(lambda: condition() or self.ended(), timeout)
        if condition():
            return
        died = self.dead()
        if not condition():
            raise died or GuestTimeout(f"{what} not seen after {timeout:g} s")

    def wait_console(self, text, timeout=None):
        self.wait_for(lambda: text in self._console, f"\"{text}\" on the console", timeout)

    def wait_ready(self, timeout=None):
        self.wait_console(self.ready, timeout)

    def wait_exit(self, timeout=None):
        """The status that the guest ended with, when it has."""
        self.wait_for(lambda: self.returncode is not None, "the guest's end", timeout)
        return self.status()

    def status(self):
        """What the guest's last words say; QEMU's return code must say the same."""
        found = EXIT_LINE.findall(self.console)
        if not found:
            raise GuestDied(f"guest ended without EXIT: STATUS (QEMU rc {self.returncode})"
                            f"{self._errors('qemu')}")
        status = int(found[-1])
        expected = exit_code(status) if self.debug_exit else 0
        if self.returncode != expected or status > 127:
            raise GuestDied(f"guest said EXIT: STATUS={status}, but QEMU's rc is "
                            f"{self.returncode}, not {expected}{self._errors('qemu')}")
        return status

    # -- talking to it

    def connect(self, port=PORT):
        """A stream socket to a port of the guest; ConnectionRefusedError if nobody listens."""
        self._check_alive()
        family = socket.AF_VSOCK if self.vsock == "vhost" else socket.AF_UNIX
        connection = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.add(connection)
        try:
            connection.settimeout(self.timeout)
            if family == socket.AF_VSOCK:
                connection.connect((self.cid, port))
            else:
                connection.connect(str(self.uds))
                self._say_connect(connection, port)
        except BaseException:
            connection.close()
            self._check_alive(NOTICE_SECONDS)
            raise
        return connection

    @staticmethod
    def _say_connect(connection, port):
        connection.sendall(f"CONNECT {port}\n".encode())
        answer = b""
        while not answer.endswith(b"\n"):
            byte = connection.recv(1)  # one by one: what follows is the stream's
            if not byte:
                raise ConnectionRefusedError(f"nothing listens on guest port {port}")
            answer += byte
        if not answer.startswith(b"OK "):
            raise ConnectionError(f"answer to CONNECT is {answer!r}")

    def raw(self, data, port=PORT):
        """Sends data as it is on a fresh connection and returns the line that comes back."""
        with self.connect(port) as connection, connection.makefile("rb") as stream:
            try:
                connection.sendall(data)
                line = stream.readline()
            except OSError:
                self._check_alive(NOTICE_SECONDS)
                raise
        if not line.endswith(b"\n"):
            self._check_alive(NOTICE_SECONDS)
            raise ConnectionError(f"connection closed after {line!r}")
        return line

    def request(self, message, port=PORT):
        """Sends one message of the StereOS protocol and returns the answer."""
        return json.loads(self.raw(json.dumps(message).encode() + b"\n", port))

    def control(self, command):
        """Has vsockd do something (its --help says what) and waits until it is done."""
        with socket.socket(socket.AF_UNIX) as connection, connection.makefile() as answers:
            connection.settimeout(self.timeout)
            connection.connect(str(self.directory / "control"))
            connection.sendall(f"{command}\n".encode())
            answer = answers.readline()
        if answer != "ok\n":
            raise GuestError(f"vsockd: {command}: {answer.strip() or 'no answer'}")

    def _check_alive(self, notice=0):
        self.wait_until(self.ended, notice)
        died = self.dead()
        if died:
            raise died
