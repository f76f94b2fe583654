# SPDX-License-Identifier: MIT
"""Programs that mote starts and looks after: their status, what they say, how they begin again,
what the host hears of them, and that none of them holds up an answer or the end.
"""

import json
import os
import signal
import time

import pytest

from helpers import PING, PONG, ack, ask, eventually, message
from service import PROGRAMS, Service, run_apart

# A command, and what mote ends with when that is to decide it.
STATUSES = [("sh -c 'exit 0'", 0), ("sh -c 'exit 7'", 7), ("sh -c 'exit 255'", 255),
            ("sh -c 'kill -9 $$'", 137), ("sh -c 'kill -TERM $$'", 143), ("nonsuch", 127),
            ("/etc/passwd", 126), ("dir=/nonsuch true", 127), ("user=nonsuch true", 127),
            ("foo=1 true", 126), ("restart=on-failure budget=2 sh -c 'exit 3'", 3)]
PINGS = 300
RING = 16384
GRACE = 1  # seconds

STUBBORN = "trap '' TERM; sleep 1000 & sleep 1000 & echo $$ $!; while :; do wait; done"


def workloads(*lines):
    """The options for them; none comes from a file of this machine."""
    return ["--workloads", "/dev/null", *(word for line in lines for word in ("--run", line))]


def ask_workloads(service):
    answer = json.loads(service.raw(message("workloads")))
    assert answer["type"] == "workloads"
    return {entry.pop("name"): entry for entry in answer["payload"]["workloads"]}


def ask_health(service):
    return json.loads(service.raw(message("get_health")))["payload"]


def read_log(service, name):
    """All that a ring keeps, and where that begins."""
    text, begin, offset = "", None, 0
    while True:
        log = json.loads(service.raw(message("logs", name=name, offset=offset)))["payload"]
        begin = log["offset"] if begin is None else begin
        if log["next"] == log["offset"]:
            return text, begin
        text, offset = text + log["text"], log["next"]


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("command, status", STATUSES)
def test_status_is_motes_own(program, tmp_path, command, status):
    got, said = run_apart(program, "--listen", f"unix:{tmp_path}/s", "--poweroff", "exit",
                          *workloads("name=run exit=yes output=ring " + command))
    assert (got, "mote: shutdown: run: " in said) == (status, True)


def test_console(tmp_path):
    """Each line with its name: the last words, long ones and those of a faked end."""
    script = r"printf 'EXIT: STATUS=0\n\rEXIT: STATUS=1\r\n'; echo two >&2; " \
        "printf '%01500d' 1; exit 7"
    status, said = run_apart("release", "--listen", f"unix:{tmp_path}/s", "--poweroff", "exit",
                             *workloads(f'name=run exit=yes sh -c "{script}"'))
    lines = said.split("\n")
    assert status == 7
    assert [line for line in lines if not line.startswith("mote: ")] == [
        "run: EXIT: STATUS=0", "run: ", "run: EXIT: STATUS=1", "run: two", "run: " + "0" * 1024,
        "run: " + "0" * 475 + "1", ""]
    assert lines.index("run: two") < lines.index("mote: run: exit status 7")


def test_file(program, tmp_path):
    file = tmp_path / "workloads"
    file.write_text("# all of them\n\nname=one output=ring sh -c 'echo 1\necho \"2 3\"'\n"
                    "bar=1 sh\noutput=ring env=A='b c' sh -c 'echo $A' # and a comment\n'")
    with Service(program, options=["--workloads", file]) as service:
        eventually(lambda: all(w.get("status") == 0 for w in ask_workloads(service).values()
                               if "error" not in w), "their end")
        found = ask_workloads(service)
        assert list(found) == ["one", "sh", "sh-2", "workload"]
        assert found["sh"] == {"running": False, "restarts": 0, "error": "no option bar="}
        assert found["workload"]["error"] == "a quote that is not closed"
        assert read_log(service, "one") == ("1\n2 3\n", 0)
        assert read_log(service, "sh-2") == ("b c\n", 0)
        assert f"mote: {file}:5: no option bar=: sh is not started\n" in service.console
        assert f"mote: {file}:7: a quote that is not closed: workload is" in service.console
        assert ask_health(service)["state"] == "degraded"


def test_ready_healthy_degraded(program):
    """One that runs, one that fails, is started again and given up."""
    with Service(program, options=workloads(
            "name=good sleep 1000",
            "name=bad restart=on-failure budget=2 output=ring sh -c 'echo x; exit 3'")) as service:
        eventually(lambda: "budget used up" in service.console, "the end of the budget")
        health = ask_health(service)
        assert health["state"] == "degraded"
        assert health["agents"] == [
            {"name": "good", "running": True, "session": "good", "restarts": 0},
            {"name": "bad", "running": False, "session": "bad", "restarts": 2,
             "error": "exit status 3, budget used up"}]
        found = ask_workloads(service)
        assert is_alive(found["good"].pop("pid"))
        assert found == {"good": {"running": True, "restarts": 0},
                         "bad": {"running": False, "status": 3, "restarts": 2,
                                 "error": "exit status 3, budget used up"}}
        assert read_log(service, "bad") == ("x\n" * 3, 0)
        assert "mote: healthy: " in service.console


def test_logs_keep_the_newest(program):
    with Service(program, options=workloads("name=w output=ring seq 1 20000",
                                            "name=c sleep 1000")) as service:
        eventually(lambda: "status" in ask_workloads(service)["w"], "its end")
        text, begin = read_log(service, "w")
        whole = "".join(f"{n}\n" for n in range(1, 20001))
        assert (len(text), begin) == (RING, len(whole) - RING)
        assert text == whole[begin:]
        assert service.raw(message("logs", name="c")) == ack(
            "logs", "logs: what c says goes to the console (output=ring keeps it)")
        assert service.raw(message("logs", name="x")) == ack("logs", 'logs: no workload "x"')


@pytest.mark.parametrize("program, output", [*((p, "ring") for p in PROGRAMS),
                                             ("release", "console")])
def test_floods_hold_up_no_answer(program, output):
    floods = [f"output={output} yes" for _ in range(4)]
    with Service(program, options=workloads(*floods)) as service, service.dial() as connection:
        for _ in range(PINGS):
            assert ask(connection, PING) == PONG
        assert len(ask_workloads(service)) == 4


def test_daemon_is_not_its_workload(program):
    """It keeps the pipe and goes on; the workload has ended, and mote's end is its end."""
    with Service(program, options=workloads(
            "name=d output=ring sh -c 'sleep 1000 & echo $!'")) as service:
        eventually(lambda: "status" in ask_workloads(service)["d"], "its end")
        assert ask_workloads(service)["d"] == {"running": False, "status": 0, "restarts": 0}
        daemon = int(read_log(service, "d")[0])
        assert is_alive(daemon)
    assert not is_alive(daemon)


def test_stubborn_one_is_killed(program):
    with Service(program, options=[*workloads(f'name=s output=ring sh -c "{STUBBORN}"'),
                                   "--grace", str(GRACE)]) as service:
        eventually(lambda: read_log(service, "s")[0].endswith("\n"), "its words")
        pids = [int(word) for word in read_log(service, "s")[0].split()]
        assert len(pids) == 2 and all(map(is_alive, pids))
        begin = time.monotonic()
        assert json.loads(service.raw(message("shutdown")))["payload"]["ok"]
        assert service.wait_exit() == 0
        assert time.monotonic() - begin >= GRACE
        assert not any(map(is_alive, pids))


def test_requests_are_answered_during_the_grace(program):
    with Service(program, options=[*workloads(f'name=s output=ring sh -c "{STUBBORN}"'),
                                   "--grace", "1000"]) as service, service.dial() as connection:
        eventually(lambda: read_log(service, "s")[0].endswith("\n"), "its words")
        group = int(read_log(service, "s")[0].split()[0])
        assert json.loads(ask(connection, message("shutdown")))["payload"]["ok"]
        assert ask(connection, PING) == PONG
        assert json.loads(ask(connection, message("get_health")))["payload"]["state"] == "shutdown"
        assert is_alive(ask_workloads(service)["s"]["pid"])
        os.killpg(group, signal.SIGKILL)
        assert service.wait_exit() == 0
