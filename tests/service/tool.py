# SPDX-License-Identifier: MIT
"""mote as a tool that somebody in the guest runs, for its tests; the host is at unix sockets. It
tests nothing itself.
"""

import os
import pathlib
import subprocess

from helpers import PATIENCE
from scripted import Host
from service import PROGRAMS

FAILED, USAGE, TIMED_OUT = 1, 2, 124  # exit codes


class Tool:
    """mote as a program of somebody's, whose host is at a place of its own."""

    def __init__(self, program, directory):
        self.program, self.directory = program, pathlib.Path(directory)
        self.place = self.directory / "host"
        self.guest = self.directory / "vsock_guest"
        self.guest.symlink_to(PROGRAMS[program])
        self.environment = {**os.environ, "MOTE_HOST": f"unix:{self.place}"}

    def host(self, serve, port=19090):
        """A host that says what it is given to say, by default in the place of a HostOS."""
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
