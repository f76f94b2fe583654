# SPDX-License-Identifier: MIT
"""Mounts of the host's directories, asked for by the message: 9p with Debian's standard kernel,
virtiofs with its cloud kernel. The server of 9p is QEMU itself and can't be made to hang alone;
virtiofsd can, but it runs as root only.
"""

import contextlib
import os
import signal
import time

import pytest

from helpers import PING, PONG, message, shut_down
from inside import boot, error_of
from linux_guest import Share

KINDS = {f"{kind}-{machine}": (kernel, kind, machine) for kernel, kind in
         [("standard", "9p"), ("cloud", "virtiofs")] for machine in ["q35", "microvm"]}
UNKNOWN = {"9p": "no such file or directory", "virtiofs": "invalid argument"}
HANG_SECONDS = 10  # a host waits so long for an answer


def need_virtiofsd():
    if os.geteuid() != 0:
        pytest.skip("virtiofsd of QEMU 7.2 shares a directory only as root")


@pytest.fixture(name="kind", scope="module", params=KINDS)
def fixture_kind(request):
    if KINDS[request.param][1] == "virtiofs":
        need_virtiofsd()
    return KINDS[request.param]


@pytest.fixture(name="folder", scope="module")
def fixture_folder(tmp_path_factory):
    """What the host shares."""
    folder = tmp_path_factory.mktemp("shared")
    for name in ("data", "more"):
        (folder / name).mkdir(mode=0o777)
        (folder / name / "of-host").write_text(f"{name} of the host\n")
    return folder


@pytest.fixture(name="guest", scope="module")
def fixture_guest(request, kind, folder):
    kernel, fs_type, machine = kind
    shares = [Share(name, str(folder / name), fs_type) for name in ("data", "more")]
    with boot(request.getfixturevalue(kernel), machine=machine, shares=shares) as guest:
        guest.fs_type = fs_type
        yield guest
        assert shut_down(guest) == 0


def mount(guest, tag, path, **more):
    """What the error says, or None."""
    return error_of(guest, "mount", tag=tag, guest_path=path, fs_type=guest.fs_type, **more)


@contextlib.contextmanager
def mounted(guest, tag, path, **more):
    assert mount(guest, tag, path, **more) is None
    yield
    guest.look(f"umount {path}")


def entry(guest, path):
    """Of /proc/mounts: what, where, which, options."""
    found = [line.split()[:4] for line in guest.look("cat /proc/mounts").splitlines()
             if line.split()[1] == path]
    return found and found[-1]


def test_data_both_ways(guest, folder):
    big = os.urandom(300000)
    (folder / "data" / "big").write_bytes(big)
    with mounted(guest, "data", "/srv/deep/data"):
        assert entry(guest, "/srv/deep/data")[:3] == ["data", "/srv/deep/data", guest.fs_type]
        assert guest.look("cat /srv/deep/data/of-host") == "data of the host\n"
        guest.look("cd /srv/deep/data && cp big copy && echo of the guest > of-guest && sync")
        assert (folder / "data" / "copy").read_bytes() == big
        assert (folder / "data" / "of-guest").read_text() == "of the guest\n"
    assert guest.look("ls -A /srv/deep/data; stat -c %a /srv /srv/deep") == "755\n755\n"


def test_read_only(guest, folder):
    with mounted(guest, "more", "/mnt", read_only=True):
        assert "ro" in entry(guest, "/mnt")[3].split(",")
        assert guest.look("cat /mnt/of-host") == "more of the host\n"
        status, said = guest.run("echo x > /mnt/new")
        assert status != 0 and "Read-only file system" in said
    assert not (folder / "more" / "new").exists()


@pytest.mark.parametrize("path,real", [
    ("/tmp/link", "/etc"), ("/tmp/link/below", "/etc/below"), ("/tmp/./link//a/../b", "/etc/b"),
    ("/run/x", "/run/x"), ("/proc", "/proc"), ("/", "/"), ("/tmp/../etc", "/etc"),
])
def test_not_over_the_system(guest, path, real):
    """Wherever symbolic links lead."""
    guest.look("ln -sfn /etc /tmp/link")
    before = guest.look("cat /proc/mounts; ls -A /etc")
    assert mount(guest, "data", path) == f'cannot mount over system directory: "{real}"'
    assert guest.look("cat /proc/mounts; ls -A /etc") == before


def test_link_elsewhere(guest):
    guest.look("mkdir -p /srv/real && ln -sfn /srv/real /tmp/allowed")
    assert mount(guest, "data", "/tmp/allowed") is None
    assert entry(guest, "/srv/real") and guest.look("umount /srv/real") == ""


def test_place_that_can_not_be_made(guest):
    guest.look("touch /srv/file")
    error = mount(guest, "data", "/srv/file/below")
    assert error == 'create mount point "/srv/file/below": mkdir /srv/file/below: not a directory'
    with mounted(guest, "data", "/mnt"):
        pass


def test_unknown_tag_degrades_until_a_mount_succeeds(guest):
    error = mount(guest, "nothing", "/mnt/nothing")
    assert error == f"mount nothing at /mnt/nothing: exit status 32 ({UNKNOWN[guest.fs_type]})"
    assert guest.health()["state"] == "degraded"
    assert f"mote: degraded: {error}\n" in guest.console
    with mounted(guest, "data", "/mnt"):
        assert guest.health()["state"] == "healthy"  # the shell runs


def test_unknown_file_system(guest):
    assert error_of(guest, "mount", tag="data", guest_path="/mnt", fs_type="ext4") == \
        'unsupported filesystem type: "ext4" (must be virtiofs or 9p)'


def test_undone_in_reverse_order(standard, folder):
    """What lies in another would keep that one busy; what mote does not know of does."""
    places = {"first": "/srv", "second": "/mnt", "third": "/mnt/third", "last": "/mnt/third/last",
              "gone": "/home/gone"}
    shares = [Share(tag, str(folder)) for tag in places]  # a tag of 9p can be mounted once
    with boot(standard, machine="microvm", shares=shares) as guest:
        guest.fs_type = "9p"
        for tag, path in places.items():
            assert mount(guest, tag, path) is None
        guest.look("mkdir -p /srv/other && mount -t tmpfs none /srv/other && umount /home/gone")
        assert shut_down(guest) == 0
        said = [line for line in guest.console.splitlines() if "unmount" in line]
        assert said == ["mote: unmount /srv: device or resource busy; it is hidden"]


@pytest.mark.parametrize("machine", ["q35", "microvm"])
def test_mount_that_hangs(cloud, machine, folder, tmp_path):
    """The loop goes on meanwhile; there is an error before a host would give up, and an end."""
    need_virtiofsd()
    passwd = tmp_path / "passwd"  # whom what is mounted is given to: that takes an answer
    passwd.write_text("root:x:0:0::/root:/bin/sh\nagent:x:1000:1000::/:/bin/sh\n")
    with boot(cloud, machine=machine, add=[f"{passwd}:/etc/passwd"],
              shares=[Share("data", str(folder / "data"), "virtiofs")]) as guest:
        server, = guest.servers()
        os.kill(server, signal.SIGSTOP)
        try:
            hang_and_end(guest)
        finally:
            os.kill(server, signal.SIGCONT)


def hang_and_end(guest):
    asked = message("mount", tag="data", guest_path="/mnt", fs_type="virtiofs")
    with guest.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(asked + PING)
        begin, pongs = time.monotonic(), 0
        while time.monotonic() < begin + HANG_SECONDS / 4:
            assert guest.raw(PING) == PONG
            pongs += 1
        assert pongs > HANG_SECONDS / 4
        assert b"mount data at /mnt: no answer within 8 s" in stream.readline()
        assert stream.readline() == PONG  # in the order that they were asked
    assert guest.health()["state"] == "degraded"
    assert shut_down(guest) == 0
