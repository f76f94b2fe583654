# SPDX-License-Identifier: MIT
"""VComLink as the service serves it, over a real TPM: what a host's own tests ask for, checked by
OpenSSL and tpm2-tools on the same TPM; and what a TPM has not, which changes nothing there.
"""

import base64
import hashlib
import http.client
import os
import socket

import pytest

import vcom
from helpers import PATIENCE
from service import Service
from tpms import EK, sized

RESTRICTED_AIK = 0x00050472  # TPMA_OBJECT of evetpm's table
NOWHERE, NO_INDEX = 0x81001234, 0x01C0FFFF

# What is refused: the verb, its fields, and the text.
REFUSED = [
    ("getpub", {"f1": 0}, "failed to get public key: error while reading EK public: "),
    ("getpub", {"f1": NOWHERE}, "failed to get public key: error while reading EK public: "),
    ("sign", {"f1": NOWHERE, "f2": b"data"}, "failed to sign data: error while getting public key"),
    ("sign", {"f1": vcom.EK, "f2": b"data"}, "failed to sign data: key is not a signing key"),
    ("sign", {"f1": vcom.AIK, "f2": bytes(1025)},
     "failed to sign data: error while hashing data: "),
    ("sign", {"f1": vcom.ECDH, "f2": b"no digest"},
     "failed to sign data: error while signing data"),
    ("sign", {"f1": vcom.QUOTE, "f2": b"data"},
     "failed to sign data: using key at 81000004 is not allowed"),
    ("readnv", {"f1": NO_INDEX}, "failed to read NV: error while reading NV index: "),
    ("readnv", {"f1": vcom.EK}, "failed to read NV: error while reading NV index: "),
    ("readnv", {"f1": 0x1800000}, "failed to read NV: reading NV index 1800000 is not allowed"),
    ("certifykey", {"f1": NOWHERE}, "failed to get public key: reading AIK public key failed: "),
    ("certifykey", {"f1": vcom.EK}, "failed to get public key: certify failed: "),
    ("certifykey", {"f1": vcom.QUOTE},
     "failed to get public key: using key at 81000004 is not allowed"),
    ("activatecredparams", {"f1": NOWHERE}, "failed to get activate credential params: "),
    ("activatecred", {"f1": b"x", "f2": b"y", "f3": vcom.AIK},
     "failed to activate credential: invalid credential blob or encrypted secret"),
    ("activatecred", {"f1": sized(bytes(52)), "f2": sized(bytes(256)), "f3": vcom.AIK},
     "failed to activate credential: failed to activate credential: "),
    ("activatecred", {"f1": sized(bytes(52)), "f2": sized(bytes(256)), "f3": NOWHERE},
     "failed to activate credential: failed to activate credential: "),
]


@pytest.fixture(name="guest", scope="module")
def fixture_guest(program, swtpm):
    with Service(program, options=["--tpm", swtpm.socket]) as service:
        yield service


def dial(guest):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(f"{guest.path}.{vcom.PORT}")
    return connection


def post(guest, verb, **fields):
    """The status and body of the answer."""
    body = vcom.message(**fields)
    with dial(guest) as connection:
        connection.sendall(f"POST /tpm/{verb} HTTP/1.1\r\nHost: vcom\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, answer.read()


def told(guest, verb, **fields):
    status, body = post(guest, verb, **fields)
    assert status == 200, body
    return vcom.parse(body)


def verifies(same, public, signature, data):
    """An RSASSA signature over SHA-256, by OpenSSL."""
    same.put("key.pem", same.key_of_public(public).encode())
    same.put("signature", signature)
    same.put("data", data)
    return same.try_run("openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature",
                        "signature", "data").returncode == 0


def test_ek_in_json(guest, same):
    with dial(guest) as connection:
        connection.sendall(b'{"channel":2,"request":1}')
        answer = connection.recv(65536)
    assert answer == b'{"channel":2,"ek":"%s"}' % base64.b64encode(same.public(EK))


def test_public_key(guest, same):
    public = same.public(EK)
    assert told(guest, "getpub", f1=vcom.EK) == {1: public, 2: 1, 3: 0x000300B2}
    aik = told(guest, "getpub", f1=vcom.AIK)
    assert (len(aik[1]), aik[2], aik[3]) == (280, 1, RESTRICTED_AIK)
    assert len(told(guest, "getpub", f1=vcom.ECDH)[1]) == 86


def test_certificate(guest, same):
    assert told(guest, "readnv", f1=vcom.CERTIFICATE) == {1: same.certificate()}


def test_signature(guest, same):
    """Of a message, by a key that signs what the TPM has hashed."""
    public = told(guest, "getpub", f1=vcom.AIK)[1]
    for data in (b"test data", b"", bytes(1024)):
        answer = told(guest, "sign", f1=vcom.AIK, f2=data)
        assert (answer[1], answer[3]) == (b"RSASSA", b"SHA256")
        assert verifies(same, public, answer[2], data)
        assert not verifies(same, public, answer[2], data + b"!")


def test_signature_of_a_digest(guest, same):
    """By a key that is not restricted: ECDSA, as r and s."""
    same.put("ecdh", sized(told(guest, "getpub", f1=vcom.ECDH)[1]))
    digest = hashlib.sha256(b"test data").digest()
    answer = told(guest, "sign", f1=vcom.ECDH, f2=digest)
    assert (answer[1], answer[6]) == (b"ECDSA", b"SHA256")
    same.put("signature", bytes.fromhex("0018000b") + sized(answer[4]) + sized(answer[5]))
    same.put("digest", digest)
    same.run("tpm2_loadexternal", "-Q", "-C", "n", "-u", "ecdh", "-c", "key")
    same.run("tpm2_verifysignature", "-Q", "-c", "key", "-d", "digest", "-s", "signature")
    same.run("tpm2_flushcontext", "-t")


def test_credential(guest, same):
    """As a host's own test has it: the name is the key's, and what was made for both opens."""
    params = told(guest, "activatecredparams", f1=vcom.AIK)
    assert params[1] == same.public(EK)
    assert params[3] == vcom.name_of(params[2])
    content = os.urandom(32)
    blob, secret = same.credential(params[1], params[3][2:], content)
    assert told(guest, "activatecred", f1=blob, f2=secret, f3=vcom.AIK) == {1: content}
    broken = blob[:-1] + bytes([blob[-1] ^ 1])
    assert post(guest, "activatecred", f1=broken, f2=secret, f3=vcom.AIK)[0] == 500


@pytest.mark.parametrize("key", [vcom.ECDH, vcom.SRK, vcom.AIK])
def test_certified_key(guest, same, key):
    """The AIK says that this key is in the same TPM: by its name."""
    aik = told(guest, "getpub", f1=vcom.AIK)[1]
    answer = told(guest, "certifykey", f1=key)
    assert answer[1] == told(guest, "getpub", f1=key)[1]
    assert answer[2][:6] == bytes.fromhex("0014000b0100")
    assert verifies(same, aik, answer[2][6:], answer[3])
    assert answer[3][:6] == b"\xffTCG\x80\x17" and vcom.name_of(answer[1]) in answer[3]


@pytest.mark.parametrize("verb, fields, text", REFUSED)
def test_refused(guest, same, verb, fields, text):
    before = same.run("tpm2_pcrread"), same.run("tpm2_getcap", "handles-persistent")
    status, body = post(guest, verb, **fields)
    assert status == 500 and body.decode().startswith(text), body
    assert (same.run("tpm2_pcrread"), same.run("tpm2_getcap", "handles-persistent")) == before
