# SPDX-License-Identifier: MIT
"""The boot tests of a guest with a TPM, against the service: they are the same functions. And
tpm2-tools on the very TPM that the service has: they say what is in it, open what the service has
sealed, seal what it opens, and see that nothing of an operation stays.
"""

import os

import pytest

from service import Service
from test_tpm import (  # noqa: F401 pylint: disable=unused-import
    test_bad_input_changes_nothing, test_certificate_verifies_and_is_of_the_ek, test_credential,
    test_ek_is_the_twins, test_extended_pcr, test_quote_of_all_pcrs, test_quote_verifies,
    test_random, test_sealed_to_a_pcr, test_sealed_to_the_tpm_alone,
    test_secret_that_only_this_tpm_opens)
from tpms import AIK, EK, as_bytes, bare, refusal, told

SRK = 0x81000002
FREE = 16  # a PCR of nobody
DATA = b"open sesame"
SEALED_TO_PCRS = 0x00000492  # fixed TPM and parent, by policy alone, no lockout
POLICY_AT = 10  # in the TPMT_PUBLIC of something sealed: its policy, behind its size

pytestmark = pytest.mark.usefixtures("same")  # each looks at the TPM behind it


@pytest.fixture(name="guest", scope="module")
def fixture_guest(program, swtpm):
    """Its keys stay in the TPM, so that tpm2-tools can use them."""
    with Service(program, options=["--tpm", swtpm.socket, "--tpm_keys", "persistent"]) as service:
        yield service


def run_alone(same, *words):
    """A tool that leaves something in the TPM: it finds nothing, and what is left goes at once."""
    assert same.loaded() == ""
    said = same.run(*words)
    for kind in ("transient-object", "loaded-session", "saved-session"):
        same.run("tpm2_flushcontext", f"--{kind}")
    return said


def make_policy(same, pcrs):
    run_alone(same, "tpm2_createpolicy", "-Q", "--policy-pcr", "-l", pcrs, "-L", "policy")


def test_info(guest, swtpm):
    info = told(guest, "tpm_info")
    assert info["interface"] == str(swtpm.socket)
    assert (info["manufacturer"], info["banks"], info["lockout"]) == ("IBM", ["sha256"], False)
    assert (info["keys"], info["objects"], info["sessions"]) == ("persistent", 0, 0)


def test_keys_are_in_the_tpm(guest, same):
    for kind, handle in (("ek", EK), ("aik", AIK)):
        key = told(guest, kind)
        assert key["handle"] == handle
        assert as_bytes(key["public"]) == same.public(handle)


def test_pcrs_are_the_tpms(guest, same):
    told(guest, "pcr_extend", pcr=FREE, digest=bare(os.urandom(32)))
    same.run("tpm2_pcrextend", f"{FREE}:sha256={os.urandom(32).hex()}")
    same.run("tpm2_pcrread", "sha256:all", "-o", "pcrs")
    values = told(guest, "pcr_read")["values"]
    assert list(values) == [str(number) for number in range(24)]
    assert b"".join(as_bytes(value) for value in values.values()) == same.get("pcrs")


def test_policy_is_tpm2_tools(guest, same):
    """Of what is sealed: by these PCRs and this bank."""
    make_policy(same, "sha256:0,7,16")
    public = as_bytes(told(guest, "seal", data=bare(DATA), pcrs="sha256:7,16,0")["public"])
    assert public[4:8] == SEALED_TO_PCRS.to_bytes(4, "big")
    assert public[POLICY_AT:POLICY_AT + 32] == same.get("policy")


@pytest.mark.parametrize("pcrs", ["", f"sha256:0,{FREE}"])
def test_tpm2_tools_open_what_is_sealed(guest, same, pcrs):
    sealed = told(guest, "seal", data=bare(DATA), pcrs=pcrs)
    for part in ("private", "public"):
        data = as_bytes(sealed[part])
        same.put(part, len(data).to_bytes(2, "big") + data)
    run_alone(same, "tpm2_load", "-Q", "-C", hex(SRK), "-u", "public", "-r", "private",
              "-c", "object")
    auth = ["-p", f"pcr:{pcrs}"] if pcrs else []
    assert run_alone(same, "tpm2_unseal", "-c", "object", *auth) == DATA.decode()


def create(same, *what):
    """Something below the guest's SRK."""
    run_alone(same, "tpm2_create", "-Q", "-C", hex(SRK), "-u", "public", "-r", "private", *what)


def parts(same):
    """What it has made, as a guest is given it."""
    return {part: bare(same.get(part)[2:]) for part in ("private", "public")}


def test_what_tpm2_tools_have_sealed(guest, same):
    told(guest, "seal", data=bare(DATA))  # now the SRK is there
    same.put("data", DATA)
    make_policy(same, f"sha256:{FREE}")
    create(same, "-i", "data", "-L", "policy", "-a", "fixedtpm|fixedparent")
    assert told(guest, "unseal", pcrs=f"sha256:{FREE}", **parts(same)) == {"data": bare(DATA)}
    same.run("tpm2_pcrextend", f"{FREE}:sha256={os.urandom(32).hex()}")
    assert "POLICY" in refusal(guest, "unseal", pcrs=f"sha256:{FREE}", **parts(same))


def test_nothing_that_is_sealed(guest, same):
    """A key, whole and of this TPM, is nothing that can be unsealed."""
    told(guest, "seal", data=bare(DATA))
    create(same, "-G", "ecc")
    assert refusal(guest, "unseal", **parts(same)).startswith("tpm: Unseal: TPM_RC_TYPE")


def test_secrets_are_in_no_output(guest):
    """Neither of what is sealed, nor of an error about it."""
    data = b"a-secret-that-nobody-else-may-see"
    sealed = told(guest, "seal", data=bare(data))
    told(guest, "unseal", **sealed)
    refusal(guest, "unseal", pcrs="sha256:0", **sealed)
    assert data.decode() not in guest.console and bare(data) not in guest.console
