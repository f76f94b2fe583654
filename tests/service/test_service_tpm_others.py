# SPDX-License-Identifier: MIT
"""TPMs that are not as the factory has left them: with an EK of another kind or none, with several
banks, with passwords, locked out, full, gone. Each time the service says why, and leaves nothing.
"""

import contextlib
import hashlib
import os
import shutil

import pytest

import tpm
from guest import make_directory
from service import Service
from tpms import EK, Tools, as_bytes, bare, copied, name_of, refusal, serving, told

EVE_EK = 0x81000001
BANKS = ["sha1", "sha256", "sha384", "sha512"]
NONCE = bytes(20)


@pytest.fixture(name="state")
def fixture_state(factory, tmp_path):
    return copied(factory, tmp_path / "state")


@pytest.fixture(name="empty")
def fixture_empty(tmp_path):
    """Of a TPM that nobody has set up: no EK, no certificate, all banks that swtpm has."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@contextlib.contextmanager
def running(program, state, directory, *options):
    """A service, and tpm2-tools on its TPM; nothing is left there in the end."""
    with serving(state) as swtpm, Service(program, options=["--tpm", swtpm.socket,
                                                            *options]) as service:
        tools = Tools(directory, swtpm.socket)
        yield service, tools
        assert tools.loaded() == ""


def credential_opens(guest, tools):
    ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
    blob, secret = tools.credential(ek, name_of(aik), b"content")
    return told(guest, "activate_credential", credential=bare(blob), secret=bare(secret)) == \
        {"credential": bare(b"content")}


def make_ek(tools):
    """As EVE's tests have one: a password, which is empty, opens it."""
    tools.run("tpm2_createprimary", "-Q", "-C", "e", "-G", "rsa2048:aes128cfb", "-c", "ek", "-a",
              "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt")
    tools.run("tpm2_flushcontext", "-t")
    tools.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", "ek", hex(EVE_EK))
    tools.run("tpm2_flushcontext", "-t")


def test_ek_of_evetpm_comes_first(program, state, tmp_path):
    with running(program, state, tmp_path) as (guest, tools):
        make_ek(tools)
        ek = told(guest, "ek")
        assert ek["handle"] == EVE_EK
        assert as_bytes(ek["public"]) == tools.public(EVE_EK) != tools.public(EK)
        assert credential_opens(guest, tools)


def test_ek_is_made_when_there_is_none(program, state, tmp_path):
    """The one that its manufacturer has made, by the same template."""
    with running(program, state, tmp_path) as (guest, tools):
        public = tools.public(EK)
        tools.run("tpm2_evictcontrol", "-Q", "-C", "o", "-c", hex(EK))
        ek = told(guest, "ek")
        assert (ek["handle"], as_bytes(ek["public"])) == (0, public)
        assert credential_opens(guest, tools)


def test_tpm_of_nobody(program, empty, tmp_path):
    with running(program, empty, tmp_path) as (guest, tools):
        ek = told(guest, "ek")
        assert (ek["handle"], ek["certificate"], ek["size"]) == (0, "", 0)
        assert told(guest, "tpm_info")["banks"] == BANKS
        assert credential_opens(guest, tools)


@pytest.mark.parametrize("bank, size", [("sha1", 20), ("sha384", 48)])
def test_bank(program, empty, tmp_path, bank, size):
    with running(program, empty, tmp_path) as (guest, tools):
        told(guest, "pcr_extend", pcr=16, bank=bank, digest=bare(os.urandom(size)))
        pcrs = told(guest, "pcr_read", pcrs=f"{bank}:0,16")
        tools.run("tpm2_pcrread", f"{bank}:0,16", "-o", "pcrs")
        assert b"".join(as_bytes(value) for value in pcrs["values"].values()) == tools.get("pcrs")
        quote = told(guest, "quote", nonce=bare(NONCE), pcrs=f"{bank}:0,16")
        assert quote["values"] == pcrs["values"]
        assert as_bytes(quote["attest"]).endswith(hashlib.sha256(tools.get("pcrs")).digest())
        sealed = told(guest, "seal", data=bare(b"data"), pcrs=f"{bank}:16")
        assert told(guest, "unseal", pcrs=f"{bank}:16", **sealed) == {"data": bare(b"data")}
        told(guest, "pcr_extend", pcr=16, bank=bank, digest=bare(os.urandom(size)))
        assert "POLICY" in refusal(guest, "unseal", pcrs=f"{bank}:16", **sealed)


def test_bank_that_is_not_there(program, state, tmp_path):
    """The TPM would quote nothing, seal to nothing and extend nothing, and say that all is well."""
    with running(program, state, tmp_path) as (guest, _):
        digest = bare(bytes(48))
        for kind, payload in [("pcr_read", {"pcrs": "sha384:0"}),
                              ("quote", {"nonce": bare(NONCE), "pcrs": "sha384:all"}),
                              ("seal", {"data": digest, "pcrs": "sha384:0"}),
                              ("pcr_extend", {"pcr": 16, "bank": "sha384", "digest": digest})]:
            assert refusal(guest, kind, **payload) == \
                f"tpm: {kind}: the TPM has no such PCR in a bank of sha384"


def test_passwords(program, state, tmp_path):
    """Of the owner, whose keys can't be made then, and of the endorsement hierarchy."""
    with running(program, state, tmp_path) as (guest, tools):
        ek, aik = (as_bytes(told(guest, kind)["public"]) for kind in ("ek", "aik"))
        blob, secret = tools.credential(ek, name_of(aik), b"content")
        credential = {"credential": bare(blob), "secret": bare(secret)}
        tools.run("tpm2_changeauth", "-c", "e", "password")
        assert refusal(guest, "activate_credential", **credential).startswith(
            "tpm: PolicySecret: TPM_RC_BAD_AUTH")
        assert tools.loaded() == ""
        tools.run("tpm2_changeauth", "-c", "o", "password")
        for kind, payload in [("aik", {}), ("quote", {"nonce": bare(NONCE)}),
                              ("seal", {"data": bare(b"data")}),
                              ("activate_credential", credential)]:
            assert refusal(guest, kind, **payload).startswith(
                "tpm: CreatePrimary: TPM_RC_BAD_AUTH"), kind
        assert as_bytes(told(guest, "ek")["public"]) == ek
        assert not told(guest, "tpm_info")["lockout"]


def test_locked_out(program, state, tmp_path):
    """By somebody who guesses passwords: what needs none works all the same."""
    index = "0x1500016"
    with running(program, state, tmp_path) as (guest, tools):
        tools.run("tpm2_dictionarylockout", "-s", "-n", "1", "-t", "1000", "-l", "1000")
        tools.run("tpm2_nvdefine", "-Q", index, "-C", "o", "-s", "8", "-p", "password",
                  "-a", "authread|authwrite")
        assert not told(guest, "tpm_info")["lockout"]
        assert tools.try_run("tpm2_nvread", index, "-C", index, "-P", "guess").returncode != 0
        assert told(guest, "tpm_info")["lockout"]
        assert told(guest, "quote", nonce=bare(NONCE))["values"]


def test_full(program, state, tmp_path):
    """Others have taken its room for objects, and give it back."""
    with running(program, state, tmp_path) as (guest, tools):
        for number in range(3):
            tools.run("tpm2_createprimary", "-Q", "-C", "o", "-G", "ecc", "-c", f"key{number}")
        full = tools.loaded()
        assert told(guest, "tpm_info")["objects"] == 3
        assert "TPM_RC_OBJECT_MEMORY" in refusal(guest, "quote", nonce=bare(NONCE))
        assert tools.loaded() == full
        tools.run("tpm2_flushcontext", "-t")
        assert told(guest, "quote", nonce=bare(NONCE))["values"]


def test_gone(program, state, tmp_path):
    """And back again, with its power lost meanwhile."""
    directory = make_directory()
    try:
        with tpm.Swtpm(state, directory, serve=True) as swtpm:
            with Service(program, options=["--tpm", swtpm.socket]) as guest:
                aik = told(guest, "aik")
                swtpm.stop()
                assert refusal(guest, "aik").startswith("tpm: ")
                with tpm.Swtpm(state, directory, serve=True) as again:
                    assert told(guest, "aik") == aik
                    assert Tools(tmp_path, again.socket).loaded() == ""
    finally:
        shutil.rmtree(directory)
