# SPDX-License-Identifier: MIT
"""A Linux guest: a kernel, an initramfs with mote as its first process (unless it is given another
one), directories of this machine that it may mount, and everything else as for any guest.
"""

import os
import pathlib
import re
import time
from typing import NamedTuple

from cpio import ArchiveError
from guest import BUILD, EXIT_LINE, Guest, GuestDied, GuestError, exit_code, \
    find_program, signals_later
from initramfs import MODULES, Initramfs, InitramfsError
from kernel import KernelError

MOTE = BUILD / "linux" / "mote"
COMMAND_LINE = "console=ttyS0 quiet loglevel=1 panic=-1 oops=panic"
COMMAND_LINE_MAX = 2047  # bytes: x86's COMMAND_LINE_SIZE without its NUL; more is cut silently
STATUS_MAX = 255
PANIC = "Kernel panic - not syncing"
PANIC_LINE = re.compile(rf"(?:^|\] )({PANIC}.*)")
SHARE_MODULES = {"9p": ["9pnet_virtio", "9p"], "virtiofs": ["virtiofs"]}


class Share(NamedTuple):
    """A directory of this machine that the guest may mount by its tag."""
    tag: str
    directory: str
    kind: str = "9p"  # or virtiofs


def agree(told, returncode, debug_exit):
    """The status of a guest. told: what it has said of it, as text, by the ways that it came. By
    isa-debug-exit QEMU's code tells the rest of a division by 128; a guest that could not reach
    that device, or has none, powers off, which is 0 and tells nothing."""
    for way, text in told.items():
        if not re.fullmatch(r"\d{1,3}", text) or int(text) > STATUS_MAX:
            raise GuestError(f"the guest told a status by {way} that is none: {text}")
    statuses = {int(text) for text in told.values()}
    if len(statuses) > 1:
        raise GuestError("the guest contradicts itself: " +
                         ", ".join(f"{text} by {way}" for way, text in told.items()))
    status = statuses.pop() if statuses else None
    if returncode in (0, None):
        if status is None:
            raise GuestDied(f"the guest ended without a status (QEMU rc {returncode})")
        return status
    by_code = (returncode >> 1) - 16 & 127
    if status is None and returncode != 1 and debug_exit and returncode == exit_code(by_code):
        return by_code
    if status is None:
        raise GuestDied(f"QEMU died (rc {returncode})")
    if not debug_exit or returncode != exit_code(status):
        raise GuestDied(f"the guest said that its status is {status}, but QEMU's rc is "
                        f"{returncode}, not {exit_code(status) if debug_exit else 0}")
    return status


def host_khz():
    """The rate of this machine's time stamp counter, which under TCG is the guest's, too; where
    there is none it counts nanoseconds."""
    found = re.search(r"cpu MHz\s*: ([\d.]+)", pathlib.Path("/proc/cpuinfo").read_text())
    return round(float(found[1]) * 1000) if found else 1000000


def command_line(machine, accel, tpm=None):
    """On microvm Linux has nothing to measure TCG's clock by, and one boot in ten hangs over it;
    told a wrong rate it would have timers that run early or late. Nor may it judge the clock by the
    ticks that a busy host loses, and go on with those alone. And none of its ways to restart is
    there but the triple fault: left to try them all it jumps to a BIOS that is not there either,
    and may run on in whatever it finds. Nor does a table of ACPI tell it of a TPM there."""
    if machine != "microvm":
        return COMMAND_LINE
    clock = f" tsc_early_khz={host_khz()} tsc=reliable" if accel == "tcg" else ""
    place = " tpm_tis.force=1" if tpm else ""
    return f"{COMMAND_LINE}{clock}{place} reboot=t"


class LinuxGuest(Guest):
    """On q35, or on microvm with ACPI: without that Debian's kernel finds no virtio device.

    modules: their folder, None for where it is by default; names: which of them. program: what
    is /init. add: HOST[:GUEST], as Initramfs has it. workloads: of /etc/mote/workloads. shares:
    for whoever mounts them. on_note gets what the user should know about the initramfs.
    """

    def __init__(self, image, *, machine="q35", modules=None, names=MODULES, program=MOTE, add=(),
                 workloads=None, busybox=True, shares=(), append="", accel="tcg", on_note=print,
                 **options):
        options = {"acpi": machine == "microvm", "memory": "256M", **options}
        line = f"{command_line(machine, accel, options.get('tpm'))} {append}".rstrip()
        super().__init__(image, machine=machine, accel=accel, append=line, **options)
        self.modules, self.names, self.program = modules, names, program
        self.add, self.workloads, self.busybox, self.shares = add, workloads, busybox, shares
        self.on_note = on_note
        self.panic = None  # the kernel's last words
        self._servers = []

    # -- start and end

    def _check_host(self):
        super()._check_host()
        size = len(os.fsencode(self.append))
        if size > COMMAND_LINE_MAX:
            raise GuestError(f"the kernel's command line has {size} bytes: an x86 kernel takes "
                             f"{COMMAND_LINE_MAX} (COMMAND_LINE_SIZE - 1)")
        if self.machine == "microvm" and self.tpm == "crb":
            raise GuestError("a Linux finds no TPM with CRB on microvm, which has no ACPI table of "
                             "it: --tpm tis, or --machine q35")
        for share in self.shares:
            if not os.path.isdir(share.directory):
                raise GuestError(f"cannot share {share.directory}: no such directory")

    def _prepare(self):
        super()._prepare()
        try:
            self._write_initramfs(self.directory / "initramfs")
        except (OSError, ArchiveError, InitramfsError, KernelError) as error:
            raise GuestError(f"cannot make the initramfs: {error}") from error
        for number, share in enumerate(self.shares):
            if share.kind == "virtiofs":
                self._serve(number, share)

    def _write_initramfs(self, output):
        image = Initramfs(self.program)
        required = [name for share in self.shares for name in SHARE_MODULES[share.kind]]
        if self.names:
            image.add_modules_for(self.image, self.modules, self.names, required)
        for spec in self.add:
            image.add(spec)
        if self.workloads is not None:
            image.add_workloads(self.workloads)
        if self.busybox:
            image.add_busybox()
        image.write(output)
        for note in image.notes:
            self.on_note(note)

    def _serve(self, number, share):
        """Starts virtiofsd, which ends with QEMU."""
        name, path = f"virtiofsd-{number}", self.directory / f"fs-{number}.sock"
        program = find_program("virtiofsd", pathlib.Path("/usr/lib/qemu/virtiofsd"),
                               pathlib.Path("/usr/libexec/virtiofsd"))
        command = [program, f"--socket-path={path}", "-o", f"source={share.directory}",
                   "-o", "sandbox=chroot"]
        with signals_later():
            server = self._start(name, command, None)
            self._servers.append(server)
        deadline = time.monotonic() + self.timeout
        while not path.exists() and server.returncode is None and time.monotonic() < deadline:
            self.wait_until(lambda: server.returncode is not None, 0.01)
        if not path.exists():
            raise GuestError(f"virtiofsd does not listen (rc {server.returncode})"
                             f"{self._errors(name)}")

    def close(self):
        with signals_later():
            super().close()
            for server in self._servers:
                server.stop()

    def command(self, directory):
        self.initrd = pathlib.Path(directory) / "initramfs"
        return super().command(directory) + self._share_arguments(directory)

    def _share_arguments(self, directory):
        bus = "device" if self.machine == "microvm" else "pci"
        line = []
        for number, share in enumerate(self.shares):
            name = f"fs{number}"
            if share.kind == "virtiofs":
                line += ["-chardev", f"socket,id={name},path={directory}/fs-{number}.sock",
                         "-device", f"vhost-user-fs-{bus},chardev={name},tag={share.tag}"]
            else:
                path = str(share.directory).replace(",", ",,")
                line += ["-fsdev", f"local,id={name},path={path},security_model=none",
                         "-device", f"virtio-9p-{bus},fsdev={name},mount_tag={share.tag}"]
        return line

    # -- what one can know

    def _take_line(self, raw):
        if PANIC.encode() in raw:
            found = PANIC_LINE.search(raw.decode(errors="replace").rstrip())
            self.panic = self.panic or found and found[1]
        super()._take_line(raw)

    def dead(self):
        died = super().dead()
        return GuestDied(self.panic) if died and self.panic else died

    def told(self):
        """What the guest has said of its status, by the ways that it came."""
        found = EXIT_LINE.findall(self.console)
        return {"console": found[-1]} if found else {}

    def status(self):
        if self.panic:
            raise GuestDied(self.panic)
        try:
            return agree(self.told(), self.returncode, self.debug_exit)
        except GuestError as error:
            raise type(error)(f"{error}{self._errors('qemu')}") from None
