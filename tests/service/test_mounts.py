# SPDX-License-Identifier: MIT
"""Mounts as far as a machine without virtiofs or 9p of its own has them: what is refused, before
and behind symbolic links, what is made, and that a mount that fails leaves nothing behind. What
cannot be read in a request at all is the boot tests'. Data is shared in tests/interop.
"""

import contextlib
import json
import os
import pathlib
import re
import stat
import tempfile

import pytest

from helpers import CONNECTIONS, PING, PONG, ack, ask, eventually, message
from service import Service, need_root
from test_connections import take_all

TYPES = ["9p", "virtiofs"]
PROTECTED = ["/etc", "/nix", "/bin", "/boot", "/dev", "/proc", "/sys", "/run"]
# By the kernel: it does not know the type, or not the tag; or not to others than root.
NO_SUCH = re.compile(r"mount no-such-tag at (\S+): exit status 32 \([a-z ]+\)")


def mount(path, tag="no-such-tag", fs_type="9p", **options):
    return message("mount", tag=tag, guest_path=str(path), fs_type=fs_type, **options)


def error_of(answer):
    payload = json.loads(answer)["payload"]
    assert payload["reply_to"] == "mount" and not payload["ok"]
    return payload["error"]


def state_of(service):
    return json.loads(service.raw(message("get_health")))["payload"]["state"]


def refused(path):
    return ack("mount", f'cannot mount over system directory: "{path}"')


@pytest.fixture(name="place")
def fixture_place(guest):
    """A directory of the test's own."""
    return pathlib.Path(tempfile.mkdtemp(dir=guest.directory))


@pytest.mark.parametrize("options", [{}, {"read_only": True}], ids=["rw", "ro"])
@pytest.mark.parametrize("fs_type", TYPES)
def test_tag_that_does_not_exist(guest, place, fs_type, options):
    """As mount(8) would have ended. The host asks for the state and learns of it, too."""
    answer = guest.raw(mount(place / "a" / "b", fs_type=fs_type, **options))
    assert NO_SUCH.fullmatch(error_of(answer))[1] == str(place / "a" / "b")
    assert state_of(guest) == "degraded"
    assert "mote: degraded: mount no-such-tag at " in guest.console


def test_place_is_made_with_all_above_it(program):
    """Whatever the umask is."""
    with Service(program, umask=0o077) as service:
        path = service.directory / "a" / "b" / "c"
        assert NO_SUCH.fullmatch(error_of(service.raw(mount(path))))
        for made in (path, path.parent, path.parent.parent):
            assert stat.S_IMODE(made.stat().st_mode) == 0o755


@pytest.mark.parametrize("target", PROTECTED)
def test_link_to_what_is_protected(guest, place, target):
    """Nothing is mounted and nothing is made there."""
    if not os.path.isdir(target):
        pytest.skip(f"this machine has no {target}")
    real = os.path.realpath(target)
    (place / "link").symlink_to(target)
    (place / "twice").symlink_to("link")
    is_protected = any(real == p or real.startswith(f"{p}/") for p in PROTECTED)
    if not is_protected:  # as /bin, where it is /usr/bin
        pytest.skip(f"{target} is {real} on this machine")
    for name in ("link", "twice"):
        assert guest.raw(mount(place / name)) == refused(real)
        assert guest.raw(mount(place / name / "mote-made-this")) == \
            refused(f"{real}/mote-made-this")
        assert guest.raw(mount(f"{place}/x/../{name}/./")) == refused(real)
    assert not os.path.exists(f"{real}/mote-made-this")


def test_link_to_the_root(guest, place):
    (place / "link").symlink_to("/")
    assert guest.raw(mount(place / "link")) == refused("/")
    assert guest.raw(mount(place / "link" / "etc")) == refused("/etc")
    assert guest.raw(mount(place / "link" / "proc" / "sys")) == refused("/proc/sys")


def test_link_to_what_is_not_protected(guest, place):
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    answer = guest.raw(mount(place / "link" / "below"))
    assert NO_SUCH.fullmatch(error_of(answer))[1] == str(place / "link" / "below")
    assert (place / "real" / "below").is_dir()


@pytest.mark.parametrize("target, why", [
    ("nowhere", "not a directory"), ("link", "too many levels of symbolic links")],
    ids=["dangling", "loop"])
def test_link_that_leads_nowhere(guest, place, target, why):
    path = place / "link"
    path.symlink_to(target)
    assert guest.raw(mount(path)) == \
        ack("mount", f'create mount point "{path}": mkdir {path}: {why}')
    assert not (place / "nowhere").exists()


def test_place_that_can_t_be_made(guest, place):
    file = place / "file"
    file.write_text("content")
    for path in (file, file / "below"):
        assert guest.raw(mount(path)) == \
            ack("mount", f'create mount point "{path}": mkdir {path}: not a directory')
    assert file.read_text() == "content"


@pytest.mark.parametrize("path, error", [
    ("{}/a\0b", 'create mount point "{}/a\\x00b": invalid argument'),
    ("/" + "x" * 255, "decode mount payload: guest_path too long: limit is 255 bytes"),
])
def test_path_that_is_none(guest, place, path, error):
    assert guest.raw(mount(path.replace("{}", str(place)))) == \
        ack("mount", error.replace("{}", str(place)))
    assert os.listdir(place) == []


def test_tag_with_a_nul(guest, place):
    assert guest.raw(mount(place / "a", tag="t\0")) == \
        ack("mount", f"mount t\0 at {place}/a: invalid argument")


def test_read_only_place(program):
    need_root("a read-only file system")
    with Service(program, setup="mkdir {}/m && mount -t tmpfs -o ro none {}/m") as service:
        path = f"{service.directory}/m/a"
        assert service.raw(mount(path)) == ack(
            "mount", f'create mount point "{path}": mkdir {path}: read-only file system')


def test_type_that_the_kernel_has_but_is_not_offered(program):
    """tmpfs would work: nothing but the two types ever reaches the kernel."""
    need_root("mounting")
    with Service(program, setup=":") as service:
        path = service.directory / "m"
        for fs_type in ("tmpfs", "9P", "9p,", "virtiofs\0", "bind"):
            assert b'"unsupported filesystem type: ' in service.raw(mount(path, fs_type=fs_type))
        mounts = pathlib.Path(f"/proc/{service.pid}/mounts").read_text()
        assert str(path) not in mounts and not path.exists()


def test_requests_behind_a_mount_wait_for_it(guest, place):
    """One line out for each line in, and in order; the failed mount is the second."""
    with guest.connect() as connection, connection.makefile("rb") as stream:
        connection.sendall(PING + mount(place / "a") + message("x") + mount(place / "b") + PING)
        assert stream.readline() == PONG
        assert NO_SUCH.fullmatch(error_of(stream.readline()))[1] == str(place / "a")
        assert stream.readline() == ack("x", "unknown message type: x")
        assert NO_SUCH.fullmatch(error_of(stream.readline()))[1] == str(place / "b")
        assert stream.readline() == PONG


def children(service):
    return pathlib.Path(f"/proc/{service.pid}/task/{service.pid}/children").read_text().split()


def test_mounts_on_all_connections_leave_no_process(roomy):
    """And peers that do not wait for the answer do not, either."""
    path = roomy.directory / "m"
    for _ in range(10):
        with contextlib.ExitStack() as stack:
            connections = take_all(roomy, stack)
            for connection in connections:
                connection.sendall(mount(path) * 3)
            for connection in connections[CONNECTIONS // 2:]:
                for _ in range(3):
                    assert NO_SUCH.fullmatch(error_of(ask(connection, b"")))
    with contextlib.ExitStack() as stack:
        take_all(roomy, stack)  # what was asked for is done until then
        eventually(lambda: not children(roomy), "the end of all processes")
