/* SPDX-License-Identifier: MIT */
/*
 * A connection machine with a scripted peer: the peer's packets are given as values,
 * and what the machine sends or tells is taken one by one.
 */
#ifndef TESTS_UNIT_MACHINE_H
#define TESTS_UNIT_MACHINE_H

#include "drivers/vsock_machine.h"
#include "platform/error.h"
#include "tests/unit/unit.h"

#define CONNS  4
#define WINDOW 64
#define SEND   64
#define GUEST  UINT64_C(3)
#define HOST   UINT64_C(2)
#define PORT   1024u
#define PEER   5000u
#define SECOND UINT64_C(1000000000)

static struct vsock_machine m;
static struct vsock_conn conns[CONNS];
static uint8_t rx_memory[CONNS][WINDOW], tx_memory[CONNS][SEND];
static uint64_t now;

static int set_up(void **state)
{
    (void)state;
    memset(conns, 0, sizeof conns);
    for (int i = 0; i < CONNS; i++) {
        conns[i].rx = (struct buffer){.base = rx_memory[i], .size = WINDOW};
        conns[i].tx = (struct buffer){.base = tx_memory[i], .size = SEND};
    }
    now = 1000;
    vsock_init(&m, GUEST, conns, CONNS, 0);
    vsock_allow(&m, HOST);
    vsock_listen(&m, PORT);
    return 0;
}

/* What the peer sends; fields that are zero get what a good peer would put there. */
struct peer_packet {
    uint32_t src_port, dst_port, len, flags, buf_alloc, fwd_cnt;
    uint64_t src_cid, dst_cid;
    uint16_t type;
    const char *data;
};

static struct virtio_vsock_hdr peer_header(uint16_t op, struct peer_packet p)
{
    return (struct virtio_vsock_hdr){
        .src_cid = p.src_cid ? p.src_cid : HOST,
        .dst_cid = p.dst_cid ? p.dst_cid : GUEST,
        .src_port = p.src_port ? p.src_port : PEER,
        .dst_port = p.dst_port ? p.dst_port : PORT,
        .len = p.data != NULL ? (uint32_t)strlen(p.data) : p.len,
        .type = p.type ? p.type : VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .flags = p.flags,
        .buf_alloc = p.buf_alloc ? p.buf_alloc : 1000,
        .fwd_cnt = p.fwd_cnt,
    };
}

static void peer_sends_packet(uint16_t op, struct peer_packet p)
{
    uint8_t payload[2 * WINDOW] = {0};
    struct virtio_vsock_hdr hdr = peer_header(op, p);

    if (p.data != NULL)
        memcpy(payload, p.data, hdr.len);
    vsock_input(&m, &hdr, payload, now);
}

#define peer_sends(op, ...)                                                                        \
    peer_sends_packet(VIRTIO_VSOCK_OP_##op, (struct peer_packet){__VA_ARGS__})

static struct virtio_vsock_hdr sent;
static char sent_data[WINDOW + 1];

/* Takes the next packet; VIRTIO_VSOCK_OP_INVALID when there is none. */
static int next_op(void)
{
    const uint8_t *data;

    if (!vsock_output(&m, &sent, &data, 1000))
        return VIRTIO_VSOCK_OP_INVALID;
    memset(sent_data, 0, sizeof sent_data);
    if (sent.len != 0)
        memcpy(sent_data, data, sent.len);
    return sent.op;
}

#define expect_sent(op)  assert_int_equal(next_op(), VIRTIO_VSOCK_OP_##op)
#define expect_silence() assert_int_equal(next_op(), VIRTIO_VSOCK_OP_INVALID)

static struct vsock_event event;

/* Takes the next event's type; 0 when there is none. */
static int next_event(void)
{
    return vsock_next_event(&m, &event) ? (int)event.type : 0;
}

#define expect_event(type) assert_int_equal(next_event(), VSOCK_EVENT_##type)
#define expect_no_event()  assert_int_equal(next_event(), 0)

/* A connection that the peer opened; returns its id. */
static int open_from_peer(struct peer_packet p)
{
    peer_sends_packet(VIRTIO_VSOCK_OP_REQUEST, p);
    expect_event(REQUESTED);
    int conn = event.conn;
    assert_int_equal(vsock_accept(&m, conn), MOTE_OK);
    expect_sent(RESPONSE);
    return conn;
}

static inline int open_default(void)
{
    return open_from_peer((struct peer_packet){0});
}

static inline void owner_sends(int conn, const char *s)
{
    uint8_t *space;
    uint32_t n = (uint32_t)strlen(s);

    assert_true(vsock_reserve(&m, conn, n, &space) >= n);
    memcpy(space, s, n);
    vsock_send(&m, conn, n);
}

static inline void expect_unread(int conn, const char *s)
{
    const uint8_t *data;
    uint32_t n = vsock_peek(&m, conn, &data);

    assert_int_equal(n, strlen(s));
    assert_memory_equal(data, s, n);
}

#endif
