# SPDX-License-Identifier: MIT
"""Files that can't be written: a full file system, a read-only one, a directory in the way. The
host reads why, what was stored before stays, nothing half-written does, and mote goes on.
"""

import fcntl
import json
import os
import re

import pytest

from helpers import PING, PONG, ack, ask, message, secret
from service import POWERLESS, Service, need_root

KEY = "ssh-ed25519 AAAA"
FULL = "mkdir {}/%s && mount -t tmpfs -o size=%dk,mode=700 none {}/%s"
LARGE = "v" * 200000


def on_tmpfs(name, kilobytes):
    """The shell's words for a tmpfs in the service's directory."""
    return FULL % (name, kilobytes, name)


def why(answer):
    payload = json.loads(answer)["payload"]
    assert not payload["ok"]
    return payload["error"]


def inject(service, name, value):
    return service.raw(secret(name, value))


# --- a full file system ---

@pytest.fixture(name="full")
def fixture_full(program):
    """Secrets and configuration have 64 KiB each, of which a directory takes nothing."""
    setup = f"{on_tmpfs('secrets', 64)}; {on_tmpfs('etc', 64)}"
    with Service(program, setup=setup) as service:
        yield service
        assert service.raw(PING) == PONG


def test_secret_on_a_full_file_system(full):
    assert inject(full, "KEPT", "old") == ack("inject_secret")
    error = f'write {full.secrets}/KEPT.tmp: no space left on device'
    for _ in range(3):
        assert inject(full, "KEPT", LARGE) == ack("inject_secret", f'write secret "KEPT": {error}')
        assert full.inside(full.secrets / "KEPT").read_text() == "old"
        assert os.listdir(full.inside(full.secrets)) == ["KEPT"]
    assert inject(full, "KEPT", "v" * 40000) == ack("inject_secret")
    assert "no tmpfs" not in full.console


def test_rotation_on_a_full_file_system(full):
    assert inject(full, "KEPT", "old") == ack("inject_secret")
    answer = full.raw(message("rotate_secret", name="KEPT", value=LARGE))
    assert answer == ack("rotate_secret", f'write secret "KEPT": write {full.secrets}/KEPT.tmp: '
                         "no space left on device")
    assert full.inside(full.secrets / "KEPT").read_text() == "old"


def test_config_on_a_full_file_system(full):
    assert full.raw(message("set_config", content="old")) == ack("set_config")
    assert full.raw(message("set_config", content=LARGE)) == \
        ack("set_config", f"write {full.config}: no space left on device")
    assert full.inside(full.config).read_text() == "old"
    assert os.listdir(full.inside(full.config.parent)) == [full.config.name]


def test_key_on_a_full_file_system(program):
    users = "u:x:0:0::{}/small:/bin/sh\n"
    with Service(program, setup=on_tmpfs("small", 64), users=users) as service:
        line = message("inject_ssh_key", user="u", public_key=KEY)
        assert service.raw(line) == ack("inject_ssh_key")
        keys = f"{service.directory}/small/.ssh/authorized_keys"
        assert service.raw(message("inject_ssh_key", user="u", public_key=f"{KEY}{LARGE}")) == \
            ack("inject_ssh_key", f"write {keys}.tmp: no space left on device")
        assert service.inside(keys).read_text() == f"{KEY}\n"


def test_file_system_without_a_name_left(program):
    """It has room, but not for another file."""
    setup = "mkdir {}/secrets && mount -t tmpfs -o nr_inodes=3,mode=700 none {}/secrets"
    with Service(program, setup=setup) as service:
        assert inject(service, "KEPT", "old") == ack("inject_secret")
        assert inject(service, "KEPT", "new") == ack("inject_secret")
        assert inject(service, "B", "b") == ack("inject_secret")
        assert inject(service, "C", "c") == ack(
            "inject_secret", f'write secret "C": open {service.secrets}/C.tmp: '
            "no space left on device")
        assert service.raw(message("delete_secret", name="B")) == ack("delete_secret")
        assert inject(service, "C", "c") == ack("inject_secret")


# --- a read-only file system ---

READ_ONLY = ('mkdir -p {}/secrets {}/etc {}/home/.ssh; echo old > {}/secrets/KEPT; '
             'echo old > {}/etc/jcard.toml; chmod 700 {}/home/.ssh; '
             'mount --bind {} {}; mount -o remount,ro,bind {}')


@pytest.fixture(name="frozen")
def fixture_frozen(program):
    """Everything below the service's directory is read-only to it, but its socket is bound on
    a file system of its own."""
    need_root("a read-only file system")
    with Service(program, "tcp", setup=READ_ONLY) as service:
        yield service
        assert service.raw(PING) == PONG


def test_read_only_file_system(frozen):
    for line, error in [
            (secret("KEPT", "new"), f'write secret "KEPT": open {frozen.secrets}/KEPT.tmp: '),
            (secret("NEW", "new"), f'write secret "NEW": open {frozen.secrets}/NEW.tmp: '),
            (message("rotate_secret", name="KEPT", value="new"),
             f'write secret "KEPT": open {frozen.secrets}/KEPT.tmp: '),
            (message("set_config", content="new"), f"open {frozen.config}: "),
            (message("inject_ssh_key", user="u", public_key=KEY),
             f"open {frozen.home}/.ssh/authorized_keys.tmp: ")]:
        assert why(frozen.raw(line)) == f"{error}read-only file system"
    assert (frozen.secrets / "KEPT").read_text() == (frozen.config).read_text() == "old\n"
    assert os.listdir(frozen.home / ".ssh") == []


def test_secrets_that_can_t_be_removed(frozen):
    """Nothing of a file that stays is wiped, and the host learns that it does."""
    error = f'delete secret "KEPT": remove {frozen.secrets}/KEPT: read-only file system'
    assert frozen.raw(message("delete_secret", name="KEPT")) == ack("delete_secret", error)
    assert frozen.raw(message("purge_secrets")) == ack("purge_secrets", error)
    assert (frozen.secrets / "KEPT").read_text() == "old\n"
    assert b'"name":"KEPT"' in frozen.raw(message("list_secrets"))


# --- something else is in the way ---

def test_directory_in_the_place_of_a_file(service):
    assert inject(service, "KEPT", "old") == ack("inject_secret")
    (service.secrets / "DIR").mkdir()
    (service.secrets / "DIR" / "file").write_text("content")
    path = f"{service.secrets}/DIR"
    assert inject(service, "DIR", "v") == ack(
        "inject_secret", f'rename secret "DIR": rename {path}.tmp {path}: file exists')
    assert (service.secrets / "DIR" / "file").read_text() == "content"
    assert sorted(os.listdir(service.secrets)) == ["DIR", "KEPT"]
    service.config.mkdir()
    assert service.raw(message("set_config", content="c")) == \
        ack("set_config", f"open {service.config}: is a directory")
    assert os.listdir(service.config.parent) == [service.config.name]


def test_directory_in_the_place_of_the_temporary_file(service):
    assert inject(service, "KEPT", "old") == ack("inject_secret")
    (service.secrets / ".mote.tmp").mkdir()
    assert inject(service, "KEPT", "new") == ack(
        "inject_secret", f'write secret "KEPT": open {service.secrets}/KEPT.tmp: file exists')
    assert (service.secrets / "KEPT").read_text() == "old"


def test_file_in_the_place_of_the_directory(service):
    for directory in (service.secrets, service.config.parent):
        directory.rmdir()
        directory.write_text("a file")
    assert inject(service, "KEY", "v") == ack(
        "inject_secret", f'write secret "KEY": open {service.secrets}/KEY.tmp: not a directory')
    assert service.raw(message("set_config", content="c")) == \
        ack("set_config", f"open {service.config}: not a directory")
    assert service.raw(message("list_secrets")) == \
        b'{"type":"secrets","payload":{"secrets":[],"more":false}}\n'
    assert service.secrets.read_text() == service.config.parent.read_text() == "a file"


def test_directory_that_another_mote_writes_to(service):
    """It holds a lock meanwhile: neither removes what the other one writes."""
    assert inject(service, "KEPT", "old") == ack("inject_secret")
    directory = os.open(service.secrets, os.O_RDONLY)
    fcntl.flock(directory, fcntl.LOCK_EX)
    (service.secrets / ".mote.tmp").write_text("of the other")
    assert re.fullmatch(r'write secret "KEPT": open .*/KEPT\.tmp: resource temporarily unavailable',
                        why(inject(service, "KEPT", "new")))
    assert (service.secrets / ".mote.tmp").read_text() == "of the other"
    os.close(directory)
    assert inject(service, "KEPT", "new") == ack("inject_secret")


def test_directory_of_somebody_else(program):
    """Neither its mode nor anything in it is changed by one who may not."""
    need_root("a file of another user")
    setup = "mkdir {}/secrets; chmod 755 {}/secrets; chown 1:1 {}/secrets"
    with Service(program, setup=setup, prefix=POWERLESS) as service:
        assert inject(service, "KEY", "v") == ack(
            "inject_secret", f'write secret "KEY": open {service.secrets}/KEY.tmp: '
            "permission denied")
        assert service.secrets.stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("path", ["/" + "d" * 300, "/d" * 150], ids=["name", "path"])
def test_path_that_is_too_long(program, path):
    with Service(program, options=["--secrets", path, "--config", path]) as service:
        for _ in range(2):
            assert why(inject(service, "KEY", "v")) == \
                'write secret "KEY": option mote.secrets: file name too long'
            assert why(service.raw(message("set_config", content="c"))) == \
                "option mote.config: file name too long"
        for option in ("secrets", "config"):
            assert f"mote: option mote.{option}: file name too long\n" in service.console


def test_everything_at_once_on_a_full_file_system(full):
    """Hundreds of failures leave nothing behind: the last of them fits as the first did."""
    with full.connect() as connection:
        for i in range(300):
            assert b"no space left on device" in ask(connection, secret(f"NAME_{i}", LARGE))
        assert ask(connection, secret("FITS", "v" * 60000)) == ack("inject_secret")
    assert os.listdir(full.inside(full.secrets)) == ["FITS"]
