# SPDX-License-Identifier: MIT
"""Where the tests with real Linux find what they share with the boot tests, and whether this
machine has a Linux for them at all: a skip tells the reason of `qemu/setup linux`.
"""

import pathlib
import sys

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "boot"), str(TESTS / "linux")]

from helpers import end_on_sigterm, reason_of_setup  # noqa: E402 pylint: disable=C0413


def pytest_configure():
    end_on_sigterm()


@pytest.fixture(name="kernel", scope="session")
def fixture_kernel():
    """Debian's kernel is there."""
    reason = reason_of_setup("linux")
    if reason:
        pytest.skip(reason)
