# SPDX-License-Identifier: MIT
"""A boot test in one command: qemu/run --kernel with real kernels, and mote as their first process.
tests/unit/test_run_linux.py has the cases that no real guest brings about.
"""

import os
import pathlib
import re
import subprocess
import time

import pytest

from helpers import HOST_PORT, PATIENCE, ROOT, Host, PreparedGuest, read_to_end
from initramfs import workload
from linux_guest import LinuxGuest

MACHINES = ["q35", "microvm"]
TIMEOUT = 5 * PATIENCE
# What ends in which way; each boots a guest.
ENDS = [
    (["true"], 0),
    (["false"], 1),
    (["sh", "-c", "exit 255"], 255),
    (["sh", "-c", "exit 128"], 128),
    (["sh", "-c", "kill -9 $$"], 137),
    (["sh", "-c", "kill -TERM $$"], 143),
    (["sh", "-c", "no-such-command"], 127),
    (["no-such-command"], 127),
    (["/no/such/command"], 127),
    (["/etc/passwd"], 126),
    (["/etc"], 126),
]
WORDS = ["plain", "two  words", "", "it's", '"$HOME" `id` \\n', "two\nlines", "# *", "-x", "\u00fc"]
PROGRAM = """#include <stdio.h>
int main(int n, char **words) { printf("%s: %s\\n", words[0], words[n - 1]); return 9; }
"""


def start(kernel, *options, command, **more):
    """A guest that hangs ends with 124, and what it said."""
    return subprocess.Popen([ROOT / "qemu" / "run", "--kernel", kernel, "--timeout", str(TIMEOUT),
                             *options, "--", *command], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True,
                            env={**os.environ, "VSOCK": "vsockd"}, **more)


def run(kernel, *options, command, **more):
    """(exit code, standard output, standard error)."""
    with start(kernel, *options, command=command, **more) as process:
        output, errors = process.communicate()
    return process.returncode, output, errors


@pytest.mark.parametrize("machine", MACHINES)
def test_exit_status(cloud, machine):
    code, output, errors = run(cloud, "--machine", machine, command=["sh", "-c", "exit 7"])
    assert (code, output) == (7, ""), errors
    assert errors.endswith("EXIT: STATUS=7\n") and "qemu/run:" not in errors


@pytest.mark.parametrize("command,code", ENDS)
def test_every_end(cloud, command, code):
    found, _, errors = run(cloud, "--machine", "microvm", command=command)
    assert found == code, errors
    assert f"EXIT: STATUS={code}\n" in errors


@pytest.mark.parametrize("machine", MACHINES)
def test_status_comes_in_every_way(cloud, machine):
    """By vsock, by the console and by QEMU's code; the last two alone will do, and one of them."""
    for options in ([], ["--append", "mote.notify=1"], ["--no-debug-exit"]):
        code, _, errors = run(cloud, "--machine", machine, *options,
                              command=["sh", "-c", "exit 200"])
        assert code == 200, errors


def test_words_arrive_as_they_are(cloud):
    code, output, errors = run(cloud, command=["printf", "[%s]\\n", *WORDS])
    assert (code, output) == (0, "".join(f"[{word}]\n" for word in WORDS)), errors


def test_output_comes_while_the_command_runs(cloud):
    with start(cloud, command=["sh", "-c", "echo one; sleep 1000"]) as process:
        assert process.stdout.readline() == "one\n"
        process.terminate()
        assert process.wait(TIMEOUT) == 143


def test_all_of_a_long_output_comes(cloud):
    code, output, errors = run(cloud, command=["sh", "-c", "seq 50000; echo aside >&2; printf end"])
    assert code == 0, errors
    lines = output.splitlines()
    assert sorted(lines[50000:]) == ["aside", "end"]
    assert lines[:50000] == [str(number) for number in range(1, 50001)]
    assert "aside" not in errors


@pytest.mark.parametrize("machine", MACHINES)
def test_time_does_not_pass_faster_than_here(cloud, machine):
    """On microvm Linux believes what it is told about its clock."""
    with start(cloud, "--machine", machine,
               command=["sh", "-c", "echo up; sleep 10; echo later"]) as process:
        assert process.stdout.readline() == "up\n"
        begin = time.monotonic()
        assert process.stdout.readline() == "later\n"
        assert time.monotonic() - begin > 9
        assert process.wait(TIMEOUT) == 0


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("command,said", [
    (["sh", "-c", "echo c > /proc/sysrq-trigger"], "Kernel panic - not syncing: sysrq triggered"),
    (["reboot", "-f"], "the guest ended without a status (QEMU rc 0)"),
    (["poweroff", "-f"], "the guest ended without a status (QEMU rc 0)"),
])
def test_guest_that_ends_on_its_own(cloud, machine, command, said):
    code, _, errors = run(cloud, "--machine", machine, command=command)
    assert code == 125 and f"\nqemu/run: {said}" in errors, errors


def test_kernel_that_panics_at_once(cloud):
    """Without a place for the initramfs there is no mote, either."""
    code, _, errors = run(cloud, "--append", "rdinit=/nothing", command=["true"])
    assert code == 125, errors
    assert "ended before mote came up" in errors and "qemu/run: Kernel panic - not" in errors


def test_image_that_is_no_kernel(cloud):  # pylint: disable=unused-argument
    code, _, errors = run(ROOT / "README.md", command=["true"])
    assert code == 125 and "qemu/run: QEMU died (rc 1)\n" in errors, errors


def test_command_that_takes_too_long(cloud):
    code, output, errors = run(cloud, "--timeout", "30", command=["sh", "-c", "echo x; sleep 999"])
    assert (code, output) == (124, "x\n"), errors


def test_added_files(cloud, tmp_path):
    """A program with libraries, under the path that it was named with, and a directory."""
    (tmp_path / "x.c").write_text(PROGRAM)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to("file")
    (tmp_path / "data" / "file").write_text("contents\n")
    subprocess.run(["gcc", "-o", tmp_path / "program", tmp_path / "x.c"], check=True)
    code, output, errors = run(cloud, "--add", "./program", "data", "--add", "data:/there",
                               command=["sh", "-c", "cat data/link /there/file; ./program last"],
                               cwd=tmp_path)
    assert (code, output) == (9, "contents\ncontents\n./program: last\n"), errors


@pytest.mark.parametrize("machine", MACHINES)
def test_standard_kernel_and_9p(standard, machine, tmp_path):
    mount = "mount -t 9p -o trans=virtio,version=9p2000.L tag /mnt"
    check_share(standard, machine, tmp_path, f"tag={tmp_path}", mount)


@pytest.mark.parametrize("machine", MACHINES)
def test_virtiofs(cloud, machine, tmp_path):
    check_share(cloud, machine, tmp_path, f"tag={tmp_path},virtiofs", "mount -t virtiofs tag /mnt")


def check_share(kernel, machine, directory, share, mount):
    (directory / "of-host").write_text("from the host\n")
    script = f"{mount} && cat /mnt/of-host && echo from the guest > /mnt/of-guest && umount /mnt"
    code, output, errors = run(kernel, "--machine", machine, "--share", share,
                               command=["sh", "-c", script])
    assert (code, output) == (0, "from the host\n"), errors
    assert (directory / "of-guest").read_text() == "from the guest\n"


def test_share_that_the_kernel_does_not_know(cloud, tmp_path):
    code, _, errors = run(cloud, "--share", f"tag={tmp_path}", command=["true"])
    assert code == 125 and "no module 9p, 9pnet_virtio in " in errors


def test_modules_of_another_kernel(cloud, standard):
    """There is no vsock then, and still a status."""
    code, _, errors = run(cloud, "--modules", next((standard.parent / "lib" / "modules").iterdir()),
                          command=["sh", "-c", "exit 7"])
    assert code == 7, errors
    assert re.search(r"^qemu/run: .*/vmlinuz is \S+-cloud-amd64, but the modules in ", errors)


class Notifier(PreparedGuest, LinuxGuest):
    """Tells a Host how it is."""


def test_command_that_ends_before_the_host_has_taken_the_start(cloud):
    host = Host()
    with host.listener, Notifier(cloud, workloads=workload(["true"]), prepare=host.prepare,
                                 append=f"mote.notify={HOST_PORT}") as guest:
        with host.accept() as ready:
            assert read_to_end(ready) == b"READY=1\n"
            guest.wait_console("mote: shutdown: run: exit status 0")
        with host.accept() as end:
            assert read_to_end(end) == b"EXIT_STATUS=0\n"
        assert guest.wait_exit() == 0


def test_leaves_nothing_behind(cloud):
    """Other runs may come and go meanwhile; none of them is ours."""
    with start(cloud, command=["sh", "-c", "echo up; sleep 1000"]) as process:
        assert process.stdout.readline() == "up\n"
        found = re.search(rb"path=([^,]*)/vhost.sock", commands_of_children(process.pid))
        directory = pathlib.Path(os.fsdecode(found[1]))
        assert directory.is_dir()
        process.terminate()
        assert process.wait(TIMEOUT) == 143
    assert not directory.exists()


def commands_of_children(pid):
    """By all threads; a process that has just ended has none."""
    pids = [child for task in pathlib.Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()]
    return b"".join(pathlib.Path(f"/proc/{child}/cmdline").read_bytes() for child in pids)
