# SPDX-License-Identifier: MIT
"""Files from and to a Bandsox host: the boot tests against the service, with files of the file
system, of any size.
"""

import concurrent.futures
import os
import pathlib

import pytest

from helpers import eventually
from service import PROGRAMS, Service
from test_transfer import (  # noqa: F401 pylint: disable=unused-import
    DOWNLOADS, ID, Mover, content, test_bad_answer, test_eight_at_once, test_host_that_says_no,
    test_nobody_listens, test_nothing_stays_of_what_breaks, test_ping, test_raw_with_a_checksum,
    test_silent_host_keeps_nobody_waiting, test_texts_of_the_host, test_there_and_back,
    test_upload_says_what_it_sends, test_upload_that_breaks, test_what_is_not_begun,
    test_what_was_there_stays_when_its_successor_breaks)

MIB = 1 << 20


@pytest.fixture(name="mover", scope="module", params=PROGRAMS)
def fixture_mover(request):
    with Service(request.param) as service:
        yield Mover(service, service.path, place=str(service.directory / "data"),
                    sizes=(0, 1, 65535, 65536, MIB), kept=16000,
                    sees_resets=True)


def resident(pid):
    """KiB of anonymous memory."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1])
    raise AssertionError("no RssAnon")


def names(mover):
    place = pathlib.Path(mover.place)
    return sorted(os.listdir(place)) if place.exists() else []


@pytest.mark.parametrize("request_", DOWNLOADS)
def test_64_mib(mover, request_):
    """There and back, in memory that does not grow with it."""
    data = content(64 * MIB)
    with mover.host() as host:
        mover.receive(host, "file", data[:MIB], request_)
        mover.send(host, "file")
        before = resident(mover.guest.pid)
        mover.receive(host, "file", data, request_)
        assert pathlib.Path(mover.path("file")).read_bytes() == data
        assert mover.send(host, "file", checksum=True) == data
    if mover.guest.program == "release":
        assert resident(mover.guest.pid) <= before + 1024


@pytest.mark.parametrize("request_", DOWNLOADS)
@pytest.mark.parametrize("defect", ["half", "half reset", "stall"])
def test_loss_of_the_host_leaves_no_file_of_any_name(mover, request_, defect):
    """Neither under its own name nor under another that it may have had meanwhile."""
    with mover.host() as host:
        mover.receive(host, "there", b"before")
    before = names(mover)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        with mover.host(defect=defect) as host:
            host.downloads[ID] = content(8 * MIB)
            lost = pool.submit(mover.fails, request_, path="/x", file=mover.path("lost"),
                               cmd_id=ID)
            eventually(lambda: host.requests, "a request")
        assert lost.result()[0] == "failed"
    assert names(mover) == before


def test_file_of_the_host(mover):
    """What was registered goes into a file of the host's, whole or not at all."""
    place = pathlib.Path(mover.place)
    with mover.host() as host:
        mover.receive(host, "file", content(100000))
        host.files[ID] = str(place / "host" / "copy")
        mover.works("upload", path=mover.path("file"), cmd_id=ID, checksum=True)
    assert (place / "host" / "copy").read_bytes() == content(100000)
    assert os.listdir(place / "host") == ["copy"]


def test_mode(mover):
    with mover.host() as host:
        host.downloads[ID] = b"#!/bin/sh\n"
        mover.works("download", path="/x", file=mover.path("run"), cmd_id=ID, mode=0o750)
        assert os.stat(mover.path("run")).st_mode & 0o777 == 0o750
        host.downloads[ID] = b""
        mover.works("download_raw", path="/x", file=mover.path("plain"), cmd_id=ID)
        assert os.stat(mover.path("plain")).st_mode & 0o777 == 0o644


def test_link_at_the_last_name(mover):
    """It is replaced: what it led to stays as it is."""
    elsewhere = pathlib.Path(mover.place) / "elsewhere"
    with mover.host() as host:
        mover.receive(host, "elsewhere", b"stays")
        os.symlink(elsewhere, mover.path("link"))
        mover.receive(host, "link", b"new")
    assert elsewhere.read_bytes() == b"stays"
    assert not os.path.islink(mover.path("link"))
