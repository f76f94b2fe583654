# SPDX-License-Identifier: MIT
"""TPMs of guests: swtpm, which plays one over a directory that holds its state, and how such a
directory is made, as a manufacturer would: with an endorsement key and a certificate for it.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

CA = "ca.pem"  # of a TPM's directory: what its certificates are verified by
STATE = "state"  # of the same: what swtpm keeps
# In the directory of a run; libtss2's swtpm module makes the second of the first by itself.
SOCKET, CONTROL = "tpm.sock", "tpm.sock.ctrl"
LOG = "swtpm.err"
NAME = re.compile(r"\w[\w.-]{0,63}", re.ASCII)
STOP_SECONDS = 5  # from SIGTERM to SIGKILL
LOOK_SECONDS = 0.005  # between two looks for a socket

LOCAL_CA = """statedir = {ca}
signingkey = {ca}/signkey.pem
issuercert = {ca}/issuercert.pem
certserial = {ca}/certserial
"""
OPTIONS = """--platform-manufacturer mote
--platform-version 1
--platform-model QEMU
"""
SETUP = """create_certs_tool = {tool}
create_certs_tool_config = {conf}/localca.conf
create_certs_tool_options = {conf}/localca.options
"""


class TpmError(Exception):
    """A TPM can't be made, or does not run."""


def find(program):
    found = shutil.which(program)
    if not found:
        raise TpmError(f"{program} not found: qemu/setup installs swtpm and swtpm-tools")
    return found


def last_line(text):
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def manufacture(directory, name, conf):
    """Makes all that a TPM's directory has. In conf is what the programs are told."""
    state, ca = directory / STATE, directory / "ca"
    for fresh in (directory, state, ca, conf):
        fresh.mkdir(0o700)
    (conf / "localca.conf").write_text(LOCAL_CA.format(ca=ca))
    (conf / "localca.options").write_text(OPTIONS)
    (conf / "setup.conf").write_text(SETUP.format(conf=conf, tool=find("swtpm_localca")))
    command = [find("swtpm_setup"), "--tpm2", "--tpmstate", state, "--config", conf / "setup.conf",
               "--create-ek-cert", "--create-platform-cert", "--lock-nvram", "--vmid", name,
               "--pcr-banks", "sha256"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode:
        raise TpmError(f"swtpm_setup ended with {done.returncode}: {last_line(done.stdout)}")
    (directory / CA).write_bytes((ca / "swtpm-localca-rootca-cert.pem").read_bytes() +
                                 (ca / "issuercert.pem").read_bytes())


def make(directory, name="mote"):
    """A TPM 2.0 that has just left the factory: directory gets STATE, CA and, in ca, the CA itself.
    It appears whole or not at all; one that somebody else makes meanwhile is as good."""
    directory = pathlib.Path(os.path.abspath(directory))
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = pathlib.Path(tempfile.mkdtemp(prefix=".tpm-", dir=directory.parent))
    except OSError as error:
        raise TpmError(f"cannot make {directory}: {error.strerror}") from error
    try:
        manufacture(draft / "tpm", name, draft / "conf")
        (draft / "tpm").rename(directory)
    except OSError as error:
        if not (directory / STATE).is_dir():
            raise TpmError(f"cannot make {directory}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def directory_of(name):
    """Of the TPM that is kept by this name; there may be none yet."""
    home = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return pathlib.Path(home) / "mote" / "tpm" / name


class Swtpm:
    """swtpm over a state, for QEMU, or, with serve, for whoever connects to socket: one at a time,
    and the TPM is started already as by a firmware unless flags are others. Its sockets are in
    directory, whose name must be short. A context manager; or start(), wait() and stop(), for who
    must not be interrupted between them.
    """

    def __init__(self, state, directory, serve=False, flags="not-need-init,startup-clear"):
        # swtpm wants whole names: it may look at them from elsewhere.
        self.state = pathlib.Path(os.path.abspath(state))
        directory = pathlib.Path(os.path.abspath(directory))
        self.socket, self.control = directory / SOCKET, directory / CONTROL
        self.log = directory / LOG
        self.serve, self.flags, self.process = serve, flags, None

    def command(self):
        line = [find("swtpm"), "socket", "--tpm2", "--tpmstate", f"dir={self.state}",
                "--ctrl", f"type=unixio,path={self.control}"]
        if self.serve:
            return line + ["--server", f"type=unixio,path={self.socket}",
                           "--flags", self.flags]
        return line + ["--terminate"]  # with QEMU, should that be all that is left to end it

    def start(self):
        if not self.state.is_dir():
            raise TpmError(f"no TPM in {self.state}")
        self._check_unused()
        with open(self.log, "wb") as log:
            try:  # in its own group: Ctrl-C is for us, not for it
                self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, process_group=0)
            except OSError as error:
                raise TpmError(f"cannot start swtpm: {error.strerror}") from error

    def _check_unused(self):
        """swtpm would find out only when it is used, and QEMU does not tell why it fails."""
        with open(self.state / ".lock", "a", encoding="ascii") as lock:
            try:
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise TpmError(f"the TPM in {self.state} is in use by another run") from error

    def wait(self, timeout=60):
        """Until it listens."""
        deadline = time.monotonic() + timeout
        awaited = self.socket if self.serve else self.control
        while not awaited.exists():
            self.check()
            if time.monotonic() > deadline:
                raise TpmError(f"swtpm does not listen after {timeout} s")
            time.sleep(LOOK_SECONDS)

    def check(self):
        """An exception when it has ended."""
        code = self.process.poll()
        if code is not None:
            raise TpmError(f"swtpm ended (rc {code}): {self.complaint()}")

    def complaint(self):
        """The last line that it has said."""
        return last_line(self.log.read_text(errors="replace"))

    def stop(self):
        if not self.process:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        try:
            self.start()
            self.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exception):
        self.stop()
