# SPDX-License-Identifier: MIT
"""motectl's TPM verbs against mote itself over a real TPM: a guest that tells the truth verifies,
also by tpm2-tools, and one byte that is changed between the two does not.
"""

import base64
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

import pytest

import tpm
from guest import BUILD, make_directory
from helpers import PATIENCE
from service import Service
from tpms import copied, serving

OK, REFUSED = 0, 1
VERIFIED = 6  # lines of what is verified always


@pytest.fixture(name="makers", scope="module")
def fixture_makers(tmp_path_factory):
    """Two directories of TPMs as they were made, each by another maker."""
    directory = tmp_path_factory.mktemp("makers")
    for name in ("own", "other"):
        tpm.make(directory / name)
    return directory


@pytest.fixture(name="guest", scope="module", params=["transient", "persistent"])
def fixture_guest(program, makers, tmp_path_factory, request):
    state = copied(makers / "own", tmp_path_factory.mktemp("tpm") / "state")
    with serving(state) as swtpm:
        options = ["--tpm", swtpm.socket, "--tpm_keys", request.param]
        with Service(program, "unix", options=options) as service:
            yield service


def motectl(guest, *words, stdin=b"", path=None):
    command = [BUILD / "host" / "motectl", f"unix:{path or guest.path}", *words]
    return subprocess.run([*map(str, command)], input=stdin, capture_output=True,
                          timeout=PATIENCE * 3, check=False)


def succeed(guest, *words, stdin=b""):
    done = motectl(guest, *words, stdin=stdin)
    assert done.returncode == OK, done
    return done.stdout


class Liar:
    """Stands between motectl and a guest. change: what it does with answers of a type."""

    def __init__(self, guest, type_, change):
        self.guest, self.type, self.change = guest, type_, change
        self.directory = pathlib.Path(make_directory())
        self.path = self.directory / "s"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_exception):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)
        shutil.rmtree(self.directory)

    def serve(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            with peer, peer.makefile("rb") as lines:
                answer = json.loads(self.guest.raw(lines.readline()))
                if answer["type"] == self.type:
                    self.change(answer["payload"])
                peer.sendall(json.dumps(answer).encode() + b"\n")


def flip(*keys, at=-1):
    """A bit of what lies under those keys, one in the other, is another."""
    def change(payload):
        for key in keys[:-1]:
            payload = payload[key]
        data = bytearray(base64.b64decode(payload[keys[-1]]))
        data[at] ^= 1
        payload[keys[-1]] = base64.b64encode(data).decode()
    return change


def test_quote_verifies(guest, makers):
    done = succeed(guest, "tpm", "quote", "--verify", "--ca", makers / "own" / tpm.CA)
    assert done.count(b"\nverified: ") + done.startswith(b"verified: ") == VERIFIED + 1
    assert b"leads to PCR 12\n" in done


def test_quote_verifies_by_tpm2_checkquote(guest):
    with tempfile.TemporaryDirectory() as directory:
        succeed(guest, "tpm", "quote", "--pcrs", "sha256:1,12", "--out", directory)
        for nonce, good in (("nonce", True), ("0badcafe", False)):
            done = subprocess.run(
                ["tpm2_checkquote", "-u", "aik.pem", "-m", "attest", "-s", "signature", "-f",
                 "pcrs", "-l", "sha256:1,12", "-q", nonce], cwd=directory, capture_output=True,
                timeout=PATIENCE, check=False)
            assert (done.returncode == 0) == good, done


def test_other_keys_and_makers(guest, makers, tmp_path):
    (tmp_path / "ek").write_bytes(succeed(guest, "tpm", "ek"))
    (tmp_path / "aik").write_bytes(succeed(guest, "tpm", "aik"))
    for option, file, code in (("--ek", tmp_path / "ek", OK), ("--ek", tmp_path / "aik", REFUSED),
                               ("--ca", makers / "other" / tpm.CA, REFUSED)):
        done = motectl(guest, "tpm", "quote", "--verify", option, file)
        assert done.returncode == code, done
        assert done.stdout.count(b"NOT VERIFIED: ") == code


LIES = [("quote", flip("attest")), ("quote", flip("attest", at=50)), ("quote", flip("signature")),
        ("quote", flip("values", "12")), ("tpm_info", flip("measured", "start")),
        ("aik", flip("public")), ("aik", flip("name")), ("ek", flip("public")),
        ("credential", flip("credential"))]


@pytest.mark.parametrize("type_,change", LIES, ids=[f"{i}-{t}" for i, (t, _) in enumerate(LIES)])
def test_one_byte_changed(guest, type_, change):
    with Liar(guest, type_, change) as liar:
        done = motectl(guest, "tpm", "quote", "--verify", path=liar.path)
    assert done.returncode == REFUSED, done
    assert b"NOT VERIFIED: " in done.stdout
    assert done.stderr == b"motectl: the quote does not verify\n"
    with Liar(guest, "nothing", None) as honest:
        assert motectl(guest, "tpm", "quote", "--verify", path=honest.path).returncode == OK


def test_configuration_is_in_the_log(guest):
    before = succeed(guest, "tpm", "info").count(b" bytes, ")
    succeed(guest, "config", "set", stdin=b"a = 1\n")
    assert succeed(guest, "tpm", "info").count(b" bytes, ") == min(before + 1, 8)
    assert b"leads to PCR 12\n" in succeed(guest, "tpm", "quote", "--verify")


def test_sealed_secret(guest, makers):
    value = b"hunter2 \xff\0"
    succeed(guest, "secret", "put", "SEALED", "--sealed", "--ca", makers / "own" / tpm.CA,
            "--mode", "640", stdin=value)
    assert (guest.secrets / "SEALED").read_bytes() == value
    assert (guest.secrets / "SEALED").stat().st_mode & 0o777 == 0o640
    done = motectl(guest, "secret", "put", "OTHER", "--sealed", "--ca",
                   makers / "other" / tpm.CA, stdin=value)
    assert done.returncode == REFUSED and not (guest.secrets / "OTHER").exists()


def test_seal(guest, tmp_path):
    succeed(guest, "secret", "put", "PLAIN", stdin=b"of the store")
    blob = succeed(guest, "tpm", "seal", "--name", "PLAIN", "--pcrs", "sha256:16")
    (tmp_path / "blob").write_bytes(blob)
    assert succeed(guest, "tpm", "unseal", stdin=blob) == b"of the store"
    succeed(guest, "secret", "put", "AGAIN", "--blob", tmp_path / "blob")
    assert (guest.secrets / "AGAIN").read_bytes() == b"of the store"
    succeed(guest, "tpm", "extend", "16", "ab" * 32)
    assert motectl(guest, "tpm", "unseal", stdin=blob).returncode == REFUSED
    done = motectl(guest, "secret", "put", "AGAIN", "--blob", tmp_path / "blob")
    assert done.returncode == REFUSED


def test_certificate_random_and_pcrs(guest):
    certificate = succeed(guest, "tpm", "ek-cert")
    key = subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=certificate,
                         capture_output=True, check=True).stdout
    assert succeed(guest, "tpm", "ek").endswith(key)
    assert len(succeed(guest, "tpm", "random", "100", "--raw")) == 100
    assert motectl(guest, "tpm", "random", "1025").returncode == REFUSED
    assert succeed(guest, "tpm", "pcrs").count(b": 0x") == 24
    assert b"\nloaded: 0 objects, 0 sessions\n" in succeed(guest, "tpm", "info")


def test_guest_without_a_tpm(program):
    with Service(program) as service:
        done = motectl(service, "tpm", "quote", "--verify")
        assert done.returncode == REFUSED and b"motectl: ek failed: tpm: " in done.stderr
