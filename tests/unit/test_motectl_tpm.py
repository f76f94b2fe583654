# SPDX-License-Identifier: MIT
"""motectl's verbs for a guest's TPM, against a guest that answers from a real one by tpm2-tools:
what is shown is what these show, what is made here opens there, and whatever a liar between them
changes does not verify.
"""

import base64
import contextlib
import hashlib
import json
import pathlib
import re
import subprocess
import tempfile

import pytest

from fake_guest import FAILED, OK, REFUSED, TIMEOUT, Setup, ack, short, unix_listener
from fake_tpm_guest import (AIK_ATTRIBUTES, EK, EK_CERT, PCR, Swtpm, Tools, TpmGuest, b64, make,
                            open_value, unsized)

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


# --- quotes ---

def told(output):
    return [line.split(": ", 1)[1] for line in output.decode().splitlines()
            if line.startswith("verified: ")]


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


OTHER = b64(bytes(31) + b"\1")
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


def test_certificate_of_another_tpm(setup, tmp_path):
    """A chain that verifies, for a key that is not the EK."""
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout",
            tmp_path / "key", "-out", tmp_path / "ca")
    der = openssl("x509", "-in", tmp_path / "ca", "-outform", "der")
    setup.guest.changes["ek"] = lambda p: p.update(certificate=der[p["offset"]:][:300],
                                                   size=len(der))
    said = refuse(setup, "tpm", "quote", "--verify", "--ca", tmp_path / "ca")
    assert "the EK is another key than that in its certificate" in said


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


# --- credentials, sealed bytes ---

def test_credential_of_tpm2_makecredential(setup, tpm):
    area, name = tpm.public(tpm.aik)
    assert area and tpm.write("secret", b"between you and me")
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


def test_unsized():
    assert unsized(b"\0\2ab") == b"ab"
