/* SPDX-License-Identifier: MIT */
/* Packets that only a broken or hostile peer sends, and those that come at a bad moment. */
#include "tests/unit/machine.h"

/* A header as it is, where peer_sends() would put what a good peer does. */
static void peer_sends_header(struct virtio_vsock_hdr hdr)
{
    hdr.src_cid = hdr.src_cid ? hdr.src_cid : HOST;
    hdr.dst_cid = GUEST;
    hdr.src_port = PEER;
    hdr.dst_port = PORT;
    vsock_input(&m, &hdr, NULL, now);
}

static void test_types(void **state)
{
    static const uint16_t types[] = {0, 2, 3, UINT16_MAX};
    (void)state;
    for (size_t i = 0; i < 2 * sizeof types / sizeof types[0]; i++) {
        uint16_t type = types[i % 4];
        if (i == 4)
            open_default(); /* which these don't reach */
        peer_sends_header((struct virtio_vsock_hdr){.type = type, .op = VIRTIO_VSOCK_OP_REQUEST});
        expect_sent(RST);
        assert_int_equal(sent.type, type);
        peer_sends_header((struct virtio_vsock_hdr){.type = type, .op = VIRTIO_VSOCK_OP_RST});
        expect_silence();
        expect_no_event();
    }
    assert_int_equal(vsock_connections(&m), 1);
}

/* An operation without a meaning still carries credit. */
static void test_unknown_operations_on_a_live_tuple(void **state)
{
    static const uint16_t ops[] = {8, 9, 0xffff};
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "0123");
    expect_sent(RW);
    for (uint32_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        expect_sent(CREDIT_REQUEST);
        expect_silence();
        peer_sends_packet(ops[i], (struct peer_packet){.buf_alloc = 1, .fwd_cnt = i + 1});
        expect_sent(RW);
        assert_int_equal(sent_data[0], '1' + (int)i);
    }
    expect_silence();
}

static void test_window_shrinks_to_nothing_and_grows(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 4});
    owner_sends(c, "0123456789");
    expect_sent(RW);
    assert_int_equal(sent.len, 4);
    expect_sent(CREDIT_REQUEST);
    peer_sends_header((struct virtio_vsock_hdr){
        .type = 1, .op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .fwd_cnt = 4}); /* buf_alloc 0 */
    expect_sent(CREDIT_REQUEST);
    expect_silence();
    peer_sends(CREDIT_UPDATE, .buf_alloc = 100, .fwd_cnt = 4);
    expect_sent(RW);
    assert_string_equal(sent_data, "456789");
}

/* A peer that takes its window back while data is in flight has not given any. */
static void test_window_shrinks_under_data_in_flight(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 4});
    owner_sends(c, "0123456789");
    expect_sent(RW);
    expect_sent(CREDIT_REQUEST);
    peer_sends_header(
        (struct virtio_vsock_hdr){.type = 1, .op = VIRTIO_VSOCK_OP_CREDIT_UPDATE, .fwd_cnt = 1});
    expect_sent(CREDIT_REQUEST);
    expect_silence();
}

static void test_credit_request_storm_without_room(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW);
    for (int i = 0; i < 1000; i++) {
        peer_sends(CREDIT_REQUEST);
        expect_silence();
    }
    vsock_consume(&m, c, 1);
    expect_sent(CREDIT_UPDATE);
    expect_silence();
}

/* Bytes of two streams whose four counters cross 2^32, through windows that are often full. */
static void test_streams_across_the_wrap(void **state)
{
    enum { BYTES = 1000, START = 0xffffff00 };
    uint32_t sent_bytes = 0, seen = 0;
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 10});
    struct vsock_conn *k = &conns[c];
    k->tx_cnt = k->peer_fwd_cnt = k->rx_cnt = k->fwd_cnt = k->fwd_announced = START;
    for (uint32_t i = 0; i < BYTES; i++) {
        char byte[] = {(char)('a' + i % 26), '\0'};
        const uint8_t *data;
        owner_sends(c, byte);
        peer_sends(RW, .data = byte, .buf_alloc = 10, .fwd_cnt = START + seen);
        for (int op; (op = next_op()) != VIRTIO_VSOCK_OP_INVALID;) {
            assert_int_not_equal(op, VIRTIO_VSOCK_OP_RST);
            assert_int_equal(sent.buf_alloc, WINDOW); /* it never shrinks */
            for (uint32_t n = 0; n < sent.len; n++)
                assert_int_equal(sent_data[n], 'a' + sent_bytes++ % 26);
            assert_in_range(k->tx_cnt - (START + seen), 0, 10);
        }
        if (i % 7 == 6) { /* both ends read what has come */
            uint32_t unread = vsock_peek(&m, c, &data);
            assert_int_equal(unread, 7);
            assert_int_equal(data[0], 'a' + (i - 6) % 26);
            vsock_consume(&m, c, unread);
            seen = sent_bytes;
        }
    }
    assert_in_range(sent_bytes, BYTES - 10, BYTES);
    assert_int_equal(k->rx_cnt, (uint32_t)START + BYTES);
    assert_int_equal(k->tx_cnt, (uint32_t)START + sent_bytes);
}

static void test_rst_storm(void **state)
{
    (void)state;
    int c = open_default();
    for (int i = 0; i < 1000; i++)
        peer_sends(RST);
    expect_event(RESET);
    expect_no_event();
    expect_silence();
    vsock_close(&m, c, now);
    for (int i = 0; i < 1000; i++)
        peer_sends(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_request_with_a_payload(void **state)
{
    (void)state;
    peer_sends(REQUEST, .data = "x");
    expect_sent(RST);
    expect_no_event();
}

/* Who speaks is a part of the tuple. */
static void test_same_ports_of_another_peer(void **state)
{
    (void)state;
    vsock_allow(&m, 9);
    int c = open_default();
    peer_sends(RW, .src_cid = 9, .data = "not its own");
    expect_sent(RST);
    assert_int_equal(sent.dst_cid, 9);
    expect_unread(c, "");
    int other = open_from_peer((struct peer_packet){.src_cid = 9});
    peer_sends(RW, .src_cid = 9, .data = "its own");
    expect_unread(c, "");
    expect_unread(other, "its own");
    peer_sends(RST); /* the pair of the first one rests now, the other's does not */
    peer_sends(SHUTDOWN, .src_cid = 9, .flags = 3);
    vsock_consume(&m, other, 7);
    expect_sent(RST);
    vsock_close(&m, c, now);
    vsock_close(&m, other, now);
    while (next_event() != 0)
        ;
    open_from_peer((struct peer_packet){.src_cid = 9});
    peer_sends(REQUEST);
    expect_sent(RST);
    assert_int_equal(sent.dst_cid, HOST);
}

/* A REQUEST takes back the RST that is owed to its own tuple, and no other's. */
static void test_strays_of_other_tuples(void **state)
{
    (void)state;
    vsock_allow(&m, 9);
    peer_sends(RW, .dst_port = 9, .data = "stray");
    peer_sends(RW, .src_cid = 9, .data = "stray");
    peer_sends(RW, .data = "stray");
    peer_sends(REQUEST);
    expect_sent(RST);
    assert_int_equal(sent.src_port, 9);
    assert_int_equal(sent.src_cid, GUEST);
    expect_sent(RST);
    assert_int_equal(sent.dst_cid, 9);
    expect_silence();
}

static void test_packets_behind_our_rst(void **state)
{
    (void)state;
    vsock_abort(&m, open_default());
    peer_sends(RW, .data = "x");
    peer_sends(REQUEST);
    peer_sends(SHUTDOWN, .flags = 3);
    expect_sent(RST); /* one, for all of them */
    expect_silence();
    expect_no_event();
}

/* The peer has reset it, the owner has not let go of it yet. */
static void test_packets_for_a_dead_connection(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "last");
    peer_sends(RST);
    peer_sends(RW, .data = "ghost");
    expect_sent(RST);
    expect_unread(c, "last");
    vsock_close(&m, c, now);
    expect_silence();
}

static void test_request_taken_back(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    expect_event(REQUESTED);
    peer_sends(SHUTDOWN, .flags = 3);
    expect_sent(RST);
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_ERR_INVALID);
    vsock_close(&m, event.conn, now);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

/* Half of a shutdown before the owner has decided, who then takes his time. */
static void test_end_of_a_request_that_waits(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    expect_event(REQUESTED);
    vsock_tick(&m, now += VSOCK_END_WAIT_NS);
    expect_event(CLOSED);
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_OK);
    expect_sent(RESPONSE);
    expect_no_event();
}

/* A peer that says it again and again does not put the end off, and tells nothing new. */
static void test_shutdown_again_and_again(void **state)
{
    (void)state;
    open_default();
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_event(ROOM);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_no_event();
    vsock_transport_reset(&m, GUEST);
    while (next_event() != 0)
        vsock_close(&m, 0, now);
    open_default();
    for (int i = 0; i < 2; i++) {
        peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
        expect_no_event();
        vsock_tick(&m, now += VSOCK_END_WAIT_NS / 2);
    }
    expect_event(CLOSED);
    expect_no_event();
}

/* What can't be read any more is not held for its reader. */
static void test_peer_stops_reading_while_we_close(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "01");
    vsock_close(&m, c, now);
    expect_sent(RW);
    expect_sent(CREDIT_REQUEST);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE, .buf_alloc = 1);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_BOTH);
}

static void test_shutdown_in_halves_while_we_close(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "01");
    vsock_close(&m, c, now);
    expect_sent(RW);
    expect_sent(CREDIT_REQUEST);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND, .buf_alloc = 1);
    expect_silence(); /* it still reads: the rest may leave yet */
    assert_int_equal(vsock_unsent(&m, c), 1);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE, .buf_alloc = 1);
    expect_sent(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

/* Nobody reads the rest: an end is an end. */
static void test_close_with_unread_data_behind_a_shutdown(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "unread");
    peer_sends(SHUTDOWN, .flags = 3);
    expect_silence();
    vsock_close(&m, c, now);
    expect_sent(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_close_with_unread_data(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "unread");
    vsock_close(&m, c, now);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.fwd_cnt, 6); /* it is nobody's any more, and takes no room */
}

/* [Fuchsia, rule 10] Both halves are shut, by us: only RST may follow. */
static void test_silence_after_our_shutdown(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .len = WINDOW);
    vsock_shutdown(&m, c, VIRTIO_VSOCK_SHUTDOWN_BOTH);
    expect_sent(SHUTDOWN);
    vsock_consume(&m, c, WINDOW);
    peer_sends(CREDIT_REQUEST);
    expect_silence();
    peer_sends(REQUEST);
    expect_sent(RST);
}

/* An end is told once, and leaves no timer and no byte behind. */
static void test_nothing_waits_after_the_end(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 1});
    owner_sends(c, "01");
    expect_sent(RW);
    expect_sent(CREDIT_REQUEST); /* which has a timer, as the end of the stream has */
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND, .buf_alloc = 1);
    assert_true(vsock_deadline(&m) != UINT64_MAX);
    peer_sends(RST);
    assert_true(vsock_deadline(&m) == UINT64_MAX);
    assert_int_equal(vsock_unsent(&m, c), 0);
    vsock_tick(&m, now += 100 * SECOND);
    expect_event(RESET);
    expect_no_event();
}

/* Data and events of many connections take turns, however much one of them has. */
static void test_nobody_is_served_twice_in_a_row(void **state)
{
    const uint8_t *data;
    (void)state;
    int a = open_from_peer((struct peer_packet){.src_port = 1});
    int b = open_from_peer((struct peer_packet){.src_port = 2});
    owner_sends(a, "aaaa");
    owner_sends(b, "bbbb");
    for (int i = 0; i < 8; i++) {
        assert_true(vsock_output(&m, &sent, &data, 1));
        assert_int_equal(sent.dst_port, 1 + i % 2);
    }
    for (uint32_t i = 0; i < 8; i++) {
        peer_sends(RW, .src_port = 1, .data = "x");
        peer_sends(RW, .src_port = 2, .data = "x");
        expect_event(DATA);
        assert_int_equal(event.peer_port, 1 + i % 2);
    }
}

/* The peer stops reading between vsock_reserve() and vsock_send(). */
static void test_peer_stops_reading_while_the_owner_writes(void **state)
{
    uint8_t *space;
    (void)state;
    int c = open_default();
    assert_int_equal(vsock_reserve(&m, c, 1, &space), SEND);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    vsock_send(&m, c, 1);
    expect_silence();
    assert_true(vsock_send_shut(&m, c));
}

static void test_allow_list_is_bounded(void **state)
{
    (void)state;
    for (uint64_t i = 1; i < VSOCK_PEERS_MAX; i++)
        assert_int_equal(vsock_allow(&m, 100 + i), MOTE_OK);
    assert_int_equal(vsock_allow(&m, HOST), MOTE_OK); /* it is there */
    assert_int_equal(vsock_allow(&m, 100), MOTE_ERR_NO_ROOM);
    peer_sends(REQUEST, .src_cid = 100);
    expect_silence();
    expect_no_event();
}

/* A packet is never larger, however much there is to send and room to put it. */
static void test_packets_are_64_kib_at_most(void **state)
{
    static uint8_t memory[100000];
    const uint8_t *data;
    uint8_t *space;
    (void)state;
    conns[0].tx = (struct buffer){.base = memory, .size = sizeof memory};
    int c = open_from_peer((struct peer_packet){.buf_alloc = sizeof memory});
    assert_int_equal(vsock_reserve(&m, c, 1, &space), sizeof memory);
    vsock_send(&m, c, sizeof memory);
    assert_true(vsock_output(&m, &sent, &data, sizeof memory));
    assert_int_equal(sent.len, 65536);
    assert_true(vsock_output(&m, &sent, &data, sizeof memory));
    assert_int_equal(sent.len, sizeof memory - 65536);
}

static void test_transport_reset_of_a_table_with_holes(void **state)
{
    (void)state;
    int hole = open_from_peer((struct peer_packet){.src_port = 1});
    open_from_peer((struct peer_packet){.src_port = 2});
    vsock_abort(&m, hole);
    expect_sent(RST);
    vsock_transport_reset(&m, GUEST);
    expect_event(TRANSPORT_RESET);
    expect_event(RESET);
    assert_int_equal(event.peer_port, 2);
    expect_no_event();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_types),
        T(test_unknown_operations_on_a_live_tuple),
        T(test_window_shrinks_to_nothing_and_grows),
        T(test_window_shrinks_under_data_in_flight),
        T(test_credit_request_storm_without_room),
        T(test_streams_across_the_wrap),
        T(test_rst_storm),
        T(test_request_with_a_payload),
        T(test_same_ports_of_another_peer),
        T(test_strays_of_other_tuples),
        T(test_packets_behind_our_rst),
        T(test_packets_for_a_dead_connection),
        T(test_request_taken_back),
        T(test_end_of_a_request_that_waits),
        T(test_shutdown_again_and_again),
        T(test_peer_stops_reading_while_we_close),
        T(test_shutdown_in_halves_while_we_close),
        T(test_close_with_unread_data_behind_a_shutdown),
        T(test_close_with_unread_data),
        T(test_silence_after_our_shutdown),
        T(test_nothing_waits_after_the_end),
        T(test_nobody_is_served_twice_in_a_row),
        T(test_peer_stops_reading_while_the_owner_writes),
        T(test_allow_list_is_bounded),
        T(test_packets_are_64_kib_at_most),
        T(test_transport_reset_of_a_table_with_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
