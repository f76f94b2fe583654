# SPDX-License-Identifier: MIT
"""The guest's commands to a HostOS of the Internet Computer, of every generation and with every
defect that tests/fakes/hostos.py knows, as the host has them done by the message hostos.
"""

import concurrent.futures
import json

import pytest

from helpers import ROWS, boot, eventually, message
from hostos import ANSWER_MAX, GENERATIONS, GUEST, PORT, VERSION, HostOS, error_of_size

URL, HASH = "https://dfinity.org", "0xdeadbeef"
V1 = [name for name in GENERATIONS if name != "v0"]
TEXT = 'a "b" \\ <\u00e4\U0001f600>\n\x01'
SILENT = "hostos: closed without an answer: "
ZEROS = "0" * 64
AT_ONCE = 5  # two connections each

# What is asked for, as the host reads it and as it was sent; and what comes of it.
COMMANDS = {
    "attach-hsm": ({}, ("attach-hsm", None), '"attach-hsm"', {}),
    "detach-hsm": ({}, ("detach-hsm", None), '"detach-hsm"', {}),
    "get-hostos-version": ({}, ("GetHostOSVersion", None), '"GetHostOSVersion"',
                           {"version": VERSION}),
    "get-vsock-protocol": ({}, ("GetVsockProtocol", None), '"GetVsockProtocol"',
                           {"major": 1, "minor": 0, "patch": 0}),
    "upgrade": ({"url": URL, "hash": HASH}, ("upgrade", {"url": URL, "target-hash": HASH}),
                f'{{"upgrade":{{"url":"{URL}","target-hash":"{HASH}"}}}}', {}),
    "notify": ({"message": TEXT, "count": 2}, ("notify", {"count": 2, "message": TEXT}),
               '{"notify":{"count":2,"message":"a \\"b\\" \\\\ <\u00e4\U0001f600>\\n\\u0001"}}',
               {}),
    "start-upgrade-guest-vm": ({}, ("start-upgrade-guest-vm", None), '"start-upgrade-guest-vm"',
                               {}),
    "set-node-id": ({"node_id": "n-1"}, ("set-node-id", {"node-id": "n-1"}),
                    '{"set-node-id":{"node-id":"n-1"}}', {}),
}
# The same to hosts of v0, which know some of them.
LEGACY = {
    "attach-hsm": ({}, "attach-hsm"),
    "detach-hsm": ({}, "detach-hsm"),
    "upgrade": ({"url": URL, "hash": HASH}, f"upgrade[{URL} {HASH}]"),
    "notify": ({"message": "Yo!", "count": 1}, "notify[1, Yo!]"),
    "set-node-id": ({"node_id": "n-1"}, "set-node-id[n-1]"),
}


class Dialler:
    """A guest that has a HostOS. uds: beside it are the sockets of the host's ports; cid: what
    the guest takes for its own."""

    def __init__(self, guest, uds, cid):
        self.guest, self.uds, self.cid = guest, uds, cid

    def host(self, generation="newest", **options):
        return HostOS(f"{self.uds}_{PORT}", generation,
                      **{"cid": self.cid, "first": self.cid, **options})

    def ask(self, command, **payload):
        """The answer to the message, which ends the job."""
        answer = json.loads(self.guest.raw(message("hostos", command=command, **payload)))
        assert answer["type"] == "job", answer
        assert answer["payload"]["request"] == "hostos"
        return answer["payload"]

    def fails(self, command, **payload):
        """What went wrong, by whose fault."""
        job = self.ask(command, **payload)
        assert "result" not in job
        return job["state"], job["error"]

    def works(self, command, **payload):
        """The result, {} when there is nothing to say."""
        job = self.ask(command, **payload)
        assert job["state"] == "done" and not job.get("error"), job
        return job.get("result") or {}


@pytest.fixture(name="dialler", scope="module", params=["q35", "microvm"])
def fixture_dialler(request):
    with boot(**ROWS[request.param], vsock="vsockd") as guest:
        yield Dialler(guest, guest.uds, GUEST)


def request_of(cid, message_):
    return f'{{"sender_cid":{cid},"message":{message_}}}'.encode()


@pytest.mark.parametrize("generation", V1)
@pytest.mark.parametrize("command", COMMANDS)
def test_command(dialler, generation, command):
    payload, heard, sent, result = COMMANDS[command]
    with dialler.host(generation) as host:
        assert dialler.works(command, **payload) == result
    assert host.requests == [request_of(dialler.cid, sent)]
    assert host.commands == [heard]
    assert host.ends == [True]


@pytest.mark.parametrize("command", LEGACY)
def test_command_to_v0(dialler, command):
    payload, sent = LEGACY[command]
    with dialler.host("v0") as host:
        assert dialler.works(command, legacy=True, **payload) == {}
    assert host.commands == [("GetVsockProtocol", None), (sent, None)]
    assert host.requests == [
        request_of(dialler.cid, '"GetVsockProtocol"'),
        f'{{"message":"{sent}","sender_cid":"{dialler.cid}"}}'.encode()]
    assert host.ends == [True] * 2


def test_what_v0_does_not_know(dialler):
    with dialler.host("v0") as host:
        assert dialler.works("get-hostos-version", legacy=True) == {"version": ZEROS}
        assert dialler.fails("get-vsock-protocol", legacy=True) == (
            "failed", "hostos: Cannot process GetVsockProtocol command for v0")
        assert dialler.fails("start-upgrade-guest-vm", legacy=True) == (
            "failed", "hostos: Cannot process start-upgrade-guest-vm command for v0")
    assert host.commands == [("GetVsockProtocol", None)] * 3


def test_upgrade_by_v0_is_under_way(dialler):
    """Nobody waits for its end."""
    payload, sent = LEGACY["upgrade"]
    with dialler.host("v0", work=60) as host:
        assert dialler.works("upgrade", legacy=True, **payload) == {}
    assert json.loads(host.requests[1])["message"] == sent


@pytest.mark.parametrize("generation", V1)
def test_v1_is_found_behind_the_question_for_v0(dialler, generation):
    with dialler.host(generation) as host:
        assert dialler.works("get-hostos-version", legacy=True) == {"version": VERSION}
    assert host.commands == [("GetVsockProtocol", None), ("GetHostOSVersion", None)]


@pytest.mark.parametrize("generation", V1)
def test_answer_byte_by_byte(dialler, generation):
    with dialler.host(generation, defect="bytes"):
        assert dialler.works("get-hostos-version") == {"version": VERSION}


def test_error_is_passed_on(dialler):
    with dialler.host(error=TEXT):
        assert dialler.fails("attach-hsm") == ("refused", TEXT)


@pytest.mark.parametrize("size", [ANSWER_MAX - 1, ANSWER_MAX])
def test_error_of_64_kib(dialler, size):
    """As far as there is room for it."""
    with dialler.host(error=error_of_size(size)):
        state, error = dialler.fails("attach-hsm")
    assert state == "refused"
    assert len(error) > 1000 and error.startswith("x" * 1000)


def test_answer_past_64_kib(dialler):
    with dialler.host(error=error_of_size(ANSWER_MAX + 1)):
        assert dialler.fails("attach-hsm") == (
            "failed", "hostos: Response exceeded maximum size of 65536 bytes")


def test_garbage(dialler):
    with dialler.host(defect="garbage"):
        state, error = dialler.fails("attach-hsm")
    assert state == "failed"
    assert error.startswith("hostos: Unable to parse host response:  \ufffd [31m{\"Ok\"")


@pytest.mark.parametrize("defect", ["close", "reset"])
def test_no_answer(dialler, defect):
    """vsockd has one end for both; and with the request unread there is a reset in any case."""
    with dialler.host(defect=defect):
        state, error = dialler.fails("attach-hsm")
    assert state == "failed"
    assert error.startswith((SILENT, f"hostos: port {PORT} of the host: connection reset"))


def test_reset_behind_an_answer(dialler):
    with dialler.host(defect="reset behind"):
        assert dialler.works("get-hostos-version") == {"version": VERSION}


def test_host_that_gives_up_an_upgrade(dialler):
    """The newest ones do so after 30 s."""
    with dialler.host(work=60, limit=0.5):
        state, error = dialler.fails("upgrade", url=URL, hash=HASH)
    assert state == "failed" and error.startswith(SILENT)


def test_nobody_listens(dialler):
    assert dialler.fails("attach-hsm") == (
        "failed", f"hostos: port {PORT} of the host: connection refused")


@pytest.mark.parametrize("options,error", [
    ({"first": 77}, "a type4 host only accepts VSOCK connections from the first VM"),
    ({"cid": 77}, "the actual sender CID did not match the sender CID in the request object"),
    ({"generation": "single", "cid": 77},
     "The actual sender CID did not match the sender CID in the request object"),
])
def test_cid_is_checked(dialler, options, error):
    with dialler.host(**options):
        assert dialler.fails("attach-hsm") == ("refused", error)


def test_silent_host_keeps_nobody_waiting(dialler):
    """Which job it is, is answered in time; others are done meanwhile."""
    with dialler.host(work=60, limit=60) as host:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            upgrade = pool.submit(dialler.ask, "upgrade", url=URL, hash=HASH)
            eventually(lambda: host.requests, "the upgrade")
            assert dialler.works("get-hostos-version") == {"version": VERSION}
            job = upgrade.result()
        assert job["state"] == "running"
        state = json.loads(dialler.guest.raw(message("job", id=job["id"])))
        assert state["payload"]["state"] == "running"
    state = json.loads(dialler.guest.raw(message("job", id=job["id"])))
    assert state["type"] == "job"


def test_many_at_once(dialler):
    with dialler.host("single") as host, concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        jobs = [pool.submit(dialler.works, "get-hostos-version") for _ in range(24)]
        assert [job.result() for job in jobs] == [{"version": VERSION}] * 24
    assert host.ends == [True] * 24


def test_too_long_a_request(dialler):
    state = dialler.guest.raw(message("hostos", command="notify", message="y" * 5000))
    assert b"too long: limit is " in state
