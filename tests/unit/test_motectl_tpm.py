# SPDX-License-Identifier: MIT
"""motectl's verbs for a guest's TPM, against a guest that answers from a real one by tpm2-tools:
what is shown is what these show, and what is made here opens there.
"""

import base64
import hashlib
import json

import pytest

from fake_guest import FAILED, OK, TIMEOUT, ack, short
from fake_tpm_guest import EK, EK_CERT, PCR, b64, open_value
from motectl_tpm import (OTHER, VERIFIED, event, fixture_setup,  # noqa: F401 pylint: disable=W0611
                         fixture_tpm, openssl, pem, put, refuse, succeed, told, value_of_pcr)


# --- what is shown ---

def test_ek_is_what_tpm2_tools_read(setup, tpm):
    area, name = tpm.public(EK)
    shown = succeed(setup, "tpm", "ek")
    assert shown.decode().splitlines()[:3] == [f"handle: {EK}", f"name: {name.hex()}",
                                               f"public: {b64(area)}"]
    assert pem(shown) == tpm.output("ek.pem", "readpublic", "-Q", "-c", EK, "-f", "pem", "-o",
                                    "ek.pem")
    assert succeed(setup, "tpm", "ek", "--raw") == area


def test_certificate_is_whole_and_for_the_ek(setup, tpm):
    certificate = tpm.output("cert", "nvread", EK_CERT, "-o", "cert")
    assert succeed(setup, "tpm", "ek-cert", "--raw") == certificate
    shown = succeed(setup, "tpm", "ek-cert")
    assert openssl("x509", "-outform", "der", stdin=shown) == certificate
    assert openssl("x509", "-noout", "-pubkey", stdin=shown) == pem(succeed(setup, "tpm", "ek"))


def test_aik(setup, tpm):
    area, name = tpm.public(tpm.aik)
    shown = succeed(setup, "tpm", "aik")
    assert f"name: {name.hex()}\n".encode() in shown
    assert succeed(setup, "tpm", "aik", "--raw") == area


@pytest.mark.parametrize("selection", ["sha256:0,10,12", "sha256:all"])
def test_pcrs_as_tpm2_pcrread_prints_them(setup, tpm, selection):
    assert succeed(setup, "tpm", "pcrs", selection) == tpm.run("pcrread", selection)


def test_extend(setup, tpm):
    before = base64.b64decode(tpm.pcrs("sha256:16")["16"])
    assert succeed(setup, "tpm", "extend", "16", "AB" * 32) == b"ok\n"
    after = hashlib.sha256(before + b"\xab" * 32).hexdigest().upper()
    assert succeed(setup, "tpm", "pcrs", "sha256:16") == f"  sha256:\n    16: 0x{after}\n".encode()
    assert json.loads(setup.guest.lines[0])["payload"]["bank"] == "sha256"


def test_random(setup):
    numbers = [succeed(setup, "tpm", "random", "16") for _ in range(2)]
    assert numbers[0] != numbers[1] and len(bytes.fromhex(numbers[0].decode())) == 16
    assert len(succeed(setup, "tpm", "random", "7", "--raw")) == 7


def test_info(setup):
    shown = succeed(setup, "tpm", "info").decode().splitlines()
    assert shown[:8] == ["interface: tis", "manufacturer: IBM, SW   TPM",
                         "firmware: 2019102300163636", "revision: 1.64", "banks: sha256",
                         "locked out: no", "loaded: 0 objects, 0 sessions", "keys: persistent"]
    assert shown[8:] == [f"measured: PCR {PCR} of sha256, from {bytes(32).hex()}"] + [
        f"  {what}, 5 bytes, {hashlib.sha256(what.encode()).hexdigest()}"
        for what in ("cmdline", "config")]


def test_json_is_the_lines_as_they_came(setup):
    lines = [json.loads(line) for line in succeed(
        setup, "--json", "tpm", "quote", "--verify").splitlines()]
    assert [line["type"] for line in lines] == ["ek", "aik", "credential", "quote", "tpm_info"]


# --- credentials, sealed bytes ---

def test_credential_of_tpm2_makecredential(setup, tpm):
    name = tpm.public(tpm.aik)[1]
    tpm.write("secret", b"between you and me")
    tpm.output("public", "readpublic", "-Q", "-c", EK, "-f", "tss", "-o", "public")
    made = tpm.output("made", "makecredential", "-Q", "-T", "none", "-u", "public", "-s", "secret",
                      "-n", name.hex(), "-o", "made")
    assert succeed(setup, "tpm", "activate", stdin=made) == b"between you and me"
    assert "activate_credential failed: tpm: " in refuse(setup, "tpm", "activate",
                                                         stdin=made[:-1] + b"\0")
    assert setup.run("tpm", "activate", stdin=made[:-1]).returncode == FAILED


WARNING = b"motectl: the EK is not checked against anything (--ca, --ek)\n"


@pytest.mark.parametrize("value", [b"hunter2", b"\xff\0" * 40, b"", bytes(100000)], ids=short)
def test_secret_by_credential(setup, value):
    words = ["secret", "put", "API", "--sealed"]
    assert succeed(setup, *words, stdin=value, stderr=WARNING) == b"ok\n"
    words = ["secret", "put", "TOO", "--sealed", "--mode", "640", "--ca", setup.ca]
    succeed(setup, *words, stdin=value)
    assert setup.guest.secrets == {"API": (value, 0o600), "TOO": (value, 0o640)}
    assert not any(b"hunter2" in line or b64(b"hunter2").encode() in line
                   for line in setup.guest.lines)


def test_value_is_bound_to_its_name(setup, tpm):
    succeed(setup, "secret", "put", "A", "--sealed", stdin=b"v", stderr=WARNING)
    sent = {k: base64.b64decode(v) for k, v in json.loads(setup.guest.lines[-1])["payload"].items()
            if k in ("credential", "secret", "value")}
    key = tpm.activate(sent["credential"], sent["secret"])
    assert open_value(key, "A", sent["value"]) == b"v"
    assert open_value(key, "B", sent["value"]) is None


@pytest.mark.parametrize("option,key", [("--ca", "other"), ("--ek", "aik")])
def test_secret_is_not_for_just_any_tpm(setup, tmp_path, option, key):
    """Nothing of it is sent."""
    file = setup.other
    if key == "aik":
        file = tmp_path / "key"
        file.write_bytes(succeed(setup, "tpm", "aik"))
    before = len(setup.guest.lines)
    assert "the EK" in refuse(setup, "secret", "put", "A", "--sealed", option, file, stdin=b"v")
    assert {json.loads(line)["type"] for line in setup.guest.lines[before:]} == {"ek"}


def test_seal(setup, tpm, tmp_path):
    blob = succeed(setup, "tpm", "seal", "--pcrs", "sha256:16", stdin=b"\xffhush\n")
    assert set(json.loads(blob)) == {"private", "public", "pcrs"}
    assert succeed(setup, "tpm", "unseal", stdin=blob) == b"\xffhush\n"
    succeed(setup, "tpm", "seal", "--pcrs", "sha256:16", "--out", tmp_path / "blob", stdin=b"v")
    succeed(setup, "secret", "put", "S", "--blob", tmp_path / "blob", "--mode", "400")
    assert setup.guest.secrets == {"S": (b"v", 0o400)}
    succeed(setup, "tpm", "extend", "16", "00" * 32)
    assert "unseal failed: tpm: " in refuse(setup, "tpm", "unseal", stdin=blob)
    assert "inject_sealed_secret failed" in refuse(setup, "secret", "put", "S", "--blob",
                                                   tmp_path / "blob")


def test_seal_to_this_tpm_alone(setup, tmp_path):
    setup.guest.secrets["S"] = b"of the store", 0o600
    for words, data in ((["--name", "S"], b"of the store"), (["--file", setup.ca], None)):
        done = setup.run("tpm", "seal", *words, "--out", tmp_path / "blob")
        assert done.returncode == (OK if data else FAILED)
    succeed(setup, "tpm", "unseal", "--file", tmp_path / "blob", "--out", tmp_path / "data")
    assert (tmp_path / "data").read_bytes() == b"of the store"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o600


# --- what is wrong with words, files and answers ---

WRONG = [
    (["tpm"], b"", b"unknown verb tpm"), (["tpm", "fly"], b"", b"unknown verb tpm"),
    (["tpm", "extend", "16", "xy"], b"", b"xy is no digest in hexadecimal"),
    (["tpm", "extend", "16", ""], b"", b"is no digest"),
    (["tpm", "extend", "x", "00"], b"", b"x is not the number of a PCR"),
    (["tpm", "random", "many"], b"", b"many is not a number of bytes"),
    (["tpm", "quote", "--ca", "x"], b"", b"--ca and --ek are for --verify"),
    (["tpm", "quote", "--nonce", "00" * 65], b"", b"a nonce has 1 to 64 bytes"),
    (["tpm", "quote", "--nonce", ""], b"", b"a nonce has 1 to 64 bytes"),
    (["tpm", "quote", "--nonce", "/nonexistent"], b"", b"cannot open /nonexistent"),
    (["tpm", "quote", "--pcrs", "sha256:24"], b"", b"sha256:24: "),
    (["tpm", "quote", "--verify", "--ca", "/nonexistent"], b"", b"/nonexistent: libcrypto says: "),
    (["tpm", "quote", "--verify", "--ca", "/dev/null"], b"", b"/dev/null: libcrypto says: "),
    (["tpm", "quote", "--verify", "--ek", "/nonexistent"], b"", b"cannot open /nonexistent"),
    (["tpm", "quote", "--verify", "--ek", "-"], b"AAAA", b"- is neither a public key"),
    (["tpm", "seal", "hunter2"], b"", b"never taken from the command line"),
    (["tpm", "seal"], b"", b"1 to 128 bytes; there are 0"),
    (["tpm", "seal"], bytes(129), b"1 to 128 bytes; there are 129"),
    (["tpm", "seal", "--name", "S", "--file", "f"], b"", b"not both"),
    (["tpm", "seal", "--pcrs", "md5:0"], b"", b"md5:0: "),
    (["tpm", "unseal"], b"{}", b"not what tpm seal writes"),
    (["tpm", "unseal"], b"[", b"not what tpm seal writes: "),
    (["tpm", "unseal"], b'{"private":"AA==","public":"*"}', b"not what tpm seal writes"),
    (["tpm", "activate"], b"hello", b"not what tpm2_makecredential writes"),
    (["secret", "put", "S", "--ca", "x"], b"", b"--ca and --ek are for --sealed"),
    (["secret", "put", "S", "--blob", "x", "--file", "y"], b"", b"goes with --mode alone"),
    (["secret", "put", "S", "v", "--sealed"], b"", b"never taken from the command line"),
]


@pytest.mark.parametrize("words,stdin,text", WRONG, ids=short)
def test_wrong_words(setup, words, stdin, text):
    done = setup.run(*words, stdin=stdin)
    assert done.returncode == FAILED and text in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("words,type_,change", [
    ("tpm ek-cert", "ek", put("offset", 1)), ("tpm ek-cert", "ek", put("certificate", b"")),
    ("tpm ek-cert", "ek", put("size", 10)), ("tpm ek-cert", "ek", put("size", 2**32 - 1)),
    ("tpm ek", "ek", put("public", "*")), ("tpm ek", "ek", put("public", b"nonsense")),
    ("tpm ek", "ek", put("name", "AA==" * 2000)), ("tpm random 9", "random", put("random", b"")),
    ("tpm pcrs 0", "pcrs", put("bank", "md5")), ("tpm pcrs 0", "pcrs", put("values", [])),
    ("tpm pcrs 0", "pcrs", value_of_pcr("24", OTHER)),
    ("tpm pcrs 0", "pcrs", value_of_pcr("x", "")),
    ("tpm pcrs 0", "pcrs", value_of_pcr("1", "AA==")), ("tpm pcrs 0", "pcrs", value_of_pcr("0", 5)),
    ("tpm info", "tpm_info", put("measured", 5)), ("tpm info", "tpm_info", event("digest", 5)),
    ("tpm info", "tpm_info", lambda p: p["measured"].update(events=[{}] * 33)),
    ("tpm info", "tpm_info", lambda p: p["measured"].update(bank="md5"))], ids=short)
def test_unexpected_answers(setup, words, type_, change):
    setup.guest.changes[type_] = change
    done = setup.run(*words.split())
    assert done.returncode == FAILED and done.stderr.count(b"\n") == 1
    assert done.stdout == b"" or b"nonsense" in done.stderr or b"no TPMT_PUBLIC" in done.stderr


def test_refused_and_late(setup):
    setup.guest.answer = lambda line: ack(json.loads(line)["type"], "tpm: there is none")
    assert refuse(setup, "tpm", "quote", "--verify") == (
        "not checked: the EK is not checked against anything: whose TPM it is, is not known\n"
        "motectl: ek failed: tpm: there is none\n")
    setup.guest.answer = lambda line: ...
    assert setup.run("--timeout", "0.3", "tpm", "info").returncode == TIMEOUT


def test_guest_that_measures_nothing(setup):
    setup.guest.changes["tpm_info"] = put("measured", None)
    assert succeed(setup, "tpm", "info").endswith(b"measured: nothing\n")
    assert told(succeed(setup, "tpm", "quote", "--verify")) == VERIFIED[:-1]
