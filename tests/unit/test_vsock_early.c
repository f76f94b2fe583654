/* SPDX-License-Identifier: MIT */
/* Packets before their time: for a connection that one of its ends does not know of yet. */
#include "tests/unit/machine.h"

/* What comes before our request has left was meant for an older one of the same ports. */
static void test_nothing_answers_an_unsent_request(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    peer_sends(RST, .src_port = 80, .dst_port = conns[c].local_port);
    peer_sends(RESPONSE, .src_port = 80, .dst_port = conns[c].local_port);
    expect_no_event();
    expect_sent(REQUEST);
    expect_silence();
    peer_sends(RESPONSE, .src_port = 80, .dst_port = sent.src_port);
    expect_event(CONNECTED);
}

/* Half of a shutdown before the RESPONSE is told after the request, as one after it is. */
static void test_shutdown_of_one_half_before_accept(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    expect_event(REQUESTED);
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_OK);
    expect_no_event();
    vsock_tick(&m, now += VSOCK_END_WAIT_NS);
    expect_event(CLOSED);
    expect_no_event();
    expect_sent(RESPONSE);
    owner_sends(event.conn, "x");
    expect_sent(RW);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_event(ROOM);
    expect_sent(RST);
    vsock_close(&m, event.conn, now);
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_peer_that_receives_no_more_before_accept(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_event(REQUESTED);
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_OK);
    expect_event(ROOM);
    assert_true(vsock_send_shut(&m, event.conn));
    expect_sent(RESPONSE);
}

/* An RST that is owed to a stray packet must not kill the connection that follows it. */
static void test_stray_packet_in_front_of_a_request(void **state)
{
    (void)state;
    peer_sends(RW, .data = "stray", .src_port = 7);
    peer_sends(RW, .data = "stray");
    peer_sends(CREDIT_UPDATE, .src_port = 8);
    peer_sends(REQUEST);
    expect_event(REQUESTED);
    vsock_accept(&m, event.conn);
    expect_sent(RST);
    assert_int_equal(sent.dst_port, 7);
    expect_sent(RST);
    assert_int_equal(sent.dst_port, 8);
    expect_sent(RESPONSE);
    expect_silence();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_answers_an_unsent_request, set_up),
        cmocka_unit_test_setup(test_shutdown_of_one_half_before_accept, set_up),
        cmocka_unit_test_setup(test_stray_packet_in_front_of_a_request, set_up),
        cmocka_unit_test_setup(test_peer_that_receives_no_more_before_accept, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
