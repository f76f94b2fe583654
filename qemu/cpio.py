# SPDX-License-Identifier: MIT
"""Writes cpio archives in the format "newc" (Linux, Documentation/driver-api/early-userspace/
buffer-format), uncompressed, which every kernel takes. Nothing of the machine that writes gets
into one: everything belongs to root, has no date, is sorted by its path and numbered so.
"""

import os
import pathlib
import stat
from typing import NamedTuple

SIZE_MAX = 2**32 - 1


class ArchiveError(Exception):
    """What was put into the archive can't be there."""


class Entry(NamedTuple):
    mode: int
    data: bytes = b""
    major: int = 0
    minor: int = 0


def pad(data):
    return data + bytes(-len(data) % 4)


def encode(number, path, entry):
    """One entry as it stands in the archive: hexadecimal numbers, the path, the bytes."""
    name = os.fsencode(path) + b"\0"
    fields = [number, entry.mode, 0, 0, 1, 0, len(entry.data), 0, 0, entry.major, entry.minor,
              len(name), 0]
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return pad(header + name) + pad(entry.data)


class Archive:
    """Paths may begin with /; the directories above are made. The last put at a path stays."""

    def __init__(self):
        self.entries = {}

    def _put(self, path, entry):
        path = str(path).strip("/")
        if len(entry.data) > SIZE_MAX:
            raise ArchiveError(f"{path} is longer than an archive can tell")
        for parent in list(pathlib.PurePosixPath(path).parents)[:-1]:
            self.entries.setdefault(str(parent), Entry(stat.S_IFDIR | 0o755))
        self.entries[path] = entry

    def directory(self, path, mode=0o755):
        self._put(path, Entry(stat.S_IFDIR | mode))

    def file(self, path, data, mode=0o644):
        self._put(path, Entry(stat.S_IFREG | mode, data))

    def link(self, path, target):
        self._put(path, Entry(stat.S_IFLNK | 0o777, os.fsencode(target)))

    def device(self, path, major, minor, mode=0o600):
        """A character device."""
        self._put(path, Entry(stat.S_IFCHR | mode, b"", major, minor))

    def __contains__(self, path):
        return str(path).strip("/") in self.entries

    def _check_parents(self, path):
        for parent in list(pathlib.PurePosixPath(path).parents)[:-1]:
            if not stat.S_ISDIR(self.entries[str(parent)].mode):
                raise ArchiveError(f"/{path} can't be: /{parent} is no directory there")

    def write(self, output):
        with open(output, "wb") as file:
            for number, path in enumerate(sorted(self.entries, key=os.fsencode), start=1):
                self._check_parents(path)
                file.write(encode(number, path, self.entries[path]))
            file.write(encode(0, "TRAILER!!!", Entry(0)))
