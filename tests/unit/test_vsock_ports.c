/* SPDX-License-Identifier: MIT */
/* Which port pairs rest after the end of a connection, and for how long. */
#include "tests/unit/machine.h"

/* Ends the default connection, of which the machine has an owner's id, in some way. */
typedef void ending(int conn);

static void by_peers_reset(int conn)
{
    peer_sends(RST);
    vsock_close(&m, conn, now);
}

static void by_violation(int conn)
{
    peer_sends(RESPONSE);
    expect_sent(RST);
    vsock_close(&m, conn, now);
}

static void by_abort(int conn)
{
    vsock_abort(&m, conn);
    expect_sent(RST);
}

static void by_timeout(int conn)
{
    vsock_close(&m, conn, now);
    expect_sent(SHUTDOWN);
    vsock_tick(&m, now += VSOCK_CLOSE_TIMEOUT_NS);
    expect_sent(RST);
}

static void by_reset_before_our_shutdown_left(int conn)
{
    vsock_close(&m, conn, now);
    peer_sends(RST);
}

static void test_unclean_ends_are_quarantined(void **state)
{
    static ending *const endings[] = {by_peers_reset, by_violation, by_abort, by_timeout,
                                      by_reset_before_our_shutdown_left};
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        endings[i](open_default());
        while (next_event() != 0)
            ;
        assert_int_equal(vsock_connections(&m), 0);
        now += VSOCK_QUARANTINE_NS - 1;
        peer_sends(REQUEST);
        expect_sent(RST);
        expect_no_event();
        open_from_peer((struct peer_packet){.src_port = PEER + 1}); /* other pairs do not rest */
        peer_sends(SHUTDOWN, .src_port = PEER + 1, .flags = VIRTIO_VSOCK_SHUTDOWN_BOTH);
        expect_sent(RST);
        vsock_close(&m, event.conn, now);
        now++;
    }
    open_default();
}

static void by_our_shutdown(int conn)
{
    vsock_close(&m, conn, now);
    expect_sent(SHUTDOWN);
    peer_sends(RST);
}

static void by_peers_shutdown(int conn)
{
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_BOTH);
    expect_sent(RST);
    vsock_close(&m, conn, now);
}

static void by_both_shutdowns(int conn)
{
    vsock_close(&m, conn, now);
    expect_sent(SHUTDOWN);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_BOTH);
    expect_sent(RST);
}

static void test_clean_ends_are_not(void **state)
{
    static ending *const endings[] = {by_our_shutdown, by_peers_shutdown, by_both_shutdowns};
    (void)state;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        endings[i](open_default());
        while (next_event() != 0)
            ;
        assert_int_equal(vsock_connections(&m), 0);
    }
    open_default();
}

/* A refusal is an answer: nothing else can follow it. */
static void test_refusals_are_not(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    expect_event(REQUESTED);
    vsock_close(&m, event.conn, now);
    expect_sent(RST);
    open_default();
}

static void test_connect_avoids_resting_pairs(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    uint32_t resting = conns[c].local_port;
    expect_sent(REQUEST);
    peer_sends(RESPONSE, .src_port = 80, .dst_port = resting);
    expect_event(CONNECTED);
    peer_sends(RST, .src_port = 80, .dst_port = resting);
    expect_event(RESET);
    vsock_close(&m, c, now);

    vsock_seed_ports(&m, 0);
    c = vsock_connect(&m, HOST, 80, now);
    assert_int_equal(conns[c].local_port, resting + 1);
    vsock_seed_ports(&m, 0);
    c = vsock_connect(&m, HOST, 81, now); /* another pair */
    assert_int_equal(conns[c].local_port, resting);
}

static void test_the_oldest_of_too_many_is_forgotten(void **state)
{
    (void)state;
    for (uint32_t i = 0; i <= VSOCK_QUARANTINE_MAX; i++) {
        int c = open_from_peer((struct peer_packet){.src_port = 100 + i});
        peer_sends(RST, .src_port = 100 + i);
        expect_event(RESET);
        vsock_close(&m, c, now);
    }
    peer_sends(REQUEST, .src_port = 101);
    expect_sent(RST);
    open_from_peer((struct peer_packet){.src_port = 100});
}

static void test_transport_reset_ends_the_rest(void **state)
{
    (void)state;
    by_abort(open_default());
    vsock_transport_reset(&m, GUEST);
    expect_event(TRANSPORT_RESET);
    open_default();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_unclean_ends_are_quarantined),
        T(test_clean_ends_are_not),
        T(test_refusals_are_not),
        T(test_connect_avoids_resting_pairs),
        T(test_the_oldest_of_too_many_is_forgotten),
        T(test_transport_reset_ends_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
