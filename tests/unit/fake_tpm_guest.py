# SPDX-License-Identifier: MIT
"""A guest for the tests of motectl that answers the TPM's messages from a real TPM, swtpm, by
tpm2-tools: whoever made those knows nothing of motectl. What it answers can be changed on the way.
"""

import base64
import json
import os
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "qemu"))

from fake_guest import FakeGuest, ack  # noqa: E402 pylint: disable=C0413
from tpm import Swtpm, make  # noqa: E402 pylint: disable=C0413,W0611

EK, EK_CERT, SRK, AIK = "0x81010001", "0x01c00002", "0x81000002", "0x81000003"
PIECE = 300  # bytes of a certificate in an answer
PCR = 12  # with what was measured
AIK_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|sign|noda"
SRK_ATTRIBUTES = "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt|noda"
MAKE_CREDENTIAL = struct.pack(">II", 0xBADCC0DE, 1)


def b64(data):
    return base64.b64encode(data).decode()


def unsized(data):
    """What a TPM2B holds."""
    size, = struct.unpack_from(">H", data)
    assert size == len(data) - 2
    return data[2:]


def sized(data):
    return struct.pack(">H", len(data)) + data


def words(data):
    return list(struct.unpack(f"<{len(data) // 4}I", data))


def quarter(x, a, b, c, d):
    for first, second, third, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        x[first] = x[first] + x[second] & 0xFFFFFFFF
        x[third] ^= x[first]
        x[third] = (x[third] << turn | x[third] >> 32 - turn) & 0xFFFFFFFF


def chacha20(key, counter):
    """A block of 64 bytes of RFC 8439, for a nonce of zeros."""
    start = words(b"expand 32-byte k" + key) + [counter, 0, 0, 0]
    x = list(start)
    for _ in range(10):
        for column in range(4):
            quarter(x, column, column + 4, column + 8, column + 12)
        for i in range(4):
            quarter(x, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(start, x)))


def poly1305(key, data):
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    total = 0
    for i in range(0, len(data), 16):
        total = (total + int.from_bytes(data[i:i + 16] + b"\1", "little")) * r % (2**130 - 5)
    return ((total + int.from_bytes(key[16:32], "little")) % 2**128).to_bytes(16, "little")


def open_value(key, name, value):
    """What is in the value of inject_sealed_secret; None: its tag is wrong."""
    text, tag = value[:-16], value[-16:]
    padded = b"".join(part + bytes(-len(part) % 16) for part in (name.encode(), text))
    sizes = struct.pack("<QQ", len(name.encode()), len(text))
    if poly1305(chacha20(key, 0), padded + sizes) != tag:
        return None
    stream = b"".join(chacha20(key, 1 + i) for i in range(len(text) // 64 + 1))
    return bytes(a ^ b for a, b in zip(text, stream))


class Refused(Exception):
    """The TPM said no."""


class Tools:
    """tpm2-tools over one TPM, with files in a directory of their own."""

    def __init__(self, socket, directory):
        self.directory, self.aik = directory, AIK
        self.scheme = []  # options of tpm2_quote, for an AIK of another kind
        self.events = []  # what has extended the PCR
        self.environment = {**os.environ, "TPM2TOOLS_TCTI": f"swtpm:path={socket}",
                            "TPM2TOOLS_LOG": "error"}

    def run(self, tool, *arguments):
        done = subprocess.run([f"tpm2_{tool}", *map(str, arguments)], cwd=self.directory,
                              env=self.environment, capture_output=True, timeout=60, check=False)
        if done.returncode:
            raise Refused(done.stderr.decode().strip().splitlines()[-1])
        return done.stdout

    def output(self, name, tool, *arguments):
        """The file of that name which the tool has written."""
        self.run(tool, *arguments)
        return (self.directory / name).read_bytes()

    def write(self, name, data):
        (self.directory / name).write_bytes(data)
        return name

    def make_key(self, handle, attributes, algorithm, hierarchy="o"):
        self.run("createprimary", "-Q", "-C", hierarchy, "-G", algorithm, "-a", attributes,
                 "-c", "k.ctx")
        self.run("evictcontrol", "-Q", "-C", "o", "-c", "k.ctx", handle)
        self.run("flushcontext", "-t")

    def make_keys(self):
        self.make_key(AIK, AIK_ATTRIBUTES, "rsa2048:rsassa-sha256:null", "e")
        self.make_key(SRK, SRK_ATTRIBUTES, "rsa2048:null:aes128cfb")

    def public(self, handle):
        area = unsized(self.output("public", "readpublic", "-Q", "-c", handle, "-f", "tss",
                                   "-o", "public", "-n", "name"))
        return area, (self.directory / "name").read_bytes()

    def pcrs(self, selection):
        """Values of a selection, which names its PCRs."""
        numbers = selection.split(":")[1]
        numbers = range(24) if numbers == "all" else sorted(map(int, numbers.split(",")))
        values = self.output("pcrs", "pcrread", "-Q", selection, "-o", "pcrs")
        size = len(values) // len(numbers)
        return {str(n): b64(values[i * size:][:size]) for i, n in enumerate(numbers)}

    def measure(self, what, digest):
        self.run("pcrextend", f"{PCR}:sha256={digest.hex()}")
        self.events.append({"what": what, "size": 5, "digest": b64(digest), "extended": True})

    def activate(self, credential, secret):
        self.write("cred", MAKE_CREDENTIAL + credential + secret)
        self.run("startauthsession", "--policy-session", "-S", "s.ctx")
        try:
            self.run("policysecret", "-Q", "-S", "s.ctx", "-c", "e")
            return self.output("opened", "activatecredential", "-Q", "-c", self.aik, "-C", EK,
                               "-i", "cred", "-o", "opened", "-P", "session:s.ctx")
        finally:
            self.run("flushcontext", "s.ctx")

    def seal(self, data, pcrs):
        policy = []
        if pcrs:
            self.run("createpolicy", "-Q", "--policy-pcr", "-l", pcrs, "-L", "policy")
            policy = ["-L", "policy"]
        self.run("create", "-Q", "-C", SRK, "-i", self.write("data", data), "-u", "pub", "-r",
                 "priv", *policy)
        return [unsized((self.directory / name).read_bytes()) for name in ("priv", "pub")]

    def unseal(self, private, public, pcrs=""):
        self.run("load", "-Q", "-C", SRK, "-r", self.write("priv", sized(private)), "-u",
                 self.write("pub", sized(public)), "-c", "o.ctx")
        try:
            return self.output("data", "unseal", "-Q", "-c", "o.ctx", "-o", "data",
                               *(["-p", f"pcr:{pcrs}"] if pcrs else []))
        finally:
            self.run("flushcontext", "-t")
            self.run("flushcontext", "-l")  # tpm2_unseal leaves its session when it fails


class TpmGuest(FakeGuest):
    """changes: by the type of an answer, a function that is given its payload before it is sent.
    secrets: what it was given in inject_sealed_secret, by name: the bytes and their mode.
    """

    def __init__(self, listener, tools):
        self.tools, self.changes, self.secrets = tools, {}, {}
        super().__init__(listener, [])

    def answer(self, line):
        message = json.loads(line)
        payload = message.get("payload", {})
        given = {k: base64.b64decode(v) if k in BASE64 else v for k, v in payload.items()}
        if given.get("pcrs", ":").count(":") == 0:
            given["pcrs"] = f"sha256:{given['pcrs'] or 'all'}"
        try:
            type_, answer = getattr(self, message["type"])(**given)
        except Exception as error:  # pylint: disable=W0718 # who asked shall see it, at once
            return ack(message["type"], f"tpm: {error!r}")
        if type_ == "ack":
            return ack(message["type"])
        self.changes.get(type_, lambda payload: None)(answer)
        answer = {k: b64(v) if isinstance(v, bytes) else v for k, v in answer.items()}
        return json.dumps({"type": type_, "payload": answer}).encode() + b"\n"

    def tpm_info(self):
        log = {"pcr": PCR, "bank": "sha256", "start": b64(bytes(32)), "folded": 0,
               "events": list(map(dict, self.tools.events))}
        return "tpm_info", {"interface": "tis", "manufacturer": "IBM", "vendor": "SW   TPM",
                            "firmware": "2019102300163636", "revision": 164, "banks": ["sha256"],
                            "lockout": False, "objects": 0, "sessions": 0, "keys": "persistent",
                            "measured": log}

    def ek(self, offset):
        area, name = self.tools.public(EK)
        certificate = self.tools.output("cert", "nvread", EK_CERT, "-o", "cert")
        return "ek", {"handle": int(EK, 16), "public": area, "name": name, "offset": offset,
                      "certificate": certificate[offset:][:PIECE], "size": len(certificate)}

    def aik(self):
        area, name = self.tools.public(self.tools.aik)
        return "aik", {"handle": int(self.tools.aik, 16), "public": area, "name": name}

    def pcr_read(self, pcrs):
        return "pcrs", {"bank": pcrs.split(":")[0], "values": self.tools.pcrs(pcrs)}

    def pcr_extend(self, pcr, digest, bank="sha256"):
        self.tools.run("pcrextend", f"{pcr}:{bank}={digest.hex()}")
        return "ack", None

    def quote(self, nonce, pcrs):
        attest = self.tools.output("attest", "quote", "-Q", "-c", self.tools.aik, "-l", pcrs, "-q",
                                   nonce.hex(), "-m", "attest", "-s", "signature",
                                   *self.tools.scheme)
        return "quote", {"attest": attest, "bank": pcrs.split(":")[0],
                         "signature": (self.tools.directory / "signature").read_bytes(),
                         "values": self.tools.pcrs(pcrs)}

    def random(self, **bytes_):
        return "random", {"random": self.tools.output("r", "getrandom", "-o", "r", bytes_["bytes"])}

    def activate_credential(self, credential, secret):
        return "credential", {"credential": self.tools.activate(credential, secret)}

    def seal(self, data=None, name=None, pcrs=""):
        private, public = self.tools.seal(self.secrets[name][0] if name else data, pcrs)
        return "sealed", {"private": private, "public": public}

    def unseal(self, private, public, pcrs=""):
        return "unsealed", {"data": self.tools.unseal(private, public, pcrs)}

    def inject_sealed_secret(self, name, mode, **rest):
        if "credential" in rest:
            key = self.tools.activate(rest["credential"], rest["secret"])
            self.secrets[name] = open_value(key, name, rest["value"]), mode
        else:
            self.secrets[name] = self.tools.unseal(**rest), mode
        return "ack", None


BASE64 = ("nonce", "digest", "credential", "secret", "data", "private", "public", "value")
