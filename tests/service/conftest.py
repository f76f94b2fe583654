# SPDX-License-Identifier: MIT
"""The programs and the ways to reach them that the tests of the service run on. What they share
with the boot tests they find there.
"""

import contextlib
import pathlib
import sys
import tempfile

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS / "boot"))
sys.path.insert(0, str(TESTS / "fakes"))

from helpers import PING, PONG, end_on_sigterm  # noqa: E402 pylint: disable=C0413
from service import PROGRAMS, WAYS, Service  # noqa: E402 pylint: disable=C0413
from test_connections import take_all  # noqa: E402 pylint: disable=C0413
from tool import Tool  # noqa: E402 pylint: disable=C0413
from tpms import Tools, copied, serving  # noqa: E402 pylint: disable=C0413
from tpms import fixture_factory, fixture_tools  # noqa: E402,F401 pylint: disable=C0413,W0611


def pytest_configure(config):
    config.addinivalue_line("markers", "needs(what): of the boot tests; there is all of it here")
    end_on_sigterm()


@pytest.fixture(name="program", scope="module", params=PROGRAMS)
def fixture_program(request):
    return request.param


@pytest.fixture(name="way", scope="module", params=WAYS)
def fixture_way(request):
    return request.param


@pytest.fixture(name="guest", scope="module")
def fixture_guest(program, way):
    """A service that the tests of a file share; it must survive them and end as asked."""
    with Service(program, way) as service:
        yield service
        assert service.raw(PING) == PONG


@pytest.fixture(name="large")
def fixture_large(guest):
    """The boot tests' name for one that takes the longest lines; this one always does."""
    return guest


@pytest.fixture(name="roomy")
def fixture_roomy(program, way):
    """A service of one's own; its slots are all free again at the end."""
    with Service(program, way) as service:
        yield service
        with contextlib.ExitStack() as stack:
            take_all(service, stack)


@pytest.fixture(name="service")
def fixture_service(program):
    """A service of one's own whose way does not matter."""
    with Service(program) as service:
        yield service


@pytest.fixture(name="tool")
def fixture_tool(program):
    """mote as a tool, with a directory and a host of its own."""
    with tempfile.TemporaryDirectory() as directory:
        yield Tool(program, directory)


@pytest.fixture(name="swtpm", scope="module")
def fixture_swtpm(factory, tmp_path_factory):
    """The TPM of a service that the tests of a file share."""
    with serving(copied(factory, tmp_path_factory.mktemp("guest") / "state")) as swtpm:
        yield swtpm


@pytest.fixture(name="same")
def fixture_same(swtpm, tmp_path):
    """tpm2-tools on that very TPM; in the end they find neither an object nor a session there."""
    tools = Tools(tmp_path, swtpm.socket)
    yield tools
    assert tools.loaded() == ""
