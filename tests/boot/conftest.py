# SPDX-License-Identifier: MIT
"""The machines that the boot tests run on, and the guest that the tests of a file share when
they leave nothing behind in it. Each test names what it needs; nothing here decides for it.
"""

import functools

import pytest

from helpers import LACKS, ROWS, VDV, VDV_ROWS, boot, end_on_sigterm, reason_of_setup, shut_down
from tpms import fixture_factory, fixture_tools  # noqa: F401 pylint: disable=unused-import


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(what): what not every back end has, a row of LACKS")
    end_on_sigterm()


@functools.cache
def reason_against(vsock):
    """Why a back end can't be had on this machine; None when it can."""
    return reason_of_setup(vsock)


def pytest_runtest_setup(item):
    """Skips, with the reason, what needs a back end that is not here, or more than it has."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if parameters.get("row") not in VDV_ROWS:
        return
    needs = [marker.args[0] for marker in item.iter_markers("needs")]
    lacking = [f"no {what} over {VDV}: {LACKS[what]}" for what in needs]
    reason = reason_against(VDV) or next(iter(lacking), None)
    if reason:
        pytest.skip(reason)


@pytest.fixture(name="row", scope="module", params=[*ROWS, *VDV_ROWS])
def fixture_row(request):
    """Options of a guest on one of the machines."""
    return {**ROWS, **VDV_ROWS}[request.param]


@pytest.fixture(name="guest", scope="module")
def fixture_guest(row):
    """A ready guest for all tests of a file; it must survive them and end as asked."""
    with boot(**row) as guest:
        yield guest
        assert "EXIT" not in guest.console
        assert shut_down(guest) == 0
