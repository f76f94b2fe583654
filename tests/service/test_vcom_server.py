# SPDX-License-Identifier: MIT
"""VComLink as mote serves it: by a TPM of swtpm's, what EVE's own tests of its server ask in their
order, with OpenSSL and tpm2-tools as judges; and without one.
"""

import base64
import email.utils
import hashlib
import http.client
import re
import shutil
import socket
import subprocess
import time

import pytest

import tpm
import vcom
from helpers import PATIENCE, PING, PONG, read_to_end
from service import Service
from tool import Tool

RESTRICTED_SIGNER = 0x00050072  # restricted, sign, fixedTPM, fixedParent, sensitiveDataOrigin
USER_WITH_AUTH, NO_DA = 0x40, 0x400
MAGIC = bytes.fromhex("badcc0de00000001")  # of a file of tpm2_makecredential


class Unix(http.client.HTTPConnection):
    """Python's own client, over a unix socket."""

    def __init__(self, path):
        super().__init__("vcom", timeout=PATIENCE)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def port_of(service):
    return f"{service.path}.{vcom.PORT}"


def post(connection, name, **fields):
    """The status of an answer, and its body."""
    connection.request("POST", f"/tpm/{name}", vcom.message(**fields))
    answer = connection.getresponse()
    body = answer.read()
    kind = "application/x-proto-binary" if answer.status == 200 else "text/plain; charset=utf-8"
    assert answer.headers["Content-Type"] == kind
    return answer.status, body


def asked(connection, name, **fields):
    """The fields of an answer that is one."""
    status, body = post(connection, name, **fields)
    assert status == 200, body
    return vcom.parse(body)


@pytest.fixture(name="made", scope="module")
def fixture_made(tmp_path_factory):
    """The directory of a TPM as it leaves the factory."""
    directory = tmp_path_factory.mktemp("tpm") / "made"
    tpm.make(directory)
    return directory


@pytest.fixture(name="guest")
def fixture_guest(program, made, tmp_path):
    """A service with a TPM of its own, in which nothing is left behind it."""
    directory = tmp_path / "t"
    shutil.copytree(made / tpm.STATE, directory / tpm.STATE)
    with tpm.Swtpm(directory / tpm.STATE, directory, serve=True) as swtpm:
        swtpm.wait()
        with Service(program, options=["--tpm", swtpm.socket]) as service:
            yield service
            assert service.raw(PING) == PONG
        assert loaded(swtpm) == ""


def loaded(swtpm):
    """Transient objects and sessions in a TPM that nobody else is connected to."""
    environment = {"TPM2TOOLS_TCTI": f"swtpm:path={swtpm.socket}", "PATH": "/usr/bin:/bin"}
    return "".join(
        subprocess.run(["tpm2_getcap", kind], env=environment, check=True, timeout=PATIENCE,
                       capture_output=True, text=True).stdout
        for kind in ("handles-transient", "handles-loaded-session"))


@pytest.fixture(name="link")
def fixture_link(guest):
    connection = Unix(port_of(guest))
    yield connection
    connection.close()


# --- judges ---

def der(tag, *parts):
    content = b"".join(parts)
    size = b"" if len(content) < 128 else b"\x82" + len(content).to_bytes(2, "big")
    return bytes([tag]) + (size or bytes([len(content)])) + content


def rsa_key(public):
    """A public key of RSA for OpenSSL, of a TPMT_PUBLIC that ends in its modulus."""
    numbers = der(0x30, der(2, b"\0", public[-256:]), der(2, b"\1\0\1"))
    algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
    return der(0x30, algorithm, der(3, b"\0", numbers))


def point_of(public):
    """The coordinates with which a TPMT_PUBLIC of P-256 ends."""
    assert public[-68:-66] == public[-34:-32] == b"\0\x20"
    return public[-66:-34], public[-32:]


def ecc_key(public):
    header = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" "04")
    return header + b"".join(point_of(public))


def verifies(directory, key, signature, data, *options):
    """Whether OpenSSL takes a signature of data."""
    for name, content in ("key", key), ("signature", signature), ("data", data):
        (directory / name).write_bytes(content)
    done = subprocess.run(
        ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "key", "-sigfile",
         "signature", "-in", "data", *options], cwd=directory, check=False, timeout=PATIENCE,
        capture_output=True, text=True)
    return done.returncode == 0 and "Success" in done.stdout


def rsa_verifies(directory, public, signature, data):
    return verifies(directory, rsa_key(public), signature, hashlib.sha256(data).digest(),
                    "-pkeyopt", "digest:sha256")


def made_credential(directory, ek, name, secret):
    """cred and secret, with their sizes, as tpm2-tools make them without a TPM."""
    (directory / "ek").write_bytes(len(ek).to_bytes(2, "big") + ek)
    (directory / "secret").write_bytes(secret)
    subprocess.run(["tpm2_makecredential", "-T", "none", "-u", "ek", "-s", "secret", "-n",
                    name.hex(), "-o", "made"], cwd=directory, check=True, timeout=PATIENCE,
                   capture_output=True)
    made = (directory / "made").read_bytes()
    assert made.startswith(MAGIC)
    blob = made[len(MAGIC):]
    size = 2 + int.from_bytes(blob[:2], "big")
    return blob[:size], blob[size:]


# --- with a TPM: what EVE's tests ask ---

def test_ek_and_its_certificate(guest, link, made, tmp_path):
    fields = asked(link, "getpub", f1=vcom.EK)
    ek = fields[1]
    assert (fields[2], fields[3]) == (1, 0x000300b2)
    certificate = asked(link, "readnv", f1=vcom.CERTIFICATE)[1]
    (tmp_path / "cert").write_bytes(certificate)
    shown = subprocess.run(["openssl", "x509", "-inform", "DER", "-in", tmp_path / "cert",
                            "-noout", "-pubkey"], check=True, capture_output=True, text=True)
    assert base64.b64decode("".join(shown.stdout.splitlines()[1:-1])) == rsa_key(ek)
    (tmp_path / "pem").write_text(ssl_pem(certificate))
    subprocess.run(["openssl", "verify", "-ignore_critical", "-CAfile", made / tpm.CA,
                    tmp_path / "pem"], check=True, capture_output=True)
    with guest_socket(guest) as connection:
        connection.sendall(b'{"channel":2,"request":1}')
        answer = b'{"channel":2,"ek":"%s"}' % base64.b64encode(ek)
        assert connection.recv(65536) == answer
        connection.sendall(b'{"channel":4294967295}')
        assert read_to_end(connection) == vcom.MALFORMED


def ssl_pem(certificate):
    text = base64.encodebytes(certificate).decode()
    return f"-----BEGIN CERTIFICATE-----\n{text}-----END CERTIFICATE-----\n"


def guest_socket(guest):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(port_of(guest))
    return connection


def test_signature(link, tmp_path):
    aik = asked(link, "getpub", f1=vcom.AIK)[1]
    fields = asked(link, "sign", f1=vcom.AIK, f2=b"test data")
    assert (fields[1], fields[3]) == (b"RSASSA", b"SHA256")
    assert rsa_verifies(tmp_path, aik, fields[2], b"test data")
    assert not rsa_verifies(tmp_path, aik, fields[2], b"test datA")


def test_signature_of_a_curve(link, tmp_path):
    """A key that is not restricted signs what is a digest already."""
    digest = hashlib.sha256(b"test data").digest()
    public = asked(link, "getpub", f1=vcom.ECDH)[1]
    fields = asked(link, "sign", f1=vcom.ECDH, f2=digest)
    assert (fields[1], fields[6]) == (b"ECDSA", b"SHA256")
    numbers = b"".join(bytes([2, len(n) + (n[0] >> 7)]) + b"\0" * (n[0] >> 7) + n
                       for n in (fields[4], fields[5]))
    signature = bytes([0x30, len(numbers)]) + numbers
    assert verifies(tmp_path, ecc_key(public), signature, digest)
    assert not verifies(tmp_path, ecc_key(public), signature, digest[::-1])


def test_credential(link, tmp_path):
    fields = asked(link, "activatecredparams", f1=vcom.AIK)
    ek, aik, name = fields[1], fields[2], fields[3]
    assert name == vcom.name_of(aik)
    attributes = int.from_bytes(aik[4:8], "big")
    assert attributes & ~(USER_WITH_AUTH | NO_DA) == RESTRICTED_SIGNER & ~USER_WITH_AUTH
    cred, secret = made_credential(tmp_path, ek, name[2:], b"0123456789abcdef")
    assert asked(link, "activatecred", f1=cred, f2=secret, f3=vcom.AIK) == {1: b"0123456789abcdef"}
    status, body = post(link, "activatecred", f1=cred[:-1] + bytes([cred[-1] ^ 1]), f2=secret,
                        f3=vcom.AIK)
    assert status == 500
    assert body.startswith(b"failed to activate credential: failed to activate credential: tpm: ")


def test_certified_key(link, tmp_path):
    aik = asked(link, "getpub", f1=vcom.AIK)[1]
    fields = asked(link, "certifykey", f1=vcom.ECDH)
    public, signature, attest = fields[1], fields[2], fields[3]
    assert signature[:6] == bytes.fromhex("0014000b0100")  # RSASSA, SHA-256, 256 bytes
    assert rsa_verifies(tmp_path, aik, signature[6:], attest)
    assert attest.startswith(b"\xffTCG\x80\x17") and vcom.name_of(public) in attest


def test_what_is_refused(link):
    for name, index, text in (
            ("readnv", 0x1800000, "failed to read NV: reading NV index 1800000 is not allowed"),
            ("sign", 0x81000004, "failed to sign data: using key at 81000004 is not allowed"),
            ("certifykey", 0x817fffff,
             "failed to get public key: using key at 817fffff is not allowed"),
            ("sign", vcom.EK, "failed to sign data: key is not a signing key"),
            ("sign", vcom.SRK, "failed to sign data: key is not a signing key")):
        assert post(link, name, f1=index) == (500, f"{text}\n".encode())
    for name, fields, text in (
            ("getpub", {"f1": 0x81000077},
             "failed to get public key: error while reading EK public: tpm: "),
            ("readnv", {"f1": 0x01500000}, "failed to read NV: error while reading NV index: tpm: "),
            ("sign", {"f1": 0x81000077}, "failed to sign data: error while getting public key: "
                                         "error while reading EK public: tpm: "),
            ("sign", {"f1": vcom.AIK, "f2": b"x" * 1025},
             "failed to sign data: error while hashing data: tpm: "),
            ("sign", {"f1": vcom.ECDH, "f2": b"short"},
             "failed to sign data: error while signing data tpm: "),
            ("activatecredparams", {}, "failed to get activate credential params: "
                                       "failed to read AIK public: tpm: "),
            ("certifykey", {"f1": 0x81000077},
             "failed to get public key: reading AIK public key failed: tpm: ")):
        status, body = post(link, name, **fields)
        assert status == 500 and body.startswith(text.encode()), body
    status, body = post(link, "activatecred", f1=b"x", f2=b"yy", f3=vcom.AIK)
    assert (status, body) == (500, b"failed to activate credential: "
                                   b"invalid credential blob or encrypted secret\n")


def test_own_client(guest, program, tmp_path):
    """mote asks mote."""
    tool = Tool(program, tmp_path)
    (tmp_path / f"host_{vcom.PORT}").symlink_to(port_of(guest))
    status, ek, errors = tool.run("mote", "vcom", "ek")
    assert (status, errors) == (0, "")
    assert tool.run("mote", "vcom", "getpub", "--index", hex(vcom.EK)) == (
        0, f"public: {ek}algorithm: 1\nattributes: 196786\n", "")
    with tool.start("mote", "vcom", "readnv", "--index=0x1c00002", "--raw") as process:
        assert process.communicate(timeout=PATIENCE)[0].startswith(b"0\x82")
    status, said, errors = tool.run("mote", "vcom", "activatecredparams", "--index", hex(vcom.AIK))
    assert (status, errors) == (0, "")
    assert said.startswith(f"ek: {ek}aik_pub: ")
    status, said, errors = tool.run("mote", "vcom", "readnv", "--index", "0x1800000")
    assert (status, said) == (1, "")
    assert "failed to read NV: reading NV index 1800000 is not allowed" in errors


def test_many_at_once(guest):
    """Each has its own answer, and pings have theirs meanwhile."""
    links = [Unix(port_of(guest)) for _ in range(8)]
    for index, link in enumerate(links):
        link.request("POST", "/tpm/getpub", vcom.message(f1=(vcom.EK, vcom.AIK)[index % 2]))
    assert guest.raw(PING) == PONG
    keys = [vcom.parse(link.getresponse().read())[1] for link in links]
    assert keys[0] != keys[1] and keys == keys[:2] * 4
    for link in links:
        link.close()


def test_peers_that_leave(guest, link):
    """What was begun for them ends, and others have their turn."""
    for _ in range(3):
        with guest_socket(guest) as connection:
            connection.sendall(b"POST /tpm/sign HTTP/1.1\r\nHost: v\r\nContent-Length: 6\r\n\r\n"
                               b"\x08\x83\x80\x80\x88\x08")
    assert asked(link, "getpub", f1=vcom.EK)[2] == 1


# --- without one ---

@pytest.fixture(name="bare", scope="module")
def fixture_bare(program):
    """A service that has no TPM."""
    with Service(program, options=["--tpm", "/nonexistent/tpm"]) as service:
        yield service
        assert service.raw(PING) == PONG


@pytest.mark.parametrize("name, text", [
    ("getpub", "failed to get public key: unable to open TPM: "),
    ("sign", "failed to sign data: unable to open TPM: "),
    ("readnv", "failed to read NV: unable to open TPM: "),
    ("activatecredparams", "failed to get activate credential params: failed to open TPM: "),
    ("activatecred", "failed to activate credential: failed to open TPM: "),
    ("certifykey", "failed to get public key: unable to open TPM: ")])
def test_without_a_tpm(bare, name, text):
    link = Unix(port_of(bare))
    status, body = post(link, name, f1=1)
    assert status == 500 and body.startswith(text.encode()) and body.endswith(b"\n"), body
    link.close()


def hear(bare, *pieces, ends=True):
    with guest_socket(bare) as connection:
        for piece in pieces:
            connection.sendall(piece)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


@pytest.mark.parametrize("request_bytes", [
    b'{"channel":2,"request":1}', b"null", b"{}", b"\xef\xbb\xbf{}", b" ", b"{" * 9000])
def test_json_without_a_tpm(bare, request_bytes):
    assert hear(bare, request_bytes, ends=False) == vcom.MALFORMED


def test_http_that_is_none_of_ours(bare):
    begin = b"Content-Type: text/plain; charset=utf-8\r\n"
    assert hear(bare, b"GET / HTTP/1.1\r\n\r\n") == (
        b"HTTP/1.1 400 Bad Request: missing required Host header\r\n" + begin +
        b"Connection: close\r\n\r\n400 Bad Request: missing required Host header")
    assert hear(bare, b"GET / HTT") == vcom.BARE
    assert hear(bare, b"") == b""
    answer = hear(bare, b"GET /tpm/sign HTTP/1.1\r\nHost: v\r\n\r\n")
    date = re.search(rb"Date: (.*)\r\n", answer)
    assert abs(email.utils.parsedate_to_datetime(date[1].decode()).timestamp() - time.time()) < 60
    assert answer.replace(date[0], b"") == (
        b"HTTP/1.1 405 Method Not Allowed\r\n" + begin + b"X-Content-Type-Options: nosniff\r\n"
        b"Content-Length: 23\r\n\r\nMethod GET not allowed\n")


def test_python_client(bare):
    """Bodies of a known length and in chunks, one behind the other on one connection; the longest
    that is taken and the shortest that is not."""
    link = Unix(port_of(bare))
    for path, body, status, text in (
            ("/x", b"abc", 404, b"404 page not found\n"),
            ("/tpm/getpub", iter([b"\x08", b"\x01"]), 500, b"unable to open TPM: "),
            ("/tpm/getpub", b"\x08", 400, b"failed to unmarshal request: proto: "),
            ("/tpm/sign", b"\x12\xfc\xff\x03" + bytes(65531), 400, b"failed to unmarshal"),
            ("/tpm/sign", b"\x12\xfb\xff\x03" + bytes(65531), 500, b"unable to open TPM: "),
            ("/tpm/sign", bytes(65536), 400, b"request too large: 65536\n"),
            ("/tpm/sign", bytes(100000), 400, b"request too large: 65537\n")):
        link.request("POST", path, body)
        answer = link.getresponse()
        assert answer.status == status
        assert text in answer.read()
    link.close()


def test_connections_are_shared(bare):
    """Those that say nothing are of the same twelve, and are free again at once when they end."""
    for _ in range(30):
        with guest_socket(bare):
            pass
    assert bare.raw(PING) == PONG
