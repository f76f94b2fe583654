# SPDX-License-Identifier: MIT
"""What a host has its guest do there: the boot tests against the service; and where symbolic links
may lead what is received.
"""

import contextlib
import os

import pytest

from bandsox import PORT, Bandsox
from helpers import eventually, message
from hostos import PORT as HOSTOS_PORT
from hostos import HostOS
from service import PROGRAMS, Service
from test_jobs import (  # noqa: F401 pylint: disable=unused-import
    OPTIONS, SAID, Asked, test_answer_in_time, test_nobody_waits, test_places)


@pytest.fixture(name="asked", scope="module", params=PROGRAMS)
def fixture_asked(request):
    with Service(request.param) as service:
        yield Asked(service, service.path, 0)


def download(asked, file):
    return asked.ask(message("transfer", request="download", path="/h", file=str(file),
                             cmd_id="7"))


LINKS = [("/etc", "link/x", "/etc/x"), ("/etc", "link/not/there/x", "/etc/not/there/x"),
         ("/", "link/etc/x", "/etc/x"), ("/", "link/x", None), ("not", "link/x", None)]


@pytest.mark.parametrize("target,file,real", LINKS)
def test_links_into_the_system(asked, tmp_path, target, file, real):
    """A link is followed before it is judged where something may be put; nobody listens."""
    (tmp_path / "link").symlink_to(target)
    answer = download(asked, tmp_path / file)
    if real:
        assert answer["error"] == f'cannot download over system directory: "{real}"'
    else:
        assert answer["state"] == "failed"
        assert answer["error"].endswith(": connection refused")
    assert not os.path.exists("/etc/not")


def test_a_link_is_replaced_and_not_followed(asked, tmp_path):
    (tmp_path / "target").write_text("stays")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with Bandsox(f"{asked.uds}_{PORT}") as host:
        host.downloads["7"] = b"new"
        assert download(asked, tmp_path / "link")["state"] == "done"
    assert (tmp_path / "target").read_text() == "stays"
    assert (tmp_path / "link").read_text() == "new" and not (tmp_path / "link").is_symlink()


def test_options():
    """As arguments they may have blanks in them."""
    words = [word.partition("=") for word in OPTIONS.split() if "=" in word]
    options = [text for key, _, value in words
               for text in (f"--{key.removeprefix('mote.')}", value.replace("%20", " "))]
    service = Service(options=options)
    with contextlib.ExitStack() as stack:
        stack.enter_context(HostOS(f"{service.path}_{HOSTOS_PORT}", cid=0, first=0))
        with service:
            for line in SAID:
                eventually(lambda line=line: line in service.console.splitlines(), line)
            stack.close()
