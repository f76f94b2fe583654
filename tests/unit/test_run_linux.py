# SPDX-License-Identifier: MIT
"""qemu/run --kernel against a QEMU and a vsockd that only play their parts: which status comes out
of what a guest says by vsock, on the console and by its end, and what is said when it says none.
"""

import re
import signal

import pytest

from fake_qemu import ROOT, Tree

UP = "say=mote:_ready notify=READY=1"
PANIC = "say=[____1.5]_Kernel_panic_-_not_syncing:_of_the_test"


@pytest.fixture(name="tree")
def fixture_tree(tmp_path_factory):
    tree = Tree(tmp_path_factory.mktemp("r"))
    (tree.base / "vmlinuz").write_bytes(bytes(1024))
    (tree.base / "build" / "linux").mkdir()
    (tree.base / "build" / "linux" / "mote").write_text("the first process")
    yield tree
    tree.check_clean()


def boot(tree, script, *options, command=("true",)):
    return tree.run(script, "--kernel", tree.base / "vmlinuz", *options, "--", *command)


@pytest.mark.parametrize("script,code", [
    ("notify=EXIT_STATUS=7 say=EXIT:_STATUS=7 rc=47", 7),
    ("notify=EXIT_STATUS=0 say=EXIT:_STATUS=0 rc=33", 0),
    ("notify=EXIT_STATUS=137 say=EXIT:_STATUS=137 rc=51", 137),
    ("notify=EXIT_STATUS=255 say=EXIT:_STATUS=255 rc=31", 255),
    ("say=EXIT:_STATUS=7 rc=47", 7),
    ("say=EXIT:_STATUS=7 rc=0", 7),
    ("say=EXIT:_STATUS=112 rc=1", 112),
    ("say=EXIT:_STATUS=240 rc=1", 240),
    ("notify=EXIT_STATUS=7 rc=0", 7),
    ("notify=EXIT_STATUS=7 rc=47", 7),
    ("rc=47", 7),
    ("rc=33", 0),
    ("say=run:_EXIT:_STATUS=9 say=EXIT:_STATUS=7 rc=47", 7),
    (f"{PANIC.replace('say=', 'say=run:_')} say=EXIT:_STATUS=7 rc=47", 7),
])
def test_status(tree, script, code):
    done = boot(tree, f"{UP} {script}")
    assert done.returncode == code and "qemu/run:" not in done.stderr


SAID_7 = "the guest said that its status is 7, but QEMU's rc is"


@pytest.mark.parametrize("script,options,text", [
    ("notify=EXIT_STATUS=7 say=EXIT:_STATUS=8 rc=0", [],
     "the guest contradicts itself: 7 by vsock, 8 by console\n"),
    ("notify=EXIT_STATUS=7 rc=49", [], f"{SAID_7} 49, not 47"),
    ("say=EXIT:_STATUS=7 rc=33", [], f"{SAID_7} 33, not 47"),
    ("say=EXIT:_STATUS=7 rc=47", ["--no-debug-exit"], f"{SAID_7} 47, not 0"),
    ("say=EXIT:_STATUS=7 crash", [], f"{SAID_7} -6, not 47"),
    ("notify=EXIT_STATUS=256 rc=0", [], "the guest told a status by vsock that is none: 256\n"),
    ("notify=EXIT_STATUS= rc=0", [], "the guest told a status by vsock that is none: \n"),
    ("say=EXIT:_STATUS=300 rc=0", [], "the guest told a status by console that is none: 300\n"),
    ("rc=47", ["--no-debug-exit"], "QEMU died (rc 47)"),
    ("rc=0", [], "the guest ended without a status (QEMU rc 0)"),
    ("complain=broken rc=1", [], "QEMU died (rc 1)\nbroken"),
    ("crash", [], "QEMU died (rc -6)"),
    (f"{PANIC} rc=0", [], "Kernel panic - not syncing: of the test"),
    (f"{PANIC} sleep=600", [], "Kernel panic - not syncing: of the test"),
    (f"{PANIC} notify=EXIT_STATUS=0 say=EXIT:_STATUS=0 rc=33", [], "Kernel panic - not syncing"),
    (f"{PANIC.replace('say=', 'say=run:_half_a_li')} rc=0", [], "Kernel panic - not syncing: of"),
])
def test_no_status(tree, script, options, text):
    done = boot(tree, f"{UP} {script}", *options)
    assert done.returncode == 125 and f"qemu/run: {text}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("script,options,code,texts", [
    ("rc=0", [], 125, ["ended before mote came up", "without a status (QEMU rc 0)"]),
    ("complain=nonsense rc=1", [], 125, ["ended before mote came up", "(rc 1)\nnonsense"]),
    (f"{PANIC} rc=0", [], 125, ["ended before mote came up", "Kernel panic - not syncing: of the"]),
    ("say=kernel sleep=60", ["--boot-timeout", "0.5"], 125, ["the guest never came up"]),
    ("say=remote:_x sleep=60", ["--boot-timeout", "0.5"], 125, ["the guest never came up"]),
    ("sleep=60", ["--timeout", "0.5"], 124, ["not come up in time"]),
    (f"{UP} sleep=60", ["--timeout", "2", "--boot-timeout", "1"], 124, ["not ended in time"]),
    ("say=mote:_x sleep=60", ["--timeout", "2", "--boot-timeout", "1"], 124, ["not ended in time"]),
    ("notify=READY=1 sleep=60", ["--timeout", "2", "--boot-timeout", "1"], 124,
     ["not ended in time"]),
    (f"{UP} say=EXIT:_STATUS=7 sleep=60", ["--timeout", "2"], 7, ["does not power off"]),
    ("", ["--modules", "/nonexistent"], 125, ["no modules.dep in /nonexistent"]),
    ("", ["--add", "/nonexistent"], 125, ["cannot add /nonexistent: No such file"]),
    ("", ["--share", "tag=/nonexistent"], 125, ["cannot share /nonexistent"]),
    ("", ["--qemu", "/nonexistent"], 125, ["cannot start /nonexistent: No such file"]),
    ("", ["image.elf"], 2, ["--kernel takes the place of IMAGE"]),
    ("", ["--initrd", "file"], 2, ["--kernel takes the place of IMAGE and --initrd"]),
    ("", ["--share", "tag"], 2, ["invalid share value: 'tag'"]),
])
def test_told_apart(tree, script, options, code, texts):
    done = boot(tree, script, *options)
    assert done.returncode == code and "Traceback" not in done.stderr
    for text in texts:
        assert text in done.stderr


def assert_refused(tree, done, text):
    assert done.returncode == 125 and text in done.stderr and "Traceback" not in done.stderr
    assert not (tree.base / "pids").exists()  # nothing was started


def test_longest_command_line(tree):
    """The kernel would cut a longer one without a word."""
    script = f"{UP} say=EXIT:_STATUS=7 rc=47 \u00e4"
    done = boot(tree, script + 2047 * "x")
    assert_refused(tree, done, "an x86 kernel takes 2047 (COMMAND_LINE_SIZE - 1)")
    size = int(re.search(r"command line has (\d+) bytes", done.stderr)[1])
    room = 2047 - (size - 2047)
    done = boot(tree, script + (room + 1) * "x")
    assert_refused(tree, done, "the kernel's command line has 2048 bytes")
    assert boot(tree, script + room * "x").returncode == 7


def limit(name):
    header = (ROOT / "agent" / "workload_config.h").read_text()
    return int(re.search(rf"#define {name} (\d+)", header)[1])


def test_most_words_of_a_command(tree):
    script, words = f"{UP} say=EXIT:_STATUS=7 rc=47", limit("WORKLOAD_WORDS_MAX") - 4
    done = boot(tree, script, command=(words + 1) * ["x"])
    assert_refused(tree, done, f"has {words + 5} words, with 4 of ours: mote takes {words + 4} ")
    assert boot(tree, script, command=words * ["x"]).returncode == 7


def test_longest_command(tree):
    script, size = f"{UP} say=EXIT:_STATUS=7 rc=47", limit("WORKLOAD_TEXT_MAX")
    room = size - len("name=run exit=yes output=console -- \0")
    assert_refused(tree, boot(tree, script, command=[room * "'" + "x"]),
                   f"has {size + 1} bytes, with ours: mote takes {size} (WORKLOAD_TEXT_MAX)")
    assert_refused(tree, boot(tree, script, command=[room // 2 * "\u00e4" + "xx"]), "bytes, with")
    assert boot(tree, script, command=[room * "'"]).returncode == 7


def test_options_of_a_linux_alone(tree):
    for option in (["--add", "x"], ["--modules", "x"], ["--share", "a=b"]):
        done = tree.run("", *option)
        assert done.returncode == 2 and "need a --kernel" in done.stderr


def test_modules_of_another_kernel(tree):
    """The guest may do without: it is told, and tried."""
    modules = tree.base / "modules"
    modules.mkdir()
    (modules / "modules.dep").write_text("virtio_pci.ko:\n")
    (modules / "virtio_pci.ko").write_bytes(b"\0vermagic=6.6.6 SMP ")
    image = bytearray(1024)
    image[0x202:0x206], image[0x20e:0x210], image[0x300:0x305] = b"HdrS", b"\0\1", b"5.5.5"
    (tree.base / "vmlinuz").write_bytes(image)
    done = boot(tree, f"{UP} say=EXIT:_STATUS=7 rc=47")
    assert done.returncode == 7 and "is 5.5.5, but the modules in" in done.stderr


def test_vsockd_that_dies(tree):
    (tree.base / "broken").touch()
    done = boot(tree, "")
    assert done.returncode == 125 and "vsockd ended (rc 1)\nvsockd is broken" in done.stderr


def test_output_and_the_rest_of_the_console(tree):
    done = boot(tree, f"say=@SeaBIOS {UP} say=run:_hello say=[_1.0]_kernel say=run:_ say=run:__two "
                      "say=EXIT:_STATUS=0 rc=33")
    assert done.stdout == "hello\n\n two\n"
    assert done.stderr == "SeaBIOS\nmote: ready\n[ 1.0] kernel\nEXIT: STATUS=0\n"


def test_output_comes_at_once(tree):
    script = f"{UP} say=run:_one sleep=60"
    with tree.start(script, "--kernel", tree.base / "vmlinuz", "--", "true") as process:
        assert process.stdout.readline() == "one\n"
        process.terminate()
        assert process.wait(60) == 128 + signal.SIGTERM


@pytest.mark.parametrize("number,code", [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals(tree, number, code):
    with tree.start(f"{UP} deaf say=run:_one sleep=60", "--kernel", tree.base / "vmlinuz",
                    "--", "true") as process:
        process.stdout.readline()
        process.send_signal(number)
        assert process.wait(60) == code
        assert "Traceback" not in process.stderr.read()


def test_what_the_guest_is_given(tree):
    (tree.base / "file").write_text("contents of the file")
    done = boot(tree, "keep say=EXIT:_STATUS=0 rc=33", "--add", f"{tree.base}/file:/there",
                command=["sh", "-c", "echo 'a  b'"])
    assert done.returncode == 0
    image = (tree.base / "initramfs").read_bytes()
    assert b"name=run exit=yes output=console -- 'sh' '-c' 'echo '\\''a  b'\\'''\n" in image
    for part in (b"the first process", b"contents of the file", b"there\0", b"init\0"):
        assert part in image


def test_without_a_command_the_console_is_shown(tree):
    done = tree.run("say=mote:_ready say=EXIT:_STATUS=3 rc=39", "--kernel", tree.base / "vmlinuz")
    assert (done.returncode, done.stdout) == (3, "mote: ready\nEXIT: STATUS=3\n")


def test_print(tree):
    done = boot(tree, "more", "--print", "--share", "a=.", "--share", "b=.,virtiofs")
    assert done.returncode == 0 and not (tree.base / "pids").exists()
    for part in ("-M q35,", "-m 256M ", "console=ttyS0 ", "oops=panic more' ", "run/initramfs ",
                 "-fsdev local,id=fs0,path=.,security_model=none ",
                 "-device virtio-9p-pci,fsdev=fs0,mount_tag=a ",
                 "fs-1.sock -device vhost-user-fs-pci,chardev=fs1,tag=b\n"):
        assert part in done.stdout
    done = boot(tree, "", "--print", "--machine", "microvm", "--share", "a=.")
    for part in ("microvm,acpi=on,", " tsc_early_khz=", " reboot=t", "virtio-9p-device"):
        assert part in done.stdout
    assert "tsc" not in boot(tree, "", "--print", "--machine", "microvm", "--accel", "kvm").stdout
