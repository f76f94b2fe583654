# SPDX-License-Identifier: MIT
"""mote over the kernel's vhost-vsock, the one device that can be migrated: first the device itself,
which is not ours, then what a guest lives through when it is saved and goes on elsewhere, once
or twice, under another CID. All in a Linux that is itself a guest (tests/linux/nest.py).
"""

import contextlib
import json
import time

import pytest

from guest import IMAGE, PORT, Guest
from helpers import (CONNECTIONS, LINE_MAX, PATIENCE, PING, PONG, ack, ask, connect_again,
                     eventually, exchange, message, read_to_end, secret, send_and_end, sending,
                     stuff)
from nest import QEMU, Nest

CID, CLONES = 42, [43, 44]
FLOOD = 1000
SECRET = "a secret that is saved with the guest"


class Monitor:
    """QEMU's, over QMP."""

    def __init__(self, connection):
        self.connection, self.stream = connection, connection.makefile("rb")
        assert b"QMP" in self.stream.readline()
        self.do("qmp_capabilities")

    def say(self, command, **arguments):
        line = json.dumps({"execute": command, "arguments": arguments})
        self.connection.sendall(line.encode() + b"\n")

    def do(self, command, **arguments):
        self.say(command, **arguments)
        answer = json.loads(self.stream.readline())
        while "event" in answer:
            answer = json.loads(self.stream.readline())
        assert "return" in answer, f"{command}: {answer}"
        return answer["return"]


class Inner:
    """A guest in the nest; state is what another one was saved as."""

    vsock = "vhost"  # it carries half-close

    def __init__(self, nest, machine, cid, state=None):
        self.nest, self.machine, self.cid, self.seen = nest, machine, cid, ""
        monitor, incoming = f"/monitor-{cid}", f"/in-{cid}"
        extra = ["-qmp", f"unix:{monitor},server=on,wait=off"]
        extra += ["-incoming", f"unix:{incoming}"] if state else []
        command = Guest("/mote.elf", machine=machine, vsock="vhost", cid=cid, extra=extra,
                        qemu=QEMU).command("/")
        self.console = nest.ask("run", *command).makefile("r", errors="replace")
        self.monitor = Monitor(nest.open("unix", monitor))
        if state:
            self.restore(incoming, state)

    def restore(self, incoming, state):
        """It was saved while it was stopped, and is stopped: whoever connects now has to wait."""
        with self.nest.open("unix", incoming) as stream:
            send_and_end(stream, state)
            assert read_to_end(stream) == b""
        eventually(lambda: self.monitor.do("query-status")["status"] == "paused", "the guest")
        self.early = self.nest.ask("vsock", self.cid, PORT)
        time.sleep(0.5)  # for it to wait at the device
        self.monitor.do("cont")

    def restored(self, cid, state):
        """What was saved of this guest, as another one."""
        return Inner(self.nest, self.machine, cid, state)

    def connect(self):
        return self.nest.open("vsock", self.cid, PORT)

    def wait_console(self, text):
        while text not in self.seen:
            line = self.console.readline()
            assert line, f"no \"{text}\" in:\n{self.seen}"
            self.seen += line

    def save(self):
        """What the guest is at this moment, as bytes; it does not go on. Stopped before: of guests
        saved while they ran a few came back damaged; QEMU's dirty tracking under TCG, mended in
        QEMU 9, is suspected and not proved."""
        self.monitor.do("stop")
        with self.nest.open("listen", "/out") as stream:
            self.monitor.do("migrate", uri="unix:/out")
            state = read_to_end(stream)
        eventually(lambda: self.monitor.do("query-migrate")["status"] == "completed", "the state")
        self.monitor.say("quit")  # the answer may come too late
        self.seen += self.console.read()
        return state

    def shut_down(self):
        with connect_again(self) as connection:
            assert ask(connection, message("shutdown")) == ack("shutdown")
        self.seen += self.console.read()
        assert self.seen.endswith("EXIT: STATUS=0\n")


@pytest.fixture(name="nest", scope="module")
def fixture_nest(kernel):  # pylint: disable=unused-argument
    with Nest([f"{IMAGE}:/mote.elf"], vsock="vsockd", timeout=2 * PATIENCE) as nest:
        nest.wait_ready()
        yield nest


@pytest.fixture(name="inner", scope="module", params=["microvm", "q35"])
def fixture_inner(request, nest):
    """A ready guest: looked at first, then saved."""
    inner = Inner(nest, request.param, CID)
    inner.wait_console("mote: ready")
    return inner


def take_all(inner, stack):
    """Every connection that the guest can have, and not one more."""
    connections = [stack.enter_context(connect_again(inner)) for _ in range(CONNECTIONS)]
    for connection in reversed(connections):
        assert ask(connection, PING) == PONG
    with pytest.raises(ConnectionRefusedError):
        inner.connect()


def uptime(inner):
    with connect_again(inner) as connection:
        return json.loads(ask(connection, message("get_health")))["payload"]["uptime_seconds"]


def test_device_of_the_kernel(inner):
    with inner.connect() as connection:
        for _ in range(200):
            assert ask(connection, PING) == PONG
        longest = secret("NAME", "s" * (LINE_MAX - len(secret("NAME", "")) + 1))
        assert ask(connection, longest) == ack("inject_secret")
        too_long = ack("inject_secret", f"line too long: limit is {LINE_MAX} bytes")
        assert ask(connection, longest[:-1] + b" \n") == too_long
        send_and_end(connection, PING * 300 + PING[:-1])
        assert read_to_end(connection) == PONG * 301
    assert exchange(inner, PING * FLOOD) == PONG * FLOOD
    with contextlib.ExitStack() as stack:
        take_all(inner, stack)


@contextlib.contextmanager
def talk(inner):
    """Connections of every kind: while a guest is saved, packets are on their way on all."""
    def ping_for_ever(connection):
        with contextlib.suppress(OSError):
            while ask(connection, PING) == PONG:
                pass

    with contextlib.ExitStack() as stack:
        half, deaf, talker = [stack.enter_context(inner.connect()) for _ in range(3)]
        half.sendall(PING[:5])
        stuff(deaf, PING * 1000)
        with sending(talker, None, lambda connection, _: ping_for_ever(connection)):
            yield
            for connection in (half, deaf, talker):
                with contextlib.suppress(ConnectionResetError):
                    read_to_end(connection)


def live_on(clone, before):
    """A guest that was saved knows what it knew, and that its connections are gone."""
    clone.wait_console(f"mote: vsock: transport reset, CID {clone.cid}\n")
    with clone.early as connection:
        assert ask(connection, b"") == b"OK\n"
        assert ask(connection, PING) == PONG
    with contextlib.ExitStack() as stack:
        take_all(clone, stack)
    assert uptime(clone) >= before
    eventually(lambda: uptime(clone) > before, "uptime that goes on")
    with connect_again(clone) as connection:
        assert ask(connection, message("set_config", content="anew")) == ack("set_config")


def test_saved_guest_goes_on_elsewhere(inner):
    """Twice at the same time, each under a CID of its own; and one of them once more."""
    with connect_again(inner) as connection:
        assert ask(connection, secret("NAME", SECRET)) == ack("inject_secret")
    before = uptime(inner)
    with talk(inner):
        state = inner.save()
    one, two = [inner.restored(cid, state) for cid in CLONES]
    live_on(one, before)
    live_on(two, before)
    with talk(one):
        last = one.restored(CID, one.save())
    live_on(last, before)
    for guest in (two, last):
        guest.shut_down()
        assert guest.seen.count("transport reset") == 1
    assert state.count(SECRET.encode()) == 1
