# SPDX-License-Identifier: MIT
"""What a host has its guest do there: the answer that comes in time, with the outcome or without,
jobs that nobody waits for, and those that the guest's command line asks for.
"""

import contextlib
import json
import time

import pytest

from helpers import PING, PONG, ROWS, boot, boot_undialled, eventually, message
from hostos import PORT, HostOS

PATIENCE = 60
VERSION = message("hostos", command="get-hostos-version")
PLACES = 8


class Asked:
    """A guest, beside whose socket uds are those of its host's ports; cid: what it takes for its
    own."""

    def __init__(self, guest, uds, cid):
        self.guest, self.uds, self.cid = guest, uds, cid

    def host(self, **options):
        return HostOS(f"{self.uds}_{PORT}", cid=self.cid, first=self.cid, **options)

    def ask(self, line):
        return json.loads(self.guest.raw(line))["payload"]

    def job(self, number):
        return self.ask(message("job", id=number))

    def ended(self, number):
        """A job that has ended, of which this is told but once."""
        answer = self.job(number)
        deadline = time.monotonic() + PATIENCE
        while answer["state"] == "running":
            assert time.monotonic() < deadline
            time.sleep(0.1)
            answer = self.job(number)
        return answer

    def last(self):
        """The number of the last job that was begun."""
        answer = self.ask(message("hostos", command="get-hostos-version", port=1))
        assert answer["state"] == "failed"
        return answer["id"]


def read_line(connection):
    with connection.makefile("rb") as stream:
        return stream.readline()


@pytest.fixture(name="asked", scope="module")
def fixture_asked():
    with boot(**ROWS["microvm"], vsock="vsockd") as guest:
        yield Asked(guest, guest.uds, 3)


def test_answer_in_time(asked):
    """With a host that says nothing: before the ten seconds are over in which hosts wait."""
    with asked.host(defect="silence"):
        start = time.monotonic()
        answer = asked.ask(VERSION)
        assert answer["state"] == "running" and answer["request"] == "hostos"
        assert time.monotonic() - start > 8
        assert asked.job(answer["id"])["state"] == "running"
        assert asked.guest.raw(PING) == PONG
    assert asked.ended(answer["id"])["state"] == "failed"
    assert asked.ask(message("job", id=answer["id"]))["error"] == f"no job {answer['id']}"


def test_nobody_waits(asked):
    """Who asks and leaves has the work done all the same, and can ask for it later."""
    first = asked.last() + 1
    with asked.host() as host:
        with contextlib.closing(asked.guest.connect()) as connection:
            connection.sendall(VERSION)
        eventually(lambda: host.commands == [("GetHostOSVersion", None)], "the command")
        answer = asked.ended(first)
    assert (answer["state"], answer["result"]) == ("done", {"version": "hostos_version"})


@contextlib.contextmanager
def begun(asked, count):
    """So many jobs, and connections on which somebody waits for them."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(contextlib.closing(asked.guest.connect()))
                       for _ in range(count)]
        for connection in connections:
            connection.sendall(VERSION)
        yield connections


def test_places(asked):
    """The ninth is refused while eight run; they have a place as soon as these have ended."""
    with asked.host(defect="silence"):
        with begun(asked, 5) as connections:
            for connection in connections:
                assert b'"running"' in read_line(connection)
        with begun(asked, PLACES - 5):
            eventually(lambda: "reply_to" in asked.ask(VERSION), "a refusal")
    with asked.host():
        eventually(lambda: asked.ask(VERSION).get("state") == "done", "a place")


OPTIONS = ("mote.hostos=get-hostos-version mote.hostos=notify:Hello%20world%3a:count=2 "
           "mote.hostos=fly mote.vcom=ek:port=7 mote.hostos=attach-hsm:port=x quiet")
SAID = ("mote: hostos get-hostos-version: hostos_version", "mote: hostos notify: done",
        "mote: mote.hostos=fly: unknown hostos command: fly",
        "mote: vcom ek: vcom: port 7 of the host: connection refused",
        "mote: mote.hostos=attach-hsm:port=x: port is not a number")


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_options(machine):
    with contextlib.ExitStack() as stack:
        hosts = []

        def prepare(guest):
            hosts.append(stack.enter_context(HostOS(f"{guest.uds}_{PORT}")))

        with boot_undialled(**ROWS[machine], append=OPTIONS, prepare=prepare,
                            vsock="vsockd") as guest:
            for line in SAID:
                eventually(lambda line=line: line in guest.console.splitlines(), line)
            stack.close()
        assert sorted(hosts[0].commands) == [
            ("GetHostOSVersion", None), ("notify", {"count": 2, "message": "Hello world:"})]
