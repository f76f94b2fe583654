# SPDX-License-Identifier: MIT
"""Secrets and the configuration as files: content, mode, owner, and that whoever reads them while
they are replaced sees the old or the new. What can't be written is test_refusals.py's.
"""

import json
import os
import shutil
import signal
import stat
import threading

import pytest

from helpers import ack, ask, message, secret
from service import IS_ROOT, POWERLESS, PROGRAMS, Service

LINE_ROOM = 1000000  # bytes of a value, which fit a line
NAMES = 1024  # secrets at once
REPLACEMENTS = 300

# What is asked for, and what the file has.
MODES = [(None, 0o600), (0, 0o600), (0o600, 0o600), (0o640, 0o640), (0o777, 0o777), (0o1, 0o1),
         (0o4755, 0o755), (0o1000, 0o000), (4294967295, 0o777)]

VALUES = ["", "v", "with\nlines\n\n", "\x00\x01\x7f\n\x00", "<&>\u2028\u00e4\U0001f511", "v" * 4095,
          "v" * 4096, "v" * 4097, "v" * LINE_ROOM]

NAMES_OF_FILES = ["API_KEY", "n" * 255, "with.dot and blank", "x.tmp", "-rf", "\u00e4\U0001f511",
                  "a\nb", '"\\%n', "~", "*"]


def mode_of(path):
    return stat.S_IMODE(path.lstat().st_mode)


def inject(service, name, value, **options):
    return service.raw(message("inject_secret", name=name, value=value, **options))


def ask_list(service, after=""):
    answer = json.loads(service.raw(message("list_secrets", after=after)))
    assert answer["type"] == "secrets"
    return answer["payload"]


def list_all(service):
    """All pages."""
    found, more = [], True
    while more:
        page = ask_list(service, found[-1]["name"] if found else "")
        found += page["secrets"]
        more = page["more"]
    return found


@pytest.fixture(name="clean")
def fixture_clean(guest):
    """The shared service, without a secret."""
    assert b'"type":"purged"' in guest.raw(message("purge_secrets"))
    return guest


# --- a secret is a file ---

@pytest.mark.parametrize("value", VALUES, ids=lambda value: f"{len(value)}-{value[:8]!a}")
def test_content(clean, value):
    assert inject(clean, "KEY", value) == ack("inject_secret")
    assert (clean.secrets / "KEY").read_bytes() == value.encode()


@pytest.mark.parametrize("name", NAMES_OF_FILES, ids=ascii)
def test_name(clean, name):
    assert inject(clean, name, "v") == ack("inject_secret")
    assert os.listdir(clean.secrets) == [name]
    assert [entry["name"] for entry in list_all(clean)] == [name]


@pytest.mark.parametrize("asked, given", MODES)
def test_mode(clean, asked, given):
    options = {} if asked is None else {"mode": asked}
    for _ in range(2):  # also of one that is replaced
        assert inject(clean, "KEY", "v", **options) == ack("inject_secret")
        assert mode_of(clean.secrets / "KEY") == given


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("umask", [0o000, 0o027, 0o077])
def test_mode_does_not_depend_on_the_umask(program, umask):
    with Service(program, umask=umask) as service:
        assert inject(service, "KEY", "v", mode=0o644) == ack("inject_secret")
        assert service.raw(message("set_config", content="c")) == ack("set_config")
        assert mode_of(service.secrets / "KEY") == 0o644
        assert mode_of(service.config) == 0o644
        assert mode_of(service.secrets) == 0o700
        assert mode_of(service.config.parent) == 0o755


def test_owner_is_who_runs_mote(clean):
    assert inject(clean, "KEY", "v") == ack("inject_secret")
    for path in (clean.secrets, clean.secrets / "KEY"):
        assert (path.stat().st_uid, path.stat().st_gid) == (os.getuid(), os.getgid())


def test_directory_is_made_private_and_its_parents_are_not(program):
    with Service(program) as service:
        service.end(signal.SIGTERM)
        service.secrets = service.directory / "a" / "b" / "secrets"
        service.start()
        service.wait_ready()
        assert os.listdir(service.secrets) == []
        assert mode_of(service.secrets) == 0o700
        assert mode_of(service.directory / "a" / "b") == 0o755
        assert "is no tmpfs: secrets may reach a disk" in service.console


def test_directory_that_is_there_becomes_private(service):
    """When it is written to, too: somebody may have opened it since mote's start."""
    service.secrets.chmod(0o755)
    assert inject(service, "KEY", "v") == ack("inject_secret")
    assert mode_of(service.secrets) == 0o700
    service.end(signal.SIGTERM)
    service.secrets.chmod(0o755)
    service.start()
    service.wait_ready()
    assert mode_of(service.secrets) == 0o700


@pytest.mark.parametrize("name", [".mote.tmp", "KEY.tmp"])
def test_stale_temporary_keeps_neither_mode_nor_content(service, name):
    stale = service.secrets / name
    stale.write_text("stale" * 1000)
    stale.chmod(0o666)
    with stale.open() as reader:
        assert inject(service, "KEY", "v") == ack("inject_secret")
        assert reader.read() == "stale" * 1000  # it was not written through
    assert (service.secrets / "KEY").read_text() == "v"
    assert mode_of(service.secrets / "KEY") == 0o600


def test_link_in_the_place_of_a_secret_is_replaced_and_not_followed(service):
    other = service.directory / "other"
    other.write_text("other")
    other.chmod(0o644)
    (service.secrets / "SYMBOLIC").symlink_to(other)
    (service.secrets / "HARD").hardlink_to(other)
    (service.secrets / ".mote.tmp").symlink_to(other)
    for name in ("SYMBOLIC", "HARD"):
        assert inject(service, name, "v") == ack("inject_secret")
        assert (service.secrets / name).read_text() == "v"
        assert not (service.secrets / name).is_symlink()
    assert other.read_text() == "other" and mode_of(other) == 0o644


# --- replaced while it is read ---

def replace_while_read(service, path, line_of, values):
    """Replaces a file again and again, until a thread has read it often; all that it saw."""
    assert ask_once(service, line_of(values[0]))
    seen, done = {}, threading.Event()

    def read():
        while not done.is_set():
            try:
                content = path.read_text()
            except OSError as error:
                content = str(error)
            seen[content] = seen.get(content, 0) + 1

    reader = threading.Thread(target=read)
    reader.start()
    try:
        turn = 0
        with service.connect() as connection:
            while turn < REPLACEMENTS or len(seen) < len(values) or sum(seen.values()) < 200:
                turn += 1
                assert b'"ok":true' in ask(connection, line_of(values[turn % len(values)]))
    finally:
        done.set()
        reader.join()
    return set(seen)


def ask_once(service, line):
    return b'"ok":true' in service.raw(line)


def test_reader_sees_the_old_secret_or_the_new_one(clean):
    values = ["a" * 200000, "b" * 150000]
    assert replace_while_read(clean, clean.secrets / "KEY",
                              lambda value: secret("KEY", value), values) == set(values)
    assert os.listdir(clean.secrets) == ["KEY"]


def test_reader_sees_the_old_configuration_or_the_new_one(clean):
    values = ["a" * 200000, "b" * 150000]
    assert replace_while_read(clean, clean.config,
                              lambda value: message("set_config", content=value),
                              values) == set(values)
    assert os.listdir(clean.config.parent) == [clean.config.name]


def test_mode_is_never_wider_than_the_secret_s(clean):
    """Between its first byte and its name the file is nobody else's."""
    modes, done = set(), threading.Event()

    def look():
        while not done.is_set():
            for name in os.listdir(clean.secrets):
                try:
                    modes.add(mode_of(clean.secrets / name))
                except FileNotFoundError:
                    pass

    assert inject(clean, "KEY", "v", mode=0o400) == ack("inject_secret")
    looker = threading.Thread(target=look)
    looker.start()
    with clean.connect() as connection:
        for _ in range(REPLACEMENTS):
            line = message("inject_secret", name="KEY", value="v" * 100000, mode=0o400)
            assert ask(connection, line) == ack("inject_secret")
    done.set()
    looker.join()
    assert modes <= {0o600, 0o400}


# --- the configuration ---

@pytest.mark.parametrize("content", VALUES, ids=lambda value: f"{len(value)}-{value[:8]!a}")
def test_config(guest, content):
    assert guest.raw(message("set_config", content=content)) == ack("set_config")
    assert guest.config.read_bytes() == content.encode()
    assert mode_of(guest.config) == 0o644
    assert mode_of(guest.config.parent) == 0o755


def test_config_in_the_working_directory(program):
    """A path without a slash."""
    with Service(program) as service:
        service.end(signal.SIGTERM)
        service.config = "jcard.toml"
        service.arguments["cwd"] = service.directory
        service.start()
        service.wait_ready()
        assert service.raw(message("set_config", content="here")) == ack("set_config")
        assert (service.directory / "jcard.toml").read_text() == "here"


# --- mote's own messages ---

def test_list(clean):
    for name, value, mode in [("b", "22", 0o640), ("B", "1", 0o600), ("a", "", 0o777)]:
        assert inject(clean, name, value, mode=mode) == ack("inject_secret")
    assert clean.raw(message("list_secrets")) == \
        b'{"type":"secrets","payload":{"secrets":[{"name":"B","size":1,"mode":384},' \
        b'{"name":"a","size":0,"mode":511},{"name":"b","size":2,"mode":416}],"more":false}}\n'
    assert [e["name"] for e in ask_list(clean, "B")["secrets"]] == ["a", "b"]
    assert [e["name"] for e in ask_list(clean, "aa")["secrets"]] == ["b"]
    assert ask_list(clean, "b") == {"secrets": [], "more": False}


def test_list_shows_what_a_reader_would_take_for_a_secret(clean):
    """Files, whoever wrote them; neither dot-files nor what is no file."""
    assert inject(clean, "OURS", "v") == ack("inject_secret")
    (clean.secrets / "theirs").write_text("theirs")
    others = [clean.secrets / name for name in (".hidden", "directory", "fifo", "link")]
    others[0].write_text("h")
    others[1].mkdir()
    os.mkfifo(others[2])
    others[3].symlink_to("OURS")
    assert [e["name"] for e in list_all(clean)] == ["OURS", "theirs"]
    for name in ("directory", "fifo", "link"):
        assert clean.raw(message("delete_secret", name=name)) == \
            ack("delete_secret", f'delete secret "{name}": not found')
    purged = json.loads(clean.raw(message("purge_secrets")))["payload"]
    assert purged == {"secrets": 2, "bytes": 7, "residue": 0}
    assert sorted(os.listdir(clean.secrets)) == sorted(path.name for path in others)
    others[1].rmdir()
    for path in (others[0], others[2], others[3]):
        path.unlink()


def test_as_many_names_as_there_may_be(clean):
    limit = "limit is 1048576 bytes and 1024 names"
    names = [f"{i:04}{'n' * (i % 251)}" for i in range(NAMES)]
    with clean.connect() as connection:
        for name in names:
            assert ask(connection, secret(name, "v")) == ack("inject_secret")
        assert ask(connection, secret("one more", "v")) == ack(
            "inject_secret", f'write secret "one more": store full: 1 bytes wanted; {limit}')
        assert ask(connection, secret(names[7], "new")) == ack("inject_secret")
    assert [entry["name"] for entry in list_all(clean)] == names
    assert clean.raw(message("delete_secret", name=names[0])) == ack("delete_secret")
    assert inject(clean, "one more", "v") == ack("inject_secret")
    purged = json.loads(clean.raw(message("purge_secrets")))["payload"]
    assert purged == {"secrets": NAMES, "bytes": NAMES + 2, "residue": 0}
    assert os.listdir(clean.secrets) == []


def test_delete_leaves_zeros_to_whoever_has_it_open(clean):
    assert inject(clean, "KEY", "v" * 100000) == ack("inject_secret")
    with (clean.secrets / "KEY").open("rb") as reader:
        assert clean.raw(message("delete_secret", name="KEY")) == ack("delete_secret")
        assert reader.read() == bytes(100000)
    assert os.listdir(clean.secrets) == []
    assert clean.raw(message("delete_secret", name="KEY")) == \
        ack("delete_secret", 'delete secret "KEY": not found')


@pytest.mark.parametrize("mode", [0o400, 0o044, 0o1000])
def test_what_its_owner_may_not_write_is_wiped_too(program, mode):
    """Root would not notice; mote may run as anybody."""
    with Service(program, prefix=POWERLESS if IS_ROOT else ()) as service:
        for name in ("DELETED", "PURGED"):
            assert inject(service, name, "v" * 100, mode=mode) == ack("inject_secret")
            assert mode_of(service.secrets / name) == mode & 0o777
        assert service.raw(message("delete_secret", name="DELETED")) == ack("delete_secret")
        assert json.loads(service.raw(message("purge_secrets")))["payload"] == \
            {"secrets": 1, "bytes": 100, "residue": 0}
        assert os.listdir(service.secrets) == []


@pytest.mark.parametrize("name, error", [
    ("", "secret name cannot be empty"),
    *((name, f'invalid secret name: "{name}" (must be a simple filename)')
      for name in (".", "..", "../passwd", "/etc/passwd", ".hidden", "a..b"))])
@pytest.mark.parametrize("kind", ["delete_secret", "rotate_secret"])
def test_name_that_is_no_file_s(clean, kind, name, error):
    assert clean.raw(message(kind, name=name)) == ack(kind, error)
    assert clean.passwd.exists()


def test_rotate(clean):
    """It keeps the mode unless it is told another, and makes nothing that was not there."""
    def rotate(**payload):
        return clean.raw(message("rotate_secret", name="KEY", **payload))

    assert rotate(value="new") == ack("rotate_secret", 'rotate secret "KEY": not found')
    assert os.listdir(clean.secrets) == []
    assert inject(clean, "KEY", "old", mode=0o640) == ack("inject_secret")
    for payload, mode in [({"value": "new"}, 0o640), ({"value": "", "mode": 0o604}, 0o604),
                          ({"value": "v" * LINE_ROOM}, 0o604)]:
        assert rotate(**payload) == ack("rotate_secret")
        assert (clean.secrets / "KEY").read_text() == payload["value"]
        assert mode_of(clean.secrets / "KEY") == mode


def test_purge_of_nothing(service):
    assert service.raw(message("purge_secrets")) == \
        b'{"type":"purged","payload":{"secrets":0,"bytes":0,"residue":0}}\n'
    assert service.raw(message("list_secrets")) == \
        b'{"type":"secrets","payload":{"secrets":[],"more":false}}\n'


def test_capabilities(guest):
    answer = json.loads(guest.raw(message("capabilities")))
    payload = answer["payload"]
    assert answer["type"] == "capabilities"
    assert (payload["agent"], payload["platform"], payload["protocol"]) == \
        ("mote", "Linux x86_64", 1)
    assert payload["messages"][:12] == [
        "ping", "get_health", "set_config", "inject_secret", "inject_ssh_key", "mount", "shutdown",
        "capabilities", "list_secrets", "delete_secret", "rotate_secret", "purge_secrets"]
    limits = {"line": 1048575, "connections": 12, "names": NAMES, "field": 255, "path": 255}
    assert limits.items() <= payload["limits"].items()


def test_directories_that_are_gone_are_made_again(service):
    shutil.rmtree(service.secrets)
    service.config.parent.rmdir()
    assert service.raw(message("list_secrets")) == \
        b'{"type":"secrets","payload":{"secrets":[],"more":false}}\n'
    assert service.raw(message("delete_secret", name="KEY")) == \
        ack("delete_secret", 'delete secret "KEY": not found')
    assert inject(service, "KEY", "v") == ack("inject_secret")
    assert service.raw(message("set_config", content="c")) == ack("set_config")
    assert mode_of(service.secrets) == 0o700 and service.config.read_text() == "c"


def test_secrets_stay_when_a_service_ends(program):
    """They are its users' files; another mote finds them."""
    with Service(program) as service:
        assert inject(service, "KEY", "v") == ack("inject_secret")
        assert service.raw(message("shutdown")) == ack("shutdown")
        assert service.wait_exit() == 0
        service.start()
        service.wait_ready()
        assert [entry["name"] for entry in list_all(service)] == ["KEY"]
