# SPDX-License-Identifier: MIT
"""A guest that one can look into: mote as the first process of a real kernel, and a shell as its
workload, which runs what tests give it over a serial port of its own. What mote does is seen by
other eyes than mote's.
"""

import contextlib
import pathlib
import select
import socket

from helpers import ROOT  # also finds what is in qemu/
from linux_guest import LinuxGuest

HERE = pathlib.Path(__file__).resolve().parent
PASSWD = f"{HERE}/guest/passwd:/etc/passwd"
SHELL = "name=inside output=ring -- /bin/sh /tests/inside.sh\n"
SECRETS = "/run/stereos/secrets"

# The kernel's fixture and the machine.
ROWS = {f"{kernel}-{machine}": (kernel, machine)
        for kernel in ("cloud", "standard") for machine in ("q35", "microvm")}

TIMEOUT = 180  # seconds, for a boot that takes a few and for whatever else takes time


class InsideGuest(LinuxGuest):
    """workloads: more lines of /etc/mote/workloads. change(QEMU's command line, the guest's
    directory) -> the one to use."""

    def __init__(self, image, *, workloads="", add=(), change=None, **options):
        super().__init__(image, workloads=(SHELL + workloads).encode(),
                         add=[f"{HERE}/guest/inside.sh:/tests/inside.sh", *add],
                         **{"vsock": "vsockd", "timeout": TIMEOUT, **options})
        self.change = change
        self._listener = self._port = self._answers = None

    def _prepare(self):
        super()._prepare()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.settimeout(self.timeout)
        self._listener.bind(str(self.directory / "inside.sock"))
        self._listener.listen()

    def command(self, directory):
        bus = "device" if self.machine == "microvm" else "pci"
        line = super().command(directory) + [
            "-chardev", f"socket,id=inside,path={directory}/inside.sock",
            "-device", f"virtio-serial-{bus}", "-device", "virtserialport,chardev=inside",
            "-monitor", f"unix:{directory}/monitor.sock,server=on,wait=off"]
        return self.change(line, directory) if self.change else line

    def close(self):
        super().close()
        for file in (self._answers, self._port, self._listener):
            if file:
                file.close()

    def wait_inside(self):
        """Until scripts can be run."""
        self._port, _ = self._listener.accept()
        self._port.settimeout(self.timeout)
        self._answers = self._port.makefile("rb")
        assert self._answers.readline() == b"up\n"

    def begin(self, script):
        """Runs a script, which end() waits for."""
        data = script.encode()
        self._port.sendall(b"%d\n" % len(data) + data)

    def has_answer(self):
        """Whether the script has ended."""
        return bool(select.select([self._port], [], [], 0)[0])

    def end(self):
        """The status of the script, and what it said."""
        status, size = self._answers.readline().split()
        return int(status), self._answers.read(int(size)).decode()

    def run(self, script):
        self.begin(script)
        return self.end()

    def look(self, script):
        """What a script says that must not fail."""
        status, said = self.run(script)
        assert status == 0, said
        return said

    def monitor(self, command):
        """Has QEMU do something."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(self.timeout)
            connection.connect(str(self.directory / "monitor.sock"))
            connection.sendall(f"{command}\n".encode())
            answer = b""
            while answer.count(b"(qemu)") < 2:
                answer += connection.recv(4096)

    def servers(self):
        """The process ids of the shares' servers."""
        return [server.process.pid for server in self._servers]

    def health(self):
        return self.request({"type": "get_health"})["payload"]

    def programs(self):
        """What mote tells of its workloads, by their names."""
        told = self.request({"type": "workloads"})["payload"]["workloads"]
        return {workload["name"]: workload for workload in told}


@contextlib.contextmanager
def boot(image, **options):
    """A guest that is ready for requests and for scripts."""
    with InsideGuest(image, **options) as guest:
        guest.wait_ready()
        guest.wait_inside()
        yield guest


def error_of(guest, kind, **payload):
    """What is answered to a message that can't be done; None when it was done."""
    answer = guest.request({"type": kind, "payload": payload})
    assert answer["type"] == "ack" and answer["payload"]["reply_to"] == kind, answer
    assert answer["payload"]["ok"] == ("error" not in answer["payload"])
    return answer["payload"].get("error")
