# SPDX-License-Identifier: MIT
"""TPMs for tests: one that is made once and copied for each guest, tpm2-tools over another copy of
it, which knows all that the guest's TPM must say, and the judgement of what a guest has answered.
"""

import base64
import contextlib
import hashlib
import os
import shutil
import struct
import subprocess

import pytest

import tpm
from guest import make_directory

EK, AIK = 0x81010001, 0x81000003
SHA256 = 0x000B
EK_CERTIFICATE = 0x01C00002
SECONDS = 60  # for a tool
CREDENTIAL_HEADER = 8  # tpm2_makecredential's own, in front of what a TPM takes


def bare(data):
    return base64.b64encode(data).decode()


def as_bytes(text):
    return base64.b64decode(text, validate=True)


def sized(data):
    """A TPM2B of it."""
    return len(data).to_bytes(2, "big") + data


def take_sized(data):
    """A TPM2B, whole, and what follows it."""
    size = 2 + int.from_bytes(data[:2], "big")
    return data[:size], data[size:]


def extended(value, digest):
    """What a PCR of SHA-256 is then."""
    return hashlib.sha256(value + digest).digest()


def name_of(public):
    """Of a key whose name is by SHA-256."""
    return b"\x00\x0b" + hashlib.sha256(public).digest()


def pcr_file(values):
    """PCRs of the SHA-256 bank as tpm2_quote writes them: the memory of a TPML_PCR_SELECTION, and
    of as many TPML_DIGEST as it takes. (Without a selection tpm2_checkquote takes seven.)"""
    chosen = sum(1 << int(number) for number in values).to_bytes(4, "little")
    digests = [struct.pack("<H64s", 32, as_bytes(value)) for value in values.values()]
    lists = [digests[at:at + 8] for at in range(0, len(digests), 8)]
    return struct.pack("<IHB4s121xI", 1, SHA256, 3, chosen, len(lists)) + b"".join(
        struct.pack("<I528s", len(part), b"".join(part)) for part in lists)


@pytest.fixture(name="factory", scope="session")
def fixture_factory(tmp_path_factory):
    """The directory of a TPM that is as it was made: for copies."""
    directory = tmp_path_factory.mktemp("tpm") / "made"
    tpm.make(directory)
    return directory


@pytest.fixture(name="tools", scope="module")
def fixture_tools(factory, tmp_path_factory):
    """tpm2-tools and a TPM of their own, which is the guest's twin."""
    directory = tmp_path_factory.mktemp("tools")
    with serving(copied(factory, directory / "state")) as swtpm:
        yield Tools(directory, swtpm.socket)


def copied(factory, to):
    """A TPM of one's own, as it was made; where its state is."""
    return shutil.copytree(factory / tpm.STATE, to)


@contextlib.contextmanager
def serving(state, **options):
    """A TPM at a socket, for tpm2-tools, or for a service."""
    directory = make_directory()
    try:
        with tpm.Swtpm(state, directory, serve=True, **options) as swtpm:
            yield swtpm
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Tools:
    """Runs programs in a directory of their own, for a TPM of their own."""

    def __init__(self, directory, socket):
        self.directory = directory
        self.environment = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={socket}"}

    def try_run(self, *words):
        return subprocess.run(words, cwd=self.directory, env=self.environment, text=True,
                              capture_output=True, timeout=SECONDS, check=False)

    def run(self, *words):
        done = self.try_run(*words)
        assert done.returncode == 0, f"{words}: {done.stderr}"
        return done.stdout

    def put(self, name, data):
        (self.directory / name).write_bytes(data)
        return name

    def get(self, name):
        return (self.directory / name).read_bytes()

    def loaded(self):
        """What is in the TPM that does not belong there for good: objects and sessions."""
        return "".join(self.run("tpm2_getcap", f"handles-{kind}")
                       for kind in ("transient", "loaded-session", "saved-session"))

    def public(self, handle):
        """TPMT_PUBLIC of a persistent key."""
        self.run("tpm2_readpublic", "-Q", "-c", hex(handle), "-o", "public")
        return self.get("public")[2:]

    def certificate(self):
        """Of the EK, as the TPM has it."""
        self.run("tpm2_nvread", hex(EK_CERTIFICATE), "-o", "certificate")
        return self.get("certificate")

    def certificate_verifies(self, certificate, authority):
        """Against a file of CAs. The subject's alternative name is critical and unknown to all."""
        self.put("ek.der", certificate)
        self.run("openssl", "x509", "-inform", "der", "-in", "ek.der", "-out", "ek.pem")
        return self.try_run("openssl", "verify", "-ignore_critical", "-CAfile", authority,
                            "ek.pem").returncode == 0

    def key_of_certificate(self, certificate):
        """As PEM."""
        self.put("ek.der", certificate)
        return self.run("openssl", "x509", "-inform", "der", "-in", "ek.der", "-noout", "-pubkey")

    def key_of_public(self, public):
        """As PEM, of a TPMT_PUBLIC."""
        self.put("key", sized(public))
        return self.run("tpm2_print", "-t", "TPM2B_PUBLIC", "-f", "pem", "key")

    def quote_verifies(self, public, quote, nonce):
        """quote: what a guest has answered; public: of the key that it should be of."""
        self.put("aik", sized(public))
        self.put("attest", as_bytes(quote["attest"]))
        self.put("signature", as_bytes(quote["signature"]))
        self.put("values", pcr_file(quote["values"]))
        return self.try_run("tpm2_checkquote", "-u", "aik", "-m", "attest", "-s", "signature",
                            "-f", "values", "-q", nonce.hex(), "-g", "sha256").returncode == 0

    def credential(self, ek, name, content):
        """What only the TPM with this EK (TPMT_PUBLIC) can open, for the key of that name: a
        TPM2B_ID_OBJECT and a TPM2B_ENCRYPTED_SECRET. No TPM is asked."""
        self.put("ek", sized(ek))
        self.put("content", content)
        self.run("tpm2_makecredential", "-T", "none", "-Q", "-u", "ek", "-s", "content",
                 "-n", name.hex(), "-o", "credential")
        blob, rest = take_sized(self.get("credential")[CREDENTIAL_HEADER:])
        secret, rest = take_sized(rest)
        assert rest == b""
        return blob, secret


# -- what a guest is asked

def told(guest, kind, **payload):
    """The payload of an answer that is no refusal; of an ack nothing."""
    answer = guest.request({"type": kind, "payload": payload})
    if answer["type"] != "ack":
        return answer["payload"]
    assert answer["payload"] == {"reply_to": kind, "ok": True}, answer
    return None


def refusal(guest, kind, **payload):
    """Why something can't be had."""
    answer = guest.request({"type": kind, "payload": payload})
    assert answer["type"] == "ack" and answer["payload"]["reply_to"] == kind, answer
    assert answer["payload"]["ok"] is False
    return answer["payload"]["error"]


def certificate_of(guest):
    """The EK's, in as many answers as it takes."""
    certificate = b""
    while True:
        part = told(guest, "ek", offset=len(certificate))
        assert part["offset"] == len(certificate)
        certificate += as_bytes(part["certificate"])
        if len(certificate) == part["size"]:
            return certificate
        assert part["certificate"]


def pcr(guest, number):
    return as_bytes(told(guest, "pcr_read", pcrs=f"sha256:{number}")["values"][str(number)])


def check_nothing_is_left(guest):
    """Neither an object nor a session of the guest's is in its TPM."""
    info = told(guest, "tpm_info")
    assert (info["objects"], info["sessions"]) == (0, 0)
