# SPDX-License-Identifier: MIT
"""Where values are: once in the guest's memory while they are kept, nowhere when they were
replaced, refused or cut off, and never in what the guest says. Looks at the RAM from outside.
"""

import contextlib
import secrets

import pytest

from helpers import (JUMPING_CLOCK, LINE_MAX, PING, PONG, STORE_SIZE, ack, ask, boot, compact,
                     copies, eventually, exchange, memory, message, parameters_of_streams, secret)

# What is kept: a message with a value, and another one that takes its place. %s: the value.
KEPT = {
    "inject_secret": '{"name":"API_KEY","value":"%s","mode":384}',
    "set_config": '{"content":"%s"}',
    "inject_ssh_key": '{"user":"admin","public_key":"ssh-ed25519 %s"}',
}
LENGTHS = [32, 5000, 16000]  # within a packet, within a window over several, nearly all of it

# Lines with a value that are refused. %s: the value.
REFUSED = {
    "no-name": b'{"type":"inject_secret","payload":{"value":"%s"}}\n',
    "bad-name": b'{"type":"inject_secret","payload":{"name":"a/b","value":"%s"}}\n',
    "long-name": b'{"type":"inject_secret","payload":{"value":"%s","name":"' + b"n" * 256 +
                 b'"}}\n',
    "bad-mode": b'{"type":"inject_secret","payload":{"name":"n","value":"%s","mode":"r"}}\n',
    "bad-payload": b'{"type":"inject_secret","payload":["%s"]}\n',
    "value-in-an-array": b'{"type":"inject_secret","payload":{"name":"n","value":["%s"]}}\n',
    "value-as-a-key": b'{"type":"inject_secret","payload":{"name":"n","%s":1,"value":1}}\n',
    "bad-config": b'{"type":"set_config","payload":{"content":["%s"]}}\n',
    "bad-key": b'{"type":"inject_ssh_key","payload":{"user":"u","public_key":"%s"}}\n',
    "bad-type": b'{"type":"inject_secrets","payload":{"name":"n","value":"%s"}}\n',
    "ignored-payload": b'{"type":"ping","payload":"%s"}\n',
    "malformed-behind": b'{"type":"inject_secret","payload":{"name":"n","value":"%s"}}}\n',
    "malformed-within": b'{"type":"inject_secret","payload":{"name":"n","value":"%s\\x"}}\n',
    "bare-text": b"%s\n",
    "quoted-text": b'"%s"\n',
    "cut-off": b'{"type":"inject_secret","payload":{"name":"n","value":"%s',
}


def new_value(size=32):
    return secrets.token_hex(size // 2)


def is_gone(guest, *values):
    return all(copies(guest, value) == {0} for value in values)


def purged(*values):
    """The answer to a purge of these."""
    return compact({"type": "purged", "payload": {
        "secrets": len(values), "bytes": sum(map(len, values)), "residue": 0}}) + b"\n"


@pytest.mark.parametrize("size", LENGTHS)
@pytest.mark.parametrize("kind", KEPT)
def test_one_copy_of_what_is_kept_and_none_of_what_was(row, kind, size):
    first, second = new_value(size), new_value(size // 2)
    with boot(**row) as guest:
        for value in (first, second):
            line = f'{{"type":"{kind}","payload":{KEPT[kind] % value}}}\n'.encode()
            assert guest.raw(line) == ack(kind)
            assert copies(guest, value) == {1}
        assert copies(guest, first) == {0}
        assert first not in guest.console and second not in guest.console


def test_value_that_is_escaped_has_no_escaped_copy(guest):
    plain = new_value()
    escaped = "".join(f"\\u{ord(c):04x}" for c in plain)
    line = f'{{"type":"inject_secret","payload":{{"name":"E","value":"{escaped}"}}}}\n'
    assert guest.raw(line.encode()) == ack("inject_secret")
    assert copies(guest, plain) == {1}
    assert copies(guest, escaped) == {0}


@pytest.mark.parametrize("size", [32, 12000])
@pytest.mark.parametrize("name", parameters_of_streams(REFUSED))
def test_nothing_remains_of_what_is_refused(guest, name, size):
    value = new_value(size)
    answer = exchange(guest, PING + REFUSED[name] % value.encode())
    assert answer.startswith(PONG) and answer.count(b"\n") == 2
    assert is_gone(guest, value)
    assert all(value[at:at + 8].encode() not in answer for at in range(0, size, 8))
    assert value not in guest.console


def test_nothing_remains_of_what_is_refused_often(guest):
    """An interrupt while bytes are copied must not leave registers full of them on the stack.
    That takes luck, so: many tries, with a value of which every piece tells."""
    with guest.connect() as connection:
        for _ in range(300):
            piece = new_value(8)
            answer = ask(connection, secret("a/b", piece * 1500))
            assert answer.endswith(b'(must be a simple filename)"}}\n')
            assert piece.encode() not in memory(guest)


@pytest.mark.parametrize("size", [LINE_MAX, 100000])
def test_nothing_remains_of_too_long_a_line(guest, size):
    value = new_value(size)
    error = f"line too long: limit is {LINE_MAX} bytes"
    assert exchange(guest, secret("LONG", value)) == ack("inject_secret", error)
    assert is_gone(guest, value)


def test_nothing_remains_of_what_the_store_has_no_room_for(row):
    """And what it has stays."""
    kept = [new_value(16000) for _ in range(4)]
    with boot(**row) as guest:
        for i, value in enumerate(kept):
            assert guest.raw(secret(f"KEPT_{i}", value)) == ack("inject_secret")
        refused = new_value(STORE_SIZE - 64000)
        for line in (secret("MORE", refused), message("set_config", content=refused),
                     secret("KEPT_0", refused),
                     message("inject_ssh_key", user="u", public_key=f"ssh-rsa {refused}")):
            assert b"store full: " in guest.raw(line)
            assert is_gone(guest, refused)
        assert [copies(guest, value) for value in kept] == [{1}] * 4
        small = new_value()
        assert guest.raw(secret("KEPT_0", small)) == ack("inject_secret")
        assert is_gone(guest, kept[0])
        assert [copies(guest, value) for value in [*kept[1:], small]] == [{1}] * 4


@pytest.mark.parametrize("size", [32, 12000])
def test_nothing_remains_when_the_connection_breaks(row, size):
    value = new_value(size)
    with boot(**row) as guest:
        with guest.connect() as connection:
            connection.sendall(secret("HALF", value)[:-2])
            eventually(lambda: copies(guest, value) == {1}, "the value in the guest")
        eventually(lambda: is_gone(guest, value), "an end of it")
        assert value not in guest.console


@pytest.mark.needs("jumping clock")
def test_nothing_remains_when_the_line_is_not_finished_in_time(row):
    value = new_value()
    with boot(**row, extra=JUMPING_CLOCK) as guest:
        with guest.connect() as connection, connection.makefile("rb") as stream:
            connection.sendall(secret("HALF", value)[:-1])
            assert stream.readline() == ack("inject_secret", "line not finished: limit is 60 s")
            assert stream.readline() == b""
        assert is_gone(guest, value)


def test_nothing_remains_behind_a_shutdown(row):
    """QEMU stays when the guest has powered off, so that its memory can still be looked at."""
    values = [new_value(), new_value(5000), new_value()]
    extra = ("-no-shutdown",)
    with boot(**row, debug_exit=False, extra=extra) as guest, guest.connect() as half:
        assert guest.raw(secret("A", values[0])) == ack("inject_secret")
        assert guest.raw(message("set_config", content=values[1])) == ack("set_config")
        half.sendall(secret("HALF", values[2])[:-1])
        eventually(lambda: [copies(guest, value) for value in values] == [{1}] * 3, "the values")
        assert guest.raw(message("shutdown")) == ack("shutdown")
        guest.wait_console("EXIT: STATUS=0")
        assert is_gone(guest, *values)


def test_nothing_remains_behind_a_purge(row):
    """And what is no secret stays, and new secrets are taken."""
    values = [new_value(), new_value(5000), new_value(16000), new_value(2)]
    config, later = new_value(), new_value()
    with boot(**row) as guest:
        for i, value in enumerate(values):
            assert guest.raw(secret(f"PURGED_{i}", value)) == ack("inject_secret")
        assert guest.raw(message("set_config", content=config)) == ack("set_config")
        assert guest.raw(message("purge_secrets")) == purged(*values)
        assert is_gone(guest, *values[:3])
        assert copies(guest, config) == {1}
        assert guest.raw(message("purge_secrets")) == purged()
        assert guest.raw(secret("LATER", later)) == ack("inject_secret")
        assert copies(guest, later) == {1}


def test_nothing_remains_of_what_is_deleted_or_rotated(row):
    first, second, third = new_value(), new_value(5000), new_value()
    with boot(**row) as guest:
        assert guest.raw(secret("A", first)) == ack("inject_secret")
        assert guest.raw(secret("B", third)) == ack("inject_secret")
        assert guest.raw(message("rotate_secret", name="A", value=second)) == ack("rotate_secret")
        assert is_gone(guest, first)
        assert copies(guest, second) == {1}
        assert guest.raw(message("delete_secret", name="A")) == ack("delete_secret")
        assert is_gone(guest, second)
        assert copies(guest, third) == {1}


def test_many_replacements_leave_nothing(row):
    """Of different lengths, so that everything in the store moves again and again."""
    latest, old = {}, []
    with boot(**row) as guest, guest.connect() as connection:
        for turn in range(40):
            name, value = f"NAME_{turn % 7}", new_value(32 + 530 * (turn * 5 % 13))
            assert ask(connection, secret(name, value)) == ack("inject_secret")
            old += [latest[name]] if name in latest else []
            latest[name] = value
        assert [copies(guest, value) for value in latest.values()] == [{1}] * len(latest)
        assert is_gone(guest, *old)


def test_console_shows_no_reason_with_control_characters(row):
    with boot(**row) as guest:
        line = compact({"type": "shutdown", "payload": {"reason": "\r\n\x1b[1m\x00\x7f\u0085"}})
        assert guest.raw(line + b"\n") == ack("shutdown")
        assert guest.wait_exit() == 0
        said = guest.console.split("mote: shutdown: ")[1]
        assert said.startswith("???[1m??")


def test_values_of_other_connections_are_not_mixed_up(guest):
    values = [new_value(8000) for _ in range(6)]
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(guest.connect()) for _ in values]
        lines = [secret(f"MIXED_{i}", value) for i, value in enumerate(values)]
        for at in range(0, len(lines[0]), 500):
            for connection, line in zip(connections, lines):
                connection.sendall(line[at:at + 500])
        for connection in connections:
            assert ask(connection, b"") == ack("inject_secret")
    assert [copies(guest, value) for value in values] == [{1}] * len(values)
