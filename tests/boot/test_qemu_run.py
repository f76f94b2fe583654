# SPDX-License-Identifier: MIT
"""qemu/run with a real guest: its exit codes, what it shows, the command that it runs, and what
it says when it can't. tests/unit/test_run.py has the cases that no real guest brings about.
"""

import os
import re
import subprocess

import pytest

from helpers import BUILD, LARGE_IMAGE, MOTECTL, ROOT, TEST_IMAGE

RUN = ROOT / "qemu" / "run"
MACHINES = {"q35": ["--machine", "q35"], "microvm": ["--machine", "microvm"],
            "microvm-acpi": ["--machine", "microvm", "--acpi", "on"]}

# Arguments, exit code, and what stands on standard output and on standard error.
ENDS = [
    (["--append", "mote.allow_cid=foo"], 1, "EXIT: STATUS=1", ""),
    (["--append", "test.fault=panic", TEST_IMAGE], 2, "on purpose\nEXIT: STATUS=2", ""),
    (["--append", "test.fault=null", TEST_IMAGE], 3, "EXIT: STATUS=3", " is fault_null at "),
    (["--no-debug-exit", "--append", "test.fault=null", TEST_IMAGE], 3, "EXIT: STATUS=3", ""),
    (["--extra", "-global virtio-mmio.force-legacy=true"], 4, "force-legacy=false", ""),
]
COMMANDS = [
    (["true"], 0),
    (["false"], 1),
    (["sh", "-c", "exit 7"], 7),
    (["sh", "-c", "kill -9 $$"], 137),
    (["no-such-command"], 127),
    ([MOTECTL, "ping"], 0),
    (["sh", "-c", f"{MOTECTL} $MOTE_ADDRESS health | grep -q ready"], 0),
    (["sh", "-c", f"printf 'a secret' | {MOTECTL} secret put NAME"], 0),
]
REFUSALS = [
    (["no/such/image.elf"], {}, 125, "no image no/such/image.elf"),
    ([], {"VSOCK": "carrier-pigeon"}, 125, "unknown vsock back-end carrier-pigeon"),
    (["--vsock", "carrier-pigeon"], {}, 2, "invalid choice: 'carrier-pigeon'"),
    (["--qemu", "no-such-qemu"], {}, 125, "cannot start no-such-qemu"),
    (["--extra=-nonsense"], {}, 125, "-nonsense"),
    (["--machine", "q35", "--acpi", "on"], {}, 2, "--acpi is an option of microvm"),
    (["--"], {}, 2, "no command behind --"),
    (["--timeout", "0.5"], {}, 124, ""),
]


def run(*arguments, **environment):
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, check=False,
                          env={**os.environ, "VSOCK": "vsockd", **environment})


def runs():
    return {path.name for path in BUILD.glob("run-*")}


@pytest.mark.parametrize("arguments, code, output, errors", ENDS)
def test_ends_with_the_status_of_the_guest(arguments, code, output, errors):
    done = run("--timeout", "60", *arguments)
    assert done.returncode == code, done.stderr
    assert output in done.stdout
    assert errors in done.stderr


@pytest.mark.parametrize("command, code", COMMANDS)
def test_ends_with_the_code_of_the_command(command, code):
    done = run("--", *command)
    assert done.returncode == code, done.stderr
    assert "EXIT: STATUS=0" in done.stderr


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("options", [[], ["--no-debug-exit"], ["--rng"], ["--cid", "77"],
                                     ["--memory", "64M", LARGE_IMAGE]], ids=str)
def test_ends_with_zero_on_every_machine(machine, options):
    done = run(*MACHINES[machine], *options, "--", MOTECTL, "ping")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^pong after ", done.stdout)


def test_command_that_shuts_the_guest_down_itself():
    """There is nothing left to be shut down, and nothing to complain about."""
    done = run("--", MOTECTL, "shutdown", "by the command")
    assert done.returncode == 0, done.stderr
    assert "\nmote: shutdown: by the command\n" in done.stderr
    assert "motectl:" not in done.stderr


def test_command_learns_that_the_guest_is_gone():
    """And the guest's status is the result."""
    done = run("--append", "test.agents=1", TEST_IMAGE, "--", "sh", "-c",
               f"{MOTECTL} shutdown; sleep 0.5; {MOTECTL} ping; exit 0")
    assert done.returncode == 0
    assert done.stderr.count("EXIT: STATUS=0") == 1


def test_demonstration():
    done = run("--", ROOT / "qemu" / "demo")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("$ ")][-1] == \
        "$ shutdown end of the demonstration"
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("arguments, environment, code, said", REFUSALS)
def test_says_why_it_cannot(arguments, environment, code, said):
    done = run(*arguments, **environment)
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_leaves_nothing_behind():
    """Other runs may come and go meanwhile; none of them is ours."""
    before = runs()
    done = run("--", "sh", "-c", "dirname ${MOTE_ADDRESS#unix:}")
    directory = done.stdout.strip().rpartition("/")[2]
    assert directory.startswith("run-") and directory not in before | runs()


def test_make_run_takes_the_back_end_from_the_environment():
    """A variable of the Makefile with the same name would be handed on in its place."""
    done = subprocess.run(["make", "run"], cwd=ROOT, env={**os.environ, "VSOCK": "nonsense"},
                          capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "unknown vsock back-end nonsense" in done.stderr


@pytest.mark.parametrize("machine, interface", [("microvm", "tis"), ("q35", "crb")])
def test_tpm_that_has_a_name(tmp_path, machine, interface):
    """The same in each run; its CA, and no other, vouches for it, from a quote to a secret."""
    def use(name, authority, verbs):
        script = " && ".join([f"CA={tmp_path}/mote/tpm/{authority}/ca.pem", *verbs])
        return run("--machine", machine, "--tpm", interface, "--name", name, "--", "sh", "-c",
                   script, XDG_STATE_HOME=str(tmp_path))

    verbs = [f"{MOTECTL} tpm ek", f"{MOTECTL} tpm quote --verify --ca $CA",
             f"printf value | {MOTECTL} secret put NAME --sealed --ca $CA",
             f"{MOTECTL} secret list"]
    first, other, again = (use(name, "web", verbs) for name in ("web", "other", "web"))
    keys = [done.stdout.partition("-----END")[0] for done in (first, other, again)]
    assert first.returncode == 0, first.stderr
    assert "NAME: 5 bytes, mode 600\n" in first.stdout
    assert other.returncode == 1 and "NOT VERIFIED: the EK's certificate" in other.stdout
    assert again.returncode == 0 and keys[2] == keys[0] != keys[1]
