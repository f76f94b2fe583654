# SPDX-License-Identifier: MIT
"""The machines that the boot tests run on, and the guest that the tests of a file share when
they leave nothing behind in it. Each test names what it needs; nothing here decides for it.
"""

import functools

import pytest

from helpers import (ROWS, VDV, VDV_ROWS, boot, end_on_sigterm, lacks, reason_of_setup, shut_down)


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(what): something that not every back end has")
    end_on_sigterm()


def pytest_runtest_setup(item):
    """Skips what needs more than the back end of its row has, with the reason."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    vsock = VDV_ROWS.get(parameters.get("row"), {}).get("vsock")
    for what in (marker.args[0] for marker in item.iter_markers("needs")):
        reason = lacks(vsock, what)
        if reason:
            pytest.skip(f"no {what} over {vsock}: {reason}")


@functools.cache
def reason_against(vsock):
    return reason_of_setup(vsock) if vsock == VDV else None


@pytest.fixture(name="row", scope="module", params=[*ROWS, *VDV_ROWS])
def fixture_row(request):
    """Options of a guest on one of the machines."""
    row = {**ROWS, **VDV_ROWS}[request.param]
    reason = reason_against(row.get("vsock"))
    if reason:
        pytest.skip(reason)
    return row


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row):
    """A ready guest for all tests of a file; it must survive them and end as asked."""
    with boot(**row) as guest:
        yield guest
        assert "EXIT" not in guest.console
        assert shut_down(guest) == 0
