# SPDX-License-Identifier: MIT
"""The machines that the boot tests run on, and the guest that the tests of a file share when
they leave nothing behind in it. Each test names what it needs; nothing here decides for it.
"""

import signal

import pytest

from helpers import ROWS, boot, shut_down


def end_on_sigterm(_number, _frame):
    """Once, as Ctrl-C: pytest takes that for the end and cleans up; SystemExit is but a failure."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt("SIGTERM")


def pytest_configure():
    signal.signal(signal.SIGTERM, end_on_sigterm)


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
