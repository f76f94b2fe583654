# SPDX-License-Identifier: MIT
"""What the boot tests share: the machines, a guest that is ready, the messages and answers as
bytes, and a look into the guest's memory. It tests nothing itself. The guest is qemu/guest.py's.
"""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "qemu"), str(ROOT / "linker"), str(ROOT / "tests" / "fakes")]

from elf import Elf  # noqa: E402 pylint: disable=wrong-import-position
from guest import BUILD, IMAGE, READY, Guest  # noqa: E402 pylint: disable=wrong-import-position

TEST_IMAGE = BUILD / "test" / "mote.elf"
LARGE_IMAGE = BUILD / "large" / "mote.elf"
# The image that is the same but for a test application, which can connect to the host.
DIALLING = {IMAGE: TEST_IMAGE, TEST_IMAGE: TEST_IMAGE,
            LARGE_IMAGE: BUILD / "large-test" / "mote.elf"}
MOTECTL = BUILD / "host" / "motectl"

ROWS = {
    "q35": {"machine": "q35"},
    "microvm": {"machine": "microvm", "acpi": False},
    "microvm-acpi": {"machine": "microvm", "acpi": True},
}
MMIO_ROWS = {name: row for name, row in ROWS.items() if row["machine"] == "microvm"}

VDV = "vhost-device-vsock"
VDV_ROWS = {f"{name}-over-{VDV}": {**ROWS[name], "vsock": VDV} for name in ("q35", "microvm")}

# What vhost-device-vsock has not, and a test may need.
LACKS = {
    "half-close": "it ends both halves of a connection when the host ends one",
    "refusal": "it does not tell the guest that nobody listens",
    "end behind ours": "a guest that has ended its half does not learn of the host's end",
    "host CID": "its host has no CID but 2",
    "room on both sides": "while the guest has none it neither writes to the host nor sees it go",
    "many at once": "what is due to a guest without EVENT_IDX may wait for the next event",
    "jumping clock": "it must be dialled first, and no dial lasts when the clock jumps",
}

CONNECTIONS = 12
LINE_MAX = 16383
STORE_SIZE = 65536
HOST_PORT = 5000

PATIENCE = 60  # seconds for what happens at once unless the machine is very busy
JUMPING_CLOCK = "-icount", "shift=0,sleep=off"  # the guest's: it jumps whenever the guest sleeps
PING, PONG = b'{"type":"ping"}\n', b'{"type":"pong"}\n'
# What answers spell as an escape though JSON would not ask for it.
ESCAPED = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"})
SKIP = 77  # exit code of qemu/setup for what can't be had on this machine


def end_on_sigterm():
    """Once, as Ctrl-C: pytest takes that for the end and cleans up; SystemExit is but a failure."""
    def interrupt(_number, _frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise KeyboardInterrupt("SIGTERM")

    signal.signal(signal.SIGTERM, interrupt)


def reason_of_setup(verb):
    """Why something optional can't be had on this machine; None when it can."""
    setup = subprocess.run([ROOT / "qemu" / "setup", verb], capture_output=True, text=True,
                           check=False)
    assert setup.returncode in (0, SKIP), setup.stderr
    return setup.stderr.strip() or "qemu/setup gave no reason" if setup.returncode else None


OVER_VSOCKD = pytest.mark.parametrize("row", ROWS, indirect=True)  # for tests of its own ways


class PreparedGuest(Guest):
    """A guest with something to do between the start of the host's end and that of QEMU:
    prepare(guest), then change(QEMU's command line) -> the one to use."""

    def __init__(self, *arguments, prepare=None, change=None, **options):
        super().__init__(*arguments, **{"vsock": "vsockd", "timeout": PATIENCE, **options})
        self.prepare, self.change = prepare, change

    def command(self, directory):
        if self.prepare:
            self.prepare(self)
        line = super().command(directory)
        return self.change(line) if self.change else line


class Host:
    """Listens on a port for the guest to connect to; prepare is to be the guest's."""

    def __init__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.settimeout(PATIENCE)

    def prepare(self, guest):
        self.listener.bind(f"{guest.uds}_{HOST_PORT}")
        self.listener.listen()

    def accept(self):
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        return connection


@contextlib.contextmanager
def boot_undialled(**options):
    """A guest that is ready."""
    with PreparedGuest(**options) as guest:
        guest.wait_ready()
        yield guest


@contextlib.contextmanager
def boot_dialling(image=TEST_IMAGE, append="", **options):
    """A guest that is ready, and the connection that it has made to the host."""
    host = Host()
    append = f"{append} test.echo={HOST_PORT}".strip()
    with host.listener, boot_undialled(image=image, append=append, prepare=host.prepare,
                                       **options) as guest, host.accept() as connection:
        yield guest, connection


@contextlib.contextmanager
def boot_dialled(image=IMAGE, **options):
    """A guest that is ready and has reached its host; nothing is left of that connection."""
    with boot_dialling(image=DIALLING[image], **options) as (guest, connection):
        connection.sendall(b"echo")
        assert read_exactly(connection, 4) == b"echo"
        connection.shutdown(socket.SHUT_WR)
        assert read_to_end(connection) == b""
        yield guest


def boot(**options):
    """A guest that is ready, also for its host. When a host connects while QEMU sets the queues
    up, vhost-device-vsock 0.3.0 loses the thread that serves them, and the guest is out of reach:
    there the guest connects first."""
    return (boot_dialled if options.get("vsock") == VDV else boot_undialled)(**options)


def end_of_start(guest):
    """The status of a guest that must end before it is ready."""
    guest.wait_for(lambda: guest.returncode is not None or READY in guest.console, "an end")
    assert READY not in guest.console
    return guest.status()


@contextlib.contextmanager
def boot_all(rows=None, **options):
    """A ready guest of every row, by its name, all at the same time."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(boot(**row, **options))
               for name, row in (rows or ROWS).items()}


def compact(value):
    """JSON as both real peers write it."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.translate(ESCAPED).encode()


def message(kind, **payload):
    """The line that asks for something."""
    return compact({"type": kind, **({"payload": payload} if payload else {})}) + b"\n"


def ack(reply_to, error=None):
    """The line that answers it."""
    outcome = {"ok": True} if error is None else {"ok": False, "error": error}
    return compact({"type": "ack", "payload": {"reply_to": reply_to, **outcome}}) + b"\n"


LAST, LAST_ANSWER = message("the last"), ack("the last", "unknown message type: the last")


def secret(name, value):
    return message("inject_secret", name=name, value=value, mode=0o600)


def read_to_end(connection):
    answer = bytearray()
    while piece := connection.recv(65536):
        answer += piece
    return bytes(answer)


def read_exactly(connection, size):
    """size bytes, or fewer at the end of the stream."""
    answer = bytearray()
    while len(answer) < size and (piece := connection.recv(size - len(answer))):
        answer += piece
    return bytes(answer)


def ask(connection, line):
    """Sends one line and returns the line that comes back."""
    connection.sendall(line)
    answer = b""
    while not answer.endswith(b"\n") and (byte := connection.recv(1)):
        answer += byte
    return answer


def send_and_end(connection, data):
    connection.sendall(data)
    connection.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def sending(connection, data, send=send_and_end):
    """Sends meanwhile; an error of that is raised at the end."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        sent = pool.submit(send, connection, data)
        yield
        sent.result()


def stuff(connection, data):
    """Sends data again and again until nothing more is taken; returns how much went."""
    connection.settimeout(0.05)
    sent = 0
    with contextlib.suppress(TimeoutError):
        while True:
            sent += connection.send(data[sent % len(data):])
    connection.settimeout(PATIENCE)
    return sent


def sending_whole(guest, connection, data):
    """Sends data meanwhile, and that it was all: by the end of the stream; over a back end that
    can't end one half alone by one more line, so that data must end with a whole one."""
    if guest.vsock != VDV:
        return sending(connection, data)
    assert data == b"" or data.endswith(b"\n")
    return sending(connection, data + LAST, socket.socket.sendall)


def read_whole(guest, connection):
    """Everything that comes back for it."""
    if guest.vsock != VDV:
        return read_to_end(connection)
    answers = bytearray()
    while not answers.endswith(LAST_ANSWER) and (piece := connection.recv(65536)):
        answers += piece
    assert answers.endswith(LAST_ANSWER)
    return bytes(answers[:-len(LAST_ANSWER)])


def parameters_of_streams(streams):
    """Their names; the last line of some ends only with the stream."""
    for name, data in streams.items():
        whole = data[-1:] in (b"", b"\n")
        yield pytest.param(name, marks=[] if whole else pytest.mark.needs("half-close"))


def exchange(guest, data):
    """Everything that comes back for data, on a connection of its own."""
    with guest.connect() as connection, sending_whole(guest, connection, data):
        return read_whole(guest, connection)


def eventually(condition, what):
    """Waits for what no event tells of."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not after {PATIENCE} s"
        time.sleep(0.005)


def connect_again(guest):
    """A connection as soon as there is a free slot: one just closed takes a moment to be free."""
    found = []

    def connected():
        with contextlib.suppress(ConnectionRefusedError):
            found.append(guest.connect())
        return found

    eventually(connected, "a free connection")
    return found[0]


def connect_as(guest):
    """A connection, and the host's port that vsockd gave it: with that it can be made to suffer."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(guest.uds))
    ok, port = ask(connection, b"CONNECT 1024\n").split()
    assert ok == b"OK"
    return connection, int(port)


def know_event_queue(guest):
    """Tells vsockd where the guest has its event queue, the third one."""
    symbols = Elf(guest.image.with_suffix(".debug")).symbols
    queues, = (symbol for symbol in symbols if symbol.name == "queues")
    guest.control(f"event-queue {queues.value + queues.size // 3 * 2:#x}")


def shut_down(guest):
    """The status that the guest ends with when asked to end."""
    assert guest.raw(message("shutdown")) == ack("shutdown")
    return guest.wait_exit()


def memory_file(guest):
    """Where QEMU has the guest's RAM: a file without a name."""
    directory = pathlib.Path(f"/proc/{guest.qemu_pid}/fd")
    for file in directory.iterdir():
        if "memory-backend-memfd" in os.readlink(file):
            return file
    raise AssertionError("QEMU has no memory-backend-memfd")


def memory(guest):
    """The guest's RAM, as far as anybody ever wrote to it."""
    pieces, at = [], 0
    with memory_file(guest).open("rb") as file, contextlib.suppress(OSError):
        while True:  # SEEK_DATA fails when there is no more
            start = os.lseek(file.fileno(), at, os.SEEK_DATA)
            at = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            pieces.append(os.pread(file.fileno(), at - start, start))
    assert pieces
    return b"\0".join(pieces)


def copies(guest, value):
    """How often the guest's RAM holds pieces of value; as a set, {n} when it is n of each."""
    ram, bits, piece = memory(guest), value.encode(), 12
    starts = range(0, len(bits) - piece + 1, max(1, len(bits) // 64))
    return {ram.count(bits[at:at + piece]) for at in starts}
