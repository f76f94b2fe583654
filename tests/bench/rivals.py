# SPDX-License-Identifier: MIT
"""The guests that are measured: mote, a minimal Linux, and Debian's. All get the same memory, the
same QEMU, the same host's end of the device and the same client; each boots the way it boots best.
"""

import pathlib
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "qemu"), str(ROOT / "tests" / "linux")]

# pylint: disable=wrong-import-position
from guest import BUILD, Guest  # noqa: E402
from linux_guest import host_khz  # noqa: E402
from serving_linux import ServingLinux  # noqa: E402

MOTE = BUILD / "bench" / "mote.elf"
# By PVH: its bzImage takes half as long again.
TINY = BUILD / "tiny-linux" / "vmlinux"
# A clock that is not watched makes no idle work. Without ACPI q35 needs a third less to boot, and
# the interrupts of its device are the same.
TINY_APPEND = {"microvm": "tsc=reliable", "q35": "tsc=reliable acpi=off"}
MEMORY = "256M"


class Started:
    """What knows when its QEMU was started."""

    prepare = None  # called just before, with the guest
    started_ns = 0

    def command(self, directory):
        line = super().command(directory)
        if self.prepare:
            self.prepare(self)
        self.started_ns = time.monotonic_ns()
        return line


class StartedGuest(Started, Guest):
    pass


class StartedLinux(Started, ServingLinux):
    pass


def mote(machine, **options):
    return StartedGuest(MOTE, machine=machine, **{"memory": MEMORY, **options})


def linux(machine, *, append="", **options):
    return StartedLinux(machine=machine, append=f"tsc_early_khz={host_khz()} {append}".rstrip(),
                        **{"memory": MEMORY, **options})


def tiny(machine, **options):
    return linux(machine, image=TINY, modules=None, append=TINY_APPEND[machine], **options)


RIVALS = {"mote": mote, "minimal Linux": tiny, "Debian": linux}
