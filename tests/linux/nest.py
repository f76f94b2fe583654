# SPDX-License-Identifier: MIT
"""A Linux that runs guests itself, on the kernel's vhost-vsock, under QEMU without KVM: what
nest.c is asked for over its one port, from here. In its initramfs are this machine's QEMU with
the libraries and firmware that it opens, at the same paths.
"""

import pathlib
import shutil
import socket
import subprocess

from initramfs import libraries
from serving_linux import LINUX, ServingLinux

PROGRAM = LINUX / "nest"
PORT = 7100
QEMU = shutil.which("qemu-system-x86_64")
FIRMWARE = ["bios-256k.bin", "qboot.rom", "pvh.bin", "kvmvapic.bin", "linuxboot_dma.bin"]


def qemu_files():
    """QEMU and all that it opens to run a guest under TCG; its libraries come along."""
    told = subprocess.run([QEMU, "-L", "help"], capture_output=True, text=True, check=True).stdout
    firmware = [pathlib.Path(place).resolve() / name for place in told.splitlines()
                for name in FIRMWARE]
    near = {pathlib.Path(library).resolve().parent for library in libraries(QEMU)}
    modules = [module for place in near for module in place.glob("qemu/accel-tcg-*.so")]
    return [QEMU, *filter(pathlib.Path.is_file, firmware), *modules]


class Nest(ServingLinux):
    """Debian's Linux with QEMU and more files (HOST:GUEST), and vhost-vsock."""

    def __init__(self, files, **options):
        super().__init__(machine="q35", memory="1G", program=PROGRAM, modules=["vhost_vsock"],
                         add=[*map(str, qemu_files()), *files], **options)

    def ask(self, *words):
        """A connection that nest.c has been told what to make of."""
        connection = self.connect(PORT)
        connection.sendall("\t".join(map(str, words)).encode() + b"\n")
        return connection

    def open(self, *words):
        """The same; ConnectionRefusedError when nothing came of it."""
        connection = self.ask(*words)
        if connection.recv(3, socket.MSG_WAITALL) != b"OK\n":
            connection.close()
            raise ConnectionRefusedError(f"no {' '.join(map(str, words))} there")
        return connection
