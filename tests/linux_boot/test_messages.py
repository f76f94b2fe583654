# SPDX-License-Identifier: MIT
"""What StereOS asks, and what came of it, seen from inside the guest: content, owner, mode, place,
and that nothing half-done ever shows.
"""

import secrets

import pytest

from helpers import PING, PONG, ask, message
from inside import SECRETS, error_of

CONFIG = "/etc/stereos/jcard.toml"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody"
ODD = "one \"two\"\n\ttab \u00fc \u20ac \\ end without a newline"
OVERWRITES, READS = 200, 50  # at least


def kind(guest, path, *follow):
    """Mode, owner, group, size."""
    return guest.look(f"stat {' '.join(follow)} -c '%a %u:%g %s' '{path}'").strip()


def test_config(guest):
    for content in ("first\n" * 1000, ODD, ""):
        assert error_of(guest, "set_config", content=content) is None
        assert guest.look(f"cat {CONFIG}") == content
        assert kind(guest, CONFIG) == f"644 0:0 {len(content.encode())}"
    assert kind(guest, "/etc/stereos").startswith("755 0:0 ")
    assert guest.look("ls -A /etc/stereos") == "jcard.toml\n"


@pytest.mark.parametrize("mode,seen", [(None, "600"), (0, "600"), (0o400, "400"), (0o4777, "777")])
def test_secret(guest, mode, seen):
    payload = {"name": "API_KEY", "value": ODD, **({} if mode is None else {"mode": mode})}
    assert error_of(guest, "inject_secret", **payload) is None
    assert guest.look(f"cat {SECRETS}/API_KEY") == ODD
    assert kind(guest, f"{SECRETS}/API_KEY") == f"{seen} 0:0 {len(ODD.encode())}"


def test_place_of_secrets(guest):
    """Private, and in memory that never gets to a disk."""
    assert error_of(guest, "inject_secret", name="HERE", value="x") is None
    assert kind(guest, SECRETS).startswith("700 0:0 ")
    assert kind(guest, "/run/stereos").startswith("755 0:0 ")
    mount, = (line.split() for line in guest.look("cat /proc/mounts").splitlines()
              if line.split()[1] == SECRETS)
    assert mount[2] == "ramfs" or "noswap" in mount[3].split(",")
    assert {"nosuid", "nodev", "noexec"} <= set(mount[3].split(","))
    assert not [name for name in guest.look(f"ls -A {SECRETS}").split() if name[0] == "."]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", ".hidden", "a..b"])
def test_name_that_is_no_file(guest, name):
    before = guest.look("find / -xdev | sort | md5sum; ls -laR /run /etc /root")
    error = "secret name cannot be empty" if name == "" else \
        f'invalid secret name: "{name}" (must be a simple filename)'
    assert error_of(guest, "inject_secret", name=name, value="x") == error
    assert guest.look("find / -xdev | sort | md5sum; ls -laR /run /etc /root") == before


def test_secret_that_can_not_be_written(guest):
    """A directory is in the way; what was stored stays."""
    assert error_of(guest, "inject_secret", name="KEPT", value="kept") is None
    guest.look(f"mkdir {SECRETS}/DIR")
    error = error_of(guest, "inject_secret", name="DIR", value="x")
    assert error == f'rename secret "DIR": rename {SECRETS}/DIR.tmp {SECRETS}/DIR: file exists'
    assert guest.look(f"ls -A {SECRETS}/DIR; cat {SECRETS}/KEPT; rmdir {SECRETS}/DIR") == "kept"


def overwrite_until_read(guest, path, line_of):
    """Overwrites a file with two values in turn until a reader in the guest has seen it often.
    What it has seen: how often each checksum."""
    guest.look(f"rm -f /tmp/stop /tmp/seen; while [ ! -e /tmp/stop ]; do md5sum <{path}; done "
               ">/tmp/seen 2>&1 &")
    turns = seen = 0
    with guest.connect() as connection:
        while turns < OVERWRITES or seen < READS:
            for _ in range(OVERWRITES // 4):
                turns += 1
                assert b'"ok":true' in ask(connection, line_of[turns % 2])
            seen = int(guest.look("wc -l </tmp/seen"))
    guest.look("touch /tmp/stop")
    said = guest.look("while pidof md5sum; do usleep 1000; done; sort /tmp/seen | uniq -c")
    return {line.split()[1]: int(line.split()[0]) for line in said.splitlines()}


@pytest.mark.parametrize("what,path", [("secret", f"{SECRETS}/ATOMIC"), ("config", CONFIG)])
def test_never_half_written(guest, what, path):
    """Of different lengths, each more than the kernel copies at once."""
    values = ["a" * 30000, "b" * 90000]
    lines = [message("inject_secret", name="ATOMIC", value=value) if what == "secret" else
             message("set_config", content=value) for value in values]
    sums = set()
    for line in lines:
        assert b'"ok":true' in guest.raw(line)
        sums.add(guest.look(f"md5sum <{path}").split()[0])
    assert len(sums) == 2
    seen = overwrite_until_read(guest, path, lines)
    assert set(seen) == sums, seen


@pytest.mark.parametrize("user,home,owner", [("root", "/root", "0:0"),
                                             ("tester", "/home/tester", "1000:1001")])
def test_ssh_key(guest, user, home, owner):
    guest.look(f"rm -rf {home}/.ssh; mkdir -p {home}; chown {owner} {home}")
    for key in (KEY, f"{KEY} two\n\n"):
        assert error_of(guest, "inject_ssh_key", user=user, public_key=key) is None
        assert guest.look(f"cat {home}/.ssh/authorized_keys") == key.rstrip("\n") + "\n"
        assert kind(guest, f"{home}/.ssh/authorized_keys").startswith(f"600 {owner} ")
        assert kind(guest, f"{home}/.ssh").startswith(f"700 {owner} ")
    assert guest.look(f"ls -A {home}/.ssh") == "authorized_keys\n"


def test_ssh_key_of_nobody(guest):
    assert error_of(guest, "inject_ssh_key", user="x y", public_key=KEY) == \
        'lookup user "x y": user: unknown user x y'
    assert "no such file or directory" in error_of(guest, "inject_ssh_key", user="homeless",
                                                   public_key=KEY)


def test_ssh_key_does_not_follow_its_user(guest):
    """Who may write a home can't make mote write elsewhere."""
    guest.look("mkdir -p /home/tester; rm -rf /home/tester/.ssh /tmp/else; mkdir /tmp/else; "
               "ln -s /tmp/else /home/tester/.ssh")
    assert error_of(guest, "inject_ssh_key", user="tester", public_key=KEY)
    assert guest.look("ls -A /tmp/else; rm /home/tester/.ssh") == ""


def list_secrets(guest, **payload):
    answer = guest.request({"type": "list_secrets", "payload": payload})["payload"]
    return [(secret["name"], secret["size"], secret["mode"]) for secret in answer["secrets"]]


def test_list_rotate_delete_purge(guest):
    assert guest.request({"type": "purge_secrets"})["type"] == "purged"
    for name, value, mode in [("B", "12", 0o400), ("A", "1", 0o640), ("C", "123", 0)]:
        assert error_of(guest, "inject_secret", name=name, value=value, mode=mode) is None
    assert list_secrets(guest) == [("A", 1, 0o640), ("B", 2, 0o400), ("C", 3, 0o600)]
    assert list_secrets(guest, after="A") == [("B", 2, 0o400), ("C", 3, 0o600)]
    assert error_of(guest, "rotate_secret", name="B", value="other") is None
    assert kind(guest, f"{SECRETS}/B") == "400 0:0 5"
    assert error_of(guest, "rotate_secret", name="D", value="x") == 'rotate secret "D": not found'
    assert error_of(guest, "delete_secret", name="A") is None
    assert error_of(guest, "delete_secret", name="A") == 'delete secret "A": not found'
    assert guest.look(f"ls -A {SECRETS}") == "B\nC\n"
    purged = guest.request({"type": "purge_secrets"})["payload"]
    assert purged == {"secrets": 2, "bytes": 8, "residue": 0}
    assert guest.look(f"ls -A {SECRETS}") == ""


def test_capabilities(guest):
    told = guest.request({"type": "capabilities"})["payload"]
    assert told["platform"] == "Linux x86_64"
    assert {"mount", "workloads", "logs", "purge_secrets"} <= set(told["messages"])
    assert told["limits"]["line"] == 1048575


def test_longest_line(guest):
    """All that a host may send."""
    value = secrets.token_hex(500000)
    assert error_of(guest, "inject_secret", name="LONG", value=value) is None
    assert kind(guest, f"{SECRETS}/LONG") == f"600 0:0 {len(value)}"
    assert error_of(guest, "delete_secret", name="LONG") is None
    assert guest.raw(PING) == PONG
