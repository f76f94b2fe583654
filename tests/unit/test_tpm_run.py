# SPDX-License-Identifier: MIT
"""qemu/run --tpm: its options, where a TPM that has a name is kept, and what is said when there is
no swtpm, or one that fails. swtpm is real unless its failures are played; QEMU is not.
"""

import fcntl
import os
import shutil
import subprocess

import pytest

from fake_qemu import Tree

GOOD = "say=EXIT:_STATUS=0 rc=33"


def replace(tree, monkeypatch, program, script):
    """Has a shell script play a program of swtpm's."""
    file = tree.base / "bin" / program
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    monkeypatch.setenv("PATH", str(file.parent), prepend=os.pathsep)


@pytest.fixture(name="tree")
def fixture_tree(tmp_path_factory, monkeypatch):
    tree = Tree(tmp_path_factory.mktemp("r"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tree.base / "s"))
    # Where the tree looks for who is left; not swtpm_setup's, which that need not wait for.
    note = f'case "$*" in *--terminate*) echo $$ >>{tree.base}/pids; esac'
    replace(tree, monkeypatch, "swtpm", f'{note}\nexec {shutil.which("swtpm")} "$@"')
    yield tree
    tree.check_clean()


def kept(tree, name):
    return tree.base / "s" / "mote" / "tpm" / name


def lock(state):
    """Held until the file is closed; an OSError when swtpm has it."""
    file = open(state / ".lock", "a", encoding="ascii")  # pylint: disable=consider-using-with
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


@pytest.mark.parametrize("words, said", [
    (["--tpm", "fifo"], "invalid choice: 'fifo'"),
    (["--name", "web"], "--name is that of a --tpm"),
    *((["--tpm", "tis", "--name", name], "a name is 1 to 64 of") for name in
      ("", ".", "..", "a/b", ".web", "-", "a b", "\u00e4", "web\n", "n" * 65)),
])
def test_options_that_make_no_sense(tree, words, said):
    done = tree.run("", *words)
    assert done.returncode == 2 and said in done.stderr
    assert not kept(tree, "").exists()


@pytest.mark.parametrize("interface", ["tis", "crb"])
def test_print(tree, interface):
    done = tree.run("", "--tpm", interface, "--name", "web", "--print")
    assert done.returncode == 0 and not (tree.base / "s").exists()
    assert f"-device tpm-{interface},tpmdev=tpm " in done.stdout
    assert "-tpmdev emulator,id=tpm,chardev=tpm " in done.stdout
    assert "tpm" not in tree.run("", "--print").stdout


def test_name_keeps_it(tree):
    """A second run finds what the first has made, and says nothing of it."""
    first = tree.run(GOOD, "--tpm", "crb", "--name", "web")
    directory = kept(tree, "web")
    assert first.returncode == 0
    assert f"made a TPM in {directory}; its certificates are verified by {directory}/ca.pem\n" \
        in first.stderr
    assert sorted(path.name for path in directory.iterdir()) == ["ca", "ca.pem", "state"]
    assert [path.name for path in directory.parent.iterdir()] == ["web"]
    assert directory.stat().st_mode & 0o777 == 0o700
    before = (directory / "ca.pem").read_bytes(), (directory / "state/tpm2-00.permall").stat()
    second = tree.run(GOOD, "--tpm", "tis", "--name", "web")
    assert second.returncode == 0 and "TPM" not in second.stderr
    assert (directory / "ca.pem").read_bytes() == before[0]
    assert (directory / "state/tpm2-00.permall").stat().st_ino == before[1].st_ino
    lock(directory / "state").close()


def test_without_a_name_nothing_is_kept(tree):
    done = tree.run(GOOD, "--tpm", "tis")
    assert done.returncode == 0 and not (tree.base / "s").exists()


def test_one_run_at_a_time(tree):
    state = kept(tree, "web") / "state"
    state.mkdir(parents=True)
    with lock(state):
        done = tree.run(GOOD, "--tpm", "tis", "--name", "web")
    assert done.returncode == 125
    assert f"the TPM in {state} is in use by another run\n" in done.stderr


@pytest.mark.parametrize("words", [["--name", "web"], []])
@pytest.mark.parametrize("missing", ["swtpm_setup", "swtpm_localca"])
def test_swtpm_is_not_installed(tree, monkeypatch, words, missing):
    """The rest of the path is there, but for this program."""
    for name in ("python3", "env", "swtpm", "swtpm_setup", "swtpm_localca"):
        if name != missing:
            replace(tree, monkeypatch, name, f'exec /usr/bin/{name} "$@"')
    monkeypatch.setenv("PATH", str(tree.base / "bin"))
    done = tree.run(GOOD, "--tpm", "tis", *words)
    assert done.returncode == 125
    assert f"{missing} not found: qemu/setup installs swtpm and swtpm-tools\n" in done.stderr
    assert not kept(tree, "web").exists()


@pytest.mark.parametrize("program, script, said", [
    ("swtpm_setup", "echo one; echo no room >&2; exit 3", "swtpm_setup ended with 3: no room\n"),
    ("swtpm", "echo no such cipher >&2; exit 9", ""),
])
def test_made_whole_or_not_at_all(tree, monkeypatch, program, script, said):
    replace(tree, monkeypatch, program, script)
    done = tree.run(GOOD, "--tpm", "tis", "--name", "web")
    assert done.returncode == 125 and f"qemu/run: {said}" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(kept(tree, "").iterdir())


def test_swtpm_that_dies_is_quoted(tree, monkeypatch):
    (kept(tree, "web") / "state").mkdir(parents=True)
    replace(tree, monkeypatch, "swtpm", "echo first; echo the last line >&2; exit 9")
    done = tree.run(GOOD, "--tpm", "tis", "--name", "web")
    assert done.returncode == 125
    assert "swtpm ended (rc 9): the last line\n" in done.stderr


def test_place_that_cannot_be_written(tree):
    (tree.base / "s").write_text("")
    done = tree.run(GOOD, "--tpm", "tis", "--name", "web")
    assert done.returncode == 125
    assert f"cannot make {kept(tree, 'web')}: Not a directory\n" in done.stderr


def test_certificates(tree):
    """That of the CA's own, too: what the EK's is verified by is whole."""
    assert tree.run(GOOD, "--tpm", "tis", "--name", "web").returncode == 0
    authority = kept(tree, "web")
    verified = subprocess.run(["openssl", "verify", "-CAfile", authority / "ca.pem",
                               authority / "ca" / "issuercert.pem"], capture_output=True,
                              text=True, check=False)
    assert verified.returncode == 0, verified.stderr
