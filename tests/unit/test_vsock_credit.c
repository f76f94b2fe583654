/* SPDX-License-Identifier: MIT */
/* Credit (virtio specification 1.2, section 5.10.6.3), with counters that wrap. */
#include "tests/unit/machine.h"

static void take_rw(uint32_t len)
{
    expect_sent(RW);
    assert_int_equal(sent.len, len);
}

static void test_partial_then_rest(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 5});
    owner_sends(c, "123456789");
    take_rw(5);
    expect_sent(CREDIT_REQUEST); /* once */
    expect_silence();
    peer_sends(CREDIT_UPDATE, .buf_alloc = 5, .fwd_cnt = 5);
    take_rw(4);
    assert_string_equal(sent_data, "6789");
    expect_silence();
}

/* Room is told when there is as much as was asked for, and no sooner. */
static void test_room_comes_in_parts(void **state)
{
    uint8_t *space;
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 5});
    owner_sends(c, "123456789");
    assert_int_equal(vsock_reserve(&m, c, SEND, &space), 0);
    take_rw(5);
    expect_no_event();
    peer_sends(CREDIT_UPDATE, .buf_alloc = 5, .fwd_cnt = 5);
    take_rw(4);
    expect_event(ROOM);
    expect_no_event();
    assert_int_equal(vsock_reserve(&m, c, SEND, &space), SEND);
}

static void test_zero_window_at_first(void **state)
{
    struct virtio_vsock_hdr hdr = {.src_cid = HOST,
                                   .dst_cid = GUEST,
                                   .src_port = PEER,
                                   .dst_port = PORT,
                                   .type = 1,
                                   .op = VIRTIO_VSOCK_OP_REQUEST};
    (void)state;
    vsock_input(&m, &hdr, NULL, now);
    expect_event(REQUESTED);
    vsock_accept(&m, event.conn);
    expect_sent(RESPONSE);
    owner_sends(event.conn, "x");
    expect_sent(CREDIT_REQUEST);
    expect_silence();
    peer_sends(CREDIT_UPDATE, .buf_alloc = 10);
    take_rw(1);
}

static void test_credit_request_is_repeated_by_time_alone(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "12");
    take_rw(1);
    expect_sent(CREDIT_REQUEST);
    expect_silence();
    now += VSOCK_CREDIT_RETRY_NS;
    assert_true(vsock_deadline(&m) <= now);
    vsock_tick(&m, now);
    expect_sent(CREDIT_REQUEST);
    expect_silence();
}

static void test_credit_comes_with_every_packet(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 4});
    owner_sends(c, "12345678");
    take_rw(4);
    expect_sent(CREDIT_REQUEST);
    peer_sends(RW, .data = "x", .buf_alloc = 4, .fwd_cnt = 4);
    take_rw(4);
}

static void test_window_shrinks_below_what_is_in_flight(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 8});
    owner_sends(c, "12345678abcd");
    take_rw(8);
    peer_sends(CREDIT_UPDATE, .buf_alloc = 4, .fwd_cnt = 2);
    expect_sent(CREDIT_REQUEST);
    expect_silence();
    peer_sends(CREDIT_UPDATE, .buf_alloc = 4, .fwd_cnt = 6);
    take_rw(2);
}

static void test_counters_wrap(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 16});
    struct vsock_conn *k = &conns[c];
    k->tx_cnt = k->peer_fwd_cnt = 0xfffffffa;
    k->rx_cnt = k->fwd_cnt = k->fwd_announced = 0xfffffffc;
    peer_sends(CREDIT_UPDATE, .buf_alloc = 16, .fwd_cnt = 0xfffffffa);
    owner_sends(c, "0123456789abcdefXY");
    take_rw(16);
    assert_int_equal(k->tx_cnt, 10);
    peer_sends(RW, .data = "0123456789", .buf_alloc = 16, .fwd_cnt = 4);
    take_rw(2); /* 16 - (10 - 4) = 10 free, 2 left */
    vsock_consume(&m, c, 10);
    assert_int_equal(k->fwd_cnt, 6);
}

static void test_update_when_a_quarter_was_consumed(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW / 4);
    vsock_consume(&m, c, WINDOW / 4 - 1);
    expect_silence();
    vsock_consume(&m, c, 1);
    expect_sent(CREDIT_UPDATE);
    assert_int_equal(sent.fwd_cnt, WINDOW / 4);
    assert_int_equal(sent.buf_alloc, WINDOW);
    expect_silence();
}

/* A peer that saw a full window waits for the first byte, and Linux never asks. */
static void test_update_at_once_after_a_full_window(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW);
    expect_silence();
    vsock_consume(&m, c, 1);
    expect_sent(CREDIT_UPDATE);
    assert_int_equal(sent.fwd_cnt, 1);
}

/* What a data packet has announced is not announced again. */
static void test_data_announces_what_was_consumed(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW / 2);
    for (uint32_t i = 1; i <= 4; i++) { /* an eighth each time, and an update is due at a quarter */
        vsock_consume(&m, c, WINDOW / 8);
        owner_sends(c, "x");
        take_rw(1);
        assert_int_equal(sent.fwd_cnt, i * WINDOW / 8);
        expect_silence();
    }
}

static void test_data_carries_the_update(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW);
    owner_sends(c, "x");
    vsock_consume(&m, c, WINDOW);
    expect_sent(CREDIT_UPDATE); /* control goes first */
    take_rw(1);
    assert_int_equal(sent.fwd_cnt, WINDOW);
    expect_silence();
}

static void test_answer_to_credit_request(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(CREDIT_REQUEST);
    expect_sent(CREDIT_UPDATE);
    for (int i = 0; i < 1000; i++) /* a storm gets one answer */
        peer_sends(CREDIT_REQUEST);
    expect_sent(CREDIT_UPDATE);
    expect_silence();
    peer_sends(RW, .len = WINDOW);
    peer_sends(CREDIT_REQUEST); /* no room: the answer waits */
    expect_silence();
    vsock_consume(&m, c, 1);
    expect_sent(CREDIT_UPDATE);
}

/* vhost-device-vsock waits for that before it reads from its stream again. */
static void test_answer_to_operation_0(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "01");
    expect_sent(RW);
    expect_sent(CREDIT_REQUEST);
    peer_sends_packet(0, (struct peer_packet){.buf_alloc = 1, .fwd_cnt = 1});
    expect_sent(CREDIT_UPDATE);
    expect_sent(RW); /* its credit counts, too */
    for (int i = 0; i < 1000; i++)
        peer_sends_packet(0, (struct peer_packet){.buf_alloc = 1, .fwd_cnt = 2});
    expect_sent(CREDIT_UPDATE);
    expect_silence();
}

static void test_own_window_is_enforced_to_the_byte(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW);
    expect_silence();
    vsock_consume(&m, c, 3);
    expect_sent(CREDIT_UPDATE);
    peer_sends(RW, .len = 3);
    expect_silence();
    peer_sends(RW, .len = 1);
    expect_sent(RST);
}

static void test_peer_cannot_claim_the_future(void **state)
{
    (void)state;
    int c = open_default();
    owner_sends(c, "1234");
    take_rw(4);
    peer_sends(CREDIT_UPDATE, .fwd_cnt = 5);
    expect_sent(RST);
    expect_event(RESET);
}

/* Small packets fill a Linux peer's queue before its window: at most so many unacknowledged. */
static void test_packets_in_flight_are_bounded(void **state)
{
    uint32_t packets = 0;
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 100000});
    for (int i = 0; i < 1000; i++) {
        uint8_t *space;
        if (vsock_reserve(&m, c, 1, &space) != 0) {
            *space = 'x';
            vsock_send(&m, c, 1);
        }
        int op = next_op();
        packets += op == VIRTIO_VSOCK_OP_RW;
    }
    assert_int_equal(packets, VSOCK_PACKETS_IN_FLIGHT_MAX);
    peer_sends(CREDIT_UPDATE, .buf_alloc = 100000, .fwd_cnt = conns[c].tx_cnt);
    expect_sent(RW);
}

/* A stream of small packets asks for news at half of them, once, and need not stop. */
static void test_credit_is_asked_for_early(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 100000});
    for (uint32_t i = 0; i < VSOCK_PACKETS_IN_FLIGHT_MAX; i++) {
        owner_sends(c, "x");
        if (i == VSOCK_PACKETS_IN_FLIGHT_MAX / 2)
            expect_sent(CREDIT_REQUEST);
        take_rw(1);
        expect_silence();
    }
}

/* However much a peer would take, a guest keeps a bounded part of it in flight. */
static void test_bytes_in_flight_are_bounded(void **state)
{
    static uint8_t memory[2 * VSOCK_IN_FLIGHT_MAX];
    const uint8_t *data;
    uint32_t bytes = 0;
    uint8_t *space;
    (void)state;
    conns[0].tx = (struct buffer){.base = memory, .size = sizeof memory};
    int c = open_from_peer((struct peer_packet){.buf_alloc = UINT32_MAX});
    assert_int_equal(vsock_reserve(&m, c, 1, &space), sizeof memory);
    vsock_send(&m, c, sizeof memory);
    while (vsock_output(&m, &sent, &data, VSOCK_MAX_PAYLOAD))
        bytes += sent.len;
    assert_int_equal(bytes, VSOCK_IN_FLIGHT_MAX);
    peer_sends(CREDIT_UPDATE, .buf_alloc = UINT32_MAX, .fwd_cnt = 10);
    assert_true(vsock_output(&m, &sent, &data, VSOCK_MAX_PAYLOAD));
    assert_int_equal(sent.len, 10);
}

/* A guest that wants a whole long line before it reads must get it, in packets of any size. */
static void test_a_host_uses_the_whole_window(void **state)
{
    enum { BYTES = 400000 };
    (void)state;
    m.in_flight_max = m.packets_max = VSOCK_UNLIMITED;
    int c = open_from_peer((struct peer_packet){.buf_alloc = BYTES});
    for (int i = 0; i < BYTES; i++) {
        owner_sends(c, "x");
        take_rw(1);
    }
    owner_sends(c, "x");
    expect_sent(CREDIT_REQUEST);
    expect_silence();
    peer_sends(CREDIT_UPDATE, .buf_alloc = BYTES, .fwd_cnt = BYTES + 1); /* still a lie */
    expect_sent(RST);
}

static void test_no_data_packets_when_not_asked_for(void **state)
{
    const uint8_t *data;
    (void)state;
    int c = open_default();
    owner_sends(c, "x");
    assert_false(vsock_output(&m, &sent, &data, 0));
    assert_true(vsock_output(&m, &sent, &data, 1));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_partial_then_rest),
        T(test_room_comes_in_parts),
        T(test_zero_window_at_first),
        T(test_credit_request_is_repeated_by_time_alone),
        T(test_credit_comes_with_every_packet),
        T(test_window_shrinks_below_what_is_in_flight),
        T(test_counters_wrap),
        T(test_update_when_a_quarter_was_consumed),
        T(test_update_at_once_after_a_full_window),
        T(test_data_announces_what_was_consumed),
        T(test_data_carries_the_update),
        T(test_answer_to_credit_request),
        T(test_answer_to_operation_0),
        T(test_own_window_is_enforced_to_the_byte),
        T(test_peer_cannot_claim_the_future),
        T(test_packets_in_flight_are_bounded),
        T(test_credit_is_asked_for_early),
        T(test_bytes_in_flight_are_bounded),
        T(test_a_host_uses_the_whole_window),
        T(test_no_data_packets_when_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
