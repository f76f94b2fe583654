/* SPDX-License-Identifier: MIT */
/* Connections that the machine opens: their outcomes, their ports, and what they need. */
#include "tests/unit/machine.h"

static void test_connect(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    assert_int_equal(sent.dst_port, 80);
    assert_in_range(sent.src_port, 49152, 65535);
    peer_sends(RESPONSE, .src_port = 80, .dst_port = sent.src_port);
    expect_event(CONNECTED);
    assert_int_equal(event.conn, c);
    owner_sends(c, "x");
    expect_sent(RW);
}

static void test_connect_refused(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    peer_sends(RST, .src_port = 80, .dst_port = sent.src_port);
    expect_event(RESET);
    assert_int_equal(event.error, MOTE_ERR_REFUSED);
    vsock_close(&m, c, now);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_connect_times_out(void **state)
{
    (void)state;
    vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    vsock_tick(&m, now + VSOCK_CONNECT_TIMEOUT_NS - 1);
    expect_no_event();
    vsock_tick(&m, now + VSOCK_CONNECT_TIMEOUT_NS);
    expect_event(RESET);
    assert_int_equal(event.error, MOTE_ERR_TIMEOUT);
}

/* A request that could not be sent in time leaves no trace on the wire. */
static void test_unsent_connect_times_out(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    vsock_tick(&m, now + VSOCK_CONNECT_TIMEOUT_NS);
    expect_event(RESET);
    expect_silence();
    vsock_close(&m, c, now);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_ephemeral_ports_rise_and_wrap(void **state)
{
    (void)state;
    vsock_init(&m, GUEST, conns, CONNS, 16383);
    vsock_allow(&m, HOST);
    vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    assert_int_equal(sent.src_port, 65535);
    vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    assert_int_equal(sent.src_port, 49152);
}

static void test_no_slot_to_connect(void **state)
{
    (void)state;
    for (int i = 0; i < CONNS; i++)
        assert_true(vsock_connect(&m, HOST, 80, now) >= 0);
    assert_int_equal(vsock_connect(&m, HOST, 80, now), MOTE_ERR_NO_RESOURCES);
    assert_int_equal(vsock_connect(&m, 9, 80, now), MOTE_ERR_INVALID);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_connect),
        T(test_connect_refused),
        T(test_connect_times_out),
        T(test_unsent_connect_times_out),
        T(test_ephemeral_ports_rise_and_wrap),
        T(test_no_slot_to_connect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
