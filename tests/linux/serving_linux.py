# SPDX-License-Identifier: MIT
"""A Linux guest with one small program (guest.c, unless told otherwise) in the place of mote, and
with the modules for its one device alone. The kernel is Debian's unless it is given another.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD  # noqa: E402 pylint: disable=wrong-import-position
from linux_guest import LinuxGuest  # noqa: E402 pylint: disable=wrong-import-position

LINUX = BUILD / "linux"  # what `qemu/setup linux` and make put there
KERNEL, PROGRAM = LINUX / "vmlinuz", LINUX / "guest"
BUS_MODULES = {"q35": "virtio_pci", "microvm": "virtio_mmio"}


class ServingLinux(LinuxGuest):
    """modules: more names; None when the kernel has all built in."""

    ready = "linux: ready"

    def __init__(self, image=KERNEL, *, machine="microvm", program=PROGRAM, modules=(), **options):
        names = [] if modules is None else \
            [BUS_MODULES[machine], "vmw_vsock_virtio_transport", *modules]
        super().__init__(image, machine=machine, program=program, names=names, busybox=False,
                         debug_exit=False, **options)

    def status(self):
        """QEMU's: 0 when the guest powered itself off."""
        return self.returncode
