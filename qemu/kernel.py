# SPDX-License-Identifier: MIT
"""What a Linux kernel image tells of itself, and where and in which order its modules are: in a
folder laid out as /lib/modules/VERSION, which depmod has written its modules.dep into.
"""

import gzip
import lzma
import pathlib
import re
import subprocess

# Of the boot protocol (Linux, Documentation/x86/boot.rst).
MAGIC_AT, MAGIC, VERSION_AT, SETUP_AT = 0x202, b"HdrS", 0x20e, 0x200


class KernelError(Exception):
    """The kernel, or one of its modules, is not what it has to be."""


def version(image):
    """The version of a bzImage as uname has it; None for other kernels, which do not tell."""
    with open(image, "rb") as file:
        start = file.read(0x10000)
    if start[MAGIC_AT:MAGIC_AT + len(MAGIC)] != MAGIC:
        return None
    at = SETUP_AT + int.from_bytes(start[VERSION_AT:VERSION_AT + 2], "little")
    words = start[at:].partition(b"\0")[0].split()
    return words[0].decode("ascii", "replace") if at > SETUP_AT and words else None


def is_folder(path):
    return (path / "modules.dep").is_file() or (path / "modules.builtin").is_file()


def find_modules(image, given=None):
    """The folder of the kernel's modules: the given one, or one in or around it that has the
    kernel's version; else what lies beside the image, or where a system has them (its /boot and
    /lib/modules). None when there is none and none was asked for."""
    name = version(image) or "unknown"
    image = pathlib.Path(image)
    if given is not None:
        given = pathlib.Path(given)
        places = [given, given / name, given / "lib" / "modules" / name]
    else:
        places = [image.parent / "modules", image.parent / "lib" / "modules" / name,
                  image.parent.parent / "lib" / "modules" / name]
    found = next(filter(is_folder, places), None)
    if found is None and given is not None:
        raise KernelError(f"no modules.dep in {', '.join(map(str, places))}; "
                          "depmod makes it")
    return found


def plain_name(path):
    """Of a module, as lsmod has it: neither directory nor suffix, and every - is a _."""
    return re.sub(r"\.ko(\.\w+)?$", "", str(path).rpartition("/")[2]).replace("-", "_")


def read_module(path):
    """Its bytes as the kernel takes them, which may not know how to decompress."""
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], stdout=subprocess.PIPE, check=True).stdout
    data = path.read_bytes()
    decompress = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix)
    return decompress(data) if decompress else data


def made_for(module):
    """The version of the kernel that a module was made for; None when it does not tell."""
    found = re.search(rb"\0vermagic=([^ \0]+)", module)
    return found[1].decode("ascii", "replace") if found else None


class Modules:
    """The modules of one folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.needs = {}  # paths as in modules.dep
        for line in self._lines("modules.dep"):
            path, _, needs = line.partition(":")
            self.needs[path] = needs.split()
        self.paths = {plain_name(path): path for path in self.needs}
        self.built_in = {plain_name(path) for path in self._lines("modules.builtin")}

    def _lines(self, name):
        file = self.folder / name
        return file.read_text().splitlines() if file.is_file() else []

    def in_order(self, names):
        """Paths in the folder of the named modules and of all that they need, each behind what it
        needs itself; and the names that the kernel does not have, neither so nor built in."""
        wanted = [plain_name(name) for name in names]
        order = {}
        for name in wanted:
            if name in self.paths:
                self._visit(self.paths[name], order)
        missing = [name for name in wanted if name not in self.paths and name not in self.built_in]
        return list(order), missing

    def _visit(self, path, order, above=()):
        if path in order or path in above:
            return
        for need in reversed(self.needs.get(path, [])):  # what is to be first stands last there
            self._visit(need, order, (*above, path))
        order[path] = None
