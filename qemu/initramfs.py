# SPDX-License-Identifier: MIT
"""What is in the initramfs of a Linux guest: one program as /init, the kernel's modules in the
order that /lib/mote/modules tells, files of this machine with the libraries that they need, a
static busybox when there is one, and what programs expect of any system.
"""

import os
import pathlib
import re
import shutil
import stat
import subprocess

import kernel
from cpio import Archive

# agent/workload_config.h: of one workload, options included; each word with its NUL.
WORKLOAD_WORDS_MAX, WORKLOAD_TEXT_MAX = 128, 8192
MODULE_LIST = "/lib/mote/modules"
WORKLOADS = "/etc/mote/workloads"
TOOLS = ["bin/mote", "bin/vsock_guest"]  # what mote is for who calls it by these names
# In this order: the bus and vsock come first, so that the guest can be reached early.
MODULES = ["virtio_pci", "virtio_mmio", "vmw_vsock_virtio_transport", "virtio_rng",
           "virtio_console", "virtiofs", "9pnet_virtio", "9p"]
DIRECTORIES = {".": 0o755, "dev": 0o755, "proc": 0o555, "sys": 0o555, "run": 0o755, "tmp": 0o1777,
               "etc/mote": 0o755, "root": 0o700, "mnt": 0o755, "home/admin": 0o755,
               "home/agent": 0o755}
# admin gets the key of every StereOS host, and agent is given what it mounts.
FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nadmin:x:1000:1000::/home/admin:/bin/sh\n"
                  b"agent:x:1001:1001::/home/agent:/bin/sh\n"
                  b"nobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": b"root:x:0:\nadmin:x:1000:\nagent:x:1001:\nnogroup:x:65534:\n",
}


class InitramfsError(Exception):
    """What was asked for can't be put into an initramfs."""


def quote(word):
    """A word as POSIX sh and /etc/mote/workloads read it; any character may be in it."""
    return "'" + word.replace("'", "'\\''") + "'"


def workload(words, name="run"):
    """The line of /etc/mote/workloads that runs a command in the foreground: its output goes to
    the console, and its end is the guest's."""
    options = [f"name={name}", "exit=yes", "output=console", "--"]
    count = len(options) + len(words)
    size = sum(len(os.fsencode(word)) + 1 for word in [*options, *words])
    if count > WORKLOAD_WORDS_MAX:
        raise InitramfsError(f"the command has {count} words, with {len(options)} of ours: "
                             f"mote takes {WORKLOAD_WORDS_MAX} (WORKLOAD_WORDS_MAX)")
    if size > WORKLOAD_TEXT_MAX:
        raise InitramfsError(f"the command has {size} bytes, with ours: "
                             f"mote takes {WORKLOAD_TEXT_MAX} (WORKLOAD_TEXT_MAX)")
    return os.fsencode(f"{' '.join(options)} {' '.join(map(quote, words))}\n")


def libraries(program):
    """The shared libraries of a program, its loader included; none for what is no such program."""
    with open(program, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    lost = re.search(r"(\S+) => not found", told)
    if lost:
        raise InitramfsError(f"{program} needs {lost[1]}, which is not on this machine")
    return re.findall(r"(/\S+) \(0x", told)


def split_place(spec):
    """HOST[:GUEST]: where a file is, and where it is to be in the guest. Without GUEST it has the
    path that it was named with, seen from the root."""
    host, colon, guest = spec.rpartition(":")
    if colon and guest.startswith("/"):
        return pathlib.Path(host), guest
    path = pathlib.Path(spec)
    if ".." in path.parts:
        raise InitramfsError(f"{spec}: say where it is to be, as {spec}:/PATH")
    return path, str(path)


class Initramfs:
    """To be filled with add...(), then written. notes: what the user should know; missing: the
    modules that were wanted and that the kernel does not have."""

    def __init__(self, program):
        """program: what the kernel starts, a static one. One that is called mote is a tool, too."""
        self.archive, self.notes, self.missing = Archive(), [], []
        for path, mode in DIRECTORIES.items():
            self.archive.directory(path, mode)
        for path, data in FILES.items():
            self.archive.file(path, data)
        # There is to be a console also before, or without, devtmpfs.
        self.archive.device("dev/console", 5, 1)
        self.archive.device("dev/null", 1, 3, 0o666)
        self.archive.file("init", pathlib.Path(program).read_bytes(), 0o755)
        for place in TOOLS if pathlib.Path(program).name == "mote" else []:
            self.archive.link(place, "/init")

    def add_modules(self, folder, names=MODULES, required=()):
        """Modules of a folder, with what they need; it is an error not to have the required."""
        modules = kernel.Modules(folder)
        above = f"/lib/modules/{modules.folder.resolve().name}"
        paths, missing = modules.in_order([*names, *required])
        lost = sorted({kernel.plain_name(name) for name in required} & set(missing))
        if lost:
            raise InitramfsError(f"no module {', '.join(lost)} in {folder}")
        listed = []
        for path in paths:
            place = re.sub(r"\.ko\.\w+$", ".ko", f"{above}/{path}")
            self.archive.file(place, kernel.read_module(modules.folder / path))
            listed.append(f"{place}\n")
        self.archive.file(MODULE_LIST, "".join(listed).encode())
        self.missing += missing

    def add_modules_for(self, image, folder=None, names=MODULES, required=()):
        """The same for a kernel image, from the folder that it has by default. One without has all
        built in, or does without."""
        found = kernel.find_modules(image, folder)
        if found is None:
            self.missing += [*names, *required]
            return
        self.add_modules(found, names, required)
        self._check_fit(image, found)

    def _check_fit(self, image, folder):
        """A kernel refuses what was made for another one."""
        modules = (entry.data for path, entry in self.archive.entries.items()
                   if path.endswith(".ko"))
        ours, theirs = kernel.version(image), kernel.made_for(next(modules, b""))
        if ours and theirs and ours != theirs:
            self.notes.append(f"{image} is {ours}, but the modules in {folder} are for {theirs}: "
                              "it will refuse them")

    def add(self, spec):
        """A file or directory of this machine, as HOST[:GUEST] tells."""
        host, guest = split_place(spec)
        try:
            self.add_path(host, guest)
        except OSError as error:
            raise InitramfsError(f"cannot add {host}: {error.strerror}") from error

    def add_path(self, host, guest):
        """Modes stay as they are, and so do symbolic links in a directory; one that is named
        itself is followed."""
        mode = stat.S_IMODE(host.stat().st_mode)
        if host.is_dir():
            self.archive.directory(guest, mode)
            for child in sorted(host.iterdir()):
                self._add_child(child, f"{guest}/{child.name}")
        elif host.is_file():
            self.archive.file(guest, host.read_bytes(), mode)
            self._add_libraries(host)
        else:
            raise InitramfsError(f"{host} is neither a file nor a directory")

    def _add_child(self, host, guest):
        if host.is_symlink():
            self.archive.link(guest, host.readlink())
        else:
            self.add_path(host, guest)

    def _add_libraries(self, program):
        for library in libraries(program):
            if library not in self.archive:
                self.archive.file(library, pathlib.Path(library).read_bytes(), 0o755)

    def add_busybox(self):
        """This machine's, if it has a static one, with its applets where nothing else is."""
        program = shutil.which("busybox")
        if program is None or libraries(program):
            self.notes.append(f"{'busybox is not static' if program else 'no busybox'} on this "
                              "machine: no shell in the guest, unless one is added")
            return
        self.archive.file("bin/busybox", pathlib.Path(program).read_bytes(), 0o755)
        told = subprocess.run([program, "--list-full"], capture_output=True, text=True, check=True)
        for applet in told.stdout.split():
            if "/" in applet:  # in /usr, and without it, as systems differ
                for place in {applet, applet.removeprefix("usr/")}:
                    self._add_applet(place)

    def _add_applet(self, place):
        if place not in self.archive:
            self.archive.link(place, "/bin/busybox")

    def add_workloads(self, lines):
        """Of /etc/mote/workloads, as bytes."""
        self.archive.file(WORKLOADS, lines)

    def write(self, output):
        self.archive.write(output)
