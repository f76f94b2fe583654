# SPDX-License-Identifier: MIT
"""How the byte stream is cut into lines: exactly one line comes back for every line that is not
empty, whatever the pieces it arrives in, and nothing else ever does.
"""

import json
import socket

import pytest

from helpers import (PING, PONG, ack, ask, compact, exchange, message, parameters_of_streams,
                     read_whole, sending_whole)

ENDED = ack("", "malformed JSON: unexpected end of JSON input")
TWO_VALUES = ack("", "malformed JSON: invalid character '{' after top-level value")
CONFIG, SET = message("set_config", content="c"), ack("set_config")

# What is sent before the end of the stream, and all that comes back.
STREAMS = {
    "nothing": (b"", b""),
    "one": (PING, PONG),
    "pipelined": (PING * 100, PONG * 100),
    "pipelined-mixed": ((PING + CONFIG + b"x\n") * 20, (PONG + SET + ack(
        "", "malformed JSON: invalid character 'x' looking for beginning of value")) * 20),
    "crlf": (b'{"type":"ping"}\r\n' * 3, PONG * 3),
    "empty-lines": (b"\n\n" + PING + b"\n\n\n" + PING + b"\n", PONG * 2),
    "empty-lines-crlf": (b"\r\n\r\n" + PING + b"\r\n", PONG),
    "carriage-return-at-the-end": (b"\r", b""),
    "only-one-carriage-return-goes": (b"\r\r\n" + PING, ENDED + PONG),
    "blank": (b" \n" + PING, ENDED + PONG),
    "tab": (b"\t\n" + PING, ENDED + PONG),
    "blank-crlf": (b"  \r\n", ENDED),
    "last-line-unfinished": (PING + b'{"type":"ping"}', PONG * 2),
    "last-line-unfinished-alone": (b'{"type":"ping"}', PONG),
    "last-line-crlf-unfinished": (b'{"type":"ping"}\r', PONG),
    "last-line-cut-off": (PING + b'{"type":"pi', PONG + ENDED),
    "two-values": (PING[:-1] * 2 + b"\n" + PING, TWO_VALUES + PONG),
    "three-values": (PING[:-1] * 3 + b"\n", TWO_VALUES),
    "space-around": (b' \t{ "type" :\t"ping" } \t\n', PONG),
    "escapes": (b'{"\\u0074ype":"\\u0070\\u0069n\\u0067"}\n', PONG),
    "keys-in-any-case": (b'{"TYPE":"ping"}\n{"tYpE":"ping"}\n', PONG * 2),
    "unknown-keys": (b'{"id":[{"a":{}},null,-1.5e+3],"type":"ping"}\n', PONG),
    "last-duplicate-wins": (b'{"type":"nope","Type":"ping"}\n', PONG),
    "nul": (b"\x00\n" + PING, ack("", "malformed JSON: invalid character '\\x00' looking for "
                                  "beginning of value") + PONG),
    "nul-in-line": (b'{"type":"ping"}\x00\n', ack("", "malformed JSON: invalid character "
                                                  "'\\x00' after top-level value")),
    "invalid-utf-8": (b'{"type":"a\xffb\xc3"}\n',
                      ack("a\ufffdb\ufffd", "unknown message type: a\ufffdb\ufffd")),
    "lone-surrogate": (b'{"type":"\\ud83d"}\n', ack("\ufffd", "unknown message type: \ufffd")),
    "surrogates": (b'{"type":"\\ud83d\\udd11"}\n',
                   ack("\U0001f511", "unknown message type: \U0001f511")),
}

# Characters of a type, as the answer spells them.
SPELLED = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028",
           "\u2029": "\\u2029", '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t",
           "\x01": "\\u0001", "\x1f": "\\u001f", "\x7f": "\x7f", "/": "/", "ö": "ö"}


SENT = {name: data for name, (data, _) in STREAMS.items()}
BYTE_BY_BYTE = ["pipelined-mixed", "crlf", "empty-lines-crlf", "blank", "last-line-unfinished",
                "two-values", "escapes"]


@pytest.mark.parametrize("name", parameters_of_streams(SENT))
def test_stream(guest, name):
    data, answer = STREAMS[name]
    assert exchange(guest, data) == answer


@pytest.mark.parametrize("name", parameters_of_streams({n: SENT[n] for n in BYTE_BY_BYTE}))
def test_stream_byte_by_byte(guest, name):
    data, answer = STREAMS[name]
    with guest.connect() as connection:
        for i in range(len(data)):
            connection.sendall(data[i:i + 1])
        with sending_whole(guest, connection, b""):
            assert read_whole(guest, connection) == answer


def test_line_is_cut_at_every_place(guest):
    """The second part is sent only when the guest has surely seen the first: another connection
    has been answered behind it."""
    with guest.connect() as connection, guest.connect() as other:
        for cut in range(1, len(PING)):
            connection.sendall(PING[:cut])
            assert ask(other, PING) == PONG
            assert ask(connection, PING[cut:]) == PONG


@pytest.mark.parametrize("character, spelled", SPELLED.items(), ids=lambda c: ascii(c[0]))
def test_answer_spells_characters_as_the_real_peers_do(guest, character, spelled):
    line = json.dumps({"type": f"a{character}b"}).encode() + b"\n"
    text = f"a{spelled}b".encode()
    assert exchange(guest, line) == b'{"type":"ack","payload":{"reply_to":"' + text + \
        b'","ok":false,"error":"unknown message type: ' + text + b'"}}\n'


@pytest.mark.parametrize("character", ["\b", "\f"], ids=ascii)
def test_backspace_and_form_feed_may_be_spelled_in_two_ways(guest, character):
    """It depends on the version of Go that the real guest was built with."""
    answer = exchange(guest, compact({"type": character}) + b"\n")
    assert json.loads(answer)["payload"]["reply_to"] == character


def test_many_lines_in_one_connection(guest):
    """More bytes than any buffer on the way holds, both ways."""
    with guest.connect() as connection:
        for _ in range(20):
            connection.sendall(PING * 500)
            got = 0
            while got < 500 * len(PONG):
                got += len(connection.recv(65536))
            assert got == 500 * len(PONG)


def test_connection_without_a_word(guest):
    with guest.connect() as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert guest.raw(PING) == PONG
