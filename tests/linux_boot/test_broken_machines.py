# SPDX-License-Identifier: MIT
"""Machines on which something is not as it should be: mote says what, and goes on with the rest."""

import subprocess

import pytest

import kernel as kernels
from helpers import PING, PONG, shut_down
from inside import SECRETS, TIMEOUT, boot, error_of
from initramfs import MODULES
from workload import WorkloadGuest

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 somebody"
ROOT_OPTIONS = "root=/dev/nvme0n1 rootfstype=ext4 ro rootwait init=/init devtmpfs.mount=1"


class CommandGuest(WorkloadGuest):
    """One that ends with the status of a command, on a machine that lacks something: vsock, the
    console, or what debug_exit says."""

    def __init__(self, image, script, *, has_vsock=True, has_console=True, **options):
        self.output = b""
        super().__init__(image, ["sh", "-c", script], on_output=self._keep, vsock="vsockd",
                         timeout=TIMEOUT, **options)
        self.has_vsock = has_vsock
        if not has_console:
            self.append = self.append.replace("console=ttyS0", "console=null")

    def _keep(self, data):
        self.output += data

    def command(self, directory):
        line = super().command(directory)
        if not self.has_vsock:
            at = next(at for at, word in enumerate(line) if word.startswith("vhost-user-vsock"))
            del line[at - 3:at + 1]  # its -chardev, too
        return line


@pytest.mark.parametrize("machine", ["q35", "microvm"])
@pytest.mark.parametrize("lacks,told", [
    ({"has_vsock": False}, {"console"}),
    ({"has_vsock": False, "debug_exit": False}, {"console"}),
    ({"has_console": False}, {"vsock"}),
    ({"has_console": False, "debug_exit": False}, {"vsock"}),
    ({"has_console": False, "has_vsock": False}, set()),
], ids=["no-vsock", "console-alone", "no-console", "vsock-alone", "debug-exit-alone"])
def test_status_comes_by_the_ways_that_are_left(cloud, machine, lacks, told):
    with CommandGuest(cloud, "echo said; exit 7", machine=machine, **lacks) as guest:
        assert guest.wait_exit() == 7
        assert set(guest.told()) == told
        assert guest.returncode == (0 if lacks.get("debug_exit") is False else 47)
        assert guest.output == (b"said\n" if "console" in told else b"")
    if "has_vsock" in lacks and "console" in told:
        assert "mote: no vsock: no CID: no virtio-vsock device" in guest.console


@pytest.mark.parametrize("machine,append", [
    ("q35", ""), ("pc", ""), ("microvm", ""), ("q35", "reboot=k"), ("pc", "reboot=k"),
    ("microvm", "reboot=t"),
])
def test_power_off_ends_the_machine(cloud, machine, append):
    """Without isa-debug-exit: by ACPI, by the keyboard controller."""
    with CommandGuest(cloud, "exit 7", machine=machine, append=append, debug_exit=False) as guest:
        assert guest.wait_exit() == 7
        assert set(guest.told()) == {"console", "vsock"} and guest.returncode == 0


def on_disk(line, directory):
    """The same from a file system on a disk, and no initramfs."""
    tree, disk = directory / "tree", directory / "disk"
    tree.mkdir()
    with open(directory / "initramfs", "rb") as archive:
        subprocess.run(["busybox", "cpio", "-id"], cwd=tree, stdin=archive, capture_output=True,
                       check=False)  # not as root there can be no devices, nor need there be
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, disk,
                    "64M"], check=True)
    at = line.index("-initrd")
    return line[:at] + line[at + 2:] + [
        "-drive", f"file={disk},format=raw,if=none,id=disk,read-only=on",
        "-device", "nvme,drive=disk,serial=1"]


def test_root_that_is_read_only(cloud):
    """Debian's cloud kernel can mount such a root by itself, and /dev on it."""
    with boot(cloud, append=ROOT_OPTIONS, change=on_disk) as guest:
        mounts = [line.split()[:4] for line in guest.look("cat /proc/mounts").splitlines()]
        assert [mount[3].split(",")[0] for mount in mounts if mount[1] == "/"][-1] == "ro"
        assert [mount[2] for mount in mounts if mount[1] == "/dev"] == ["devtmpfs"]
        assert "mote: mount" not in guest.console
        assert error_of(guest, "set_config", content="x") == \
            "open /etc/stereos/jcard.toml: read-only file system"
        assert "read-only file system" in error_of(guest, "inject_ssh_key", user="root",
                                                   public_key=KEY)
        assert "read-only file system" in error_of(guest, "mount", tag="t", guest_path="/new",
                                                   fs_type="virtiofs")
        assert error_of(guest, "inject_secret", name="N", value="value") is None
        assert guest.look(f"cat {SECRETS}/N") == "value"
        assert shut_down(guest) == 0


def test_modules_that_are_none(cloud, standard, tmp_path):
    """Each is told with its path, and those behind it are loaded."""
    modules = kernels.Modules(kernels.find_modules(cloud))
    other = next((standard.parent / "lib" / "modules").rglob("virtio_rng.ko*"), None) or \
        next((standard.parent / "lib" / "modules").rglob("virtio-rng.ko*"))
    (tmp_path / "other.ko").write_bytes(kernels.read_module(other))
    (tmp_path / "text.ko").write_text("no module\n" * 1000)
    (tmp_path / "empty.ko").touch()
    (tmp_path / "directory").mkdir()
    wrong = [f"/wrong/{name}" for name in ("other.ko", "text.ko", "empty.ko", "directory", "none")]
    right = [f"/lib/modules/{modules.folder.resolve().name}/{path}"
             for path in modules.in_order(MODULES)[0]]
    (tmp_path / "list").write_text("\n".join(["# what is wrong", *wrong, "", *right]) + "\n")
    with boot(cloud, add=[f"{tmp_path}/list:/lib/mote/modules", f"{tmp_path}:/wrong"]) as guest:
        assert guest.raw(PING) == PONG
        told = [line for line in guest.console.splitlines() if line.startswith("mote: module ")]
        assert [line.split()[2].rstrip(":") for line in told] == wrong
        why = [line.split(": ", 2)[2] for line in told]
        assert why[0] == why[1] == "exec format error"
        assert why[4] == "no such file or directory"
        assert guest.look("grep -c . /proc/modules") == f"{len(right)}\n"
