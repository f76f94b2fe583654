# SPDX-License-Identifier: MIT
"""What the plugin counts (plugin.c): how QEMU is told to count, and the file that it counts in."""

import collections
import mmap
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "qemu"))

from guest import BUILD  # noqa: E402 pylint: disable=wrong-import-position

PLUGIN = BUILD / "bench" / "count.so"
HEAD, BLOCK = struct.Struct("QQQ"), struct.Struct("QQQ")


def arguments(file, io=False):
    """What QEMU needs to count in file; io: the notifications, too."""
    return ["-plugin", f"{PLUGIN},counts={file}{',io=on' if io else ''}"]


class Counts:
    """The counts of a guest that runs; they may be read at any time."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)

    @property
    def instructions(self):
        return HEAD.unpack_from(self.memory)[0]

    @property
    def notifications(self):
        return HEAD.unpack_from(self.memory)[1]

    def blocks(self):
        """Instructions executed so far, by the address of their translation block."""
        found = collections.Counter()
        for vaddr, instructions, executions in BLOCK.iter_unpack(self.memory[HEAD.size:]):
            if executions:
                found[vaddr] += instructions * executions
        return found
