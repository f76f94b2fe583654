# SPDX-License-Identifier: MIT
"""motectl and a guest on bare metal with a TPM, by both interfaces: that what the guest says verifies
against the TPM's maker, and that secrets come to it that nobody else can open.
"""

import subprocess

import pytest

import tpm
from helpers import MOTECTL, boot, shut_down
from tpms import copied

ROWS = {"tis": {"machine": "q35", "tpm": "tis"}, "crb": {"machine": "microvm", "tpm": "crb"}}
REFUSED = 1


@pytest.fixture(name="guest", scope="module", params=ROWS)
def fixture_guest(request, factory, tmp_path_factory):
    state = copied(factory, tmp_path_factory.mktemp("guest") / "state")
    with boot(**ROWS[request.param], tpm_state=state) as guest:
        yield guest
        assert shut_down(guest) == 0


def motectl(guest, *words, stdin=b"", code=0):
    done = subprocess.run([MOTECTL, f"unix:{guest.uds}:1024", *map(str, words)], input=stdin,
                          capture_output=True, timeout=300, check=False)
    assert done.returncode == code, done
    return done.stdout


def test_quote_verifies(guest, factory):
    said = motectl(guest, "tpm", "quote", "--verify", "--ca", factory / tpm.CA).decode()
    assert [line.split(": ")[0] for line in said.splitlines()] == ["verified"] * 7
    assert said.endswith("leads to PCR 12\n")


def test_quote_of_another_maker(guest, tmp_path):
    tpm.make(tmp_path / "other")
    said = motectl(guest, "tpm", "quote", "--verify", "--ca", tmp_path / "other" / tpm.CA,
                   code=REFUSED)
    assert said.count(b"NOT VERIFIED: ") == 1


def test_secrets_that_this_tpm_alone_opens(guest, factory):
    motectl(guest, "secret", "put", "SEALED", "--sealed", "--ca", factory / tpm.CA, stdin=b"hush")
    assert b"SEALED: 4 bytes, mode 600\n" in motectl(guest, "secret", "list")
    blob = motectl(guest, "tpm", "seal", "--name", "SEALED", "--pcrs", "sha256:16")
    assert motectl(guest, "tpm", "unseal", stdin=blob) == b"hush"
    motectl(guest, "tpm", "extend", "16", "ab" * 32)
    motectl(guest, "tpm", "unseal", stdin=blob, code=REFUSED)
    assert b"\nloaded: 0 objects, 0 sessions\n" in motectl(guest, "tpm", "info")
