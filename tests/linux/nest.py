# SPDX-License-Identifier: MIT
"""A Linux that runs guests itself, on the kernel's vhost-vsock, under QEMU without KVM: what
nest.c is asked for over its one port, from here. In its initramfs are this machine's QEMU with
the libraries and firmware that it opens, at the same paths.
"""

import pathlib
import re
import shutil
import socket
import subprocess

from linux_guest import KERNEL, LINUX, LinuxGuest, debian_modules

PROGRAM = LINUX / "nest"
PORT = 7100
QEMU = shutil.which("qemu-system-x86_64")
FIRMWARE = ["bios-256k.bin", "qboot.rom", "pvh.bin", "kvmvapic.bin", "linuxboot_dma.bin"]


def libraries(program):
    """The shared libraries of a program, its loader included."""
    listing = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", listing)


def qemu_files():
    """QEMU and all that it opens to run a guest under TCG."""
    told = subprocess.run([QEMU, "-L", "help"], capture_output=True, text=True, check=True).stdout
    firmware = [pathlib.Path(place).resolve() / name for place in told.splitlines()
                for name in FIRMWARE]
    near = {pathlib.Path(library).resolve().parent for library in libraries(QEMU)}
    modules = [module for place in near for module in place.glob("qemu/accel-tcg-*.so")]
    return [QEMU, *libraries(QEMU), *filter(pathlib.Path.is_file, firmware), *modules]


class Nest(LinuxGuest):
    """Debian's Linux with QEMU and more files ({path in it: path here}), and vhost-vsock."""

    def __init__(self, files, **options):
        modules = debian_modules("q35", "vhost_iotlb", "vhost", "vhost_vsock")
        paths = {str(path).lstrip("/"): path for path in qemu_files()}
        super().__init__(KERNEL, machine="q35", memory="1G", program=PROGRAM, modules=modules,
                         files={**paths, **files}, **options)

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
