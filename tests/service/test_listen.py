# SPDX-License-Identifier: MIT
"""Which way --listen auto takes where vsock is missing or is not what it seems, and what is said
of it. A device that works is the whole machine's: that is tested in guests.
"""

import re
import subprocess

import pytest

from helpers import PING, PONG, ack, secret
from service import Service, need_root, run, run_apart

FAILED, NO_DEVICE = 1, 4
HIDDEN = "mount -t tmpfs none /dev"  # with everything else that is there
FAKED = "mount -t tmpfs none /dev; touch /dev/vsock"
LOCKED = "mount -t tmpfs none /dev; mkdir /dev/vsock"
REASONS = {
    HIDDEN: "mote: no vsock: no /dev/vsock: the module vsock is missing\n",
    FAKED: "mote: no vsock: /dev/vsock: inappropriate ioctl for device\n",
    LOCKED: "mote: no vsock: /dev/vsock: inappropriate ioctl for device\n",
}
IDS = ["none", "file", "directory"]


@pytest.mark.parametrize("setup", REASONS, ids=IDS)
@pytest.mark.parametrize("options", [[], ["--listen", "auto"]], ids=["default", "auto"])
def test_auto_without_vsock_is_tcp(program, setup, options):
    need_root("hiding a device")
    with Service(program, "tcp", setup=setup, listen=options) as service:
        assert service.raw(PING) == PONG
        assert service.raw(secret("KEY", "v")) == ack("inject_secret")
        said = service.console
        assert REASONS[setup] in said
        assert said.index(REASONS[setup]) < said.index("mote: listening on TCP 0.0.0.0:1024\n") \
            < said.index("mote: ready: all subsystems started\n")


@pytest.mark.parametrize("setup", REASONS, ids=IDS)
def test_vsock_alone_without_vsock(program, setup):
    status, said = run_apart(program, "--listen", "vsock", setup=setup)
    assert status == NO_DEVICE
    assert said.endswith(f"{REASONS[setup]}mote: no vsock device that can be used\n")


def test_auto_where_tcp_is_taken_too(program):
    """There is another agent: it goes on, and this one ends instead of trying again."""
    need_root("hiding a device")
    with Service(program, "tcp", setup=HIDDEN) as first:
        line = first.line()
        options = line[line.index("--secrets"):]
        there = ["nsenter", "--net", "--mount", "--root", f"--target={first.pid}"]
        status, said = run(program, *options, "--listen", "auto", prefix=there)
        assert status == FAILED
        assert "mote: port 1024 is taken: another agent listens there (TCP 0.0.0.0:1024)\n" in said
        assert first.raw(PING) == PONG


def test_auto_before_there_is_a_network(program):
    """It listens all the same, and is there when the network comes."""
    need_root("hiding a device")
    with Service(program, "tcp", setup=f"{HIDDEN}; busybox ip link set lo down",
                 listen=["--listen", "auto"]) as service:
        enter = ["nsenter", "--net", f"--target={service.pid}"]
        subprocess.run([*enter, "busybox", "ip", "link", "set", "lo", "up"], check=True)
        assert service.raw(PING) == PONG


@pytest.mark.parametrize("way", ["unix", "tcp"])
def test_way_that_is_named_looks_at_nothing_else(program, way):
    with Service(program, way) as service:
        assert "vsock" not in re.sub(r"\S*/\S*", "", service.console)


def test_tcp_serves_every_address_of_its_network(program):
    with Service(program, "tcp", setup="busybox ip addr add 10.9.8.7/24 dev lo") as service:
        for address in ("127.0.0.1", "127.1.2.3", "10.9.8.7"):
            service.address = address
            assert service.raw(PING) == PONG
