# SPDX-License-Identifier: MIT
"""A HostOS of the Internet Computer for a guest to dial, in every generation that there was, with
what each does wrong. It listens at a unix socket: under vsockd that of a port of the host
(UDS_19090), for a mote that listens at a unix socket the one beside it.
"""

import contextlib
import json
import socket

from listening import Listening

PORT = 19090
GUEST = 3  # the CID that libvirt gives to the first guest
ANSWER_MAX = 65536
VERSION = "hostos_version"
ACCEPTED = b'{"message": "accepted request", "status": "ok"}'
INVALID = b'{"message": "invalid request", "status": "error"}'
GARBAGE = b'\x00\xff\x1b[31m{"Ok"'
U32 = range(2**32)

# What a HostOS may do in the place of answering as it should.
DEFECTS = ("bytes",         # the answer comes one byte at a time
           "reset",         # a reset comes instead of an answer
           "reset behind",  # and behind a whole one
           "silence",       # nothing comes, and the connection stays
           "garbage",       # bytes that are no answer
           "close")         # closed before anything is read


class Dropped(Exception):
    """The host closes without a word."""


class Refused(Exception):
    """The host says no, and why."""


def error_of_size(size):
    """The text of an error whose answer has so many bytes."""
    return "x" * (size - len(encode({"Err": ""})))


def encode(answer):
    """As serde_json writes it."""
    return json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()


def unique(pairs):
    """serde takes no member twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("duplicate field")
    return members


def fields(value, **kinds):
    """The members of a struct; more of them are passed over."""
    if not isinstance(value, dict):
        raise ValueError("expected struct")
    for name, kind in kinds.items():
        name = name.replace("_", "-")
        if not isinstance(value[name], kind) or isinstance(value[name], bool):
            raise ValueError(f"invalid type: {name}")
        if kind is int and value[name] not in U32:
            raise ValueError(f"not a u32: {name}")
    return value


UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)  # of parse()

# Commands with data, and what belongs to them.
STRUCTS = {"upgrade": {"url": str, "target_hash": str}, "notify": {"count": int, "message": str},
           "set-node-id": {"node_id": str}}
PLAIN = ("attach-hsm", "detach-hsm", "GetHostOSVersion", "GetVsockProtocol",
         "start-upgrade-guest-vm")


def parse(request):
    """A request of v1: the CID, the command, its data."""
    whole = json.loads(request, object_pairs_hook=unique)
    cid, message = (whole["sender_cid"], whole["message"])
    if isinstance(cid, bool) or not isinstance(cid, int) or cid not in U32:
        raise ValueError("sender_cid: not a u32")
    if message in PLAIN:
        return cid, message, None
    (command, data), = message.items()
    return cid, command, fields(data, **STRUCTS[command])


def parse_legacy(request):
    """The same of v0, where both are strings: notify[1, Yo!]."""
    whole = json.loads(request, object_pairs_hook=unique)
    command, _, data = whole["message"].rstrip("]").partition("[")
    if command in ("attach-hsm", "detach-hsm"):
        return int(whole["sender_cid"]), command, None
    if command == "upgrade":
        url, target_hash = data.split()
        return int(whole["sender_cid"]), command, {"url": url, "target-hash": target_hash}
    if command == "notify":
        count, message = data.split(", ", 1)
        return int(whole["sender_cid"]), command, {"count": int(count), "message": message}
    raise ValueError("could not match legacy request to command")


def serve_v1(host, request, read, unparseable):
    """The answer of a host that was asked in v1, or in what else read(text) takes."""
    try:
        text = request.decode()
    except UnicodeDecodeError as error:
        raise Dropped from error
    try:
        cid, command, data = read(text)
    except UNREADABLE as error:
        raise Refused(unparseable(text, error)) from error
    host.check(cid)
    host.commands.append((command, data))
    if host.error is not None:
        raise Refused(host.error)
    payloads = {"GetHostOSVersion": {"HostOSVersion": host.version},
                "GetVsockProtocol": {"HostOSVsockVersion": {"major": 1, "minor": 0, "patch": 0}}}
    return encode({"Ok": payloads.get(command, "NoPayload")})


class Once:
    """Hosts that read once: what has not come by then is not there."""
    size = 4096

    def read(self, host, connection):
        connection.settimeout(host.seconds)
        return connection.recv(self.size, host.flags)


class V0(Once):
    """To 2023, in Python."""
    size = 1 << 20

    def answer(self, host, request):
        try:
            whole = json.loads(request)
        except ValueError:
            return INVALID
        if not isinstance(whole.get("message"), str):
            raise Dropped
        if str(whole.get("sender_cid")) != str(host.cid):
            return INVALID
        host.commands.append((whole["message"], None))
        return ACCEPTED


class Early(Once):
    """2023: v1 and the form of v0."""

    def answer(self, host, request):
        def read(text):
            try:
                return parse(text)
            except UNREADABLE:
                return parse_legacy(text)
        return serve_v1(host, request, read, lambda text, _error: f"unable to parse: {text}")


class Single(Once):
    """2024 to 2026."""

    def answer(self, host, request):
        return serve_v1(host, request, parse, lambda text, error:
                        f"Unable to parse guest request: {text}: {error}")


class Newest:
    """From August 2026: reads to the end of the request, or for 5 s; only of the first guest."""

    def read(self, host, connection):
        connection.settimeout(host.seconds)
        request = b""
        while len(request) < ANSWER_MAX and (piece := connection.recv(ANSWER_MAX, host.flags)):
            request += piece
            if host.flags:  # which leaves it there
                break
        return request

    def answer(self, host, request):
        return serve_v1(host, request, parse, lambda text, _error:
                        f"unable to parse client request: {json.dumps(text)}")


GENERATIONS = {"v0": V0(), "early": Early(), "single": Single(), "newest": Newest()}
FORGED = "he actual sender CID did not match the sender CID in the request object"


class HostOS(Listening):
    """A context manager: inside it a HostOS of that generation listens at path. cid: of whom it
    takes its guest to be; first: whom the newest serves; error: commands fail with this text;
    defect: one of DEFECTS; seconds: its patience with a request; work: how long an upgrade takes,
    and limit: how long it may on the newest. requests: the bytes of each;
    ends: whether it had one, a half-closed connection and nothing in front of that, before it was
    answered; commands: (name, data) of each that was carried out."""

    def __init__(self, path, generation="newest", *, cid=GUEST, first=GUEST, error=None,
                 version=VERSION, defect=None, seconds=5, limit=30, work=0):
        assert defect is None or defect in DEFECTS
        super().__init__(path)
        self.generation, self.name = GENERATIONS[generation], generation
        self.cid, self.first, self.error, self.version = cid, first, error, version
        self.defect, self.seconds, self.limit, self.work = defect, seconds, limit, work
        # Unread bytes make a unix socket's end a reset.
        self.flags = socket.MSG_PEEK if str(defect).startswith("reset") else 0
        self.requests, self.commands, self.ends = [], [], []

    def check(self, cid):
        """The newest hosts look at the first guest first."""
        if self.name == "newest" and cid != self.first:
            raise Refused("a type4 host only accepts VSOCK connections from the first VM")
        if cid != self.cid:
            raise Refused(("t" if self.name == "newest" else "T") + FORGED)

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError, Dropped):
            if self.defect == "close":
                return
            request = self.generation.read(self, connection)
            self.requests.append(request)
            self.ends.append(self._has_end(connection))
            if self.defect == "silence":
                self.over.wait()
            elif self.defect != "reset" and self._finish(request):
                self._say(connection, self._answer(request))

    def _has_end(self, connection):
        """Whether the guest says no more; those that have read to the end know."""
        if self.name == "newest" or self.flags:
            return self.name == "newest"
        connection.settimeout(self.seconds)
        late = b""
        with contextlib.suppress(TimeoutError):
            while piece := connection.recv(ANSWER_MAX):
                late += piece
            return late == b""
        return False

    def _finish(self, request):
        """Takes the time that the command needs; whether there was enough."""
        work = self.work if b"upgrade" in request else 0
        limit = self.limit if self.name == "newest" else work
        self.over.wait(min(work, limit))
        return work <= limit

    def _answer(self, request):
        if self.defect == "garbage":
            return GARBAGE
        try:
            return self.generation.answer(self, request)
        except Refused as refusal:
            return encode({"Err": str(refusal)})

    def _say(self, connection, answer):
        size = 1 if self.defect == "bytes" else len(answer)
        for at in range(0, len(answer), size or 1):
            connection.sendall(answer[at:at + size])
