# SPDX-License-Identifier: MIT
"""EVE-OS' VComLink for a guest to dial, in both generations that there were, with what each does
wrong. It listens at a unix socket: under vsockd that of a port of the host (UDS_2000), for a mote
that listens at a unix socket the one beside it.
"""

import base64
import contextlib
import hashlib
import json
import socket

from listening import Listening

PORT = 2000
BODY_MAX = 65535  # bytes of a request
CHUNKS_FROM = 2049  # bytes of an answer without Content-Length
PATIENCE = 30  # seconds for each read, and for the guest to close first
LONG_ERROR = 65536

EK, SRK, AIK, QUOTE, ECDH = range(0x81000001, 0x81000006)
CERTIFICATE = 0x01C00002
FORBIDDEN_NV, FORBIDDEN_KEYS = (0x1800000, 0x1900000, 0x1700000), (0x81000004, 0x817FFFFF)

MODULUS = bytes(range(256))
POLICY = "837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1da1b331469aa"
POINT = b"\0\x20" + b"x" * 32 + b"\0\x20" + b"y" * 32
PUBLIC = {
    EK: bytes.fromhex(f"0001000b000300b20020{POLICY}0006008000430010080000000000" "0100") + MODULUS,
    SRK: bytes.fromhex("0001000b000304720000" "000600800043" "0010" "0800" "00000000" "0100")
    + MODULUS,
    AIK: bytes.fromhex("0001000b000504720000" "0010" "0014000b" "0800" "00000000" "0100") + MODULUS,
    ECDH: bytes.fromhex("0023000b000604600000" "0010" "0010" "0003" "0010") + POINT,
}
NV = {CERTIFICATE: b"0\x82\x04\x00" + b"certificate" * 93, 0x1500000: b"", 0x01C0000A: b"n" * 5000}

# What a host may do in the place of what it should.
DEFECTS = ("bytes",        # the answer comes one byte at a time
           "more",         # JSON: an error behind the answer, in one write with it
           "late",         # HTTP: closed seconds after all was said, whoever has closed
           "end first",    # HTTP: answers only when the guest has closed its half
           "chunks",       # HTTP: every answer in chunks
           "bare 400",     # HTTP: no Content-Length, no Date
           "silence",      # nothing comes; closed after seconds
           "reset",        # a reset comes instead of an answer
           "garbage",      # bytes that are no answer
           "long error",   # an error of 64 KiB
           "wrong name",   # aik_name of another key
           "short EK",     # cut in the middle
           "short body")   # HTTP: less than Content-Length says
GARBAGE = b"\x00\xff\x1b[31mHTTP?\r\n"
BARE = (b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Connection: close\r\n\r\n400 Bad Request")
MALFORMED = b'{"channel":1,"error":"received malformed packet"}'


class HTTPError(Exception):
    """The host says no: its status, and what net/http's Error() makes of the text."""


def varint(value):
    encoded = bytearray()
    while value > 0x7f:
        encoded.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(encoded) + bytes([value])


def message(**fields):
    """Values by f1, f2, ... in protobuf; what is 0 or empty is absent."""
    encoded = b""
    for name, value in fields.items():
        number = int(name[1:]) << 3
        if value and isinstance(value, int):
            encoded += varint(number) + varint(value)
        elif value:
            encoded += varint(number | 2) + varint(len(value)) + value
    return encoded


def take_varint(data):
    value = 0
    for i, byte in enumerate(data):
        value |= (byte & 0x7f) << 7 * i
        if byte < 0x80:
            return value, data[i + 1:]
    raise HTTPError(400, "failed to unmarshal request: proto: cannot parse it")


def parse(data):
    """The fields of a message of numbers and bytes, by number."""
    fields = {}
    while data:
        tag, data = take_varint(data)
        value, data = take_varint(data)
        if tag & 7 == 2:
            value, data = data[:value], data[value:]
        fields[tag >> 3] = value
    return fields


def name_of(public):
    return b"\0\x22\0\x0b" + hashlib.sha256(public).digest()


def signature(data):
    """Of 256 bytes, as RSA's are; which it is not."""
    return hashlib.sha256(data).digest() * 8


def secret_of(cred, secret):
    """What activating that credential gives here."""
    return hashlib.sha256(cred[2:] + secret[2:]).digest()


class TPM:
    """The requests by their paths: fields of the request -> the answer."""

    def __init__(self, defect):
        self.ek = PUBLIC[EK][:100] if defect == "short EK" else PUBLIC[EK]
        self.name = name_of(PUBLIC[SRK if defect == "wrong name" else AIK])
        self.paths = {"/tpm/getpub": self.getpub, "/tpm/sign": self.sign,
                      "/tpm/readnv": self.readnv, "/tpm/certifykey": self.certifykey,
                      "/tpm/activatecredparams": self.params, "/tpm/activatecred": self.activate}

    def public(self, index, outer):
        if index not in PUBLIC:
            raise HTTPError(500, f"{outer}: error while reading EK public: handle {index:x}")
        return self.ek if index == EK else PUBLIC[index]

    def check(self, index, outer):
        for forbidden, what in (FORBIDDEN_NV, "reading NV index"), (FORBIDDEN_KEYS, "using key at"):
            if index in forbidden:
                raise HTTPError(500, f"{outer}: {what} {index:x} is not allowed")

    def getpub(self, fields):
        public = self.public(fields.get(1, 0), "failed to get public key")
        return message(f1=public, f2=public[1], f3=int.from_bytes(public[4:8], "big"))

    def sign(self, fields):
        self.check(fields.get(1, 0), "failed to sign data")
        if fields[1] == ECDH:
            return message(f1=b"ECDSA", f4=b"r" * 32, f5=b"s" * 31, f6=b"SHA256")
        return message(f1=b"RSASSA", f2=signature(fields.get(2, b"")), f3=b"SHA256")

    def readnv(self, fields):
        index = fields.get(1, 0)
        self.check(index, "failed to read NV")
        if index not in NV:
            raise HTTPError(500, f"failed to read NV: error while reading NV index: {index:x}")
        return message(f1=NV[index])

    def params(self, fields):
        outer = "failed to get activate credential params"
        return message(f1=self.ek, f2=self.public(fields.get(1, 0), outer), f3=self.name)

    def activate(self, fields):
        cred, secret = fields.get(1, b""), fields.get(2, b"")
        if len(cred) < 2 or len(secret) < 2:
            raise HTTPError(500, "failed to activate credential: "
                                 "invalid credential blob or encrypted secret")
        return message(f1=secret_of(cred, secret))

    def certifykey(self, fields):
        self.check(fields.get(1, 0), "failed to get public key")
        public = self.public(fields.get(1, 0), "failed to get public key")
        attest = b"\xffTCG\x80\x17" + name_of(public)
        return message(f1=public, f2=b"\0\x14\0\x0b\x01\0" + signature(attest), f3=attest)


class VComLink(Listening):
    """A context manager: inside it a VComLink of that generation, "http" or "json", listens at
    path. defect: one of DEFECTS; patience: seconds for each read, and for the guest to close
    first; seconds: of "late" and "silence". requests: the bytes of each, in order; broken: how
    many were abandoned half-way, each of which keeps a real host of HTTP busy for ever."""

    def __init__(self, path, generation="http", *, defect=None, patience=PATIENCE,
                 seconds=PATIENCE):
        assert defect is None or defect in DEFECTS
        super().__init__(path, patience)
        self.serve = {"http": self._serve_http, "json": self._serve_json}[generation]
        self.generation, self.defect = generation, defect
        self.seconds, self.tpm = seconds, TPM(defect)
        self.requests, self.broken = [], 0

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            if self.defect == "reset":  # unread bytes make a unix socket's end one
                connection.recv(1, socket.MSG_PEEK)
            elif self.defect == "silence":
                self.requests.append(connection.recv(65536))
                self.over.wait(self.seconds)
            else:
                self.serve(connection)

    def _say(self, connection, answer):
        size = 1 if self.defect == "bytes" else len(answer)
        for at in range(0, len(answer), size):
            connection.sendall(answer[at:at + size])

    # -- JSON

    def _answer_json(self, request):
        """The answer to what one read gave; None: an error, which ends the connection."""
        try:
            packet = {key.lower(): value for key, value in json.loads(request.decode()).items()}
        except (ValueError, AttributeError):
            return None
        if [repr(packet.get(key)) for key in ("channel", "request")] != ["2", "1"]:
            return None
        ek = base64.b64encode(self.tpm.ek).decode()
        return f'{{"channel":2,"ek":"{ek}"}}'.encode()

    def _serve_json(self, connection):
        """Even the guest's end is a request, and a malformed one: that is a real host's defect."""
        answer = b""
        while answer is not None:
            try:
                request = connection.recv(8192)
            except TimeoutError:
                request = b""
            if request:
                self.requests.append(request)
            answer = self._answer_json(request)
            if self.defect == "garbage":
                answer = GARBAGE
            elif answer and self.defect == "more":
                answer += MALFORMED
            elif answer and self.defect == "long error":
                answer = MALFORMED.replace(b"malformed", b"m" * LONG_ERROR)
            self._say(connection, answer or MALFORMED)

    # -- HTTP

    def _read_request(self, connection):
        """Its head and its body; None: no whole head, or not all of the body came."""
        request = b""
        while b"\r\n\r\n" not in request:
            piece = connection.recv(65536)
            if not piece:
                return None
            request += piece
        head, body = request.split(b"\r\n\r\n", 1)
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        length = int(fields[b"content-length"])
        while len(body) < length and (piece := connection.recv(65536)):
            body += piece
        self.requests.append(head + b"\r\n\r\n" + body)
        if len(body) < length:
            self.broken += 1
            return None
        return head.split(b" ")[:2], body

    def _result(self, verb, path, body):
        if path not in self.tpm.paths:
            raise HTTPError(404, "404 page not found")
        if verb != "POST":
            raise HTTPError(405, f"Method {verb} not allowed")
        if len(body) > BODY_MAX:
            raise HTTPError(400, "request too large: 65536")
        if self.defect == "long error":
            raise HTTPError(500, "failed to read NV: " + "e" * LONG_ERROR)
        return self.tpm.paths[path](parse(body))

    def _answer_http(self, words, body):
        kind, status = "application/x-proto-binary", "200 OK"
        try:
            answer = self._result(*(word.decode() for word in words), body)
        except HTTPError as error:
            kind, status = "text/plain; charset=utf-8", f"{error.args[0]} Its Reason"
            answer = error.args[1].encode() + b"\n"
        length = len(answer) + (7 if self.defect == "short body" else 0)
        is_chunked = len(answer) >= CHUNKS_FROM or self.defect == "chunks"
        framing = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {length}"
        if is_chunked:
            pieces = [answer[at:at + 2048] for at in range(0, len(answer), 2048)] + [b""]
            answer = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        return (f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n"
                f"Date: Fri, 20 Nov 2026 10:27:29 GMT\r\n{framing}\r\nConnection: close\r\n\r\n"
                ).encode() + answer

    def _serve_http(self, connection):
        request = self._read_request(connection)
        if request is None:
            self._say(connection, BARE)
            return
        words, body = request
        if self.defect == "end first" and connection.recv(1):
            return
        own = {"garbage": GARBAGE, "bare 400": BARE}.get(self.defect)
        self._say(connection, own or self._answer_http(words, body))
        if self.defect == "late":
            self.over.wait(self.seconds)
        elif self.defect not in ("bare 400", "short body"):
            connection.recv(1)  # the guest's end, or the patience's
