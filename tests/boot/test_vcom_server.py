# SPDX-License-Identifier: MIT
"""VComLink as a guest serves it on bare metal, where a request has the connection's window to lie
in: bodies as long as that allows, and longer, in pieces and in chunks.
"""

import socket

import pytest

from helpers import PING, PONG, boot, read_exactly, read_to_end

PORT = 2000
HELD = 15360  # bytes of a body that are kept
HEAD = b"POST /tpm/sign HTTP/1.1\r\nHost: vcom\r\n"
NO_TPM = (500, b"failed to sign data: unable to open TPM: there is none at 0xfed40000\n")


@pytest.fixture(name="guest", scope="module")
def fixture_guest():
    with boot() as guest:
        yield guest
        assert "EXIT" not in guest.console
        assert guest.raw(PING) == PONG


def answer(connection):
    """The status of an answer that has Content-Length, and its body."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += read_exactly(connection, 1)
    length = int(head.split(b"Content-Length: ")[1].split(b"\r\n")[0])
    return int(head.split(b" ")[1]), read_exactly(connection, length)


def message(size):
    """One of TpmRequestSign, so long, that says nothing: a field that is not known."""
    inner = size - 4
    return b"\x1a" + bytes([inner & 0x7f | 0x80, inner >> 7 & 0x7f | 0x80, inner >> 14]) + \
        bytes(inner)


def in_chunks(body, size):
    pieces = [body[at:at + size] for at in range(0, len(body), size)] + [b""]
    return b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces)


@pytest.mark.parametrize("size", [4, HELD - 1, HELD])
def test_bodies_that_are_held(guest, size):
    """Of a known length and in chunks of any size, one behind the other."""
    body = message(size)
    with guest.connect(PORT) as connection:
        for _ in range(3):
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % size + body)
            assert answer(connection) == NO_TPM
            for chunk in (511, 4096, size):
                connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" +
                                   in_chunks(body, chunk))
                assert answer(connection) == NO_TPM


@pytest.mark.parametrize("size, text", [
    (HELD + 1, b"request too large: 15361, this guest takes 15360\n"),
    (65535, b"request too large: 65535, this guest takes 15360\n"),
    (65536, b"request too large: 65536\n"), (200000, b"request too large: 65537\n")])
def test_bodies_that_are_not(guest, size, text):
    """They are counted, and what comes behind them is served."""
    with guest.connect(PORT) as connection:
        for framing, body in ((b"Content-Length: %d" % size, bytes(size)),
                              (b"Transfer-Encoding: chunked", in_chunks(bytes(size), 3000))):
            connection.sendall(HEAD + framing + b"\r\n\r\n" + body)
            assert answer(connection) == (400, text)
        connection.sendall(HEAD + b"\r\n")
        assert answer(connection) == NO_TPM


def test_pipelined_and_half_closed(guest):
    request = HEAD + b"Content-Length: 4\r\n\r\n" + message(4)
    with guest.connect(PORT) as connection:
        connection.sendall(request * 100)
        connection.shutdown(socket.SHUT_WR)
        for _ in range(100):
            assert answer(connection) == NO_TPM
        assert read_to_end(connection) == b""
