# SPDX-License-Identifier: MIT
"""Workloads in a guest: every way to end, and what mote makes of it; their place, user and
environment; output without end; and that none of them holds up the guest's end.
"""

import re

import pytest

from helpers import PING, PONG, eventually, message, shut_down
from inside import PASSWD, boot, error_of

pytestmark = pytest.mark.parametrize("row", ["cloud-microvm", "standard-q35"], indirect=True)

# Each waits until it is told to go on by a file of its name, for the guest is shared.
WORKLOADS = r"""
# What ends at once, and how it is told.
name=seven -- sh -c 'exit 7'
name=segv -- sh -c 'kill -SEGV $$'
name=missing output=ring -- no-such-program
name=data output=ring -- /etc/passwd
name=user output=ring user=tester dir=/mnt env="A=b c" env=HOME=/x -- sh -c 'id -un; id -g; \
    id -G; pwd; echo "$A|$HOME|$USER|$LOGNAME|$PATH"; cat; umask; exit 3'
name=files output=ring -- ls /proc/self/fd
# What is started again.
name=failing restart=on-failure budget=2 output=ring -- sh -c 'echo try; exit 3'
name=forever restart=always budget=1000 -- true
name=once restart=on-failure -- true
# What goes on.
name=daemon output=ring -- sh -c '(setsid sh -c "until [ -e /tmp/daemon ]; do usleep 10000; done; \
    echo of the daemon; exec sleep 1000" &); echo started'
name=noise output=ring -- sh -c 'until [ -e /tmp/noise ]; do usleep 10000; done; \
    head -c 8000000 /dev/zero | tr "\0" x; echo; echo the end'
name=loud -- sh -c 'until [ -e /tmp/loud ]; do usleep 10000; done; seq 20000'
# What does not obey: mote.grace says how long it may go on.
name=deaf -- sh -c 'trap "" TERM; while :; do sleep 1; done'
name=stopped -- sh -c 'kill -STOP $$; echo goes on; exit 5'
"""
RUN = r'''mote.run="name=line output=ring -- printf [%s] two\ words '$HOME' c"'''
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row):
    """Ends as asked, though two of its workloads do not."""
    with boot(**row, add=[PASSWD], workloads=WORKLOADS, append=f"mote.grace=3 {RUN}") as guest:
        yield guest
        assert shut_down(guest) == 0
        assert "mote: deaf: exit status 137\n" in guest.console
        assert "mote: stopped: exit status 143\n" in guest.console
        assert "left behind" not in guest.console


def log(guest, name):
    """All that is kept of what one has said, and how much it ever was."""
    text, at = "", 0
    while True:
        answer = guest.request({"type": "logs", "payload": {"name": name, "offset": at}})["payload"]
        text, at = text + answer["text"], answer["next"]
        if answer["text"] == "":
            return text, at


def wait_ended(guest, name):
    """One that is not started again; the last that it wrote has been taken then."""
    eventually(lambda: "status" in guest.programs()[name], f"the end of {name}")
    return guest.programs()[name]


@pytest.mark.parametrize("name,status", [
    ("seven", 7), ("segv", 139), ("missing", 127), ("data", 126), ("user", 3), ("line", 0),
    ("once", 0), ("daemon", 0), ("files", 0),
])
def test_ends(guest, name, status):
    told = wait_ended(guest, name)
    assert (told["status"], told["restarts"], "pid" in told) == (status, 0, False)
    assert told.get("error") == (f"exit status {status}" if status else None)
    agent, = (agent for agent in guest.health()["agents"] if agent["name"] == name)
    assert agent["running"] is False and agent.get("error") == told.get("error")
    assert f"mote: {name}: exit status {status}\n" in guest.console


@pytest.mark.parametrize("name,said", [
    ("line", "[two words][$HOME][c]"),
    ("missing", "mote: cannot run no-such-program: no such file or directory\n"),
    ("data", "mote: cannot run /etc/passwd: permission denied\n"),
    ("user", f"tester\n1001\n1001\n/mnt\nb c|/x|tester|tester|{DEFAULT_PATH}\n0022\n"),
    ("files", "0\n1\n2\n3\n"),  # the last one is the directory
], ids=["line", "missing", "data", "user", "files"])
def test_output_is_kept(guest, name, said):
    wait_ended(guest, name)
    assert log(guest, name) == (said, len(said))


def test_restarts_until_the_budget_is_used_up(guest):
    eventually(lambda: "budget" in guest.programs()["failing"].get("error", ""), "the last restart")
    told = guest.programs()["failing"]
    assert (told["status"], told["restarts"]) == (3, 2)
    assert told["error"] == "exit status 3, budget used up"
    assert log(guest, "failing")[0] == "try\n" * 3
    assert guest.health()["state"] == "degraded"


def test_restarts_for_ever(guest):
    before = guest.programs()["forever"]["restarts"]
    eventually(lambda: guest.programs()["forever"]["restarts"] >= before + 2, "restarts")
    assert guest.programs()["forever"].get("status") == 0


def test_daemon_goes_on_and_is_heard(guest):
    """It is no child of mote's until its parent has ended."""
    guest.look("touch /tmp/daemon")
    eventually(lambda: log(guest, "daemon")[0] == "started\nof the daemon\n", "its words")
    assert re.search(r"^ *1 sleep 1000$", guest.look("ps -o ppid,args"), re.MULTILINE)


def test_ring_bears_megabytes(guest):
    """And mote answers meanwhile."""
    guest.look("touch /tmp/noise")
    pongs = 0
    while "status" not in guest.programs()["noise"]:
        assert guest.raw(PING) == PONG
        pongs += 1
    text, total = log(guest, "noise")
    assert text.endswith("xx\nthe end\n") and len(text) == 16384
    assert total == 8000000 + len("\nthe end\n") and pongs > 5


def test_console_bears_a_flood(guest):
    guest.look("touch /tmp/loud")
    while "status" not in guest.programs()["loud"]:
        assert guest.raw(PING) == PONG
    guest.wait_console("mote: loud: exit status 0\n")
    numbers = re.findall(r"^loud: (\d+)$", guest.console, re.MULTILINE)
    assert numbers == [str(number) for number in range(1, 20001)]


def test_logs_of_others(guest):
    assert error_of(guest, "logs", name="nobody") == 'logs: no workload "nobody"'
    assert "goes to the console" in error_of(guest, "logs", name="seven")


def test_workloads_are_ordinary_processes(guest):
    """Not protected from the kernel's hunger for memory, not in mote's session, no signal
    blocked."""
    said = guest.look("cat /proc/self/oom_score_adj; grep -E '^Sig(Blk|Ign)' /proc/self/status; "
                      "cat /proc/1/oom_score_adj")
    zeros = "0" * 16
    assert said == f"0\nSigBlk:\t{zeros}\nSigIgn:\t{zeros}\n-1000\n"
    pid = guest.programs()["inside"]["pid"]
    assert guest.look(f"cut -d' ' -f5,6 /proc/{pid}/stat") == f"{pid} {pid}\n"


def test_guest_waits_for_no_program(row):
    """One ignores SIGTERM; another one of its own children, with no group, too."""
    deaf = "trap '' TERM; (trap '' TERM; exec setsid sleep 1000) & while :; do sleep 1; done"
    workload = f"name=deaf restart=always -- sh -c \"{deaf}\"\n"
    with boot(**row, workloads=workload, append="mote.grace=1") as guest:
        with guest.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(message("shutdown") + PING)
            assert b'"ok":true' in stream.readline()
            assert stream.readline() == PONG  # served until all have ended
            assert guest.wait_exit() == 0
        assert guest.console.count("mote: deaf: exit status 137") == 1
