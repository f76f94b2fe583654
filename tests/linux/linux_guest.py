# SPDX-License-Identifier: MIT
"""A Linux guest: a kernel, an initramfs with one program in it (guest.c, unless told otherwise),
and everything else as for any guest. The kernel is Debian's unless it is given another.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD, Guest  # noqa: E402 pylint: disable=wrong-import-position

import initramfs  # noqa: E402 pylint: disable=wrong-import-position,wrong-import-order

LINUX = BUILD / "linux"  # what `qemu/setup linux` and make put there
KERNEL, PROGRAM = LINUX / "vmlinuz", LINUX / "guest"
# TCG's clock can't be measured as Linux does it: without a frequency one boot in ten hangs.
COMMAND_LINE = "console=ttyS0 quiet panic=-1 tsc_early_khz=1000000"
BUS_MODULES = {
    "q35": ["virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci"],
    "microvm": ["virtio_mmio"],
}
VSOCK_MODULES = ["vsock", "vmw_vsock_virtio_transport_common", "vmw_vsock_virtio_transport"]


def debian_modules(machine, *more):
    """Paths of the modules that Debian's kernel needs for vsock, and of more, in their order."""
    names = ["virtio_ring", "virtio", *BUS_MODULES[machine], *VSOCK_MODULES, *more]
    return [LINUX / "modules" / f"{name}.ko" for name in names]


class LinuxGuest(Guest):
    """On q35, or on microvm with ACPI: without that Debian's kernel finds no virtio device.
    modules: paths of what the kernel needs, None for Debian's; files: as for initramfs.build()."""

    ready = "linux: ready"

    def __init__(self, image=KERNEL, *, machine="microvm", program=PROGRAM, modules=None,
                 files=None, append="", **options):
        options = {"acpi": machine == "microvm", "memory": "256M", "debug_exit": False, **options}
        super().__init__(image, machine=machine, append=f"{COMMAND_LINE} {append}".rstrip(),
                         **options)
        self.contents = (program, debian_modules(machine) if modules is None else modules, files)

    def command(self, directory):
        self.initrd = pathlib.Path(directory) / "initramfs"
        initramfs.build(self.initrd, *self.contents)
        return super().command(directory)

    def status(self):
        """QEMU's: 0 when the guest powered itself off."""
        return self.returncode
