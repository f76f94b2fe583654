# SPDX-License-Identifier: MIT
"""mote as a tool that somebody in the guest runs: the words of every verb, what comes out of it,
and how it ends. The host is at unix sockets (MOTE_HOST).
"""

import base64
import hashlib
import json
import os
import pathlib
import pty
import signal
import subprocess
import tempfile
import threading

import pytest

from helpers import PATIENCE
from scripted import Host, answering, read_all, resetting, silent
from service import PROGRAMS, command, need_root

HOSTOS, BANDSOX = 19090, 9000
FAILED, USAGE, TIMED_OUT = 1, 2, 124
CONNECT = "hostos: port 19090 of the host: connection refused"
OK = {"Ok": "NoPayload"}
VERSION = {"Ok": {"HostOSVersion": "0.9 \u00fc"}}
PROTOCOL = {"Ok": {"HostOSVsockVersion": {"major": 1, "minor": 0, "patch": 0}}}
URL, HASH = "https://dfinity.org", "0xdeadbeef"
UPGRADE = {"upgrade": {"url": URL, "target-hash": HASH}}


def notify(message, count=1):
    return {"notify": {"count": count, "message": message}}


class Tool:
    """mote as a program of somebody's, whose host is at a place of its own."""

    def __init__(self, program, directory):
        self.program, self.directory = program, pathlib.Path(directory)
        self.place = self.directory / "host"
        self.guest = self.directory / "vsock_guest"
        self.guest.symlink_to(PROGRAMS[program])
        self.environment = {**os.environ, "MOTE_HOST": f"unix:{self.place}"}

    def host(self, serve, port=HOSTOS):
        return Host(self.place, port, serve)

    def line(self, name, *words):
        """mote, or the program of another name."""
        program = self.guest if name == "vsock_guest" else PROGRAMS[self.program]
        return [str(program), *words]

    def start(self, name, *words, **options):
        return subprocess.Popen(self.line(name, *words), env=self.environment, **{
            "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE,
            **options})

    def run(self, name, *words, give=None, **options):
        """Its status, standard output and standard error."""
        done = subprocess.run(self.line(name, *words), env=self.environment, timeout=PATIENCE,
                              check=False, **{"input": give or b"", "stdout": subprocess.PIPE,
                                              "stderr": subprocess.PIPE, **options})
        output, errors = (done.stdout or b"").decode(), (done.stderr or b"").decode()
        assert "Sanitizer" not in errors, errors
        return done.returncode, output, errors


@pytest.fixture(name="tool")
def fixture_tool(program):
    with tempfile.TemporaryDirectory() as directory:
        yield Tool(program, directory)


# -- the HostOS

# Words, what the host is asked, what it answers, and what comes out. Of those of the flags that are
# given, the first of attach, detach, version, upgrade, notify counts.
COMMANDS = [
    ("mote", ["hostos", "attach-hsm"], "attach-hsm", OK, ""),
    ("mote", ["hostos", "detach-hsm"], "detach-hsm", OK, ""),
    ("mote", ["hostos", "get-hostos-version"], "GetHostOSVersion", VERSION, "0.9 \u00fc\n"),
    ("mote", ["hostos", "get-vsock-protocol"], "GetVsockProtocol", PROTOCOL, "1.0.0\n"),
    ("mote", ["hostos", "upgrade", "--url", URL, "--hash", HASH], UPGRADE, OK, ""),
    ("mote", ["hostos", "notify", "Yo!"], notify("Yo!"), OK, ""),
    ("mote", ["hostos", "--port=19090", "notify", "--count", "0", "--", "-x"], notify("-x", 0), OK,
     ""),
    ("mote", ["hostos", "start-upgrade-guest-vm"], "start-upgrade-guest-vm", OK, ""),
    ("mote", ["hostos", "set-node-id", "n-1"], {"set-node-id": {"node-id": "n-1"}}, OK, ""),
    ("vsock_guest", ["--attach-hsm"], "attach-hsm", OK, ""),
    ("vsock_guest", ["--detach-hsm", "--port", "19090"], "detach-hsm", OK, ""),
    ("vsock_guest", ["--get-hostos-version"], "GetHostOSVersion", VERSION, "0.9 \u00fc\n"),
    ("vsock_guest", ["--upgrade", URL, "--hash", HASH], UPGRADE, OK, ""),
    ("vsock_guest", [f"--hash={HASH}", f"--upgrade={URL}"], UPGRADE, OK, ""),
    ("vsock_guest", ["--notify", "Yo!"], notify("Yo!"), OK, ""),
    ("vsock_guest", ["--notify", "a \"b\"", "--count", "7"], notify("a \"b\"", 7), OK, ""),
    ("vsock_guest", ["--notify", "n", "--detach-hsm", "--attach-hsm"], "attach-hsm", OK, ""),
    ("vsock_guest", ["--notify", "n", "--upgrade", URL, "--hash", HASH], UPGRADE, OK, ""),
    ("vsock_guest", ["attach-hsm"], "attach-hsm", OK, ""),
    ("vsock_guest", ["detach-hsm", "--port", "19090"], "detach-hsm", OK, ""),
    ("vsock_guest", ["--port", "19090", "get-hostos-version"], "GetHostOSVersion", VERSION,
     "0.9 \u00fc\n"),
    ("vsock_guest", ["upgrade", "--url", URL, "--hash", HASH], UPGRADE, OK, ""),
    ("vsock_guest", ["notify", "Yo!"], notify("Yo!"), OK, ""),
    ("vsock_guest", ["notify", "--count=2", "Yo!"], notify("Yo!", 2), OK, ""),
]
# A command in each form, and how an error of the host's and one of our own look there.
FORMS = {
    "mote": (["hostos", "attach-hsm"], "mote: the host refuses: {}\n", "mote: {}\n"),
    "flags": (["--attach-hsm"], 'Error: "{}"\n', 'Error: "{}"\n'),
    "commands": (["attach-hsm"], "Error: Server responded with error: '{}'\n",
                 "Error: sending command\n\nCaused by:\n    {}\n"),
}


def name_of(form):
    return "mote" if form == "mote" else "vsock_guest"


@pytest.mark.parametrize("name,words,asked,answer,output", COMMANDS)
def test_command(tool, name, words, asked, answer, output):
    with tool.host(answering(answer)) as host:
        assert tool.run(name, *words) == (0, output, "")
    assert [json.loads(request) for request in host.requests] == [
        {"sender_cid": 0, "message": asked}]


@pytest.mark.parametrize("name", ["mote", "vsock_guest"])
def test_answer_byte_by_byte(tool, name):
    words = ["hostos"] if name == "mote" else []
    with tool.host(answering(VERSION, 1)):
        assert tool.run(name, *words, "get-hostos-version") == (0, "0.9 \u00fc\n", "")


@pytest.mark.parametrize("form", FORMS)
def test_host_that_says_no(tool, form):
    words, refusal, _ = FORMS[form]
    with tool.host(answering({"Err": "no HSM device found"})):
        assert tool.run(name_of(form), *words) == (FAILED, "", refusal.format("no HSM device found"))


@pytest.mark.parametrize("form,seen", [
    ("mote", "a \"b\" \\ ?[31m\n\tü ?\u20ac?"),
    ("flags", "a \\\"b\\\" \\\\ \\u{1b}[31m\\n\\tü \\u{9b}\u20ac\\0"),
    ("commands", "a \"b\" \\ \x1b[31m\n\tü \x9b\u20ac\0"),
])
def test_signs_of_a_refusal(tool, form, seen):
    """The flags' form is Rust's Debug, the commands' is the text itself."""
    words, refusal, _ = FORMS[form]
    with tool.host(answering({"Err": "a \"b\" \\ \x1b[31m\n\t\u00fc \x9b\u20ac\0"})):
        assert tool.run(name_of(form), *words) == (FAILED, "", refusal.format(seen))


@pytest.mark.parametrize("form", FORMS)
def test_long_refusal_is_passed_on_whole(tool, form):
    words, refusal, _ = FORMS[form]
    text = "0123456789abcde\u00fc" * 3800
    answer = json.dumps({"Err": text}, ensure_ascii=False, separators=(",", ":")).encode()
    assert 64000 < len(answer) <= 65536
    with tool.host(answering(answer, 1000)):
        assert tool.run(name_of(form), *words) == (FAILED, "", refusal.format(text))


@pytest.mark.parametrize("form", FORMS)
def test_nobody_listens(tool, form):
    words, _, error = FORMS[form]
    assert tool.run(name_of(form), *words) == (FAILED, "", error.format(CONNECT))


@pytest.mark.parametrize("form", FORMS)
def test_another_port(tool, form):
    words, *_ = FORMS[form]
    with tool.host(answering(OK), 7) as host:
        assert tool.run(name_of(form), *words, "--port", "7") == (0, "", "")
    assert len(host.requests) == 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("answer,said", [
    (b"{}", "hostos: Unable to parse host response: {{}}"),
    (b"Error response", "hostos: Unable to parse host response: Error response"),
    (b"", "hostos: closed without an answer"),
])
def test_answer_that_is_none(tool, form, answer, said):
    words, _, error = FORMS[form]
    with tool.host(answering(answer)):
        status, output, errors = tool.run(name_of(form), *words)
    assert (status, output) == (FAILED, "")
    assert errors.startswith(error.format(said.format())[:-2])


@pytest.mark.parametrize("form", FORMS)
def test_reset_instead_of_an_answer(tool, form):
    words, _, error = FORMS[form]
    with tool.host(resetting):
        assert tool.run(name_of(form), *words) == (
            FAILED, "", error.format("hostos: port 19090 of the host: connection reset"))


def test_silence(tool):
    with tool.host(silent):
        assert tool.run("mote", "hostos", "attach-hsm", "--timeout", "1") == (
            TIMED_OUT, "", "mote: hostos: not done in time\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("form", FORMS)
def test_signals_end_it(tool, form, number):
    asked = threading.Event()

    def serve(connection):
        read_all(connection)
        asked.set()
        silent(connection)
    with tool.host(serve), tool.start(name_of(form), *FORMS[form][0]) as process:
        assert asked.wait(PATIENCE)
        process.send_signal(number)
        assert process.wait(PATIENCE) == -number


def test_output_that_nobody_reads(tool):
    """As of every program: the end of a pipe is a signal, a full disk an error."""
    with tool.host(answering(VERSION)), open("/dev/full", "wb") as full:
        for name, words in (("mote", ["hostos"]), ("vsock_guest", [])):
            reader, writer = os.pipe()
            os.close(reader)
            status, *_ = tool.run(name, *words, "get-hostos-version", stdout=writer)
            os.close(writer)
            assert status == -signal.SIGPIPE
            assert tool.run(name, *words, "get-hostos-version", stdout=full) == (
                FAILED, "", "mote: standard output: no space left on device\n")


@pytest.mark.parametrize("name,words", [
    ("mote", ["hostos", "get-hostos-version"]), ("vsock_guest", ["--get-hostos-version"])])
def test_streams_that_are_closed(tool, name, words):
    """What would go there goes nowhere, as with any Rust program; and never into a socket."""
    line = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *tool.line(name, *words)]
    with tool.host(answering(VERSION)) as host:
        done = subprocess.run(line, env=tool.environment, timeout=PATIENCE, check=False)
    assert done.returncode == 0
    assert host.requests == [b'{"sender_cid":0,"message":"GetHostOSVersion"}']


def test_host_of_before_2023(tool):
    """It tells no version, and is asked in its own words."""
    accepted = b'{"message": "accepted request", "status": "ok"}'
    with tool.host(answering(accepted)) as host:
        assert tool.run("mote", "hostos", "get-hostos-version", "--legacy") == (
            0, "0" * 64 + "\n", "")
        assert tool.run("mote", "hostos", "attach-hsm", "--legacy") == (0, "", "")
    assert [json.loads(request)["message"] for request in host.requests] == [
        "GetVsockProtocol", "GetVsockProtocol", "attach-hsm"]


def test_what_it_is_as_a_process(tool):
    """Nothing of a service: no heap, no locked page, no protection from the kernel's hunger."""
    asked = threading.Event()

    def serve(connection):
        read_all(connection)
        asked.set()
        silent(connection)
    with tool.host(serve), tool.start("mote", "hostos", "attach-hsm") as process:
        assert asked.wait(PATIENCE)
        place = pathlib.Path(f"/proc/{process.pid}")
        status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        assert status["VmLck"].split() == ["0", "kB"]
        assert int(status["SigCgt"], 16) & 1 << signal.SIGINT - 1 == 0
        assert (place / "oom_score_adj").read_text() == \
            pathlib.Path("/proc/self/oom_score_adj").read_text()
        if tool.program == "release":
            assert "[heap]" not in (place / "maps").read_text()
            assert int(status["VmRSS"].split()[0]) <= 256
        process.kill()


@pytest.mark.parametrize("words,shown", [
    (["notify", "to all"], "\nto all\n"), (["--notify", "to all"], "")])
def test_notify_is_seen_in_the_guest(tool, words, shown):
    """By the newest generation's form: on both of the consoles that it knows."""
    need_root("consoles of one's own")
    consoles = [tool.directory / name for name in ("tty1", "ttyS0")]
    for console in consoles:
        console.touch()
    setup = f"mount -t tmpfs none /dev; ln -s {tool.directory}/tty* /dev"
    line = command(tool.program, setup=setup)
    line[-1] = str(tool.guest)
    with tool.host(answering(OK)):
        done = subprocess.run([*line, *words], env=tool.environment, capture_output=True,
                              timeout=PATIENCE, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert [console.read_text() for console in consoles] == [shown, shown]


@pytest.mark.parametrize("form", FORMS)
def test_guest_without_vsock(tool, form):
    need_root("hiding a device")
    words, _, error = FORMS[form]
    line = command(tool.program, setup="mount -t tmpfs none /dev")
    if form != "mote":
        line[-1] = str(tool.guest)
    del tool.environment["MOTE_HOST"]
    done = subprocess.run([*line, *words], env=tool.environment, capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == FAILED
    assert "mote: no vsock: no /dev/vsock: the module vsock is missing\n" in \
        (done.stdout if tool.program == "asan" else done.stderr)
    assert done.stderr.endswith(error.format("no way to the host"))


# -- words

@pytest.mark.parametrize("words,said", [
    (["--foo"], "unexpected argument '--foo' found"),
    (["-x"], "unexpected argument '-x' found"),
    (["foo"], "unrecognized subcommand 'foo'"),
    (["--attach-hsm", "notify"], "unexpected argument '--attach-hsm' found"),
    (["--port"], "a value is required for '--port <PORT>' but none was supplied"),
    (["--notify", "--count", "1"],
     "a value is required for '--notify <MESSAGE>' but none was supplied"),
    (["--port", "x"], "invalid value 'x' for '--port <PORT>'"),
    (["--port", "0"], "invalid value '0' for '--port <PORT>'"),
    (["--port", "4294967296"], "invalid value '4294967296' for '--port <PORT>'"),
    (["--count", "0x1"], "invalid value '0x1' for '--count <COUNT>'"),
    (["--attach-hsm=1"], "unexpected value '1' found"),
    (["--port", "1", "--port=2"], "the argument '--port <PORT>' cannot be used multiple times"),
    (["notify"], "the following required arguments were not provided: <MESSAGE>"),
    (["notify", "a", "b"], "unexpected argument 'b' found"),
    (["upgrade", "--url", "u"],
     "the following required arguments were not provided: --hash <HASH>"),
    (["attach-hsm", "--count", "1"], "unexpected argument '--count' found"),
])
def test_wrong_words_of_vsock_guest(tool, words, said):
    status, output, errors = tool.run("vsock_guest", *words)
    assert (status, output) == (USAGE, "")
    assert errors.startswith(f"error: {said}") and errors.endswith("try '--help'.\n")


@pytest.mark.parametrize("words,said", [
    ([], "no command matched"), (["--count", "3"], "no command matched"),
    (["--hash", HASH], "no command matched"),
    (["--upgrade", URL], "No target hash given for upgrade command")])
def test_flags_that_are_no_command(tool, words, said):
    assert tool.run("vsock_guest", *words) == (FAILED, "", f'Error: "{said}"\n')


@pytest.mark.parametrize("words,said", [
    (["hostos"], "mote hostos: a command is missing; see mote hostos --help\n"),
    (["hostos", "fly"], "mote hostos: unrecognized command 'fly'; see mote hostos --help\n"),
    (["hostos", "--port", "7"], "mote hostos: a command is missing; see mote hostos --help\n"),
    (["hostos", "notify"], "mote hostos: the following required arguments were not provided: "
     "<MESSAGE>; see mote hostos --help\n"),
    (["hostos", "attach-hsm", "--raw"],
     "mote hostos: unexpected argument '--raw' found; see mote hostos --help\n"),
    (["vcom", "readnv"], "mote vcom: the following required arguments were not provided: "
     "--index <INDEX>; see mote vcom --help\n"),
    (["vcom", "readnv", "--index", "0x100000000"], "mote vcom: invalid value '0x100000000' for "
     "'--index <INDEX>': not a number from 0 to 4294967295; see mote vcom --help\n"),
    (["vcom", "readnv", "--index", "0x"], "mote vcom: invalid value '0x' for "
     "'--index <INDEX>': not a number from 0 to 4294967295; see mote vcom --help\n"),
    (["upload", "file"], "mote upload: the following required arguments were not provided: "
     "--cmd-id <ID>; see mote upload --help\n"),
    (["download", "path", "--cmd-id", "i"], "mote download: the following required arguments were "
     "not provided: <FILE>; see mote download --help\n"),
    (["ping-host", "now"],
     "mote ping-host: unexpected argument 'now' found; see mote ping-host --help\n"),
])
def test_wrong_words(tool, words, said):
    assert tool.run("mote", *words) == (USAGE, "", said)


@pytest.mark.parametrize("name,words,begin", [
    ("mote", ["hostos", "--help"], "usage: mote hostos COMMAND [OPTION ...]\n"),
    ("mote", ["hostos", "notify", "--help"], "usage: mote hostos notify MESSAGE [OPTION ...]\n"),
    ("mote", ["vcom", "-h"], "usage: mote vcom COMMAND [OPTION ...]\n"),
    ("mote", ["upload", "--help"], "usage: mote upload FILE [OPTION ...]\n"),
    ("mote", ["download", "--help"], "usage: mote download PATH FILE [OPTION ...]\n"),
    ("mote", ["ping-host", "--help"], "usage: mote ping-host [OPTION ...]\n"),
    ("mote", ["vsock_guest", "--version"], "vsock_guest 1.0.0\n"),
    ("vsock_guest", ["--version"], "vsock_guest 1.0.0\n"),
    ("vsock_guest", ["notify", "-V"], "vsock_guest 1.0.0\n"),
    ("vsock_guest", ["-h"], "Asks the HostOS of an Internet Computer node.\n"),
    ("vsock_guest", ["notify", "--help"], "Asks the HostOS of an Internet Computer node.\n"),
])
def test_help(tool, name, words, begin):
    status, output, errors = tool.run(name, *words)
    assert (status, errors) == (0, "") and output.startswith(begin)


def test_help_lists_all_verbs(tool):
    _, output, _ = tool.run("mote", "help")
    for verb in ("hostos", "vcom", "vsock_guest", "upload", "download", "download-raw",
                 "ping-host"):
        assert f"\n  {verb} " in output


@pytest.mark.parametrize("value", ["tcp", "nowhere", "unix", ""])
def test_host_that_is_no_place(tool, value):
    tool.environment["MOTE_HOST"] = value
    status, output, errors = tool.run("mote", "hostos", "attach-hsm")
    assert status == USAGE
    assert output + errors == f"mote: MOTE_HOST={value}: vsock or unix:PATH\n"


# -- VComLink

PUBLIC = bytes.fromhex("0001000b000300b20020837197674484b3f81a90cc8d46a5d724fd52d76e06520b64f2a1"
                       "da1b331469aa00060080004300100800000000000100") + bytes(range(256))


def http(body, status="200 OK"):
    """One answer by HTTP, behind a whole request, whose body is what was asked."""
    def serve(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, content = data.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length:")[2].split()[0])
        while len(content) < size:
            content += connection.recv(65536)
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                           + body)
        return head.split()[1].decode(), content
    return serve


def field(number, data):
    size = len(data)
    return bytes([number << 3 | 2]) + (bytes([size]) if size < 128 else
                                       bytes([size & 127 | 128, size >> 7])) + data


@pytest.mark.parametrize("options,output", [
    ([], "data: YWJj\n"), (["--json"], '{"data":"YWJj"}\n'), (["--raw"], "abc")])
def test_vcom_readnv(tool, options, output):
    with tool.host(http(field(1, b"abc")), 2000) as host:
        assert tool.run("mote", "vcom", "readnv", "--index", "0x01C00002", *options) == (
            0, output, "")
    assert host.requests == [("/tpm/readnv", bytes.fromhex("08828080 0e"))]


def test_vcom_sign_takes_a_file_or_the_standard_input(tool):
    file = tool.directory / "data"
    file.write_bytes(b"\0to be signed\n" * 100)
    answer = field(1, b"rsassa") + field(2, b"\1\2\3") + field(3, b"sha256")
    with tool.host(http(answer), 2000) as host:
        for path in (str(file), "-"):
            assert tool.run("mote", "vcom", "sign", "--index=2164260867", "--data", path,
                            give=file.read_bytes()) == (
                0, "algorithm: rsassa\nrsa_signature: AQID\nrsa_hash: sha256\n", "")
    body = bytes.fromhex("088380808808") + field(2, file.read_bytes())
    assert host.requests == [("/tpm/sign", body)] * 2


@pytest.mark.parametrize("size,said", [
    (65536, "more than a host reads, 65535 bytes"), (None, "no such file or directory")])
def test_vcom_input_that_cannot_be_had(tool, size, said):
    file = tool.directory / "data"
    if size:
        file.write_bytes(bytes(size))
    assert tool.run("mote", "vcom", "sign", "--index", "1", "--data", str(file)) == (
        FAILED, "", f"mote: {file}: {said}\n")
    if size:
        assert tool.run("mote", "vcom", "sign", "--index", "1", "--data", "-",
                        give=bytes(size)) == (FAILED, "", f"mote: -: {said}\n")


def test_vcom_error_of_the_host(tool):
    with tool.host(http(b"failed to read NV: handle 1\n", "500 Internal Server Error"), 2000):
        assert tool.run("mote", "vcom", "readnv", "--index", "1") == (
            FAILED, "", "mote: the host refuses: 500: failed to read NV: handle 1\n")


def json_generation(connection):
    """One read is one request; what is none ends the connection."""
    request = connection.recv(8192)
    while request == b'{"channel":2,"request":1}':
        packet = {"channel": 2, "ek": base64.b64encode(PUBLIC).decode()}
        connection.sendall(json.dumps(packet, separators=(",", ":")).encode())
        if not (request := connection.recv(8192)):
            return "JSON"
    connection.sendall(b'{"channel":1,"error":"received malformed packet"}')
    return "HTTP"


EKS = {"json": json_generation, "http": http(field(1, PUBLIC))}


@pytest.mark.parametrize("generation", EKS)
@pytest.mark.parametrize("options,before,after", [([], "", "\n"), (["--json"], '{"ek":"', '"}\n')])
def test_vcom_ek(tool, generation, options, before, after):
    with tool.host(EKS[generation], 2000):
        assert tool.run("mote", "vcom", "ek", *options) == (
            0, before + base64.b64encode(PUBLIC).decode() + after, "")


@pytest.mark.parametrize("generation", EKS)
def test_vcom_ek_as_bytes(tool, generation):
    with tool.host(EKS[generation], 2000), tool.start("mote", "vcom", "ek", "--raw") as process:
        output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, PUBLIC, b"")


# -- Bandsox

def lines(connection, *answers):
    for answer in answers:
        connection.sendall(json.dumps(answer).encode() + b"\n")


def bandsox(stored, refusal=None):
    """One request of a connection. stored: by cmd_id what is there to be fetched, and what came."""
    def serve(connection):
        stream = connection.makefile("rb")
        request = json.loads(stream.readline())
        number = request.get("cmd_id", "ping")
        if refusal:
            lines(connection, {"type": "error", "cmd_id": number, "error": refusal})
        elif request["type"] == "ping":
            lines(connection, {"type": "pong", "cmd_id": number})
        elif request["type"] == "upload":
            lines(connection, {"type": "ready", "cmd_id": number})
            stored[number] = stream.read(request["size"])
            lines(connection, {"type": "complete", "cmd_id": number, "size": request["size"]})
        else:
            send(connection, request, stored[number])
        return request
    return serve


def send(connection, request, data):
    number, checksum = request["cmd_id"], hashlib.md5(data).hexdigest()
    if request["type"] == "download_raw":
        lines(connection, {"type": "ready", "cmd_id": number, "size": len(data),
                           "checksum": checksum})
        connection.sendall(data)
        return
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        lines(connection, {"type": "chunk", "cmd_id": number, "offset": at, "size": len(piece),
                           "data": base64.b64encode(piece).decode()})
    lines(connection, {"type": "complete", "cmd_id": number, "size": len(data),
                       "checksum": checksum})


DATA = bytes(range(256)) * 1000


def test_ping(tool):
    with tool.host(bandsox({}), BANDSOX):
        assert tool.run("mote", "ping-host") == (0, "pong\n", "")
        assert tool.run("mote", "ping-host", "--cmd-id", "x") == (0, "pong\n", "")
    assert tool.run("mote", "ping-host") == (
        FAILED, "", "mote: bandsox: port 9000 of the host: connection refused\n")


@pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "long"])
@pytest.mark.parametrize("options,path,checksum", [
    ([], None, False), (["--path", "/there"], "/there", False), (["--checksum"], None, True)])
def test_upload(tool, data, options, path, checksum):
    file, stored = tool.directory / "file", {}
    file.write_bytes(data)
    with tool.host(bandsox(stored), BANDSOX) as host:
        assert tool.run("mote", "upload", str(file), "--cmd-id", "id", *options) == (0, "", "")
    assert stored == {"id": data}
    request, = host.requests
    assert request["path"] == (path or str(file))
    assert request["checksum"] == (hashlib.md5(data).hexdigest() if checksum else "")


@pytest.mark.parametrize("data", [b"", DATA], ids=["empty", "long"])
@pytest.mark.parametrize("verb", ["download", "download-raw"])
def test_download(tool, verb, data):
    """A relative path is below the working directory."""
    with tool.host(bandsox({"id": data}), BANDSOX) as host:
        assert tool.run("mote", verb, "/there", "here", "--cmd-id=id", cwd=tool.directory) == (
            0, "", "")
    assert (tool.directory / "here").read_bytes() == data
    assert [(request["type"], request["path"]) for request in host.requests] == [
        (verb.replace("-", "_"), "/there")]


@pytest.mark.parametrize("words", [["upload", "file"], ["download", "p", "new"],
                                   ["download-raw", "p", "new"], ["ping-host"]])
def test_transfer_that_the_host_refuses(tool, words):
    (tool.directory / "file").write_bytes(b"content")
    before = sorted(tool.directory.iterdir())
    with tool.host(bandsox({}, "File not found: p"), BANDSOX):
        assert tool.run("mote", *words, "--cmd-id", "id", cwd=tool.directory) == (
            FAILED, "", "mote: the host refuses: File not found: p\n")
    assert sorted(tool.directory.iterdir()) == before


def test_upload_of_nothing(tool):
    with tool.host(bandsox({}), BANDSOX) as host:
        status, output, errors = tool.run("mote", "upload", "/nonexistent", "--cmd-id", "id")
    assert (status, output) == (FAILED, "") and host.requests == []
    assert "/nonexistent" in errors and errors.endswith("no such file or directory\n")


def test_download_out_of_time(tool):
    """Nothing of it stays."""
    def serve(connection):
        lines(connection, {"type": "ready", "cmd_id": "id", "size": 10, "checksum": ""})
        connection.sendall(b"12345")
        silent(connection)

    with tool.host(serve, BANDSOX):
        assert tool.run("mote", "download-raw", "p", "new", "--cmd-id", "id", "--timeout", "1",
                        cwd=tool.directory) == (TIMED_OUT, "", "mote: bandsox: not done in time\n")
    assert sorted(file.name for file in tool.directory.iterdir()) == ["vsock_guest"]


def test_progress_is_for_people(tool):
    """On a terminal, and of what takes longer than a second."""
    def serve(connection):
        lines(connection, {"type": "ready", "cmd_id": "id", "size": 10, "checksum": ""})
        connection.sendall(b"12345")
        seen.wait(PATIENCE)
        connection.sendall(b"67890")

    seen = threading.Event()
    ours, its = pty.openpty()
    with tool.host(serve, BANDSOX), tool.start(
            "mote", "download-raw", "p", "new", "--cmd-id", "id", cwd=tool.directory,
            stderr=its) as process:
        os.close(its)
        text = b""
        while b"5 of 10 bytes" not in text:
            text += os.read(ours, 4096)
        seen.set()
        assert process.wait(PATIENCE) == 0
    os.close(ours)
    assert (tool.directory / "new").read_bytes() == b"1234567890"
