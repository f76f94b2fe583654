# SPDX-License-Identifier: MIT
"""A TPM that is switched off and on, or stops, below a service that goes on: nobody is told a PCR
before what was measured is measured again, and what has no answer is not waited for for ever.
"""

import json
import os
import signal
import subprocess

import pytest

from helpers import PING, PONG, message
from service import Service
from test_tpm import measured
from tpms import bare, check_nothing_is_left, copied, pcr, refusal, serving, told

MEASURED, FREE = 12, 16


@pytest.fixture(name="swtpm")
def fixture_swtpm(factory, tmp_path):
    """Nobody but the service starts it."""
    with serving(copied(factory, tmp_path / "state"), flags="not-need-init") as swtpm:
        yield swtpm


def power_cycle(swtpm):
    for order in ("--stop", "-i"):
        subprocess.run(["swtpm_ioctl", order, "--unix", swtpm.control], check=True)


def pcrs_of(guest):
    """What is measured, and a PCR that somebody has extended."""
    value, there = measured(guest)
    assert value == there
    return value, pcr(guest, FREE)


def test_switched_off_and_on(program, swtpm):
    with Service(program, options=["--tpm", swtpm.socket]) as guest:
        told(guest, "set_config", content="a configuration")
        before = pcrs_of(guest)
        sealed = told(guest, "seal", data=bare(b"data"), pcrs=f"sha256:{MEASURED},{FREE}")
        told(guest, "pcr_extend", pcr=FREE, digest=bare(os.urandom(32)))
        assert "POLICY" in refusal(guest, "unseal", pcrs=f"sha256:{MEASURED},{FREE}", **sealed)
        check_nothing_is_left(guest)  # so that the next command is that of the next request
        power_cycle(swtpm)
        assert refusal(guest, "pcr_read") == "tpm: pcr_read: the TPM was reset in the middle of it"
        assert pcrs_of(guest) == before
        assert told(guest, "unseal", pcrs=f"sha256:{MEASURED},{FREE}", **sealed)
        check_nothing_is_left(guest)


def test_switched_off_and_on_again_and_again(program, swtpm):
    """In the middle of what takes a while: it is done, or it is said why not."""
    with Service(program, options=["--tpm", swtpm.socket]) as guest:
        before = pcrs_of(guest)
        for _ in range(3):
            with guest.connect() as connection, connection.makefile("rb") as stream:
                connection.sendall(message("quote", nonce=bare(bytes(20))))
                power_cycle(swtpm)
                answer = json.loads(stream.readline())
                assert answer["type"] == "quote" or \
                    answer["payload"]["error"].startswith("tpm: "), answer
        guest.raw(message("tpm_info"))  # which may be who finds that it was switched off
        assert pcrs_of(guest) == before
        check_nothing_is_left(guest)


def test_stopped(swtpm):
    """Of the release alone: it takes as long as a command may, 20 s."""
    with Service("release", options=["--tpm", swtpm.socket]) as guest:
        told(guest, "tpm_info")
        swtpm.process.send_signal(signal.SIGSTOP)
        try:
            with guest.connect() as connection, connection.makefile("rb") as stream:
                connection.sendall(message("random", bytes=16))
                assert guest.raw(PING) == PONG
                error = json.loads(stream.readline())["payload"]["error"]
                assert error == "tpm: GetRandom: no answer in time"
        finally:
            swtpm.process.send_signal(signal.SIGCONT)
        assert told(guest, "random", bytes=16)
        check_nothing_is_left(guest)
