# SPDX-License-Identifier: MIT
"""The kernels that mote boots under as a program, and whether this machine has them at all: a skip
tells the reason of qemu/setup.
"""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "boot"))
sys.path.insert(0, str(TESTS / "fakes"))

from helpers import (BUILD, end_on_sigterm,  # noqa: E402 pylint: disable=C0413
                     reason_of_setup, shut_down)
from inside import PASSWD, ROWS, boot  # noqa: E402 pylint: disable=C0413
from tpms import fixture_factory, fixture_tools  # noqa: E402,F401 pylint: disable=C0413,W0611


def pytest_configure():
    end_on_sigterm()


def kernel_of(verb, flavour):
    reason = reason_of_setup(verb)
    if reason:
        pytest.skip(reason)
    return BUILD / "linux" / flavour / "vmlinuz"


@pytest.fixture(name="cloud", scope="session")
def fixture_cloud():
    """Debian's kernel for virtual machines: virtiofs, no 9p."""
    return kernel_of("linux", "cloud")


@pytest.fixture(name="standard", scope="session")
def fixture_standard():
    """Debian's kernel for every machine: virtiofs and 9p."""
    return kernel_of("linux-standard", "standard")


@pytest.fixture(name="row", scope="session", params=ROWS)
def fixture_row(request):
    """Options of a guest: one of the kernels on one of the machines."""
    kernel, machine = ROWS[request.param]
    return {"image": request.getfixturevalue(kernel), "machine": machine}


@pytest.fixture(name="guest", scope="session")
def fixture_guest(row):
    """A guest for all tests that leave nothing behind in it; it must survive them and end as
    asked."""
    with boot(**row, add=[PASSWD]) as guest:
        yield guest
        assert shut_down(guest) == 0
