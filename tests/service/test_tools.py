# SPDX-License-Identifier: MIT
"""mote as a tool that somebody in the guest runs: the words of every verb, and of mote hostos and
vsock_guest what comes out, and how they end.
"""

import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

from helpers import PATIENCE
from hostos import HostOS
from scripted import answering, read_all, resetting, silent
from service import command, need_root
from tool import FAILED, TIMED_OUT, USAGE

CONNECT = "hostos: port 19090 of the host: connection refused"
OK = {"Ok": "NoPayload"}
VERSION = {"Ok": {"HostOSVersion": "0.9 \u00fc"}}
PROTOCOL = {"Ok": {"HostOSVsockVersion": {"major": 1, "minor": 0, "patch": 0}}}
URL, HASH = "https://dfinity.org", "0xdeadbeef"
UPGRADE = {"upgrade": {"url": URL, "target-hash": HASH}}


def notify(message, count=1):
    return {"notify": {"count": count, "message": message}}


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


@pytest.mark.parametrize("generation", ["early", "single", "newest"])
@pytest.mark.parametrize("name,words", [("mote", ["hostos"]), ("vsock_guest", [])])
def test_hosts_of_every_generation(tool, generation, name, words):
    with HostOS(f"{tool.place}_19090", generation, cid=0, first=0, version="1.2") as host:
        assert tool.run(name, *words, "get-hostos-version") == (0, "1.2\n", "")
        assert tool.run(name, *words, "notify", "Yo!") == (0, "", "")
    assert host.commands == [("GetHostOSVersion", None), ("notify", notify("Yo!")["notify"])]


def test_host_of_before_2023(tool):
    """It tells no version, and is asked in its own words."""
    with HostOS(f"{tool.place}_19090", "v0", cid=0) as host:
        assert tool.run("mote", "hostos", "get-hostos-version", "--legacy") == (
            0, "0" * 64 + "\n", "")
        assert tool.run("mote", "hostos", "notify", "Yo!", "--legacy") == (0, "", "")
    assert [name for name, _ in host.commands] == [
        "GetVsockProtocol", "GetVsockProtocol", "notify[1, Yo!]"]


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
