# SPDX-License-Identifier: MIT
"""Whom the guest serves: its host, or those CIDs that its command line names, and nobody else.
A stranger gets no packet back, not even a refusal.
"""

import concurrent.futures
import time

import pytest

from helpers import PING, PONG, PreparedGuest, boot, boot_all, end_of_start

CONNECT_SECONDS = 2  # vsockd's patience with a guest that answers nothing

SERVED = ["", "mote.allow_cid=2", "mote.allow_cidx=7 xmote.allow_cid=7"]
OTHERS_SERVED = [
    (7, "mote.allow_cid=7"),
    (7, "quiet mote.allow_cid=2 x=y mote.allow_cid=7 mote.allow_cid=7"),
    (4294967294, "mote.allow_cid=1 mote.allow_cid=3 mote.allow_cid=4 mote.allow_cid=4294967294"),
]
STRANGERS = [
    (7, ""),
    (7, "mote.allow_cid=2"),
    (None, "mote.allow_cid=7 mote.allow_cid=1"),
]
WRONG = ["foo", "", "7x", "x7", "7,8", "-1", "-7", "0x7", "18446744073709551616"]


@pytest.mark.parametrize("append", SERVED)
def test_host_is_served(row, append):
    with boot(**row, append=append) as guest:
        assert guest.raw(PING) == PONG


@pytest.mark.needs("host CID")
@pytest.mark.parametrize("host_cid, append", OTHERS_SERVED)
def test_others_are_served(row, host_cid, append):
    with boot(**row, host_cid=host_cid, append=append) as guest:
        assert guest.raw(PING) == PONG


def wait_in_vain(guest):
    """A refusal by the guest would come at once; this is vsockd giving up."""
    start = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        guest.connect()
    assert time.monotonic() - start > 0.9 * CONNECT_SECONDS


@pytest.mark.parametrize("host_cid, append", STRANGERS)
def test_stranger_gets_no_answer(host_cid, append):
    with boot_all(host_cid=host_cid, append=append) as guests:
        with concurrent.futures.ThreadPoolExecutor(len(guests)) as pool:
            list(pool.map(wait_in_vain, guests.values()))
        for guest in guests.values():
            assert "EXIT" not in guest.console


@pytest.mark.parametrize("value", WRONG)
def test_what_is_no_cid_ends_the_guest(row, value):
    """Who is served must never be a matter of guessing."""
    with PreparedGuest(**row, append=f"mote.allow_cid=2 mote.allow_cid={value}") as guest:
        assert end_of_start(guest) == 1
        assert f"\nmote: mote.allow_cid={value}: not a CID" in guest.console


def test_too_many_cids_end_the_guest(row):
    append = " ".join(f"mote.allow_cid={cid}" for cid in range(3, 8))
    with PreparedGuest(**row, append=append) as guest:
        assert end_of_start(guest) == 1
        assert "\nmote: mote.allow_cid=7: " in guest.console


def test_guest_has_the_cid_that_it_is_given(row):
    with boot(**row, cid=4294967294) as guest:
        assert "\nmote: vsock: CID 4294967294, " in guest.console
        assert guest.raw(PING) == PONG
