# SPDX-License-Identifier: MIT
"""What a first process owes to everybody else: mounts, links, names, modules, orphans, and an end.
"""

import re

import pytest

from helpers import PING, PONG, eventually
from inside import boot

ORPHANS = 10000
COMMAND_LINE_MAX = 2047  # COMMAND_LINE_SIZE of x86 without its NUL
# Where, what, and options that must be among those it has.
MOUNTS = {
    "/dev": ("devtmpfs", "rw,nosuid,mode=755"),
    "/proc": ("proc", "rw,nosuid,nodev,noexec"),
    "/sys": ("sysfs", "rw,nosuid,nodev,noexec"),
    "/dev/pts": ("devpts", "rw,nosuid,noexec,mode=620,ptmxmode=666"),
    "/dev/shm": ("tmpfs", "rw,nosuid,nodev"),
    "/run": ("tmpfs", "rw,nosuid,nodev,mode=755"),
    "/tmp": ("tmpfs", "rw,nosuid,nodev"),
    "/run/stereos/secrets": ("ramfs", "rw,nosuid,nodev,noexec,mode=700"),
}
LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
         "stderr": "/proc/self/fd/2"}


@pytest.mark.parametrize("path", MOUNTS)
def test_mount(guest, path):
    lines = [line.split() for line in guest.look("cat /proc/mounts").splitlines()]
    (_, _, kind, options, *_), = (line for line in lines if line[1] == path)
    assert kind == MOUNTS[path][0]
    assert set(MOUNTS[path][1].split(",")) <= set(options.split(","))


def test_places_are_open_to_all_as_usual(guest):
    assert guest.look("stat -c '%a %n' / /tmp /dev/shm /run") == \
        "755 /\n1777 /tmp\n1777 /dev/shm\n755 /run\n"


@pytest.mark.parametrize("name", LINKS)
def test_link(guest, name):
    assert guest.look(f"readlink /dev/{name}") == f"{LINKS[name]}\n"


def test_links_lead_somewhere(guest):
    assert guest.look("echo x >/tmp/x; cat /dev/fd/0 </tmp/x >/dev/stdout") == "x\n"
    assert guest.look("echo x >/tmp/x; cat /dev/stdin </tmp/x >/dev/stderr") == "x\n"


def test_name_and_loopback(guest):
    assert guest.look("hostname") == "mote\n"
    assert guest.look("ping -c 1 -w 60 127.0.0.1 >/dev/null && cat /sys/class/net/lo/flags") == \
        "0x9\n"


def test_modules_in_order(guest):
    listed = guest.look("cat /lib/mote/modules").split()
    names = [re.sub(r".*/|\.ko$", "", path).replace("-", "_") for path in listed]
    loaded = [line.split()[0] for line in guest.look("cat /proc/modules").splitlines()]
    assert names and names == loaded[::-1][:len(names)]
    assert "mote: module" not in guest.console


def test_standard_files_of_mote(guest):
    """The console is on 0, 1 and 2; all else that it has open is its own."""
    said = guest.look("for fd in /proc/1/fd/*; do readlink $fd; done").splitlines()
    assert said[:3] == ["/dev/console"] * 3
    ours = re.compile(r"anon_inode:\[(eventpoll|signalfd)\]|(socket|pipe):\[\d+\]")
    assert all(ours.fullmatch(file) for file in said[3:]), said


@pytest.mark.parametrize("row", ["cloud-microvm"], indirect=True)
def test_every_orphan_is_reaped(guest):
    """Thousands at once, and requests are answered meanwhile."""
    children = "grep -ls '^PPid:.1$' /proc/[0-9]*/status | wc -l"
    before = guest.look(children)
    ten = " & ".join([":"] * 10)
    guest.begin(f"i=0; while [ $i -lt {ORPHANS // 10} ]; do ({ten} &); i=$((i + 1)); done; "
                "echo done")
    pongs = 0
    while not guest.has_answer():
        assert guest.raw(PING) == PONG
        pongs += 1
    assert guest.end() == (0, "done\n")
    assert pongs > 10
    eventually(lambda: guest.look(children) == before, "the end of all")


@pytest.mark.parametrize("row", ["standard-microvm"], indirect=True)
def test_orphans_that_sleep(guest):
    """Hundreds that are alive at the same time and end together."""
    guest.look("i=0; while [ $i -lt 300 ]; do (exec setsid sleep 2 & ); i=$((i + 1)); done")
    assert guest.raw(PING) == PONG
    eventually(lambda: guest.run("pidof sleep")[0] == 1, "the end of all")
    assert guest.look("grep -ls '^State:.Z' /proc/[0-9]*/status | wc -l") == "0\n"


def test_mote_survives_signals(guest):
    """Of those that come from inside, only those that ask for the end have one."""
    for name in ("HUP", "USR1", "USR2", "PIPE", "ALRM", "CHLD", "CONT", "WINCH", "IO", "KILL",
                 "STOP", "TSTP", "QUIT", "VTALRM"):
        guest.look(f"kill -{name} 1")
        assert guest.raw(PING) == PONG, name


def test_fork_bomb(standard):
    """Within its limit it takes what it gets, and no more."""
    bomb = "name=bomb user=nobody output=ring -- sh -c 'ulimit -u 60; " \
        "until [ -e /tmp/bomb ]; do usleep 10000; done; " \
        "while :; do sh -c \"sleep 1000; :\" & done'\n"
    with boot(standard, machine="microvm", workloads=bomb) as guest:
        guest.look("touch /tmp/bomb")
        of_nobody = "grep -ls '^Uid:.65534' /proc/[0-9]*/status | wc -l"
        eventually(lambda: int(guest.look(of_nobody)) > 50, "the bomb")
        for _ in range(50):
            assert guest.raw(PING) == PONG
        assert guest.raw(b'{"type":"shutdown"}\n').count(b'"ok":true') == 1
        assert guest.wait_exit() == 0
    assert "left behind" not in guest.console


@pytest.mark.parametrize("machine,way,reason", [
    ("q35", "ctrl-alt-del", "SIGINT (ctrl-alt-del)"),
    ("microvm", "ctrl-alt-del", "SIGINT (ctrl-alt-del)"),
    ("microvm", "kill -TERM 1", "SIGTERM"),
    ("q35", "kill -PWR 1", "SIGPWR (power fails)"),
])
def test_request_to_end(standard, machine, way, reason):
    if (machine, way) == ("microvm", "ctrl-alt-del"):
        pytest.skip("microvm has no keyboard")
    with boot(standard, machine=machine) as guest:
        if way == "ctrl-alt-del":
            guest.monitor("sendkey ctrl-alt-delete")
        else:
            guest.begin(way)
        assert guest.wait_exit() == 0
    assert f"mote: shutdown: {reason}\n" in guest.console


def test_fault_of_mote(cloud):
    """No kernel panic: it tells where, and ends."""
    with boot(cloud, machine="microvm") as guest:
        guest.begin("kill -SEGV 1")
        assert guest.wait_exit() == 3
    assert re.search(r"^mote: signal 11 at rip 0x[0-9a-f]+$", guest.console, re.MULTILINE)


def test_longest_command_line(cloud):
    """And what nobody knows is told."""
    known = "mote.nonsense=1 mote.hostname=\"a host\" mote.run=\"name=last -- echo the last\""
    with boot(cloud, append="") as guest:  # how long the rest is
        used = len(guest.append)
    fill = "x=" + "y" * (COMMAND_LINE_MAX - used - len(known) - 4)
    with boot(cloud, append=f"{fill} {known}") as guest:
        assert len(guest.look("cat /proc/cmdline")) == COMMAND_LINE_MAX + 1
        assert "mote: mote.nonsense on the command line: no such option\n" in guest.console
        assert guest.look("hostname") == "a host\n"
        guest.wait_console("last: the last\n")


def test_out_of_memory(cloud):
    """Whoever eats it all is ended by the kernel; mote is not, and answers at once."""
    eater = "name=eater output=ring -- sh -c 'until [ -e /tmp/eat ]; do usleep 10000; done; " \
        "exec awk \"BEGIN { while (1) a[i++] = i }\"'\n"
    with boot(cloud, memory="112M", workloads=eater) as guest:
        guest.look("touch /tmp/eat")
        pongs = 0
        while "status" not in guest.programs()["eater"]:
            assert guest.raw(PING) == PONG
            pongs += 1
        told = guest.programs()["eater"]
        assert (told["status"], told["error"]) == (137, "exit status 137")
        assert guest.health()["state"] == "degraded"
        assert guest.programs()["inside"]["running"]
        assert "Out of memory: Killed process" in guest.look("dmesg")
        assert guest.raw(PING) == PONG and pongs > 2
