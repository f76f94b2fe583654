# SPDX-License-Identifier: MIT
"""Every message of the StereOS protocol with the exact bytes of its answer, and every error text
that applies to bare metal. How lines are cut is test_framing.py's.
"""

import re

import pytest

from helpers import PING, PONG, STORE_SIZE, ack, boot, message, secret

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJmote\n"
HEALTH = rb'{"type":"health","payload":{"state":"ready","uptime_seconds":(\d+)}}\n'
NEEDS = "mounting needs mote as PID 1 of a Linux kernel with virtiofs or 9p"
KEY_FORMAT = "invalid SSH public key format: must start with a recognized key type (e.g., " \
             "ssh-ed25519)"

# Lines as the real client sends them, and those it could send; all are acknowledged.
GOOD = [
    b'{"type":"set_config","payload":{"content":"mixtape = \\"base:latest\\"\\n"}}\n',
    message("set_config", content=""),
    message("set_config", content="[secrets]\nKEY = \"<&>\u2028\x7fäöü\U0001f511\""),
    b'{"type":"set_config","payload":null}\n',
    b'{"type":"set_config","payload":{"content":null,"more":[1,{"a":[]}]}}\n',
    message("inject_ssh_key", user="admin", public_key=KEY),
    *(message("inject_ssh_key", user="u", public_key=f"{kind} AAAA") for kind in (
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521", "sk-ssh-ed25519@openssh.com",
        "sk-ecdsa-sha2-nistp256@openssh.com")),
    b'{"type":"inject_secret","payload":{"name":"ANTHROPIC_API_KEY","value":"...","mode":384}}\n',
    message("inject_secret", name="NO_MODE", value="..."),
    message("inject_secret", name="MODE_0", value="...", mode=0),
    message("inject_secret", name="MODE_MAX", value="...", mode=4294967295),
    message("inject_secret", name="MODE_NULL", value="...", mode=None),
    message("inject_secret", name="EMPTY", value=""),
    message("inject_secret", name="NO_VALUE"),
    message("inject_secret", name="n" * 255, value="the longest name"),
    message("inject_secret", name="with.dot and blank", value="\x00\u001f\u007f"),
]

# message, what its payload is, error
BAD = [
    ("set_config", '{"content":1}', "decode config payload: json: cannot unmarshal number into Go "
     "struct field ConfigPayload.content of type string"),
    ("set_config", '"toml"', "decode config payload: json: cannot unmarshal string into Go value "
     "of type stereosd.ConfigPayload"),
    ("inject_secret", "null", "secret name cannot be empty"),
    ("inject_secret", "{}", "secret name cannot be empty"),
    ("inject_secret", '{"name":null,"value":"v"}', "secret name cannot be empty"),
    ("inject_secret", "[]", "decode secret payload: json: cannot unmarshal array into Go value of "
     "type stereosd.SecretPayload"),
    *(("inject_secret", f'{{"name":"n","value":"v","mode":{mode}}}',
       f"decode secret payload: json: cannot unmarshal {said} into Go struct field "
       "SecretPayload.mode of type uint32") for mode, said in [
           ('"384"', "string"), ("384.0", "number 384.0"), ("-1", "number -1"),
           ("4294967296", "number 4294967296"), ("1e3", "number 1e3"), ("true", "bool")]),
    *(("inject_secret", f'{{"name":"{name}","value":"v"}}',
       f'invalid secret name: "{name}" (must be a simple filename)')
      for name in ("x/y", "/", "/x", "x/", ".", "..", "a..b", "../x", ".hidden")),
    ("inject_secret", '{"name":"a\\u0000b","value":"v"}',
     'write secret "a\\x00b": open: invalid argument'),
    ("inject_secret", f'{{"name":"{"n" * 256}"}}',
     "decode secret payload: name too long: limit is 255 bytes"),
    ("inject_ssh_key", "null", "user cannot be empty"),
    ("inject_ssh_key", '{"public_key":"ssh-rsa AAAA"}', "user cannot be empty"),
    ("inject_ssh_key", '{"user":"admin"}', "public_key cannot be empty"),
    *(("inject_ssh_key", f'{{"user":"admin","public_key":"{key}"}}', KEY_FORMAT)
      for key in ("ssh-dss AAAA", "ssh-rsa", " ssh-rsa AAAA", "\\n", "ssh-ed25519\\tAAAA")),
    ("inject_ssh_key", '{"user":[]}', "decode ssh key payload: json: cannot unmarshal array into "
     "Go struct field SSHKeyPayload.user of type string"),
    ("mount", "{}", "mount tag cannot be empty"),
    ("mount", '{"tag":"t"}', "mount guest_path cannot be empty"),
    ("mount", '{"tag":"t","guest_path":"/x"}', "mount fs_type cannot be empty"),
    ("mount", '{"tag":"t","guest_path":"x","fs_type":"ext4"}',
     'unsupported filesystem type: "ext4" (must be virtiofs or 9p)'),
    ("mount", '{"tag":"t","guest_path":"x/../y","fs_type":"9p"}',
     'guest_path must be absolute: "x/../y"'),
    *(("mount", f'{{"tag":"t","guest_path":"{path}","fs_type":"9p"}}',
       f'cannot mount over system directory: "{clean}"') for path, clean in [
           ("/", "/"), ("//", "/"), ("/x/..", "/"), ("/../..", "/"), ("/etc", "/etc"),
           ("/etc/", "/etc"), ("//x/.././etc//ssh/.", "/etc/ssh"), ("/nix/store", "/nix/store"),
           ("/bin", "/bin"), ("/boot", "/boot"), ("/dev/x", "/dev/x"), ("/proc", "/proc"),
           ("/sys", "/sys"), ("/run", "/run")]),
    ("mount", '{"read_only":"yes"}', "decode mount payload: json: cannot unmarshal string into Go "
     "struct field MountPayload.read_only of type bool"),
    *((kind, None, f"decode {what} payload: envelope {kind} has no payload") for kind, what in [
        ("set_config", "config"), ("inject_ssh_key", "ssh key"), ("inject_secret", "secret"),
        ("mount", "mount")]),
    ("reboot", None, "unknown message type: reboot"),
    ("Ping", None, "unknown message type: Ping"),
    ("pong", None, "unknown message type: pong"),
]

# A line without an envelope that can be read; nobody is answered by name.
MALFORMED = [
    ("hello", "invalid character 'h' looking for beginning of value"),
    ("thello", "invalid character 'h' in literal true (expecting 'r')"),
    ('{"type":"ping"', "unexpected end of JSON input"),
    ('{"type":"ping"}x', "invalid character 'x' after top-level value"),
    ('{"type":"ping"}{"type":"ping"}', "invalid character '{' after top-level value"),
    ("[]", "json: cannot unmarshal array into Go value of type stereosd.Envelope"),
    ('"ping"', "json: cannot unmarshal string into Go value of type stereosd.Envelope"),
    ('{"type":7}', "json: cannot unmarshal number into Go struct field Envelope.type of type "
     "stereosd.MessageType"),
    ("{'type':'ping'}", "invalid character '\\'' looking for beginning of object key string"),
    ('{"type":"ping",}', "invalid character '}' looking for beginning of object key string"),
]
NO_TYPE = ["{}", "null", '{"type":null}', '{"type":""}', '{"payload":{}}']

SHUTDOWNS = [
    (b'{"type":"shutdown","payload":{"reason":"mb down"}}\n', "mb down"),
    (b'{"type":"shutdown","payload":{}}\n', "host requested shutdown"),
    (b'{"type":"shutdown"}\n', "host requested shutdown"),
    (b'{"type":"shutdown","payload":[1]}\n', "host requested shutdown"),
    (b'{"type":"shutdown","payload":{"reason":"a\\nEXIT: STATUS=9\\u001b[2J"}}\n',
     "a?EXIT: STATUS=9?[2J"),
]


def test_ping(guest):
    assert guest.raw(PING) == PONG
    assert guest.raw(b'{"type":"ping","payload":{"is":"ignored"}}\n') == PONG


def test_get_health(guest):
    first, second = (re.fullmatch(HEALTH, guest.raw(message("get_health"))) for _ in range(2))
    assert first and second
    assert int(first[1]) <= int(second[1])


@pytest.mark.parametrize("line", GOOD, ids=lambda line: line[8:60].decode(errors="replace"))
def test_message_is_acknowledged(guest, line):
    kind = re.search(rb'"type":"(\w+)"', line)[1].decode()
    assert guest.raw(line) == ack(kind)


@pytest.mark.parametrize("kind, payload, error", BAD)
def test_error(guest, kind, payload, error):
    rest = "" if payload is None else f',"payload":{payload}'
    assert guest.raw(f'{{"type":"{kind}"{rest}}}\n'.encode()) == ack(kind, error)


@pytest.mark.parametrize("line, error", [
    *((line, f"malformed JSON: {error}") for line, error in MALFORMED),
    *((line, "unknown message type: ") for line in NO_TYPE)])
def test_error_without_a_type(guest, line, error):
    assert guest.raw(line.encode() + b"\n") == ack("", error)


def test_too_long_a_type_is_not_echoed(guest):
    assert guest.raw(message("t" * 64)) == ack("t" * 64, f"unknown message type: {'t' * 64}")
    assert guest.raw(message("t" * 65)) == ack("", "message type too long: limit is 64 bytes")


def test_error_text_is_cut_at_its_limit(guest):
    """256 bytes, the last three of them dots; nothing of a character remains alone."""
    name = "/" + "\u00e9" * 127
    text = f'invalid secret name: "{name}'.encode()
    answer = guest.raw(secret(name, "v"))
    assert answer == ack("inject_secret", text[:253].decode() + "...")


@pytest.mark.parametrize("path, clean", [
    ("/workspace", "/workspace"), ("/a/../data//x/.", "/data/x"), ("/etcetera", "/etcetera")])
def test_mount_says_what_it_would_need(guest, path, clean):
    for options in ({"fs_type": "9p"}, {"fs_type": "virtiofs", "read_only": True}):
        answer = guest.raw(message("mount", tag="share0", guest_path=path, **options))
        assert answer == ack("mount", f"mount share0 at {clean}: bare metal has no file system: "
                             f"{NEEDS}")


@pytest.mark.parametrize("line, reason", SHUTDOWNS)
def test_shutdown(row, line, reason):
    with boot(**row) as guest:
        assert guest.raw(line) == ack("shutdown")
        assert guest.wait_exit() == 0
        assert guest.console.endswith(f"\nmote: shutdown: {reason}\nEXIT: STATUS=0\n")


def test_answers_leave_before_the_guest_ends(row):
    """And other connections see an orderly end."""
    with boot(**row) as guest, guest.connect() as other, guest.connect() as connection:
        connection.sendall(PING + message("shutdown"))
        stream = connection.makefile("rb")
        assert stream.readline() == PONG
        assert stream.readline() == ack("shutdown")
        assert stream.readline() == b""
        assert other.recv(1) == b""
        assert guest.wait_exit() == 0


def test_boot_sequence_of_the_real_client(guest):
    with guest.connect() as connection, connection.makefile("rb") as stream:
        for line, answer in [
                (message("set_config", content="[agent]\n"), ack("set_config")),
                (message("inject_ssh_key", user="admin", public_key=KEY), ack("inject_ssh_key")),
                (secret("B", "2"), ack("inject_secret")), (secret("A", "1"), ack("inject_secret")),
                (PING, PONG)]:
            connection.sendall(line)
            assert stream.readline() == answer


def test_store_that_is_full_goes_on(row):
    """It names the limit, keeps what it has, and takes what still fits."""
    limit = f"limit is {STORE_SIZE} bytes and 64 names"
    with boot(**row) as guest:
        for name in "abcd":
            assert guest.raw(secret(name, name * 16000)) == ack("inject_secret")
        free = STORE_SIZE - 4 * 16001
        full = f"store full: {free} bytes wanted, {free} free; {limit}"
        assert guest.raw(secret("e", "e" * free)) == \
            ack("inject_secret", f'write secret "e": {full}')
        assert guest.raw(message("set_config", content="c" * free)) == \
            ack("set_config", full)
        key = "ssh-rsa " + "k" * (free - 8)
        assert guest.raw(message("inject_ssh_key", user="u", public_key=key)) == ack(
            "inject_ssh_key", full.replace(f"{free} bytes", f"{free + 1} bytes"))
        assert guest.raw(secret("e", "e" * (free - 1))) == ack("inject_secret")


def test_names_that_are_too_many_are_refused(row):
    with boot(**row) as guest:
        for i in range(64):
            assert guest.raw(secret(f"NAME_{i:02}", "v")) == ack("inject_secret")
        answer = guest.raw(secret("NAME_64", "v"))
        assert answer.endswith(b'; limit is 65536 bytes and 64 names"}}\n')
        assert guest.raw(PING) == PONG
