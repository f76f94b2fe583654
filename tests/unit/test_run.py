# SPDX-License-Identifier: MIT
"""qemu/run and qemu/guest.py against a QEMU and a vsockd that only play their parts: exit codes,
what is left behind, and what is said when something dies.
"""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from fake_qemu import MOTECTL, Tree

GOOD = "say=mote:_ready serve say=EXIT:_STATUS=0 rc=33"


@pytest.fixture(name="tree")
def fixture_tree(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("r"))
    yield tree
    tree.check_clean()


@pytest.fixture(name="guest_module")
def fixture_guest_module(tree, monkeypatch):
    monkeypatch.syspath_prepend(str(tree.base / "qemu"))
    monkeypatch.delitem(sys.modules, "guest", raising=False)
    monkeypatch.delenv("VSOCK", raising=False)
    import guest  # pylint: disable=import-outside-toplevel,import-error
    yield guest
    sys.modules.pop("guest")


def test_console_and_status(tree):
    done = tree.run("say=@hello say=EXIT:_STATUS=0 rc=33")
    assert (done.returncode, done.stdout) == (0, "hello\nEXIT: STATUS=0\n")
    assert "motectl unix:" in done.stderr and "vm.vsock:1024 VERB" in done.stderr


@pytest.mark.parametrize("append,words,code,text", [
    ("say=EXIT:_STATUS=5 rc=43", [], 5, ""),
    ("say=EXIT:_STATUS=127 rc=31", [], 127, ""),
    ("say=EXIT:_STATUS=4 rc=0", ["--no-debug-exit"], 4, ""),
    ("say=EXIT:_STATUS=0 rc=0", [], 125, "QEMU's rc is 0, not 33"),
    ("say=EXIT:_STATUS=128 rc=33", [], 125, "EXIT: STATUS=128"),
    ("say=oops complain=broken rc=1", [], 125, "without EXIT: STATUS (QEMU rc 1)\nbroken"),
    ("say=not_EXIT:_STATUS=0 rc=33", [], 125, "without EXIT: STATUS (QEMU rc 33)"),
    ("crash", [], 125, "(QEMU rc -6)"),
    ("sleep=60", ["--timeout", "0.5"], 124, "not seen after"),
    ("deaf sleep=60", ["--timeout", "0.5"], 124, "not seen after"),
])
def test_exit_codes(tree, append, words, code, text):
    done = tree.run(append, *words)
    assert done.returncode == code and text in done.stderr


@pytest.mark.parametrize("words,text", [
    (["--qemu", "/nonexistent"], "cannot start /nonexistent: No such file"),
    (["/no/image"], "no image /no/image"),
    (["--vsock", "vhost"], "no /dev/vhost-vsock"),
])
def test_cannot_start(tree, words, text):
    if "vhost" in words and os.path.exists("/dev/vhost-vsock"):
        pytest.skip("there is a /dev/vhost-vsock here")
    done = tree.run("", *words)
    assert done.returncode == 125 and text in done.stderr and "Traceback" not in done.stderr


def test_vsockd_dies_at_the_start(tree):
    (tree.base / "broken").touch()
    done = tree.run(GOOD)
    assert done.returncode == 125 and "vsockd ended (rc 1)\nvsockd is broken" in done.stderr


def test_print(tree):
    done = tree.run("a b", "--machine", "q35", "--rng", "--extra", "-d int", "--print")
    assert done.returncode == 0 and not (tree.base / "pids").exists()
    for part in ("-M q35,memory-backend=mem ", "-device vhost-user-vsock-pci,chardev=vs ",
                 "-device virtio-rng-pci ", "-append 'a b' -d int\n"):
        assert part in done.stdout
    done = tree.run("", "--acpi", "on", "--no-debug-exit", "--memory", "8M", "--print")
    assert "-M microvm,acpi=on,memory-backend=mem" in done.stdout
    assert "-bios qboot.rom" in done.stdout and "isa-debug-exit" not in done.stdout
    assert "size=8M,share=on" in done.stdout


def test_command(tree):
    done = tree.run(GOOD, "--", MOTECTL, "ping")
    assert (done.returncode, done.stdout[:11]) == (0, "pong after ")
    assert "mote: ready\nEXIT: STATUS=0\n" in done.stderr


@pytest.mark.parametrize("append,command,code,text", [
    (GOOD, ["sh", "-c", "exit 7"], 7, ""),
    (GOOD, ["sh", "-c", "kill -9 $$"], 137, ""),
    (GOOD, ["/nonexistent"], 127, "cannot start /nonexistent"),
    (GOOD, ["/"], 126, "cannot start /"),
    (GOOD.replace("=0 rc=33", "=9 rc=51"), ["true"], 9, ""),
    (GOOD.replace("=0 rc=33", "=9 rc=51"), ["false"], 1, ""),
    (GOOD, [MOTECTL, "shutdown"], 0, ""),
    ("say=EXIT:_STATUS=3 rc=39", ["true"], 125, "guest ended (QEMU rc 39)"),
    ("say=mote:_ready say=EXIT:_STATUS=3 rc=39", ["sleep", "0.3"], 3, "ended with status 3"),
    ("say=mote:_ready rc=5", ["sleep", "0.3"], 125, "without EXIT: STATUS (QEMU rc 5)"),
    ("sleep=60", ["true"], 124, "\"mote: ready\" on the console not seen after"),
    ("say=mote:_ready sleep=60", ["sleep", "60"], 124, "the command has not ended in time"),
])
def test_command_exit_codes(tree, append, command, code, text):
    words = ["--timeout", "3"] if code == 124 else []
    done = tree.run(append, *words, "--", *command)
    assert done.returncode == code and text in done.stderr


def test_guest_that_does_not_shut_down(tree):
    done = tree.run("say=mote:_ready sleep=60", "--timeout", "5", "--", "true")
    assert done.returncode == 125 and "did not shut down" in done.stderr


def test_death_is_told_at_once(tree):
    with tree.start("say=mote:_ready crash", "--", "sleep", "20") as process:
        start = time.monotonic()
        for line in process.stderr:
            if "guest ended without EXIT: STATUS (QEMU rc -6)" in line:
                break
        assert time.monotonic() - start < 10
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143


@pytest.mark.parametrize("number,code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
@pytest.mark.parametrize("words", [[], ["--", "sleep", "60"]])
def test_signals(tree, number, code, words):
    with tree.start("say=mote:_ready deaf sleep=60", *words) as process:
        (process.stderr if words else process.stdout).readline()
        process.send_signal(number)
        assert process.wait(60) == code
        assert "Traceback" not in process.stderr.read()


def test_console_that_nobody_reads(tree):
    with tree.start("say=a sleep=0.3 say=b sleep=60") as process:
        assert process.stdout.readline() == "a\n"
        process.stdout.close()
        assert process.wait(60) == 143


def test_fault_is_named(tree):
    source = tree.base / "x.c"
    source.write_text("void culprit(void)\n{\n}\nint main(void) { return 0; }\n")
    debug = tree.base / "build" / "x86_64" / "mote.debug"
    subprocess.run(["gcc", "-g", "-no-pie", "-o", debug, source], check=True)
    symbols = subprocess.run(["nm", debug], capture_output=True, text=True, check=True).stdout
    address = next(line.split()[0] for line in symbols.splitlines() if "culprit" in line)
    done = tree.run(f"say=exception_14:_rip=0x{address} rc=33")
    assert f"0x{address} is culprit at x.c:2" in done.stderr


def test_guest_api(tree, guest_module):
    qemu = str(tree.base / "fake-qemu")
    with guest_module.Guest(qemu=qemu, append=GOOD, host_cid=7, cid=9) as guest:
        guest.wait_ready()
        assert guest.console == "mote: ready\n" and guest.returncode is None
        os.kill(guest.qemu_pid, 0)
        assert guest.request({"type": "ping"}) == {"type": "pong"}
        assert guest.raw(b'{"type":"ping"}\n') == b'{"type":"pong"}\n'
        with pytest.raises(ConnectionRefusedError):
            guest.connect(9)
        with guest.connect() as connection:
            connection.sendall(b"x\n")
            assert connection.recv(100) == b'{"type":"pong"}\n'
        with pytest.raises(guest_module.GuestTimeout):
            guest.wait_console("something else", 0.1)
        guest.request({"type": "shutdown"})
        assert guest.wait_exit() == 0 and guest.returncode == 33
        with pytest.raises(guest_module.GuestDied):
            guest.connect()
    assert "--cid 9 --host-cid 7" in (tree.base / "arguments").read_text()


def test_waiting_ends_when_qemu_dies(tree, guest_module):
    qemu = str(tree.base / "fake-qemu")
    with guest_module.Guest(qemu=qemu, append="say=mote:_ready sleep=60") as guest:
        guest.wait_ready()
        threading.Timer(0.3, lambda: os.kill(guest.qemu_pid, signal.SIGKILL)).start()
        start = time.monotonic()
        with pytest.raises(guest_module.GuestDied):
            guest.raw(b"mute\n")
        assert time.monotonic() - start < 10


def test_waiting_ends_when_vsockd_dies(tree, guest_module):
    qemu = str(tree.base / "fake-qemu")
    with guest_module.Guest(qemu=qemu, append="say=mote:_ready sleep=60") as guest:
        guest.wait_ready()
        with pytest.raises(guest_module.GuestDied, match="vsockd ended .rc 3."):
            guest.raw(b"die\n")
        with pytest.raises(guest_module.GuestDied, match="vsockd ended"):
            guest.wait_exit()


def test_exception_leaves_nothing(tree, guest_module):
    qemu = str(tree.base / "fake-qemu")
    with pytest.raises(ZeroDivisionError):
        with guest_module.Guest(qemu=qemu, append="sleep=60"):
            raise ZeroDivisionError
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_long_directory_uses_the_temporary_one(tree, guest_module, monkeypatch):
    build = tree.base / ("x" * 100)
    monkeypatch.setattr(guest_module, "BUILD", build)
    directory = guest_module.make_directory()
    directory.rmdir()
    assert not build.exists() and len(str(directory / "vm.vsock_4294967295")) <= 107
