# SPDX-License-Identifier: MIT
"""What mote takes as the first process until it has answered, beyond what its kernel takes.

Time is the guest's. Under `-icount shift=0,sleep=off` an instruction takes a nanosecond there, and
waiting takes as long as what is waited for: nothing of the machine below is in it. It is counted
from when the kernel says that it runs /init, on the kernel's own clock, so that exec and what the
kernel does for mote's system calls (mounts, sockets) are in it, and its boot is not. mote's lines
have stamps of that clock where there is no /dev/console: then they go to /dev/kmsg. The kernel
prints them on a boot console, and that is in the figure, too.

A host's first request comes when it likes. What that takes, from its connection to the end of it,
is counted in instructions by the plugin in a second boot; so are those of mote's own code until it
is ready. The kernel has all built in that it needs: to load modules is a kernel's work, and what it
takes can be seen beside it, where the same is done with Debian's.
"""

import re
import sys
import time

from count import Counts, arguments
from measure import SETTLE_SECONDS, client
from rivals import BUILD, ROOT, TINY_APPEND
from serving_linux import BUS_MODULES, KERNEL

from linux_guest import MOTE, LinuxGuest

sys.path.append(str(ROOT / "linker"))

import elf  # noqa: E402 pylint: disable=wrong-import-position

INIT_LINUX = BUILD / "init-linux" / "vmlinux"
TIMEOUT = 300
ICOUNT = ["-icount", "shift=0,sleep=off"]
KHZ = 1000000  # of the time stamp counter under ICOUNT
CLOCK_APPEND = "panic=-1 random.trust_cpu=on earlycon=uart8250,io,0x3f8 keep_bootcon " \
    f"console=none0 loglevel=7 printk.time=1 printk_devkmsg=on tsc_early_khz={KHZ}"
BEGIN, READY = "Run /init as init process", "mote: ready"
# What the kernels are called, and whether they have modules.
KERNELS = {"all built in": (INIT_LINUX, False), "Debian, modules": (KERNEL, True)}


def linux(kernel, machine, **options):
    image, has_modules = KERNELS[kernel]
    names = [BUS_MODULES[machine], "vmw_vsock_virtio_transport"] if has_modules else []
    return LinuxGuest(image, machine=machine, names=names, busybox=False, timeout=TIMEOUT,
                      **options)


def append_for(kernel, machine):
    return "" if KERNELS[kernel][1] else TINY_APPEND[machine]


def stamp_us(console, text):
    """When the kernel printed the first line that begins so, in microseconds of its clock."""
    found = re.search(rf"^\[ *(\d+)\.(\d{{6}})\] {re.escape(text)}", console, re.MULTILINE)
    if found is None:
        raise ValueError(f"no line \"{text}\" with a stamp on the console")
    return int(found[1]) * 1000000 + int(found[2])


def clock(kernel, machine):
    guest = linux(kernel, machine, extra=ICOUNT)
    guest.append = f"{CLOCK_APPEND} {append_for(kernel, machine)}"
    with guest:
        guest.wait_ready()
        return {"ready_us": stamp_us(guest.console, READY) - stamp_us(guest.console, BEGIN)}


def instructions_in(blocks, segment):
    end = segment.address + len(segment.data)
    return sum(count for address, count in blocks.items() if segment.address <= address < end)


def code(program):
    """The segment that is executed."""
    return next(segment for segment in elf.Elf(program).segments
                if segment.type == elf.PT_LOAD and segment.flags & elf.PF_X)


def count(kernel, machine):
    file = BUILD / "bench" / "counts"
    append = f"random.trust_cpu=on {append_for(kernel, machine)}"
    with linux(kernel, machine, append=append, extra=arguments(file)) as guest:
        guest.wait_ready()
        time.sleep(SETTLE_SECONDS)
        counts = Counts(file)
        own, before = instructions_in(counts.blocks(), code(MOTE)), counts.instructions
        client(guest, "connections", 1)
        time.sleep(SETTLE_SECONDS)
        return {"own_instructions": own, "first_instructions": counts.instructions - before}


def measure(kernel, machine):
    """Both, and their sum in milliseconds at a nanosecond for each instruction."""
    found = clock(kernel, machine) | count(kernel, machine)
    return found | {"answer_ms": found["ready_us"] / 1e3 + found["first_instructions"] / 1e6}
