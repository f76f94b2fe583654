# SPDX-License-Identifier: MIT
"""From power-on to the end: every machine, the least memory, devices that are missing or wrong,
where entropy comes from, and a file handed over by the VMM.
"""

import os
import re

import pytest

from helpers import (LARGE_IMAGE, MMIO_ROWS, PING, PONG, ROWS, STORE_SIZE, PreparedGuest, ack,
                     boot, end_of_start, message, secret, shut_down)

BANNER = [
    r"mote: \d+\.\d+\.\d+ on bare metal x86_64, 1[56]\d{3} KiB of RAM",
    r"mote: clock: .+",
    r"mote: entropy: .+",
    r"mote: vsock: CID 3, virtio-(pci|mmio) at [0-9a-f]+",  # with its interrupt: not "polled"
    r"mote: ready: all subsystems started",
]
MEMORY = [("q35", "4M"), ("q35", "2M"), ("microvm", "2M"), ("microvm", "1728K"),
          ("microvm-acpi", "2M"), ("microvm-acpi", "1728K")]
NO_RDRAND = ("-cpu", "qemu64")
CONFIG_NAME = "jcard.toml"
MODULE_SIZE = 50000


def without(option, count):
    """A change of QEMU's command line: leaves an option and what stands behind it out."""

    def change(line):
        at = line.index(option)
        return line[:at] + line[at + count:]

    return change


def test_banner_is_all_that_the_console_says(guest):
    lines = guest.console.splitlines()
    assert len(lines) == len(BANNER), lines
    for pattern, line in zip(BANNER, lines):
        assert re.fullmatch(pattern, line)


@pytest.mark.parametrize("debug_exit", [True, False], ids=["debug-exit", "power-off"])
def test_shutdown_ends_qemu(row, debug_exit):
    with boot(**row, debug_exit=debug_exit) as guest:
        assert shut_down(guest) == 0  # which compares QEMU's return code, too
        assert guest.returncode == (33 if debug_exit else 0)
        assert guest.console.endswith("\nEXIT: STATUS=0\n")


@pytest.mark.parametrize("name, memory", MEMORY)
def test_little_memory_is_enough(name, memory):
    with boot(**ROWS[name], memory=memory) as guest:
        assert guest.raw(secret("NAME", "v" * 10000)) == ack("inject_secret")
        assert shut_down(guest) == 0


@pytest.mark.parametrize("memory", ["16M", "3G", "5G"])
def test_much_memory_is_no_obstacle(row, memory):
    """Past 3 GiB RAM is in two parts, with the devices between them."""
    with boot(**row, memory=memory) as guest:
        assert guest.raw(PING) == PONG


def test_large_image_is_ready(row):
    with boot(**row, image=LARGE_IMAGE) as guest:
        assert guest.raw(PING) == PONG
        assert shut_down(guest) == 0


def test_no_vsock_device_is_said_and_ends_the_guest(row):
    with PreparedGuest(**row, change=without("-chardev", 4)) as guest:
        assert end_of_start(guest) == 4
        assert "\nmote: no vsock device that can be used\n" in guest.console


@pytest.mark.parametrize("name", MMIO_ROWS)
def test_legacy_virtio_mmio_names_the_option_that_helps(name):
    with PreparedGuest(**ROWS[name], change=without("-global", 2)) as guest:
        assert end_of_start(guest) == 4
        assert "-global virtio-mmio.force-legacy=false\n" in guest.console


@pytest.mark.parametrize("options, source", [
    ({}, "RDSEED or RDRAND"),
    ({"rng": True}, "RDSEED or RDRAND, virtio-rng"),
    ({"rng": True, "extra": NO_RDRAND}, "virtio-rng"),
    ({"extra": NO_RDRAND}, "none; keys will be refused"),
], ids=["processor", "both", "virtio-rng", "none"])
def test_entropy_source(row, options, source):
    with boot(**row, **options) as guest:
        assert f"\nmote: entropy: {source}\n" in guest.console
        assert guest.raw(PING) == PONG


def test_virtio_rng_that_gives_nothing_is_not_waited_for(row, tmp_path):
    """It is asked for a seed at the start; its back end never has a byte."""
    silent = tmp_path / "silent"
    os.mkfifo(silent)
    writer = os.open(silent, os.O_RDWR)
    bus = "pci" if row["machine"] == "q35" else "device"
    extra = (*NO_RDRAND, "-object", f"rng-random,id=silent,filename={silent}",
             "-device", f"virtio-rng-{bus},rng=silent")
    try:
        with boot(**row, extra=extra) as guest:
            assert guest.raw(PING) == PONG
    finally:
        os.close(writer)


def test_module_0_becomes_the_configuration(row, tmp_path):
    """Its room is gone from the store: that is all that can be seen of it from outside."""
    module = tmp_path / "jcard.toml"
    module.write_bytes(b"m" * MODULE_SIZE)
    size = STORE_SIZE - MODULE_SIZE - len(CONFIG_NAME)
    full = f"store full: {size} bytes wanted, {size} free; limit is 65536 bytes and 64 names"
    with boot(**row, initrd=module) as guest:
        assert guest.raw(secret("n", "x" * size)) == \
            ack("inject_secret", f'write secret "n": {full}')
        assert guest.raw(secret("n", "x" * (size - 1))) == ack("inject_secret")


def test_module_0_that_is_too_large_is_said_and_left_out(row, tmp_path):
    module = tmp_path / "jcard.toml"
    module.write_bytes(b"m" * (STORE_SIZE - len(CONFIG_NAME) + 1))
    size = STORE_SIZE - len(CONFIG_NAME) + 1
    said = f"mote: module 0: store full: {size} bytes wanted, 65536 free; limit is 65536 bytes"
    with boot(**row, initrd=module) as guest:
        assert f"\n{said}" in guest.console
        assert guest.raw(message("set_config", content="c" * 16000)) == ack("set_config")


def test_module_0_fills_the_store_to_the_last_byte(row, tmp_path):
    module = tmp_path / "jcard.toml"
    module.write_bytes(b"m" * (STORE_SIZE - len(CONFIG_NAME)))
    with boot(**row, initrd=module) as guest:
        assert "module" not in guest.console
        assert b"1 bytes wanted, 0 free" in guest.raw(secret("n", "x"))
