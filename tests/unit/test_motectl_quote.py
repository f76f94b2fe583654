# SPDX-License-Identifier: MIT
"""motectl's quotes, and what it verifies of them: whatever a liar between it and a guest changes
does not verify, and is told; what is true verifies by tpm2-tools as well.
"""

import contextlib
import re
import subprocess

import pytest

from fake_guest import short
from fake_tpm_guest import AIK_ATTRIBUTES, EK, PCR, b64
from motectl_tpm import (OTHER, VERIFIED, event, fixture_setup,  # noqa: F401 pylint: disable=W0611
                         fixture_tpm, flip, openssl, pem, put, refuse, succeed, told, value_of_pcr)


def test_verified(setup):
    shown = succeed(setup, "tpm", "quote", "--verify")
    assert told(shown) == VERIFIED
    assert shown.startswith(b"not checked: the EK is not checked against anything")


def test_verified_with_a_maker_and_a_key(setup, tmp_path):
    for number, key in enumerate((succeed(setup, "tpm", "ek"), b64(setup.guest.tools.public(
            EK)[0]).encode(), openssl("pkey", "-pubin", "-outform", "der", stdin=pem(
                succeed(setup, "tpm", "ek"))))):
        (tmp_path / f"ek{number}").write_bytes(key)
        shown = succeed(setup, "tpm", "quote", "--verify", "--ca", setup.ca, "--ek",
                        tmp_path / f"ek{number}", "--pcrs", "0,12")
        assert told(shown) == ["the EK is the one expected",
                               "the EK's certificate is signed by the CA", *VERIFIED]


def test_log_that_is_not_quoted(setup):
    shown = succeed(setup, "tpm", "quote", "--verify", "--pcrs", "sha256:0,7")
    assert told(shown) == VERIFIED[:-1]
    assert shown.endswith(b"not checked: the log of what was measured: its PCR is not quoted\n")


KEYS = {"rsapss": ("0x81000010", "rsa2048:rsapss-sha256:null", ["--scheme=rsapss"]),
        "sha384": ("0x81000011", "rsa2048:rsassa-sha384:null", ["-g", "sha384"]),
        "ecdsa": ("0x81000012", "ecc256:ecdsa-sha256:null", [])}


@contextlib.contextmanager
def other_aik(tpm, handle, attributes, algorithm, options=()):
    """Quotes are made by another key."""
    tpm.make_key(handle, attributes, algorithm)
    before, tpm.aik, tpm.scheme = tpm.aik, handle, options
    try:
        yield
    finally:
        tpm.aik, tpm.scheme = before, ()
        tpm.run("evictcontrol", "-Q", "-C", "o", "-c", handle)


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_other_kinds(setup, tpm, key):
    handle, algorithm, options = KEYS[key]
    with other_aik(tpm, handle, AIK_ATTRIBUTES, algorithm, options):
        assert told(succeed(setup, "tpm", "quote", "--verify")) == VERIFIED
        setup.guest.changes["quote"] = flip("signature", 40)
        assert "NOT VERIFIED: the AIK has signed it" in refuse(setup, "tpm", "quote", "--verify")


def test_key_that_signs_anything(setup, tpm):
    with other_aik(tpm, "0x81000013", AIK_ATTRIBUTES.replace("restricted|", ""),
                   "rsa2048:rsassa-sha256:null"):
        said = refuse(setup, "tpm", "quote", "--verify")
        assert f"NOT VERIFIED: {VERIFIED[0]}: the AIK is no restricted signing key" in said
        assert said.count("NOT VERIFIED") == 1


LIES = [
    ("quote", flip("attest", -1), VERIFIED[2:5:2]), ("quote", flip("attest", 0), VERIFIED[2:5]),
    ("quote", flip("attest", 5), VERIFIED[2:5]), ("quote", flip("attest", 60), [VERIFIED[2]]),
    ("quote", flip("attest", 45), VERIFIED[2:4]),
    ("quote", lambda p: p.update(attest=p["attest"] + b"\0"), VERIFIED[2:5]),
    ("quote", lambda p: p.update(attest=p["attest"][:-1]), VERIFIED[2:5]),
    ("quote", flip("signature", -1), [VERIFIED[2]]), ("quote", flip("signature", 1), VERIFIED[2:3]),
    ("quote", lambda p: p.update(signature=p["signature"] + b"\0"), [VERIFIED[2]]),
    ("quote", put("signature", b""), VERIFIED[2:5:2]), ("quote", put("attest", b""), VERIFIED[2:5]),
    ("quote", value_of_pcr("7", OTHER), [VERIFIED[4]]),
    ("quote", value_of_pcr(str(PCR), OTHER), VERIFIED[4:]),
    ("quote", value_of_pcr("7", None), [VERIFIED[4]]),
    ("tpm_info", event("digest", OTHER), VERIFIED[5:]),
    ("tpm_info", event("digest", b64(b"short")), VERIFIED[5:]),
    ("tpm_info", event("extended", False), VERIFIED[5:]),
    ("tpm_info", lambda p: p["measured"].update(start=OTHER), VERIFIED[5:]),
    ("tpm_info", lambda p: p["measured"].update(start=""), VERIFIED[5:]),
    ("aik", flip("public", -1), VERIFIED[:1] + VERIFIED[2:3]),
    ("aik", flip("name", -1), VERIFIED[:2]),
    ("aik", put("public", b"x"), VERIFIED[:1] + VERIFIED[2:3]),
    ("ek", flip("public", -1), VERIFIED[1:2]), ("ek", put("public", b""), VERIFIED[1:2]),
    ("ek", lambda p: p.update(public=p["public"][:2]), VERIFIED[1:2]),
    ("credential", flip("credential", 0), VERIFIED[1:2]),
    ("credential", put("credential", b""), VERIFIED[1:2]),
]


@pytest.mark.parametrize("type_,change,lines", LIES, ids=lambda value: short(value)[:12])
def test_liar_in_the_middle(setup, type_, change, lines):
    """What does not verify is told, and nothing else."""
    setup.guest.changes[type_] = change
    said = refuse(setup, "tpm", "quote", "--verify")
    denied = re.findall(r"^NOT VERIFIED: ([^:]*)", said, re.M)
    verified = re.findall(r"^verified: (.*)", said, re.M)
    assert said.endswith("motectl: the quote does not verify\n")
    assert set(denied) >= set(lines) and set(denied) | set(verified) == set(VERIFIED)
    assert len(denied) + len(verified) == len(VERIFIED)


def test_quote_for_another(setup):
    """One that the TPM has really made, for another nonce, or of other PCRs."""
    honest = setup.guest.quote
    setup.guest.quote = lambda nonce, pcrs: honest(b"another nonce", pcrs)
    assert f"NOT VERIFIED: {VERIFIED[3]}" in refuse(setup, "tpm", "quote", "--verify")
    setup.guest.quote = lambda nonce, pcrs: honest(nonce, "sha256:0,7")
    said = refuse(setup, "tpm", "quote", "--verify", "--pcrs", "0,16")
    assert f"NOT VERIFIED: {VERIFIED[4]}: the quote is not of the PCRs that were asked" in said


def test_signature_of_another_scheme(setup):
    setup.guest.changes["quote"] = lambda p: p.update(signature=b"\0\x16" + p["signature"][2:])
    said = refuse(setup, "tpm", "quote", "--verify")
    assert f"NOT VERIFIED: {VERIFIED[2]}: the signature is not of the AIK's scheme" in said


def test_values_under_other_numbers(setup):
    setup.guest.changes["quote"] = lambda p: p["values"].update({"8": p["values"].pop("7")})
    said = refuse(setup, "tpm", "quote", "--verify", "--pcrs", "sha256:0,7")
    assert f"NOT VERIFIED: {VERIFIED[4]}: the quote is not of the PCRs whose values are" in said
    assert said.count("NOT VERIFIED") == 1


def test_another_maker_and_key(setup, tmp_path):
    said = refuse(setup, "tpm", "quote", "--verify", "--ca", setup.other)
    assert "NOT VERIFIED: the EK's certificate is signed by the CA: the EK's certificate: " in said
    (tmp_path / "key").write_bytes(succeed(setup, "tpm", "aik"))
    said = refuse(setup, "tpm", "quote", "--verify", "--ek", tmp_path / "key")
    assert "NOT VERIFIED: the EK is the one expected: the EK is another key than that in" in said


@pytest.mark.parametrize("certificate,text", [
    (b"", "the TPM has no certificate"), (b"0\x03\x02\x01\x05", "not X.509 in DER")])
def test_ek_without_a_certificate(setup, certificate, text):
    setup.guest.changes["ek"] = lambda p: p.update(certificate=certificate, offset=0,
                                                   size=len(certificate))
    assert text in refuse(setup, "tpm", "quote", "--verify", "--ca", setup.ca)
    if not certificate:
        assert "motectl: the TPM has no certificate for its EK" in refuse(setup, "tpm", "ek-cert")


UNKNOWN = "1.2.3.4=critical,ASN1:NULL"  # an extension


def make_chain(directory, ca_extensions, extensions):
    """A certificate of nobody's key, in DER, and in the directory that of its maker, ca."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ca", "-keyout",
            directory / "key", "-out", directory / "ca", *ca_extensions)
    openssl("req", "-new", "-key", directory / "key", "-subj", "/CN=x", "-out", directory / "csr")
    (directory / "extensions").write_text(extensions)
    return openssl("x509", "-req", "-in", directory / "csr", "-CA", directory / "ca", "-CAkey",
                   directory / "key", "-extfile", directory / "extensions", "-outform", "der")


@pytest.mark.parametrize("ca_extensions,text", [
    ([], "the EK is another key than that in its certificate"),
    (["-addext", UNKNOWN], "the EK's certificate: unhandled critical extension")])
def test_certificate_of_another_tpm(setup, tmp_path, ca_extensions, text):
    """A chain that verifies, for a key that is not the EK; critical extensions are for a TPM."""
    der = make_chain(tmp_path, ca_extensions, UNKNOWN)
    setup.guest.changes["ek"] = lambda p: p.update(certificate=der[p["offset"]:][:300],
                                                   size=len(der))
    assert text in refuse(setup, "tpm", "quote", "--verify", "--ca", tmp_path / "ca")


def test_files_for_tpm2_checkquote(setup, tpm, tmp_path):
    succeed(setup, "tpm", "quote", "--pcrs", "sha256:0,12", "--out", tmp_path / "q")
    check = ["tpm2_checkquote", "-u", "aik.pem", "-m", "attest", "-s", "signature", "-f", "pcrs",
             "-l", "sha256:0,12", "-q"]
    assert subprocess.run([*check, "nonce"], cwd=tmp_path / "q", check=False,
                          capture_output=True).returncode == 0
    assert subprocess.run([*check, "00ff"], cwd=tmp_path / "q", check=False,
                          capture_output=True).returncode != 0


def test_nonce(setup, tmp_path):
    (tmp_path / "nonce").write_bytes(b"\xff\0nonce")
    for given, nonce in (("00FFab", b"\0\xff\xab"), (tmp_path / "nonce", b"\xff\0nonce")):
        shown = succeed(setup, "tpm", "quote", "--nonce", given)
        assert shown.startswith(f"nonce: {nonce.hex()}\nattest: ".encode())
        assert told(succeed(setup, "tpm", "quote", "--verify", "--nonce", given)) == VERIFIED
    random = {succeed(setup, "tpm", "quote").splitlines()[0] for _ in range(2)}
    assert len(random) == 2 and {len(line) for line in random} == {len("nonce: ") + 40}
