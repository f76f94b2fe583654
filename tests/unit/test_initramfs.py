# SPDX-License-Identifier: MIT
"""qemu/initramfs and what it is made of: archives that are the same to the byte, modules in their
order, programs with their libraries, and clear words about what can't be had.
"""

import gzip
import lzma
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "qemu"))

# pylint: disable=wrong-import-position
import initramfs  # noqa: E402
import kernel  # noqa: E402
from cpio import Archive, ArchiveError  # noqa: E402

VERSION = "6.1.0-9-test"
DEP = """kernel/virtio/virtio.ko: kernel/virtio/virtio_ring.ko
kernel/virtio/virtio_ring.ko:
kernel/virtio/virtio_pci.ko: kernel/virtio/virtio_legacy.ko kernel/virtio/virtio.ko \
kernel/virtio/virtio_ring.ko
kernel/virtio/virtio_legacy.ko: kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko
kernel/char/virtio-rng.ko.xz: kernel/virtio/virtio.ko kernel/virtio/virtio_ring.ko
kernel/fs/fuse.ko.gz:
kernel/loop/a.ko: kernel/loop/b.ko
kernel/loop/b.ko: kernel/loop/a.ko
"""


def contents(file):
    """What is in an archive: (mode, data, device) at each path, and the headers' other numbers."""
    data, at, found, others = pathlib.Path(file).read_bytes(), 0, {}, set()
    while True:
        assert data[at:at + 6] == b"070701" and at % 4 == 0
        numbers = [int(data[at + i:at + i + 8], 16) for i in range(6, 110, 8)]
        name_end = at + 110 + numbers[11]
        name = data[at + 110:name_end - 1].decode()
        begin = name_end + -name_end % 4
        end = begin + numbers[6]
        if name == "TRAILER!!!":
            assert end == len(data)
            return found, others
        found[name] = numbers[1], data[begin:end], tuple(numbers[9:11])
        others.add((*numbers[2:6], *numbers[7:9], numbers[12]))
        assert numbers[0] == len(found)
        at = end + -end % 4


def bz_image(version):
    """The start of one, as far as anybody looks."""
    image = bytearray(0x400)
    image[0x202:0x206] = b"HdrS"
    image[0x20e:0x210] = (0x100).to_bytes(2, "little")
    text = f"{version} (who@where) #1 SMP".encode()
    image[0x300:0x300 + len(text)] = text
    return bytes(image)


@pytest.fixture(name="place")
def fixture_place(tmp_path):
    """A system with one kernel, and a program to be started."""
    folder = tmp_path / "lib" / "modules" / VERSION
    (tmp_path / "boot").mkdir()
    (tmp_path / "boot" / "vmlinuz").write_bytes(bz_image(VERSION))
    (tmp_path / "mote").write_bytes(b"first process")
    pack = {".xz": lzma.compress, ".gz": gzip.compress}
    for line in DEP.splitlines():
        file = folder / line.partition(":")[0]
        file.parent.mkdir(parents=True, exist_ok=True)
        data = f"{file.name}\0vermagic={VERSION} SMP ".encode()
        file.write_bytes(pack.get(file.suffix, bytes)(data))
    (folder / "modules.dep").write_text(DEP)
    (folder / "modules.builtin").write_text("kernel/net/9p/9pnet-virtio.ko\n")
    return tmp_path


def make(place, *options, check=True):
    """Runs qemu/initramfs; (the finished process, what is in the archive)."""
    done = subprocess.run([sys.executable, ROOT / "qemu" / "initramfs", "--kernel",
                           place / "boot" / "vmlinuz", "--init", place / "mote", "--output",
                           place / "image", *options], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == check, done.stderr
    return done, contents(place / "image")[0] if check else None


def kinds(found, kind):
    return [path for path, (mode, _, _) in found.items() if stat.S_IFMT(mode) == kind]


def test_what_is_in_every_one(place):
    _, found = make(place, "--no-busybox")
    assert found["init"] == (stat.S_IFREG | 0o755, b"first process", (0, 0))
    assert found["dev/console"] == (stat.S_IFCHR | 0o600, b"", (5, 1))
    assert found["dev/null"] == (stat.S_IFCHR | 0o666, b"", (1, 3))
    assert {"dev", "proc", "sys", "run", "tmp", "etc/mote"} <= set(kinds(found, stat.S_IFDIR))
    assert found["tmp"][0] & 0o7777 == 0o1777
    users = [line.split(b":")[0] for line in found["etc/passwd"][1].splitlines()]
    assert users == [b"root", b"admin", b"agent", b"nobody"]
    assert found["etc/group"][1].startswith(b"root:x:0:\n")
    assert "etc/mote/workloads" not in found and "bin/busybox" not in found


def test_tools(place):
    """mote is on the PATH, and is the orchestrator's vsock_guest; another first process is not."""
    _, found = make(place, "--no-busybox")
    for path in ("bin/mote", "bin/vsock_guest"):
        assert found[path][:2] == (stat.S_IFLNK | 0o777, b"/init")
    (place / "mote").rename(place / "other")
    _, found = make(place, "--no-busybox", "--init", f"{place}/other")
    assert found["init"][1] == b"first process" and "bin/vsock_guest" not in found


def test_same_bytes_from_the_same_files(place):
    """Whatever they are called here, whenever they were made, whoever owns them."""
    images = []
    for turn in ("one", "another"):
        tree = place / turn
        tree.mkdir()
        for name in ("a", "b", "c") if turn == "one" else ("c", "b", "a"):
            (tree / name).write_text(name)
            os.utime(tree / name, (len(images) * 1000, len(images) * 1000))
        make(place, "--add", f"{tree}:/tree")
        images.append((place / "image").read_bytes())
        (place / "image").unlink()
    assert images[0] == images[1] and str(place).encode() not in images[0]


def test_headers_tell_nothing_of_this_machine(place):
    make(place, "--no-busybox")
    found, others = contents(place / "image")
    assert others == {(0, 0, 1, 0, 0, 0, 0)} and list(found) == sorted(found)
    for path in found:
        parent = str(pathlib.PurePosixPath(path).parent)
        assert parent == "." or list(found).index(parent) < list(found).index(path)


def test_modules_stand_behind_what_they_need(place):
    done, found = make(place, "--module", "loop/a", "--module", "fuse")
    above = f"/lib/modules/{VERSION}/kernel"
    assert found["lib/mote/modules"][1].decode().splitlines() == [
        f"{above}/virtio/virtio_ring.ko", f"{above}/virtio/virtio.ko",
        f"{above}/virtio/virtio_legacy.ko", f"{above}/virtio/virtio_pci.ko",
        f"{above}/char/virtio-rng.ko", f"{above}/loop/b.ko", f"{above}/loop/a.ko",
        f"{above}/fs/fuse.ko"]
    for line in found["lib/mote/modules"][1].decode().splitlines():
        assert found[line[1:]][1].endswith(f"\0vermagic={VERSION} SMP ".encode())
    assert done.stderr == "initramfs: no modules virtio_mmio, vmw_vsock_virtio_transport, " \
        f"virtio_console, virtiofs, 9p for {place}/boot/vmlinuz: left out\n"


@pytest.mark.parametrize("options,text", [
    (["--module", "no_such"], "no module no_such in "),
    (["--modules", "/nonexistent"], f"no modules.dep in /nonexistent, /nonexistent/{VERSION}"),
    (["--add", "/nonexistent"], "cannot add /nonexistent: No such file or directory"),
    (["--add", "../x"], "../x: say where it is to be"),
    (["--add", "/dev/null"], "/dev/null is neither a file nor a directory"),
    (["--add", "/etc/passwd:/init/x"], "/init/x can't be: /init is no directory there"),
    (["--workloads", "/nonexistent"], "/nonexistent"),
    (["--init", "/nonexistent"], "/nonexistent"),
    (["--kernel", "/nonexistent"], "/nonexistent"),
    (["--output", "/nonexistent/x"], "/nonexistent/x"),
])
def test_what_cannot_be_had(place, options, text):
    done, _ = make(place, *options, check=False)
    assert done.returncode == 1 and text in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize("given", [None, "lib/modules", f"lib/modules/{VERSION}", "."])
def test_folder_of_modules(place, given):
    found = kernel.find_modules(place / "boot" / "vmlinuz", given and place / given)
    assert found.resolve() == place / "lib" / "modules" / VERSION


def test_folder_beside_the_image(place):
    shutil.move(place / "lib" / "modules" / VERSION, place / "boot" / "modules")
    assert kernel.find_modules(place / "boot" / "vmlinuz") == place / "boot" / "modules"
    shutil.rmtree(place / "boot" / "modules")
    done, found = make(place)
    assert "no modules virtio_pci, " in done.stderr and "lib/mote/modules" not in found


def test_modules_of_another_kernel(place):
    (place / "boot" / "vmlinuz").write_bytes(bz_image("6.6.6"))
    done, _ = make(place, "--modules", place / "lib" / "modules" / VERSION)
    assert f"is 6.6.6, but the modules in {place}/lib/modules/{VERSION} are for {VERSION}" \
        in done.stderr


@pytest.mark.parametrize("data,version", [
    (bz_image(VERSION), VERSION), (b"\x7fELF" + bytes(2000), None), (b"", None),
    (bz_image(VERSION)[:0x300], None), (bz_image(VERSION)[:0x20f], None)])
def test_version_of_a_kernel(tmp_path, data, version):
    (tmp_path / "image").write_bytes(data)
    assert kernel.version(tmp_path / "image") == version


def test_added_files_stay_as_they_are(place):
    tree = place / "tree"
    (tree / "below").mkdir(parents=True)
    (tree / "below" / "program").write_text("#!/bin/sh\n")
    (tree / "below" / "program").chmod(0o4751)
    (tree / "below").chmod(0o700)
    (tree / "link").symlink_to("below/nowhere")
    (place / "named").symlink_to("mote")
    _, found = make(place, "--add", f"{tree}:/t", f"{tree}/below/program", "--add",
                    f"{place}/named:/named")
    assert found["t/below"][0] == stat.S_IFDIR | 0o700
    assert found["t/below/program"][:2] == (stat.S_IFREG | 0o4751, b"#!/bin/sh\n")
    assert found["t/link"][:2] == (stat.S_IFLNK | 0o777, b"below/nowhere")
    assert found[f"{tree}/below/program"[1:]] == found["t/below/program"]
    assert found["named"][1] == b"first process"


def test_relative_paths_begin_at_the_root(place, monkeypatch):
    monkeypatch.chdir(place)
    _, found = make(place, "--add", "./mote", "lib/modules")
    assert "mote" in found and f"lib/modules/{VERSION}/modules.dep" in found


def test_programs_bring_their_libraries(place):
    source, library, program = place / "x.c", place / "libx.so", place / "program"
    source.write_text("int x(void) { return 1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source], check=True)
    source.write_text("int x(void);\nint main(void) { return x(); }\n")
    subprocess.run(["gcc", "-o", program, source, library, f"-Wl,-rpath,{place}"], check=True)
    _, found = make(place, "--add", program)
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    assert str(library) in told and "ld-linux" in told and "libc.so" in told
    for line in told.splitlines():
        for word in line.split():
            assert not word.startswith("/") or word[1:] in found
    library.unlink()
    done, _ = make(place, "--add", program, check=False)
    assert f"{program} needs {library}, which is not on this machine" in done.stderr or \
        f"{program} needs libx.so, which is not on this machine" in done.stderr


def test_busybox_and_its_applets(place):
    """Those that something else stands in the place of give way."""
    _, found = make(place, "--add", f"{place}/mote:/usr/bin/env")
    assert found["bin/busybox"][1] == pathlib.Path(shutil.which("busybox")).read_bytes()
    for path in ("bin/sh", "sbin/init", "usr/bin/awk", "bin/awk", "bin/env", "usr/sbin/chroot"):
        assert found[path][:2] == (stat.S_IFLNK | 0o777, b"/bin/busybox")
    assert found["usr/bin/env"][1] == b"first process"


def test_busybox_that_needs_libraries(place, monkeypatch):
    (place / "bin").mkdir()
    shutil.copy(shutil.which("env"), place / "bin" / "busybox")
    monkeypatch.setenv("PATH", f"{place}/bin", prepend=":")
    done, found = make(place)
    assert "busybox is not static on this machine" in done.stderr and "bin/busybox" not in found


def test_workloads(place):
    (place / "w").write_bytes(b"name=a -- x\n")
    _, found = make(place, "--workloads", place / "w")
    assert found["etc/mote/workloads"][:2] == (stat.S_IFREG | 0o644, b"name=a -- x\n")


def test_words_of_a_workload_are_those_of_a_shell():
    words = ["sh", "-c", "a  'b' \"c\"\n$d `e` \\ # *", "", "-x", "\udcff\udcfe", "'"]
    line = initramfs.workload(words)
    assert line.startswith(b"name=run exit=yes output=console -- 'sh' '-c' ")
    script = b"set " + line.partition(b"console ")[2] + b"printf '%s\\0' \"$@\"\n"
    done = subprocess.run(["sh"], input=script, capture_output=True, check=True)
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == words


def test_archive_refuses_what_no_kernel_could_unpack(tmp_path):
    archive = Archive()
    archive.link("a", "b")
    archive.file("a/x", b"")
    with pytest.raises(ArchiveError, match="/a/x can't be: /a is no directory"):
        archive.write(tmp_path / "image")


def test_archive_is_one_for_others(place):
    """Unpacked by a program that is not ours."""
    make(place, "--no-busybox", "--workloads", place / "mote")
    with open(place / "image", "rb") as image:
        subprocess.run(["busybox", "cpio", "-id", "etc/*", "init"], cwd=place / "lib", stdin=image,
                       check=True, capture_output=True)
    assert (place / "lib" / "init").read_bytes() == b"first process"
    assert (place / "lib" / "etc" / "mote" / "workloads").read_bytes() == b"first process"
