# SPDX-License-Identifier: MIT
"""The machines that the boot tests run on, and the guest that the tests of a file share when
they leave nothing behind in it. Each test names what it needs; nothing here decides for it.
"""

import pytest

from helpers import ROWS, boot, end_on_sigterm, shut_down


def pytest_configure():
    end_on_sigterm()


@pytest.fixture(name="row", scope="module", params=ROWS)
def fixture_row(request):
    """Options of a guest on one of the machines."""
    return ROWS[request.param]


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row):
    """A ready guest for all tests of a file; it must survive them and end as asked."""
    with boot(**row) as guest:
        yield guest
        assert "EXIT" not in guest.console
        assert shut_down(guest) == 0
