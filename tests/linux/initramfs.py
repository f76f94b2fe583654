# SPDX-License-Identifier: MIT
"""Writes initramfs images for Linux guests: uncompressed cpio archives in the format "newc"
(Linux, Documentation/driver-api/early-userspace/buffer-format), which every kernel takes.
"""

import pathlib
import stat


def pad(data):
    return data + bytes(-len(data) % 4)


def entry(number, name, mode, data=b""):
    """One file of an archive: a header of hexadecimal numbers, its name, its bytes."""
    path = name.encode() + b"\0"
    fields = [number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0]
    return pad(b"070701" + b"".join(b"%08X" % field for field in fields) + path) + pad(data)


def archive(files):
    """files: what is at each path, as bytes, or as the path of a file to take it from."""
    modes = {}
    for name in files:
        parents = [str(parent) for parent in pathlib.PurePath(name).parents][-2::-1]
        modes.update(dict.fromkeys(parents, stat.S_IFDIR | 0o755))
        modes[name] = stat.S_IFREG | 0o755
    for number, (name, mode) in enumerate(modes.items(), start=1):
        content = files.get(name, b"")
        data = content if isinstance(content, bytes) else pathlib.Path(content).read_bytes()
        yield entry(number, name, mode, data)
    yield entry(0, "TRAILER!!!", 0)


def build(output, program, modules=(), files=None):
    """Writes an image to output: program as /init, kernel modules (paths of .ko files) with the
    list /modules that tells their order, and more files as archive() has them."""
    names = {f"lib/{pathlib.Path(module).name}": module for module in modules}
    if names:
        names["modules"] = "".join(f"/{name}\n" for name in names).encode()
    with open(output, "wb") as file:
        file.writelines(archive({"init": program, **names, **(files or {})}))
