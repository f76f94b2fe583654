# SPDX-License-Identifier: MIT
"""What a HostOS is told of who asks: the CID that the guest has when it asks, which a transport
reset may change; and what is asked once more behind one.
"""

import json

import pytest

from helpers import ROWS, boot, eventually, know_event_queue, message
from hostos import PORT, VERSION, HostOS
from test_hostos import Dialler, request_of

OTHER = 77


@pytest.fixture(name="row", params=["q35", "microvm"])
def fixture_row(request):
    return ROWS[request.param]


@pytest.mark.parametrize("cid", [4, 2**32 - 2])
def test_guest_that_is_not_the_first(row, cid):
    with boot(**row, vsock="vsockd", cid=cid) as guest:
        dialler = Dialler(guest, guest.uds, cid)
        with dialler.host("single") as host:
            assert dialler.works("attach-hsm") == {}
        assert host.requests == [request_of(cid, '"attach-hsm"')]
        with dialler.host(first=3) as host:
            assert dialler.fails("attach-hsm") == (
                "refused", "a type4 host only accepts VSOCK connections from the first VM")


def move(guest, host, command, **payload):
    """The end of the first job, in the middle of which the guest has got another CID."""
    found = []

    def has_ended():
        found.append(json.loads(guest.raw(message("job", id=1)))["payload"])
        return found[-1]["state"] != "running"

    know_event_queue(guest)
    with guest.connect() as connection:
        connection.sendall(message("hostos", command=command, **payload))
        eventually(lambda: host.ends, "a request")
        host.defect, host.cid, host.first = None, OTHER, OTHER
        guest.control(f"reset {OTHER}")
        eventually(lambda: f"transport reset, CID {OTHER}\n" in guest.console, "the reset")
    eventually(has_ended, "the end of the job")
    return found[-1]


def test_question_is_asked_once_more(row):
    with boot(**row, vsock="vsockd", control=True) as guest, \
            HostOS(f"{guest.uds}_{PORT}", defect="silence") as host:
        job = move(guest, host, "get-hostos-version")
        assert (job["state"], job["result"]) == ("done", {"version": VERSION})
        assert host.requests == [request_of(3, '"GetHostOSVersion"'),
                                 request_of(OTHER, '"GetHostOSVersion"')]


def test_command_is_not_given_twice(row):
    with boot(**row, vsock="vsockd", control=True) as guest, \
            HostOS(f"{guest.uds}_{PORT}", defect="silence") as host:
        job = move(guest, host, "notify", message="Yo!")
        assert (job["state"], job["error"]) == (
            "failed", f"hostos: port {PORT} of the host: connection reset")
        assert len(host.requests) == 1
