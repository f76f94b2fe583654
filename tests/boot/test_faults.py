# SPDX-License-Identifier: MIT
"""The test image commits a fault as soon as it is ready: each ends the guest at once, with the
status that says what it was, the registers on the console, and a name for where it happened.
"""

import re
import subprocess

import pytest

from helpers import OVER_VSOCKD, ROOT, ROWS, TEST_IMAGE, PreparedGuest

EXCEPTION, PANIC = 3, 2
HEX = "0x[0-9a-f]+"
IN_IMAGE = "0x1[0-9a-f]{5}"

# What stands on the console; where it says so, the function that qemu/run names.
FAULTS = {
    "null": (f"exception 14, error 0x2, at rip={IN_IMAGE}, cr2=0x8", "fault_null"),
    "write-text": (f"exception 14, error 0x3, at rip={IN_IMAGE}, cr2={IN_IMAGE}",
                   "fault_write_text"),
    "write-rodata": (f"exception 14, error 0x3, at rip={IN_IMAGE}, cr2={IN_IMAGE}",
                     "fault_write_rodata"),
    "execute-data": (f"exception 14, error 0x11, at rip=({IN_IMAGE}), cr2=\\1", None),
    "execute-stack": (f"exception 14, error 0x11, at rip=({IN_IMAGE}), cr2=\\1", None),
    "stack-guard": (f"exception 14, error 0x2, at rip={IN_IMAGE}, cr2={IN_IMAGE}",
                    "fault_stack_guard"),
    "undefined": (f"exception 6, error 0x0, at rip={IN_IMAGE}, cr2={HEX}", "fault_undefined"),
    "divide": (f"exception 0, error 0x0, at rip={IN_IMAGE}, cr2={HEX}", "fault_divide"),
    "canary": (r"panic: platform/x86_64/boot\.c:\d+: stack smashed", None),
    "panic": (r"panic: tests/boot/guest/app_test\.c:\d+: on purpose", None),
}
REGISTERS = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8", "r9", "r10", "r11", "r12",
             "r13", "r14", "r15", "rsp"]


def fault_names():
    """The rows of the test application's table."""
    source = (ROOT / "tests" / "boot" / "guest" / "app_test.c").read_text()
    return re.findall(r'^    \{"([a-z-]+)", fault_\w+\},$', source, re.MULTILINE)


def test_every_fault_has_a_row():
    assert sorted(fault_names()) == sorted(FAULTS)


@pytest.mark.parametrize("machine", ["q35", "microvm"])
@pytest.mark.parametrize("name", FAULTS)
def test_fault(machine, name):
    pattern, _ = FAULTS[name]
    exception = pattern.startswith("exception")
    with PreparedGuest(TEST_IMAGE, **ROWS[machine], append=f"test.fault={name}") as guest:
        status = guest.wait_exit()
        console = guest.console
    assert status == (EXCEPTION if exception else PANIC)
    assert console.count("EXIT: STATUS=") == 1
    assert console.endswith(f"\nEXIT: STATUS={status}\n")
    assert re.search(f"^mote: {pattern}$", console, re.MULTILINE)
    assert "had no effect" not in console
    for register in REGISTERS if exception else []:
        assert len(re.findall(rf"\b{register} [0-9a-f]{{16}}\b", console)) == 1, register


@OVER_VSOCKD
@pytest.mark.parametrize("name", ["null", "panic"])
def test_fault_without_debug_exit_ends_qemu_too(row, name):
    with PreparedGuest(TEST_IMAGE, **row, append=f"test.fault={name}", debug_exit=False) as guest:
        assert guest.wait_exit() == (EXCEPTION if name == "null" else PANIC)
        assert guest.returncode == 0


@pytest.mark.parametrize("name", [name for name, row in FAULTS.items() if row[1]])
def test_runner_names_the_function(name):
    command = [ROOT / "qemu" / "run", "--append", f"test.fault={name}", "--timeout", "60",
               TEST_IMAGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == EXCEPTION
    assert re.search(rf"^qemu/run: {IN_IMAGE} is {FAULTS[name][1]} at app_test\.c:\d+",
                     done.stderr, re.MULTILINE)
    assert f"EXIT: STATUS={EXCEPTION}" in done.stdout
