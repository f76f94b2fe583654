# SPDX-License-Identifier: MIT
"""authorized_keys of the users that a passwd file names: content, owner and modes, homes that are
not as they should be, and passwd files that are anything. The text of a key is the boot tests'.
"""

import os
import stat

import pytest

from helpers import ack, message
from service import IS_ROOT, PROGRAMS, Service, need_root

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"
UID, GID = os.getuid(), os.getgid()
OTHER_UID, OTHER_GID = 54321, 54322
HUGE = 50 * 2**20  # bytes of a passwd file


def user(name, home="{}/home", uid=UID, gid=GID):
    """A line of a passwd file; {} is the service's directory."""
    return f"{name}:x:{uid}:{gid}:comment:{home}:/bin/sh\n"


def inject(service, name="u", key=KEY):
    return service.raw(message("inject_ssh_key", user=name, public_key=key))


def unknown(name):
    return ack("inject_ssh_key", f'lookup user "{name}": user: unknown user {name}')


def file_of(service):
    return service.home / ".ssh" / "authorized_keys"


def facts(path):
    found = path.lstat()
    return stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid


@pytest.mark.parametrize("key, content", [
    (KEY, f"{KEY}\n"), (f"{KEY}\n", f"{KEY}\n"), (f"{KEY} comment\n\n\n", f"{KEY} comment\n"),
    (f"{KEY}\r\n", f"{KEY}\r\n"), (f"{KEY}\nssh-rsa B", f"{KEY}\nssh-rsa B\n"),
    ("ssh-rsa " + "k" * 100000, "ssh-rsa " + "k" * 100000 + "\n")])
def test_content(guest, key, content):
    assert inject(guest, key=key) == ack("inject_ssh_key")
    assert file_of(guest).read_bytes() == content.encode()
    assert facts(file_of(guest)) == (0o600, UID, GID)
    assert facts(file_of(guest).parent) == (0o700, UID, GID)
    assert os.listdir(file_of(guest).parent) == ["authorized_keys"]


def test_key_replaces_what_is_there(guest):
    for key in (KEY, "ssh-rsa AAAA"):
        assert inject(guest, key=key) == ack("inject_ssh_key")
    assert file_of(guest).read_text() == "ssh-rsa AAAA\n"


def test_owner_is_the_user(program):
    need_root("files of another user")
    with Service(program, users=user("u", uid=OTHER_UID, gid=OTHER_GID)) as service:
        for _ in range(2):
            assert inject(service) == ack("inject_ssh_key")
            assert facts(file_of(service)) == (0o600, OTHER_UID, OTHER_GID)
            assert facts(file_of(service).parent) == (0o700, OTHER_UID, OTHER_GID)
        assert facts(service.home)[1:] == (UID, GID)


def test_owner_that_can_t_be_given(program):
    if IS_ROOT:
        pytest.skip("root may give files away")
    with Service(program, users=user("u", uid=UID + 1)) as service:
        error = f"chown {file_of(service).parent}: operation not permitted"
        assert inject(service) == ack("inject_ssh_key", error)
        assert not file_of(service).exists()


def test_directory_and_file_that_are_too_open_are_closed(service):
    file_of(service).parent.mkdir()
    file_of(service).write_text("old")
    file_of(service).chmod(0o666)
    file_of(service).parent.chmod(0o777)
    (file_of(service).parent / "config").write_text("another file")
    assert inject(service) == ack("inject_ssh_key")
    assert facts(file_of(service))[0] == 0o600 and facts(file_of(service).parent)[0] == 0o700
    assert (file_of(service).parent / "config").read_text() == "another file"


def test_link_that_the_user_made_leads_nowhere(service):
    """What is below a home is its user's: root must not write where that leads."""
    other = service.directory / "other"
    other.mkdir(mode=0o755)
    ssh = service.home / ".ssh"
    ssh.symlink_to(other)
    assert inject(service) == ack("inject_ssh_key", f"open {ssh}: not a directory")
    assert os.listdir(other) == [] and facts(other)[0] == 0o755
    ssh.unlink()
    ssh.mkdir()
    (other / "file").write_text("other")
    file_of(service).symlink_to(other / "file")
    assert inject(service) == ack("inject_ssh_key")
    assert (other / "file").read_text() == "other"
    assert file_of(service).read_text() == f"{KEY}\n" and not file_of(service).is_symlink()


def test_home_that_is_not_as_it_should_be(service):
    ssh = service.home / ".ssh"
    file_of(service).mkdir(parents=True)
    assert inject(service) == ack("inject_ssh_key", f"rename {file_of(service)}.tmp "
                                  f"{file_of(service)}: file exists")
    file_of(service).rmdir()
    ssh.rmdir()
    ssh.write_text("a file")
    assert inject(service) == ack("inject_ssh_key", f"open {ssh}: not a directory")
    ssh.unlink()
    service.home.rmdir()
    assert inject(service) == ack("inject_ssh_key", f"open {ssh}: no such file or directory")
    service.home.write_text("a file")
    assert inject(service) == ack("inject_ssh_key", f"open {ssh}: not a directory")


@pytest.mark.parametrize("name", ["nobody-here", "U", "uu", "u:x", "", " u", "root\n", "\u00e4"])
def test_unknown_user(guest, name):
    expected = unknown(name) if name and "\n" not in name else None
    answer = inject(guest, name)
    if expected:
        assert answer == expected
    else:
        assert b'"ok":false' in answer


# What a passwd file may hold besides the line that is looked for, and that it is still found.
AROUND = {
    "alone": "%s",
    "behind-one-with-its-start": user("uu") + "%s",
    "behind-one-that-it-starts-with": user("") + "%s",
    "behind-lines-that-are-none": "\n\n# u\nu\nu:x\nu:x:0\n:::::::\n" + "%s",
    "behind-numbers-that-are-none": user("u", uid="") + user("u", uid="x") +
                                    user("u", uid=-1) + "%s",
    "behind-numbers-too-large": user("u", uid=2**32) + user("u", gid=2**32 - 1) +
                                user("u", uid=10**30) + "%s",
    "behind-homes-that-are-none": user("u", home="") + user("u", home="relative") + "%s",
    "behind-a-home-too-long": user("u", home="/" + "h" * 100000) + "%s",
    "behind-a-long-line": "x" * 100000 + "\n%s",
    "behind-nul": "u\0:x:0:0::/:\n\0\n%s",
    "behind-nis": "+u::::::\n%s",
    "before-another": "%s" + user("u", home="/nonexistent"),
}


@pytest.mark.parametrize("name", AROUND)
def test_line_is_found(program, name):
    with Service(program, users=AROUND[name] % user("u")) as service:
        assert inject(service) == ack("inject_ssh_key")
        assert file_of(service).read_text() == f"{KEY}\n"


def test_line_without_an_end(program):
    with Service(program, users=user("v") + user("u")[:-1]) as service:
        assert inject(service) == ack("inject_ssh_key")
        assert file_of(service).exists()


@pytest.mark.parametrize("lines", ["\n", "u", "u:x:0:0:c:/home", user("u", uid=2**32 - 1),
                                   user("u", home="home"), user("u", uid="0x0")])
def test_no_line_is_found(program, lines):
    with Service(program, users=lines) as service:
        assert inject(service) == unknown("u")


@pytest.mark.parametrize("line", [user("someone", home="/nowhere"), "x"], ids=["lines", "one line"])
def test_huge_passwd(service, line):
    """Nothing of it is kept; others are served behind it."""
    with service.passwd.open("w") as file:
        for _ in range(HUGE // 2**20):
            file.write(line * (2**20 // len(line)))
        file.write("\n" + user("u").replace("{}", str(service.directory)))
    assert inject(service) == ack("inject_ssh_key")
    assert inject(service, "nobody-here") == unknown("nobody-here")
    assert file_of(service).read_text() == f"{KEY}\n"


def test_passwd_that_can_t_be_read(service):
    service.passwd.unlink()
    assert inject(service) == unknown("u")
    service.passwd.mkdir()
    assert inject(service) == ack("inject_ssh_key", f"open {service.passwd}: is a directory")
    service.passwd.rmdir()
    os.mkfifo(service.passwd)
    assert b'"ok":false' in inject(service)
    service.passwd.unlink()
    service.passwd.symlink_to("passwd")
    assert inject(service) == ack("inject_ssh_key", f"open {service.passwd}: too many levels of "
                                  "symbolic links")


def test_system_s_own_users():
    """Without --passwd: root is there wherever this runs, and no home is written to."""
    for program in PROGRAMS:
        with Service(program, options=["--passwd", "/etc/passwd"]) as service:
            assert inject(service, "no such user") == unknown("no such user")
