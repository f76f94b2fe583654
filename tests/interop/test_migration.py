# SPDX-License-Identifier: MIT
"""mote over the kernel's vhost-vsock, the one device that can be migrated: first the device itself,
which is not ours, then what a guest lives through when it is saved and goes on elsewhere, once
or twice, under another CID. All in a Linux that is itself a guest (tests/linux/nest.py).
"""

import contextlib
import json

import pytest

from guest import IMAGE, PORT, Guest
from helpers import (CONNECTIONS, LINE_MAX, PATIENCE, PING, PONG, ack, ask, connect_again,
                     eventually, message, read_to_end, secret, send_and_end)
from nest import QEMU, Nest

MACHINES = ["microvm", "q35"]
CID, CLONES = 42, [43, 44]
SECRET = "a secret that is saved with the guest"


class Monitor:
    """QEMU's, over QMP."""

    def __init__(self, connection):
        self.connection, self.stream = connection, connection.makefile("rb")
        assert b"QMP" in self.stream.readline()
        self.do("qmp_capabilities")

    def do(self, command, **arguments):
        line = json.dumps({"execute": command, "arguments": arguments})
        self.connection.sendall(line.encode() + b"\n")
        answer = json.loads(self.stream.readline())
        while "event" in answer:
            answer = json.loads(self.stream.readline())
        assert "return" in answer, f"{command}: {answer}"
        return answer["return"]


class Inner:
    """A guest in the nest; state is what another one was saved as."""

    def __init__(self, nest, machine, cid, state=None):
        self.nest, self.cid, self.seen = nest, cid, ""
        self.monitor_path, incoming = f"/monitor-{cid}", f"/in-{cid}"
        extra = ["-qmp", f"unix:{self.monitor_path},server=on,wait=off"]
        extra += ["-incoming", f"unix:{incoming}"] if state else []
        command = Guest("/mote.elf", machine=machine, vsock="vhost", cid=cid, extra=extra,
                        qemu=QEMU).command("/")
        self.console = nest.ask("run", *command).makefile("r", errors="replace")
        if state:
            with self.reach("unix", incoming) as stream:
                send_and_end(stream, state)
                assert read_to_end(stream) == b""

    def reach(self, *words):
        """A connection as soon as somebody listens there."""
        found = []

        def reached():
            with contextlib.suppress(ConnectionRefusedError):
                found.append(self.nest.open(*words))
            return found

        eventually(reached, words)
        return found[0]

    def connect(self):
        return self.nest.open("vsock", self.cid, PORT)

    def wait_console(self, text):
        while text not in self.seen:
            line = self.console.readline()
            assert line, f"no \"{text}\" in:\n{self.seen}"
            self.seen += line

    def save(self):
        """What the guest is at this moment, as bytes; it does not go on."""
        monitor = Monitor(self.nest.open("unix", self.monitor_path))
        with self.nest.open("listen", "/out") as stream:
            monitor.do("migrate", uri="unix:/out")
            state = read_to_end(stream)
        eventually(lambda: monitor.do("query-migrate")["status"] == "completed", "the state")
        monitor.do("quit")
        self.seen += self.console.read()
        return state

    def shut_down(self):
        with connect_again(self) as connection:
            assert ask(connection, message("shutdown")) == ack("shutdown")
        self.seen += self.console.read()
        assert self.seen.endswith("EXIT: STATUS=0\n")


@pytest.fixture(name="nest", scope="module")
def fixture_nest(kernel):  # pylint: disable=unused-argument
    with Nest({"mote.elf": IMAGE}, vsock="vsockd", timeout=2 * PATIENCE) as nest:
        nest.wait_ready()
        yield nest


@pytest.fixture(name="machine", params=MACHINES)
def fixture_machine(request):
    return request.param


def boot(nest, machine):
    inner = Inner(nest, machine, CID)
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


def test_device_of_the_kernel(nest, machine):
    inner = boot(nest, machine)
    with inner.connect() as connection:
        for _ in range(200):
            assert ask(connection, PING) == PONG
        longest = secret("NAME", "s" * (LINE_MAX - len(secret("NAME", "")) + 1))
        assert ask(connection, longest) == ack("inject_secret")
        too_long = ack("inject_secret", f"line too long: limit is {LINE_MAX} bytes")
        assert ask(connection, longest[:-1] + b" \n") == too_long
        send_and_end(connection, PING * 300 + PING[:-1])
        assert read_to_end(connection) == PONG * 301
    with contextlib.ExitStack() as stack:
        take_all(inner, stack)
    inner.shut_down()


def live_on(clone, cid, before):
    """A guest that was saved knows what it knew, and that its connections are gone."""
    clone.wait_console(f"mote: vsock: transport reset, CID {cid}\n")
    with contextlib.ExitStack() as stack:
        take_all(clone, stack)
    assert uptime(clone) >= before
    eventually(lambda: uptime(clone) > before, "uptime that goes on")
    with connect_again(clone) as connection:
        assert ask(connection, message("set_config", content="anew")) == ack("set_config")


def test_saved_guest_goes_on_elsewhere(nest, machine):
    """Twice, at the same time, each under a CID of its own."""
    inner = boot(nest, machine)
    with inner.connect() as held, inner.connect() as half:
        assert ask(held, secret("NAME", SECRET)) == ack("inject_secret")
        half.sendall(PING[:5])
        before = uptime(inner)
        state = inner.save()
        for connection in (held, half):
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
    assert state.count(SECRET.encode()) == 1
    clones = {cid: Inner(nest, machine, cid, state) for cid in CLONES}
    for cid, clone in clones.items():
        live_on(clone, cid, before)
    again = clones.pop(CLONES[0]).save()
    assert again.count(SECRET.encode()) == 1
    last = clones.pop(CLONES[1])
    last.shut_down()
    assert last.seen.count("transport reset") == 1
