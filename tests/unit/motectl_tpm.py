# SPDX-License-Identifier: MIT
"""What the tests of motectl's TPM verbs share: a guest that answers from a real TPM by tpm2-tools,
and how what it says can be changed on the way.
"""

import hashlib
import pathlib
import re
import subprocess
import tempfile

import pytest

from fake_guest import OK, REFUSED, Setup, unix_listener
from fake_tpm_guest import PCR, Swtpm, Tools, TpmGuest, b64, make

OTHER = b64(bytes(31) + b"\1")  # than any digest here
VERIFIED = ["the AIK signs only what a TPM has made", "the AIK is in the TPM that has the EK",
            "the AIK has signed it", "it was made for this nonce", "it has the values of the PCRs",
            f"the log of 2 events leads to PCR {PCR}"]


@pytest.fixture(name="tpm", scope="module")
def fixture_tpm():
    """tpm2-tools over a TPM with its keys, where something was measured; in its directory the
    certificates of its maker, ca.pem, and those of another, other.pem."""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        (directory / "files").mkdir()
        make(directory / "tpm")
        make(directory / "other")
        for name, maker in (("ca.pem", "tpm"), ("other.pem", "other")):
            (directory / "files" / name).write_bytes((directory / maker / "ca.pem").read_bytes())
        with Swtpm(directory / "tpm" / "state", directory, serve=True) as swtpm:
            tools = Tools(swtpm.socket, directory / "files")
            tools.make_keys()
            for what in ("cmdline", "config"):
                tools.measure(what, hashlib.sha256(what.encode()).digest())
            yield tools


@pytest.fixture(name="setup")
def fixture_setup(tmp_path, tpm):
    setup = Setup(tmp_path)
    setup.guest = TpmGuest(unix_listener(setup.path), tpm)
    setup.ca, setup.other = tpm.directory / "ca.pem", tpm.directory / "other.pem"
    yield setup
    setup.guest.close()


def succeed(setup, *words, stdin=b"", stderr=b""):
    done = setup.run(*words, stdin=stdin)
    assert (done.returncode, done.stderr) == (OK, stderr), done.stdout.decode()
    return done.stdout


def refuse(setup, *words, stdin=b""):
    """Runs what must end with exit code 1; all that it says."""
    done = setup.run(*words, stdin=stdin)
    assert done.returncode == REFUSED
    return done.stdout.decode() + done.stderr.decode()


def openssl(*words, stdin=b""):
    return subprocess.run(["openssl", *map(str, words)], input=stdin, capture_output=True,
                          check=True).stdout


def pem(output):
    return re.search(rb"-----BEGIN .*-----END [A-Z ]*-----\n", output, re.S).group()


def told(output):
    return [line.split(": ", 1)[1] for line in output.decode().splitlines()
            if line.startswith("verified: ")]


def flip(key, at):
    """A bit of the bytes under a key is another."""
    def change(payload):
        data = bytearray(payload[key])
        data[at] ^= 1
        payload[key] = bytes(data)
    return change


def put(key, value):
    return lambda payload: payload.update({key: value})


def value_of_pcr(number, value):
    def change(payload):
        payload["values"][number] = value
        if value is None:
            del payload["values"][number]
    return change


def event(key, value):
    return lambda payload: payload["measured"]["events"][0].update({key: value})
