# SPDX-License-Identifier: MIT
"""mote as the guest agent of a Bandsox host, as that has it: the first process of a Linux whose
console is the serial line. The kernel may write there; mote's log may not.
"""

import contextlib
import json
import socket

import pytest

from bandsox import Bandsox
from bandsox_line import READY, Line, output
from inside import TIMEOUT
from linux_guest import LinuxGuest

PORT = {"vsock_port": 9000}
OK = ("exit", {"exit_code": 0})


class BandsoxGuest(LinuxGuest):
    """The first serial port is a socket of the test."""

    def __init__(self, image, listener, **options):
        super().__init__(image, vsock="vsockd", timeout=TIMEOUT, **options)
        self.listener = listener

    def command(self, directory):
        line = super().command(directory)
        path, at = f"{directory}/serial", line.index("-serial")
        self.listener.bind(path)
        self.listener.listen()
        return [*line[:at], "-chardev", f"socket,id=line,path={path}", "-serial", "chardev:line",
                *line[at + 2:]]


@contextlib.contextmanager
def serving(image, machine, name):
    """A guest that has said `ready`, its line, and what came on that before."""
    with socket.socket(socket.AF_UNIX) as listener, \
            BandsoxGuest(image, listener, machine=machine,
                         append=f"mote.bandsox={name} mote.unknown=1") as guest:
        listener.settimeout(TIMEOUT)
        transport, _ = listener.accept()
        with transport:
            line = Line(transport, TIMEOUT)
            before = []
            while not before or not before[-1].endswith(READY):
                before.append(line.read_line())
            yield guest, line, before


@pytest.mark.parametrize("machine,name", [("q35", "ttyS0"), ("microvm", "/dev/ttyS0"),
                                          ("q35", "console")])
def test_agent_of_a_bandsox_host(cloud, machine, name):
    with serving(cloud, machine, name) as (guest, line, before):
        assert not [said for said in before if b"mote" in said]
        assert line.ask("write_text", path="/tmp/x/f", content="hi\n", append=False) == [OK]
        assert output(line.ask("exec", command="cat /tmp/x/f; id -u; tty")) == \
            b"hi\n0\nnot a tty\n"
        assert line.ask("pty_exec", command="tty; stty size", cols=80, rows=24)[0] == \
            ("status", {"status": "started"})
        log = output(line.ask("exec", command="dmesg | grep mote:")).decode()
        assert "mote: ready: all subsystems started" in log
        assert "mote: mote.unknown on the command line: no such option" in log
        with Bandsox(f"{guest.uds}_9000") as host:
            check_transfers(line, host)
        assert line.data == b""
        guest.raw(b'{"type":"shutdown"}\n')
        guest.wait_for(lambda: guest.returncode is not None, "an end")
        assert b"mote" not in line.read_to_end() and b"EXIT" not in line.data


def check_transfers(line, host):
    host.buffers.update({"x:stdout": 1 << 20, "x:stderr": 0, "up": 9, "list": 9999})
    (kind, payload), = line.ask("exec", id="x", command="seq 9000", use_vsock_output=True, **PORT)
    assert (kind, payload["exit_code"]) == ("exit", 0)
    assert payload["vsock_output"]["stdout_uploaded"] and payload["vsock_output"]["stderr_uploaded"]
    assert host.received["x:stdout"] == b"".join(b"%d\n" % i for i in range(1, 9001))
    host.downloads["down"] = bytes(1 << 20)
    assert line.ask("write_file_vsock", id="down", path="/tmp/y/f", append=False, **PORT) == [OK]
    assert output(line.ask("exec", command="wc -c < /tmp/y/f")) == b"%d\n" % (1 << 20)
    assert line.ask("read_file", id="up", path="/tmp/x/f", use_vsock=True, **PORT)[-1] == OK
    assert host.received["up"] == b"hi\n"
    assert line.ask("list_dir", id="list", path="/tmp", use_vsock=True, **PORT)[-1] == OK
    assert [file["name"] for file in json.loads(host.received["list"])["files"]
            if file["name"] in "xy"]
