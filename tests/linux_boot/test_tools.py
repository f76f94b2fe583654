# SPDX-License-Identifier: MIT
"""mote and vsock_guest as they are called by name in a guest, over its vsock."""

import json

import pytest

from helpers import shut_down
from inside import boot
from scripted import Host, answering

VERSION = "0.9.1"


@pytest.fixture(name="guest", scope="module")
def fixture_guest(cloud):
    with boot(cloud) as guest:
        yield guest
        assert shut_down(guest) == 0


def host(guest, answer):
    return Host(guest.uds, 19090, answering(answer))


@pytest.mark.parametrize("command", ["vsock_guest --get-hostos-version",
                                     "vsock_guest get-hostos-version",
                                     "mote hostos get-hostos-version"])
def test_version(guest, command):
    """The guest's CID is the device's."""
    with host(guest, {"Ok": {"HostOSVersion": VERSION}}) as asked:
        assert guest.run(command) == (0, f"{VERSION}\n")
    assert [json.loads(request) for request in asked.requests] == [
        {"sender_cid": guest.cid, "message": "GetHostOSVersion"}]


def test_host_that_says_no(guest):
    with host(guest, {"Err": "no HSM device found"}):
        assert guest.run("vsock_guest --attach-hsm") == (1, 'Error: "no HSM device found"\n')
        assert guest.run("vsock_guest attach-hsm") == (
            1, "Error: Server responded with error: 'no HSM device found'\n")


def test_notify_is_on_the_console(guest):
    with host(guest, {"Ok": "NoPayload"}) as asked:
        assert guest.run("vsock_guest notify 'to whom it may concern' --count 2") == (0, "")
    assert b'{"count":2,"message":"to whom it may concern"}' in asked.requests[0]
    guest.wait_console("to whom it may concern")


@pytest.mark.parametrize("command,peer,port", [
    ("mote hostos attach-hsm", "hostos", 19090), ("mote vcom ek", "vcom", 2000),
    ("mote ping-host", "bandsox", 9000)])
def test_nobody_listens(guest, command, peer, port):
    assert guest.run(command) == (
        1, f"mote: {peer}: port {port} of the host: connection refused\n")
