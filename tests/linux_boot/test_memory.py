# SPDX-License-Identifier: MIT
"""Where secrets are in the RAM of a guest whose kernel clears what it gives back (init_on_free=1):
once while they are kept, nowhere behind that. Without that option the kernel's own buffers may
keep what went through them until they are used again, and mote can't help it.
"""

import secrets

import pytest

from helpers import eventually, memory, message
from inside import TIMEOUT, boot, error_of

pytestmark = pytest.mark.parametrize("row", ["cloud-q35", "standard-microvm"], indirect=True)
SIZES = [32, 3000, 40000]
PIECES, PIECE = 8, 12


def new_value(size):
    return secrets.token_hex(size // 2)


def copies(guest, *values):
    """How often the guest's RAM holds each value, told by some pieces of it."""
    ram = memory(guest)
    return [{ram.count(value[at:at + PIECE].encode())
             for at in range(0, len(value) - PIECE, len(value) // PIECES)} for value in values]


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row):
    """QEMU stays when the guest has powered off, so that its memory can still be looked at."""
    with boot(**row, memory="160M", append="init_on_free=1", debug_exit=False,
              extra=("-no-shutdown",)) as guest:
        yield guest


@pytest.mark.parametrize("size", SIZES)
def test_one_copy_of_what_is_kept_and_none_of_what_was(guest, size):
    first, second, third = new_value(size), new_value(size), new_value(size)
    assert error_of(guest, "inject_secret", name="N", value=first) is None
    assert copies(guest, first) == [{1}]
    assert error_of(guest, "inject_secret", name="N", value=second) is None
    assert error_of(guest, "inject_secret", name="M", value=third) is None
    assert copies(guest, first, second, third) == [{0}, {1}, {1}]
    assert error_of(guest, "rotate_secret", name="N", value=first) is None
    assert error_of(guest, "delete_secret", name="M") is None
    assert copies(guest, first, second, third) == [{1}, {0}, {0}]
    assert guest.request({"type": "purge_secrets"})["payload"]["residue"] == 0
    assert copies(guest, first, second, third) == [{0}] * 3


def test_nothing_remains_when_the_connection_breaks(guest):
    value = new_value(3000)
    with guest.connect() as connection:
        connection.sendall(message("inject_secret", name="HALF", value=value)[:-2])
        eventually(lambda: copies(guest, value) == [{1}], "the value in the guest")
    eventually(lambda: copies(guest, value) == [{0}], "an end of it")


def test_nothing_remains_behind_a_shutdown(guest):
    """The last one: it ends the guest."""
    values = [new_value(size) for size in SIZES]
    for value in values:
        assert error_of(guest, "inject_secret", name=f"N{len(value)}", value=value) is None
    assert copies(guest, *values) == [{1}] * len(values)
    assert error_of(guest, "shutdown") is None
    guest.wait_console("EXIT: STATUS=0", TIMEOUT)
    assert copies(guest, *values) == [{0}] * len(values)
