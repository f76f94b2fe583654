# SPDX-License-Identifier: MIT
"""What the tests of motectl share."""

import pytest

from fake_guest import Setup


@pytest.fixture(name="setup")
def fixture_setup(tmp_path):
    setup = Setup(tmp_path)
    yield setup
    if setup.guest:
        setup.guest.close()
