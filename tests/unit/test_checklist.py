# SPDX-License-Identifier: MIT
"""tests/checklist.txt: every row that there is has a test that exists and is run, or a reason."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHECKLIST = ROOT / "tests" / "checklist.txt"

# Rows with a number: bring-up, rings, receive, transmit, credit, connections, events, and
# what a device in a test must have done.
NUMBERED = {"V": 10, "R": 8, "X": 9, "T": 6, "C": 9, "S": 9, "E": 6, "F": 31}

# And those that have the names of Fuchsia's tests.
NAMED = """
ClientInitiatedConnect ClientConnectMultipleTimesSequentially ClientConnectMultipleTimesParallel
ClientConnectionRefused Listen NoListener ListenMultipleTimesDifferentHostPorts
FailWhenListeningOnSameHostPort GuestInitiatedTwoIdenticalConnections
GuestInitiatedReuseSamePortAfterCleanShutdown GuestInitiatedMultiplexOverOneHostPort
GuestInitiatedConnectionRefused GuestInitiatedConnectionWrongCid Reset GuestShutdownRead
ShutdownWrite WriteAfterShutdown Read ReadChained ReadNoBuffer Write WriteMultiple
ClientWriteWithInitialCredit WriteUpdateCredit WriteMultipleConnections WriteSocketFullReset
SendCreditUpdateWhenSocketIsDrained NoResponseToSpuriousReset
NonResetSpuriousPacketsGetResetResponse UnsupportedSocketType SkipBadRxDescriptors
GuestConnectToInitialListener listen_on_ports multiple_listen_on_single_port
listen_unlisten_listen_on_port port_stays_active_after_unlistening_with_active_connections
clean_connection_shutdown_does_not_quarantine connection_pair_already_in_use
port_stays_active_when_connection_quarantined port_stays_active_when_no_connections_but_listener
connection_pair_recycled_after_quarantine find_ephemeral_ports no_unused_ports_in_range
client_initiated_connection_dropped_without_response write_credit_with_credit_available
write_credit_with_no_credit_available connection_credit_handles_rx_overflow
connection_credit_handles_tx_overflow guest_initiated_and_client_closed_connection
client_initiated_connection_write_data_to_port valid_optype_for_state send_reset_packet
guest_initiated_client_returned_failure guest_initiated_client_returned_socket
client_initiated_guest_responded_before_request client_initiated_guest_acceptance
read_write_basic_tx_data read_write_basic_rx_data require_fresh_read_signal
require_fresh_write_signal read_write_guest_half_close_remote_socket
read_write_client_close_socket_rx_bytes_outstanding read_write_rx_obeys_guest_credit
read_write_guest_send_packet_after_shutdown_send_leeway read_write_handle_credit_request
read_write_unsolicited_credit_update guest_initiated_shutdown_device_sends_immediate_reset_packet
client_initiated_shutdown_timeout_due_to_no_guest_reply
client_initiated_shutdown_guest_sends_reset_for_clean_shutdown
shutdown_clean_incorrectly_receives_additional_packets shutdown_forced_sends_reset_packet
check_reserved_cids parse_header_from_multiple_descriptors_in_chain chain_does_not_contain_header
malformed_rx_chain_doesnt_consume_packet send_reset_packet_for_unknown_connection
guest_rx_from_two_client_initiated_connections register_client_listener_and_connect_on_port
register_client_listener_twice_on_same_port ConnectEarlyData ConnectMultipleTimesSamePort
ListenWrongCid InitialCredit CreditRequest MultipleConnections ShutdownNotifiesEndpoint
ConnectWithChannel ConnectHostToHost ConnectGuestToGuest ConnectHostToGuestMultipleTimes
ConnectHostToGuestFreeEphemeralPort
"""

ROW = re.compile(r"(\w+):(?: (.*))?$")
IN_C = re.compile(r"(tests/unit/\w+\.c):(\w+)$")
IN_PYTHON = re.compile(r"(tests/\w+/\w+\.py)::(\w+)$")


def all_ids():
    numbered = [f"{letter}{n}" for letter, last in NUMBERED.items() for n in range(1, last + 1)]
    return numbered + NAMED.split()


def read_rows(text):
    """{id: [what stands under it]}, with the lines of a statement or a reason joined."""
    rows = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        row = ROW.match(line)
        if row:
            assert row[1] not in rows, f"{row[1]} is there twice"
            under = rows[row[1]] = []
        elif line.startswith("    - ") or line.startswith("    tests/"):
            under.append(line.strip())
        elif under:
            assert under[-1].startswith("- "), f"behind a test: {line}"
            under[-1] += " " + line.strip()
        else:
            assert line.startswith("    "), f"neither row nor part of one: {line}"
    return rows


def is_run(reference):
    """Whether a reference names a test that its file has and, in C, its program runs."""
    in_c, in_python = IN_C.match(reference), IN_PYTHON.match(reference)
    path = ROOT / (in_c or in_python or ["", "nowhere"])[1]
    if not path.is_file():
        return False
    text = path.read_text()
    if in_python:
        return re.search(rf"^def {in_python[2]}\(", text, re.MULTILINE) is not None
    defined = re.search(rf"^static void {in_c[2]}\(void \*\*state\)", text, re.MULTILINE)
    listed = re.search(rf"^ +(cmocka_unit_test\w*|[A-Z]+)\({in_c[2]}\b", text, re.MULTILINE)
    return defined is not None and listed is not None


ROWS = read_rows(CHECKLIST.read_text())


def test_every_row_is_there():
    assert list(ROWS) == all_ids()


def test_every_row_is_shown():
    bare = [name for name, under in ROWS.items() if not under]
    lost = [line for under in ROWS.values() for line in under
            if not line.startswith("- ") and not is_run(line)]
    assert (bare, lost) == ([], [])


@pytest.mark.parametrize("reference", [
    "tests/unit/test_vsock_start.c:test_that_is_not_there",
    "tests/unit/test_nothing.c:test_cids",
    "tests/unit/test_vsock_start.c:expect_start",  # no test
    "tests/unit/test_vsock_start.c:test_cid",  # the start of a name
    "tests/unit/test_checklist.py::test_that_is_not_there",
    "tests/unit/test_checklist.py:test_every_row_is_there",
    "drivers/vsock_device.c:vsock_device_start",
])
def test_what_is_no_test_is_found_out(reference):
    assert not is_run(reference)


def test_test_that_is_not_run_is_found_out(tmp_path, monkeypatch):
    monkeypatch.setattr("test_checklist.ROOT", tmp_path)
    path = tmp_path / "tests" / "unit" / "test_a.c"
    path.parent.mkdir(parents=True)
    path.write_text("static void test_b(void **state)\n{\n}\n")
    assert not is_run("tests/unit/test_a.c:test_b")
    path.write_text(path.read_text() + "    cmocka_unit_test_setup(test_b, set_up),\n")
    assert is_run("tests/unit/test_a.c:test_b")


@pytest.mark.parametrize("text", [
    "V1: one\n    tests/unit/a.c:b\nV1: again\n",
    "V1: one\n    tests/unit/a.c:b\n    what is this\n",
    "V1: one\nwhat is this\n",
])
def test_text_that_is_no_checklist(text):
    with pytest.raises(AssertionError):
        read_rows(text)
