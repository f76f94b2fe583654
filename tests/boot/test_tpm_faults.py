# SPDX-License-Identifier: MIT
"""A guest whose TPM stops, dies, fails or has locked itself: everything else goes on, each error
says what happened, and what can work again does.
"""

import concurrent.futures
import contextlib
import json
import shutil
import signal
import socket

import pytest

from guest import READY, GuestError
from helpers import PING, PONG, ask, boot, eventually, message, shut_down
from tpms import Tools, bare, check_nothing_is_left, copied, pcr, refusal, serving, told

SRK = 0x81000002
TRIES = 3
WRONG = "DA counter incremented"

ROWS = {f"{tpm}-{machine}": {"machine": machine, "tpm": tpm}
        for tpm, machine in (("tis", "q35"), ("crb", "microvm"))}


@pytest.fixture(name="row", scope="module", params=ROWS)
def fixture_row(request):
    return ROWS[request.param]


@pytest.fixture(name="state")
def fixture_state(factory, tmp_path):
    return copied(factory, tmp_path / "state")


@contextlib.contextmanager
def stopped(guest):
    """Its swtpm does nothing meanwhile."""
    guest.swtpm.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        guest.swtpm.process.send_signal(signal.SIGCONT)


def answer_of(connection):
    with connection.makefile("rb") as stream:
        return json.loads(stream.readline())


def error_of(connection):
    return answer_of(connection)["payload"]["error"]


def ping(connection, times=1):
    for _ in range(times):
        assert ask(connection, PING) == PONG


def stop_in_the_middle(guest):
    """What is under way when swtpm stops has 20 s. What is begun behind it is not kept waiting for
    as long: the TPM can't take another command, nor may one be broken off by which QEMU would wait
    for swtpm with all of the guest."""
    with guest.connect() as first, guest.connect() as second, guest.connect() as pinger:
        told(guest, "tpm_info")  # behind all that it does by itself when it starts
        with stopped(guest):
            first.sendall(message("random", bytes=16))
            ping(pinger, 100)
            second.sendall(message("ek"))
            assert error_of(first).startswith("tpm: GetRandom: it did not answer in ")
            assert error_of(second) == \
                "tpm: ReadPublic: it is busy: it still executes a command before"
            ping(pinger)
        assert told(guest, "random", bytes=32)
        check_nothing_is_left(guest)
    assert shut_down(guest) == 0


def test_stopped_in_the_middle(factory, tmp_path):
    """Both interfaces at the same time: it takes a while."""
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(len(ROWS)) as pool:
        guests = [stack.enter_context(boot(**row, tpm_state=copied(factory, tmp_path / name)))
                  for name, row in ROWS.items()]
        list(pool.map(stop_in_the_middle, guests))


def test_stopped_while_a_key_is_made(row, state):
    """It has the time that a key may take; what waits behind it comes in its turn."""
    with boot(**row, tpm_state=state) as guest, guest.connect() as first, \
            guest.connect() as second, guest.connect() as pinger:
        first.sendall(message("aik"))
        with stopped(guest):
            second.sendall(message("random", bytes=32))
            ping(pinger, 100)
        assert answer_of(first)["type"] == "aik"
        assert answer_of(second)["type"] == "random"
        check_nothing_is_left(guest)


def test_killed(row, state):
    """QEMU answers in its place then: by TIS with an error of TPM 1.2, by CRB with its error bit."""
    with boot(**row, tpm_state=state) as guest:
        told(guest, "tpm_info")
        guest.swtpm.process.kill()
        guest.swtpm.process.wait()
        said = {"tis": "its answer is nonsense: ", "crb": "it is in failure"}[row["tpm"]]
        for _ in range(2):
            assert refusal(guest, "random", bytes=8).startswith(f"tpm: GetRandom: {said}")
            assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def test_in_failure_mode(row, state):
    """It enters that when it can't keep what it must not forget."""
    with boot(**row, tpm_state=state, append="mote.tpm_keys=persistent") as guest:
        told(guest, "tpm_info")
        shutil.rmtree(state)
        assert refusal(guest, "aik") == "tpm: EvictControl: the TPM is in failure mode"
        assert refusal(guest, "random", bytes=8) == "tpm: GetRandom: the TPM is in failure mode"
        assert refusal(guest, "ek") == "tpm: ReadPublic: the TPM is in failure mode"
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def test_state_that_is_none(row, state):
    """QEMU does not start, and it is told what swtpm says of it."""
    file = state / "tpm2-00.permall"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(GuestError) as raised, boot(**row, tpm_state=state):
        pass
    assert "QEMU rc 1" in str(raised.value)
    assert "swtpm" in str(raised.value)


def seal_and_lock_out(tools):
    """Seals something that counts on wrong passwords, and has the TPM see too many of them."""
    tools.run("tpm2_dictionarylockout", "-Q", "-s", "-n", str(TRIES), "-t", "1000", "-l", "1000")
    tools.put("data", b"by others")
    for name, password in (("counting", ""), ("guessed", "right")):
        tools.run("tpm2_create", "-Q", "-C", hex(SRK), "-i", "data", "-p", password,
                  "-u", f"{name}.public", "-r", f"{name}.private",
                  "-a", "fixedtpm|fixedparent|userwithauth")
    tools.run("tpm2_load", "-Q", "-C", hex(SRK), "-u", "guessed.public", "-r", "guessed.private",
              "-c", "guessed")
    for _ in range(TRIES):
        assert WRONG in tools.try_run("tpm2_unseal", "-c", "guessed", "-p", "wrong").stderr
        tools.run("tpm2_flushcontext", "-t")  # each of the tools leaves what it has loaded
    tools.run("tpm2_shutdown", "-c")
    return {part: bare(tools.get(f"counting.{part}")[2:]) for part in ("private", "public")}


def test_locked_out(row, state, tmp_path):
    """What mote has sealed does not depend on that; what others have is refused until the owner
    of the TPM unlocks it."""
    with boot(**row, tpm_state=state, append="mote.tpm_keys=persistent") as guest:
        ours = told(guest, "seal", data=bare(b"ours"))
    with serving(state) as swtpm:
        theirs = seal_and_lock_out(Tools(tmp_path, swtpm.socket))
    with boot(**row, tpm_state=state) as guest:
        assert told(guest, "tpm_info")["lockout"] is True
        assert told(guest, "unseal", **ours) == {"data": bare(b"ours")}
        assert "TPM_RC_LOCKOUT" in refusal(guest, "unseal", **theirs)
        check_nothing_is_left(guest)
    with serving(state) as swtpm:
        tools = Tools(tmp_path, swtpm.socket)
        tools.run("tpm2_dictionarylockout", "-c")
        tools.run("tpm2_shutdown", "-c")
    with boot(**row, tpm_state=state) as guest:
        assert told(guest, "tpm_info")["lockout"] is False
        assert told(guest, "unseal", **theirs) == {"data": bare(b"by others")}


def monitored(guest):
    guest.extra = ["-monitor", f"unix:{guest.directory}/monitor,server=on,wait=off"]


def reset(guest):
    """As the button of the machine."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.connect(f"{guest.directory}/monitor")
        monitor.sendall(b"system_reset\n")
        eventually(lambda: guest.console.count(READY) == 2, "a second start")


def test_machine_that_is_reset(row, state):
    """Guest and TPM start anew, in the middle of something; PCRs have nothing of before."""
    def change(line):
        return [word for word in line if word != "-no-reboot"]

    with boot(**row, tpm_state=state, prepare=monitored, change=change) as guest:
        start, ek = pcr(guest, 0), told(guest, "ek")
        for number in (0, 16):
            told(guest, "pcr_extend", pcr=number, digest=bare(bytes(32)))
        with guest.connect() as connection:
            connection.sendall(message("aik"))
            reset(guest)
        assert (pcr(guest, 0), pcr(guest, 16), told(guest, "ek")) == (start, bytes(32), ek)
        check_nothing_is_left(guest)
        assert shut_down(guest) == 0
