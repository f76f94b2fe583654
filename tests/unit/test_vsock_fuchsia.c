/* SPDX-License-Identifier: MIT */
/*
 * The cases of the tests of Fuchsia's vsock device, under their names, with the roles swapped:
 * we are the device, our owner is the client, the peer is the guest. Here are those that no
 * other test shows; tests/checklist.txt says where the others are, and which don't apply.
 */
#include "tests/unit/machine.h"

/* A connection of ours, taken by the peer; returns its id. */
static int connect_to(uint32_t port)
{
    int conn = vsock_connect(&m, HOST, port, now);

    assert_true(conn >= 0);
    expect_sent(REQUEST);
    peer_sends(RESPONSE, .src_port = port, .dst_port = sent.src_port);
    expect_event(CONNECTED);
    assert_int_equal(event.conn, conn);
    return conn;
}

static void test_client_connect_multiple_times_sequentially(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 3 * CONNS; i++) {
        int c = connect_to(80);
        assert_int_equal(conns[c].local_port, 49152 + i);
        vsock_close(&m, c, now);
        expect_sent(SHUTDOWN);
        peer_sends(RST, .src_port = 80, .dst_port = 49152 + i);
    }
}

static void test_client_connect_multiple_times_parallel(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < CONNS; i++) {
        vsock_connect(&m, HOST, 80, now);
        expect_sent(REQUEST);
        assert_int_equal(sent.src_port, 49152 + i);
    }
    for (uint32_t i = CONNS; i-- > 0;) { /* answered in another order */
        peer_sends(RESPONSE, .src_port = 80, .dst_port = 49152 + i);
        expect_event(CONNECTED);
        assert_int_equal(event.local_port, 49152 + i);
    }
}

static void test_guest_rx_from_two_client_initiated_connections(void **state)
{
    (void)state;
    int a = connect_to(80), b = connect_to(80);
    owner_sends(a, "a");
    owner_sends(b, "b");
    for (int i = 0; i < 2; i++) {
        expect_sent(RW);
        assert_int_equal(sent_data[0], sent.src_port == conns[a].local_port ? 'a' : 'b');
    }
    expect_silence();
}

static void test_connect_early_data(void **state)
{
    uint8_t *space;
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    assert_int_equal(vsock_reserve(&m, c, 1, &space), 0); /* not before the answer */
    expect_sent(REQUEST);
    assert_int_equal(vsock_reserve(&m, c, 1, &space), 0);
    peer_sends(RESPONSE, .src_port = 80, .dst_port = sent.src_port);
    assert_int_equal(vsock_reserve(&m, c, 1, &space), SEND);
}

static void test_client_initiated_connection_dropped_without_response(void **state)
{
    (void)state;
    int c = vsock_connect(&m, HOST, 80, now);
    expect_sent(REQUEST);
    vsock_close(&m, c, now);
    expect_sent(RST);
    assert_int_equal(vsock_connections(&m), 0);
    peer_sends(RESPONSE, .src_port = 80, .dst_port = sent.src_port);
    expect_sent(RST);
    expect_no_event();
}

/* A peer may refuse by other packets than RST, and is told that we took it so. */
static void test_client_connection_refused(void **state)
{
    static const uint16_t ops[] = {VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_SHUTDOWN,
                                   VIRTIO_VSOCK_OP_RW, VIRTIO_VSOCK_OP_RST};
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        set_up(state);
        vsock_connect(&m, HOST, 80, now);
        expect_sent(REQUEST);
        peer_sends_packet(ops[i], (struct peer_packet){.src_port = 80, .dst_port = sent.src_port});
        expect_event(RESET);
        assert_int_equal(event.error, MOTE_ERR_REFUSED);
        assert_int_equal(next_op(), ops[i] == VIRTIO_VSOCK_OP_RST ? 0 : VIRTIO_VSOCK_OP_RST);
        expect_silence();
    }
}

static void test_listen_multiple_times_different_host_ports(void **state)
{
    (void)state;
    assert_int_equal(vsock_listen(&m, 22), MOTE_OK);
    open_default();
    open_from_peer((struct peer_packet){.dst_port = 22});
    assert_int_equal(sent.src_port, 22);
}

static void test_guest_initiated_multiplex_over_one_host_port(void **state)
{
    (void)state;
    peer_sends(REQUEST, .src_port = 23);
    peer_sends(REQUEST, .src_port = 24);
    uint32_t answered = 0;
    for (int i = 0; i < 2; i++) {
        expect_event(REQUESTED);
        vsock_accept(&m, event.conn);
        expect_sent(RESPONSE);
        answered += sent.dst_port;
    }
    assert_int_equal(answered, 23 + 24);
}

static void test_port_stays_active_after_unlistening_with_active_connections(void **state)
{
    (void)state;
    int c = open_default();
    assert_int_equal(vsock_unlisten(&m, PORT), MOTE_OK);
    peer_sends(RW, .data = "still");
    expect_unread(c, "still");
    peer_sends(REQUEST, .src_port = PEER + 1);
    expect_sent(RST);
    assert_int_equal(sent.dst_port, PEER + 1);
    expect_silence();
}

static void test_port_stays_active_when_no_connections_but_listener(void **state)
{
    (void)state;
    vsock_listen(&m, 49152);
    assert_int_equal(conns[connect_to(80)].local_port, 49153);
    vsock_seed_ports(&m, 1); /* where a connection is already */
    assert_int_equal(conns[connect_to(81)].local_port, 49154);
    vsock_abort(&m, 0); /* and where none is any more */
    expect_sent(RST);
    vsock_seed_ports(&m, 1);
    assert_int_equal(conns[connect_to(82)].local_port, 49153);
}

static void test_no_unused_ports_in_range(void **state)
{
    enum { PORTS = 16384 };
    static struct vsock_conn many[PORTS + 1];
    (void)state;
    for (uint32_t i = 0; i <= PORTS; i++)
        many[i].rx.base = many[i].tx.base = rx_memory[0]; /* of no size */
    vsock_init(&m, GUEST, many, PORTS + 1, 0);
    vsock_allow(&m, HOST);
    for (uint32_t i = 0; i < PORTS; i++) {
        many[i].state = VSOCK_OPEN;
        many[i].local_port = 49152 + i;
    }
    m.conn_end = PORTS;
    assert_int_equal(vsock_connect(&m, HOST, 80, now), MOTE_ERR_NO_RESOURCES);
    many[5].local_port = 1;
    assert_int_equal(vsock_connect(&m, HOST, 80, now), PORTS);
    assert_int_equal(many[PORTS].local_port, 49157);
}

/* The peer reads no more: the owner can't write. Then it writes no more, either. */
static void test_guest_shutdown_read(void **state)
{
    uint8_t *space;
    (void)state;
    int c = open_default();
    owner_sends(c, "unread");
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_event(ROOM);
    assert_true(vsock_send_shut(&m, c));
    assert_int_equal(vsock_reserve(&m, c, 1, &space), 0);
    expect_silence();
    peer_sends(RW, .data = "more");
    expect_event(DATA);
    expect_unread(c, "more");
    vsock_consume(&m, c, 4);
    peer_sends(SHUTDOWN, .flags = VIRTIO_VSOCK_SHUTDOWN_F_SEND);
    expect_event(CLOSED);
    expect_sent(RST);
}

/* The owner reads no more: the peer is told, and what it sends all the same is lost. */
static void test_shutdown_write(void **state)
{
    (void)state;
    int c = open_default();
    vsock_shutdown(&m, c, VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    expect_sent(SHUTDOWN);
    assert_int_equal(sent.flags, VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
    for (uint32_t i = 1; i <= 10; i++) { /* more than the window: it need not stop */
        peer_sends(RW, .len = WINDOW / 2);
        expect_no_event();
        expect_unread(c, "");
        expect_sent(CREDIT_UPDATE);
        assert_int_equal(sent.fwd_cnt, i * WINDOW / 2);
    }
    owner_sends(c, "our half is open");
    expect_sent(RW);
}

static void test_write_update_credit(void **state)
{
    (void)state;
    int c = open_default();
    peer_sends(RW, .data = "1");
    peer_sends(RW, .data = "2");
    peer_sends(CREDIT_REQUEST);
    expect_sent(CREDIT_UPDATE);
    assert_int_equal(sent.fwd_cnt, 0);
    assert_int_equal(sent.buf_alloc, WINDOW);
    vsock_consume(&m, c, 2);
    peer_sends(CREDIT_REQUEST);
    expect_sent(CREDIT_UPDATE);
    assert_int_equal(sent.fwd_cnt, 2);
}

static void test_write_multiple_connections(void **state)
{
    (void)state;
    int a = open_from_peer((struct peer_packet){.src_port = 1});
    int b = open_from_peer((struct peer_packet){.src_port = 2});
    peer_sends(RW, .src_port = 1, .data = "for ");
    peer_sends(RW, .src_port = 2, .data = "for b");
    peer_sends(RW, .src_port = 1, .data = "a");
    expect_unread(a, "for a");
    expect_unread(b, "for b");
}

static void test_connection_credit_handles_rx_overflow(void **state)
{
    (void)state;
    int c = open_default();
    conns[c].rx_cnt = conns[c].fwd_cnt = conns[c].fwd_announced = UINT32_MAX - 5;
    peer_sends(RW, .len = 10);
    assert_int_equal(conns[c].rx_cnt, 4);
    peer_sends(RW, .len = WINDOW - 10);
    expect_silence();
    peer_sends(RW, .len = 1);
    expect_sent(RST);
}

static void test_connection_credit_handles_tx_overflow(void **state)
{
    (void)state;
    int c = open_from_peer((struct peer_packet){.buf_alloc = 20});
    conns[c].tx_cnt = conns[c].peer_fwd_cnt = UINT32_MAX - 5;
    owner_sends(c, "0123456789");
    expect_sent(RW);
    owner_sends(c, "0123456789X");
    expect_sent(RW);
    assert_int_equal(sent.len, 10);
    expect_sent(CREDIT_REQUEST);
    expect_silence();
}

static void test_shutdown_clean_incorrectly_receives_additional_packets(void **state)
{
    (void)state;
    int c = open_default();
    vsock_close(&m, c, now);
    expect_sent(SHUTDOWN);
    peer_sends(RST);
    peer_sends(RW, .data = "after the end");
    expect_sent(RST);
    peer_sends(RST);
    expect_silence();
    expect_no_event();
}

/* --- what each state makes of each operation --- */

static int in_requested(void)
{
    peer_sends(REQUEST);
    expect_event(REQUESTED);
    return event.conn;
}

static int in_connecting(void)
{
    int c = vsock_connect(&m, HOST, PEER, now);

    expect_sent(REQUEST);
    return c;
}

static int in_closing(void)
{
    int c = open_default();

    vsock_close(&m, c, now);
    expect_sent(SHUTDOWN);
    return c;
}

/* What happened to a connection on a packet, in one letter. */
static char outcome(int c, uint8_t before)
{
    int op = next_op();

    expect_silence();
    bool gone = conns[c].state == VSOCK_DEAD || conns[c].state == VSOCK_FREE;
    if (gone)
        return op == VIRTIO_VSOCK_OP_RST ? 'R' : op == VIRTIO_VSOCK_OP_INVALID ? 'e' : '?';
    if (op == VIRTIO_VSOCK_OP_CREDIT_UPDATE)
        return 'u';
    if (op != VIRTIO_VSOCK_OP_INVALID)
        return '?';
    if (conns[c].state != before)
        return 'o';
    return next_event() == VSOCK_EVENT_DATA ? 'd' : '-';
}

/*
 * R: ends, with RST. e: ends without a word. o: opens. d: data. u: CREDIT_UPDATE. -: nothing.
 * Fuchsia's device is stricter with INVALID and unknown operations (RST); vhost-device-vsock
 * sends INVALID in normal operation, and then waits for our credit.
 */
static void test_valid_optype_for_state(void **state)
{
    static const uint16_t ops[] = {
        VIRTIO_VSOCK_OP_INVALID,
        VIRTIO_VSOCK_OP_REQUEST,
        VIRTIO_VSOCK_OP_RESPONSE,
        VIRTIO_VSOCK_OP_RST,
        VIRTIO_VSOCK_OP_SHUTDOWN,
        VIRTIO_VSOCK_OP_RW,
        VIRTIO_VSOCK_OP_CREDIT_UPDATE,
        VIRTIO_VSOCK_OP_CREDIT_REQUEST,
        8,
        UINT16_MAX,
    };
    static const struct {
        int (*enter)(void);
        const char *outcomes; /* one for each of ops */
    } rows[] = {
        {in_requested, "-RReRR----"},
        {in_connecting, "-RoeRR----"},
        {open_default, "uRReRd-u--"},
        {in_closing, "-R-eR-----"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char seen[sizeof ops / sizeof ops[0] + 1] = {0};
        for (size_t j = 0; j < sizeof ops / sizeof ops[0]; j++) {
            set_up(state);
            int c = rows[i].enter();
            uint8_t before = conns[c].state;
            bool rw = ops[j] == VIRTIO_VSOCK_OP_RW, shut = ops[j] == VIRTIO_VSOCK_OP_SHUTDOWN;
            peer_sends_packet(ops[j], (struct peer_packet){.dst_port = conns[c].local_port,
                                                           .data = rw ? "x" : NULL,
                                                           .flags = shut ? 3 : 0});
            seen[j] = outcome(c, before);
        }
        assert_string_equal(seen, rows[i].outcomes);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup(name, set_up)
    const struct CMUnitTest tests[] = {
        T(test_client_connect_multiple_times_sequentially),
        T(test_client_connect_multiple_times_parallel),
        T(test_guest_rx_from_two_client_initiated_connections),
        T(test_connect_early_data),
        T(test_client_initiated_connection_dropped_without_response),
        T(test_client_connection_refused),
        T(test_listen_multiple_times_different_host_ports),
        T(test_guest_initiated_multiplex_over_one_host_port),
        T(test_port_stays_active_after_unlistening_with_active_connections),
        T(test_port_stays_active_when_no_connections_but_listener),
        T(test_no_unused_ports_in_range),
        T(test_guest_shutdown_read),
        T(test_shutdown_write),
        T(test_write_update_credit),
        T(test_write_multiple_connections),
        T(test_connection_credit_handles_rx_overflow),
        T(test_connection_credit_handles_tx_overflow),
        T(test_shutdown_clean_incorrectly_receives_additional_packets),
        T(test_valid_optype_for_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
