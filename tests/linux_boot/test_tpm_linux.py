# SPDX-License-Identifier: MIT
"""mote as the first process of a Linux with a TPM, through the kernel's /dev/tpmrm0. What does not
depend on how a TPM is reached is as in the boot tests: they are the same functions.
"""

import hashlib

import pytest

from guest import GuestError
from helpers import shut_down
from inside import boot
from linux_guest import LinuxGuest
from test_tpm import (  # noqa: F401 pylint: disable=unused-import
    fixture_nothing_is_left, measured, test_bad_input_changes_nothing,
    test_certificate_verifies_and_is_of_the_ek, test_credential, test_ek_is_the_twins,
    test_extended_pcr, test_host_that_hangs_up_meanwhile, test_quote_of_all_pcrs,
    test_quote_verifies, test_random, test_sealed_to_a_pcr, test_sealed_to_the_tpm_alone,
    test_secret_that_only_this_tpm_opens, test_ten_requests_at_once_while_pings_are_answered,
    test_vcomlink_by_http, test_vcomlink_in_json)
from tpms import as_bytes, copied, refusal, told

ROWS = {"tis-q35": {"machine": "q35", "tpm": "tis"}, "crb-q35": {"machine": "q35", "tpm": "crb"},
        "tis-microvm": {"machine": "microvm", "tpm": "tis"}}


@pytest.fixture(name="guest", scope="module", params=ROWS)
def fixture_guest(request, cloud, factory, tmp_path_factory):
    """One for all: it takes a while to come up."""
    state = copied(factory, tmp_path_factory.mktemp("guest") / "state")
    with boot(cloud, **ROWS[request.param], tpm_state=state) as guest:
        yield guest
        assert shut_down(guest) == 0


def test_kernel_has_it(guest):
    info = told(guest, "tpm_info")
    assert (info["interface"], info["banks"]) == ("/dev/tpmrm0", ["sha256"])
    assert "mote: tpm: /dev/tpmrm0\n" in guest.console
    assert guest.look("cat /sys/class/tpm/tpm0/tpm_version_major") == "2\n"


def test_measured_start(guest):
    """Its first event is the kernel's whole command line."""
    log = told(guest, "tpm_info")["measured"]
    line = guest.look("cat /proc/cmdline").rstrip("\n").encode()
    assert log["events"][0] == {"what": "cmdline", "size": len(line), "extended": True,
                                "digest": log["events"][0]["digest"]}
    assert as_bytes(log["events"][0]["digest"]) == hashlib.sha256(line).digest()
    told(guest, "set_config", content="a configuration")
    value, there = measured(guest)
    assert value == there


def test_guest_without_one(cloud):
    with boot(cloud) as guest:
        assert refusal(guest, "ek") == \
            "tpm: there is no TPM: open /dev/tpmrm0: no such file or directory"
        assert shut_down(guest) == 0


def test_crb_on_microvm(cloud):
    """No kernel would find it there."""
    with pytest.raises(GuestError, match="no ACPI table"), \
            LinuxGuest(cloud, machine="microvm", tpm="crb"):
        pass
