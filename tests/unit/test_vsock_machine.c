/* SPDX-License-Identifier: MIT */
/* The life of connections: accepting, refusing, closing, resetting, and bounded answers. */
#include "tests/unit/machine.h"

static void test_accept(void **state)
{
    (void)state;
    peer_sends(REQUEST, .buf_alloc = 77);
    expect_event(REQUESTED);
    assert_int_equal(event.local_port, PORT);
    assert_int_equal(event.peer_port, PEER);
    expect_silence(); /* the owner has not decided */
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_OK);
    expect_sent(RESPONSE);
    assert_int_equal(sent.src_cid, GUEST);
    assert_int_equal(sent.dst_cid, HOST);
    assert_int_equal(sent.src_port, PORT);
    assert_int_equal(sent.dst_port, PEER);
    assert_int_equal(sent.buf_alloc, WINDOW);
    assert_int_equal(sent.type, VIRTIO_VSOCK_TYPE_STREAM);
    expect_silence();
}

static void test_owner_says_no(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    expect_event(REQUESTED);
    vsock_close(&m, event.conn, now);
    expect_sent(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_refused_without_listener(void **state)
{
    (void)state;
    peer_sends(REQUEST, .dst_port = 7);
    expect_no_event();
    expect_sent(RST);
    assert_int_equal(sent.src_port, 7);
    expect_silence();
}

static void test_any_port_listener(void **state)
{
    (void)state;
    vsock_listen(&m, VSOCK_PORT_ANY);
    open_from_peer((struct peer_packet){.dst_port = 7});
    assert_int_equal(sent.src_port, 7);
}

static void test_listeners(void **state)
{
    (void)state;
    assert_int_equal(vsock_listen(&m, PORT), MOTE_ERR_ALREADY_BOUND);
    assert_int_equal(vsock_unlisten(&m, PORT), MOTE_OK);
    assert_int_equal(vsock_unlisten(&m, PORT), MOTE_ERR_NOT_FOUND);
    assert_int_equal(vsock_listen(&m, PORT), MOTE_OK);
    for (uint32_t i = 1; i < VSOCK_LISTENERS_MAX; i++)
        assert_int_equal(vsock_listen(&m, PORT + i), MOTE_OK);
    assert_int_equal(vsock_listen(&m, 1), MOTE_ERR_NO_ROOM);
}

static void test_port_zero_is_a_peer_port(void **state)
{
    struct virtio_vsock_hdr hdr = {.src_cid = HOST,
                                   .dst_cid = GUEST,
                                   .dst_port = PORT,
                                   .type = 1,
                                   .op = VIRTIO_VSOCK_OP_REQUEST};
    (void)state;
    vsock_input(&m, &hdr, NULL, now);
    expect_event(REQUESTED);
    vsock_accept(&m, event.conn);
    expect_sent(RESPONSE);
    assert_int_equal(sent.dst_port, 0);
}

static void test_only_allowed_peers_get_an_answer(void **state)
{
    (void)state;
    peer_sends(REQUEST, .src_cid = 9);
    peer_sends(RW, .src_cid = 9);
    peer_sends(REQUEST, .dst_cid = 4);
    expect_no_event();
    expect_silence();
    vsock_allow(&m, 9);
    open_from_peer((struct peer_packet){.src_cid = 9});
    assert_int_equal(sent.dst_cid, 9);
}

static void test_table_full(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CONNS; i++)
        open_from_peer((struct peer_packet){.src_port = 100 + i});
    peer_sends(REQUEST, .src_port = 200);
    expect_no_event();
    expect_sent(RST);
    assert_int_equal(sent.dst_port, 200);
    vsock_abort(&m, 0); /* the slot is usable again once its RST has left */
    expect_sent(RST);
    open_from_peer((struct peer_packet){.src_port = 200});
}

static void test_data_both_ways(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "hel");
    peer_sends(RW, .data = "lo");
    expect_event(DATA);
    expect_no_event();
    expect_unread(c, "hello");
    vsock_consume(&m, c, 4);
    expect_unread(c, "o");
    owner_sends(c, "abc");
    expect_sent(RW);
    assert_string_equal(sent_data, "abc");
    assert_int_equal(sent.fwd_cnt, 4);
    expect_no_event();
}

/* Room is told to an owner who was told that there is none, once there is enough. */
static void test_room(void **state)
{
    uint8_t *space;
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 8});
    assert_int_equal(vsock_reserve(&m, c, 1, &space), SEND);
    vsock_send(&m, c, SEND);
    expect_sent(RW); /* all the credit: 8 bytes */
    expect_no_event();
    assert_int_equal(vsock_reserve(&m, c, 10, &space), 0);
    peer_sends(CREDIT_UPDATE, .buf_alloc = 9, .fwd_cnt = 8);
    expect_sent(RW);
    expect_event(ROOM);
    expect_no_event();
    assert_int_equal(vsock_reserve(&m, c, 10, &space), 17);
}

static void test_many_connections_take_turns(void **state)
{
    (void)state;
    int a = open_from_peer((struct peer_packet){.src_port = 1, .buf_alloc = 1000});
    int b = open_from_peer((struct peer_packet){.src_port = 2, .buf_alloc = 1000});
    for (int i = 0; i < 4; i++) {
        owner_sends(a, "a");
        owner_sends(b, "b");
        expect_sent(RW);
        char first = sent_data[0];
        expect_sent(RW);
        assert_int_not_equal(first, sent_data[0]);
    }
}

static void test_request_on_a_live_tuple(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(REQUEST);
    expect_sent(RST);
    expect_silence();
    expect_event(RESET);
    assert_int_equal(event.error, MOTE_ERR_RESET);
    vsock_close(&m, c, now);
    expect_silence();
    now += VSOCK_QUARANTINE_NS;
    open_default(); /* the same pair works again */
}

static void test_peer_resets(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "last");
    peer_sends(RST);
    expect_event(DATA);
    expect_event(RESET);
    expect_unread(c, "last"); /* what came before is still there */
    assert_true(vsock_send_shut(&m, c));
    vsock_close(&m, c, now);
    expect_silence(); /* never an RST for an RST */
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_peer_shuts_both_halves(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "bye");
    peer_sends(SHUTDOWN, .flags = 3);
    expect_event(DATA);
    expect_event(ROOM);
    expect_event(CLOSED);
    expect_silence(); /* there is something left to read */
    vsock_consume(&m, c, 3);
    expect_sent(RST); /* and only RST */
    expect_silence();
    expect_no_event();
    vsock_close(&m, c, now);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

static void test_shutdown_flags_accumulate(void **state)
{
    (void)state;
    open_default();
    peer_sends(SHUTDOWN, .flags = 1);
    expect_event(ROOM);
    expect_silence();
    peer_sends(SHUTDOWN, .flags = 2);
    expect_event(CLOSED);
    expect_sent(RST);
}

static void test_half_close_by_the_peer(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    owner_sends(c, "answer");
    expect_sent(RW);
    now += VSOCK_END_WAIT_NS - 1;
    peer_sends(RW, .data = "late"); /* Fuchsia's device sends what it had */
    expect_event(DATA);
    expect_unread(c, "late");
    now += VSOCK_END_WAIT_NS - 1; /* and perhaps there is more */
    vsock_tick(&m, now);
    expect_no_event();
    assert_int_equal(vsock_deadline(&m), now + 1);
    vsock_tick(&m, ++now);
    expect_event(CLOSED);
    peer_sends(RW, .data = "st"); /* even now it is not lost, and the end is told once */
    expect_event(DATA);
    expect_unread(c, "latest");
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_event(ROOM);
    expect_no_event();
}

static void test_both_halves_end_without_a_wait(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    peer_sends(RW, .data = "tail");
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_BOTH);
    expect_event(DATA);
    expect_event(ROOM);
    expect_event(CLOSED);
    expect_no_event();
    expect_unread(c, "tail");
    assert_int_equal(vsock_deadline(&m), UINT64_MAX);
}

static void test_half_close_by_us(void **state)
{
    (void)state;
    int c = open_default();
    owner_sends(c, "end");
    vsock_shutdown(&m, c, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    expect_sent(RW);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    expect_silence();
    peer_sends(RW, .data = "answer");
    expect_unread(c, "answer");
    uint8_t *space;
    assert_int_equal(vsock_reserve(&m, c, 1, &space), 0);
}

static void test_polite_close(void **state)
{
    (void)state;
    int c = open_default();
    owner_sends(c, "last words");
    vsock_close(&m, c, now);
    expect_sent(RW);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_BOTH);
    peer_sends(CREDIT_REQUEST);
    peer_sends(RW, .data = "too late");
    expect_silence(); /* silence after SHUTDOWN(3) */
    peer_sends(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

/* At the end of everything each connection ends as becomes its state. */
static void test_close_all(void **state)
{
    (void)state;
    int gone = open_from_peer((struct peer_packet){.src_port = 9});
    open_from_peer((struct peer_packet){.src_port = 1});
    vsock_close(&m, open_from_peer((struct peer_packet){.src_port = 2}), now);
    peer_sends(REQUEST, .src_port = 3);
    expect_sent(SHUTDOWN); /* it was closed before */
    vsock_abort(&m, gone);
    expect_sent(RST);
    vsock_close_all(&m, now);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.dst_port, 1);
    expect_sent(RST); /* refused */
    assert_int_equal(sent.dst_port, 3);
    expect_silence();
    expect_no_event();
}

static void test_close_times_out(void **state)
{
    (void)state;
    int c = open_default();
    vsock_close(&m, c, now);
    expect_sent(SHUTDOWN);
    assert_int_equal(vsock_deadline(&m), now + VSOCK_CLOSE_TIMEOUT_NS);
    now += VSOCK_CLOSE_TIMEOUT_NS;
    vsock_tick(&m, now);
    expect_sent(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
    assert_true(vsock_deadline(&m) == UINT64_MAX);
}

static void test_both_close_at_once(void **state)
{
    (void)state;
    int c = open_default();
    vsock_close(&m, c, now);
    expect_sent(SHUTDOWN);
    peer_sends(SHUTDOWN, .flags = 3);
    expect_sent(RST);
    expect_silence();
    assert_int_equal(vsock_connections(&m), 0);
}

/* One row per packet that comes out of turn; the answer is always bounded. */
static void test_unknown_tuples(void **state)
{
    static const struct {
        uint16_t op;
        bool answered;
    } rows[] = {
        {VIRTIO_VSOCK_OP_INVALID, true},
        {VIRTIO_VSOCK_OP_RESPONSE, true},
        {VIRTIO_VSOCK_OP_RST, false},
        {VIRTIO_VSOCK_OP_SHUTDOWN, true},
        {VIRTIO_VSOCK_OP_RW, true},
        {VIRTIO_VSOCK_OP_CREDIT_UPDATE, true},
        {VIRTIO_VSOCK_OP_CREDIT_REQUEST, true},
        {8, true},
        {0xffff, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        peer_sends_packet(rows[i].op, (struct peer_packet){0});
        assert_int_equal(next_op(), rows[i].answered ? VIRTIO_VSOCK_OP_RST : 0);
        expect_silence();
    }
    expect_no_event();
}

static void test_violations_reset(void **state)
{
    static const struct {
        uint16_t op;
        struct peer_packet packet;
    } rows[] = {
        {VIRTIO_VSOCK_OP_RW, {.len = WINDOW + 1}},       /* past the window */
        {VIRTIO_VSOCK_OP_CREDIT_UPDATE, {.len = 1}},     /* payload where none belongs */
        {VIRTIO_VSOCK_OP_CREDIT_UPDATE, {.fwd_cnt = 1}}, /* consumed what was never sent */
        {VIRTIO_VSOCK_OP_RESPONSE, {0}},                 /* out of turn */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int c = open_default();
        peer_sends_packet(rows[i].op, rows[i].packet);
        expect_sent(RST);
        expect_event(RESET);
        vsock_close(&m, c, now);
        expect_silence();
        now += VSOCK_QUARANTINE_NS;
    }
}

static void test_data_before_response(void **state)
{
    (void)state;
    peer_sends(REQUEST);
    peer_sends(RW, .data = "early");
    expect_sent(RST);
    expect_event(REQUESTED);
    assert_int_equal(vsock_accept(&m, event.conn), MOTE_ERR_INVALID);
}

static void test_other_types_get_rst_of_their_type(void **state)
{
    (void)state;
    peer_sends(REQUEST, .type = 2);
    expect_sent(RST);
    assert_int_equal(sent.type, 2);
    peer_sends(RST, .type = 2);
    expect_silence();
}

static void test_floods_are_bounded(void **state)
{
    int answers = 0;
    (void)state;
    for (uint32_t i = 0; i < 10000; i++)
        peer_sends(REQUEST, .src_port = 1 + i, .dst_port = 9);
    while (next_op() != VIRTIO_VSOCK_OP_INVALID)
        answers++;
    assert_int_equal(answers, VSOCK_ORPHANS_MAX);
    for (uint32_t i = 0; i < 10000; i++)
        peer_sends(RST, .src_port = 1 + i);
    expect_silence();
    open_default();
}

static void test_transport_reset(void **state)
{
    (void)state;
    int a = open_from_peer((struct peer_packet){.src_port = 1});
    int b = open_from_peer((struct peer_packet){.src_port = 2});
    owner_sends(a, "lost");
    vsock_close(&m, b, now);
    vsock_transport_reset(&m, 43);
    expect_silence(); /* without a packet */
    expect_event(TRANSPORT_RESET);
    assert_int_equal(event.conn, -1);
    expect_event(RESET);
    assert_int_equal(event.conn, a);
    vsock_close(&m, a, now);
    assert_int_equal(vsock_connections(&m), 0);
    open_from_peer((struct peer_packet){.dst_cid = 43}); /* listeners survive */
    assert_int_equal(sent.src_cid, 43);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_accept),
        T(test_owner_says_no),
        T(test_refused_without_listener),
        T(test_any_port_listener),
        T(test_listeners),
        T(test_port_zero_is_a_peer_port),
        T(test_only_allowed_peers_get_an_answer),
        T(test_table_full),
        T(test_data_both_ways),
        T(test_room),
        T(test_many_connections_take_turns),
        T(test_request_on_a_live_tuple),
        T(test_peer_resets),
        T(test_peer_shuts_both_halves),
        T(test_shutdown_flags_accumulate),
        T(test_half_close_by_the_peer),
        T(test_both_halves_end_without_a_wait),
        T(test_half_close_by_us),
        T(test_polite_close),
        T(test_close_all),
        T(test_close_times_out),
        T(test_both_close_at_once),
        T(test_unknown_tuples),
        T(test_violations_reset),
        T(test_data_before_response),
        T(test_other_types_get_rst_of_their_type),
        T(test_floods_are_bounded),
        T(test_transport_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
