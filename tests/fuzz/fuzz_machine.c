/* SPDX-License-Identifier: MIT */
/*
 * The connection machine between a peer that sends anything and an owner that keeps the
 * contract: credit, order of bytes, silence and slots are judged by a model of the wire
 * that sees packets only. Time and the owner's calls come from the input, too.
 */
#include "drivers/vsock_internal.h"
#include "platform/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/wire.h"

#define CONNS     4
#define BUFFER    64
#define PACKETS   1000 /* more than four connections with 64 bytes can have to send */
#define FIRST_CID UINT64_C(3)
#define SECOND    UINT64_C(1000000000)

static struct vsock_machine m;
static struct vsock_conn conns[CONNS];
static struct {
    bool owned, told;      /* told: that it ended */
    uint32_t in, out, got; /* bytes accepted from the peer, written by the owner, consumed */
} owners[CONNS];
static uint32_t base; /* where all counters of a connection start */
static uint64_t now;

/* Counters of new connections start near their wrap. */
static void rebase(int i)
{
    struct vsock_conn *c = &conns[i];

    c->rx_cnt = c->fwd_cnt = c->fwd_announced = base;
    c->tx_cnt = c->peer_fwd_cnt = base;
}

static void drain(uint32_t packets, uint32_t max)
{
    struct virtio_vsock_hdr hdr;
    const uint8_t *data = NULL;
    uint32_t n = 0;

    for (; n < packets && vsock_output(&m, &hdr, &data, max); n++)
        wire_output(&m, &hdr, data, max);
    CHECK(n < PACKETS); /* the flow ends when nothing comes in */
}

static uint32_t rsts_owed(void)
{
    uint32_t n = (uint32_t)m.orphan_count;

    for (int i = 0; i < CONNS; i++)
        n += (conns[i].owed & bit(VIRTIO_VSOCK_OP_RST)) != 0;
    return n;
}

static void deliver(const struct virtio_vsock_hdr *hdr, const uint8_t *data)
{
    uint32_t before[CONNS], rsts = rsts_owed();
    uint8_t states[CONNS];

    for (int i = 0; i < CONNS; i++) {
        before[i] = buffer_used(&conns[i].rx);
        states[i] = conns[i].state;
    }
    wire_input(&m, hdr);
    vsock_input(&m, hdr, data, now);
    CHECK(hdr->op != VIRTIO_VSOCK_OP_RST || rsts_owed() <= rsts);
    for (int i = 0; i < CONNS; i++) {
        if (states[i] == VSOCK_FREE && conns[i].state == VSOCK_REQUESTED)
            rebase(i);
        if (conns[i].state == VSOCK_OPEN)
            owners[i].in += buffer_used(&conns[i].rx) - before[i];
    }
}

/* Where in the stream of its connection the bytes of a packet would be. */
static uint32_t next_position(const struct virtio_vsock_hdr *hdr)
{
    for (int i = 0; i < CONNS; i++)
        if (conns[i].state == VSOCK_OPEN && conns[i].peer_port == hdr->src_port &&
            conns[i].local_port == hdr->dst_port && conns[i].peer_cid == hdr->src_cid)
            return owners[i].in;
    return 0;
}

/* A packet that fits a connection in most of its fields. */
static void peer_sends(struct input *in)
{
    static const uint64_t cids[] = {2, 2, 2, 9, 7};
    uint8_t kind = take8(in), to = take8(in), credit = take8(in);
    const struct vsock_conn *c = &conns[to % CONNS];
    struct virtio_vsock_hdr hdr = {.src_cid = cids[(kind >> 4) % COUNT(cids)],
                                   .dst_cid = to < 250 ? m.local_cid : 77,
                                   .src_port = 5000 + (to >> 2) % 4u,
                                   .dst_port = 1024 + (to >> 4) % 3u,
                                   .type = (uint16_t)(credit == 255 ? 2 : 1),
                                   .op = kind % 16 < 9 ? kind % 16 : VIRTIO_VSOCK_OP_RW,
                                   .buf_alloc = credit % 128u,
                                   .fwd_cnt = base};
    uint8_t data[4 * BUFFER];

    if (c->state != VSOCK_FREE && kind < 0xe0) {
        hdr.src_cid = c->peer_cid;
        hdr.src_port = c->peer_port;
        hdr.dst_port = c->local_port;
        hdr.fwd_cnt = credit < 240 ? c->tx_cnt - credit % 16u : take32(in);
    }
    if (credit > 0xe0)
        hdr.buf_alloc = take32(in);
    if (hdr.op == VIRTIO_VSOCK_OP_RW || credit == 0xd0)
        hdr.len = take8(in) % 80u;
    if (hdr.op == VIRTIO_VSOCK_OP_SHUTDOWN)
        hdr.flags = take8(in);
    uint32_t position = next_position(&hdr);
    for (uint32_t i = 0; i < hdr.len; i++)
        data[i] = tag(position + i);
    uint8_t *copy = exact(data, hdr.len);
    deliver(&hdr, copy);
    free(copy);
}

static void begin(int conn)
{
    owners[conn].owned = true;
    owners[conn].told = false;
    owners[conn].in = owners[conn].out = owners[conn].got = 0;
}

static void take_event(uint8_t choice)
{
    struct vsock_event e;

    if (!vsock_next_event(&m, &e) || e.type == VSOCK_EVENT_TRANSPORT_RESET)
        return;
    CHECK(e.conn >= 0 && e.conn < CONNS);
    CHECK(owners[e.conn].owned != (e.type == VSOCK_EVENT_REQUESTED));
    CHECK(e.type != VSOCK_EVENT_RESET || (e.error < 0 && conns[e.conn].state == VSOCK_DEAD));
    if (e.type == VSOCK_EVENT_REQUESTED) {
        begin(e.conn);
        if (choice % 4 != 0)
            vsock_accept(&m, e.conn);
    }
    owners[e.conn].told |= e.type == VSOCK_EVENT_RESET || e.type == VSOCK_EVENT_CLOSED;
}

static void read_some(int conn, uint32_t most)
{
    const uint8_t *data;
    uint32_t n = vsock_peek(&m, conn, &data);

    for (uint32_t i = 0; i < n; i++)
        CHECK(data[i] == tag(owners[conn].got + i));
    n = n < most ? n : most;
    owners[conn].got += n;
    vsock_consume(&m, conn, n);
}

static void write_some(int conn, uint32_t most)
{
    uint8_t *space = NULL;
    uint32_t n = vsock_reserve(&m, conn, 1, &space);

    CHECK(n <= BUFFER && (n == 0 || !vsock_send_shut(&m, conn)));
    n = n < most ? n : most;
    for (uint32_t i = 0; i < n; i++)
        space[i] = tag(owners[conn].out++);
    if (n != 0)
        vsock_send(&m, conn, n);
}

static void let_go(int conn, bool politely)
{
    owners[conn].owned = false;
    if (politely)
        vsock_close(&m, conn, now);
    else
        vsock_abort(&m, conn);
}

static void connect_out(uint8_t choice)
{
    int conn = vsock_connect(&m, choice % 8 == 0 ? 7 : 2, 5000 + choice % 4u, now);

    if (conn < 0)
        return;
    rebase(conn);
    begin(conn);
}

static void owner_acts(uint8_t call, int conn, uint8_t n)
{
    if (!owners[conn].owned)
        return;
    if (call == 0)
        read_some(conn, n);
    else if (call == 1)
        write_some(conn, n);
    else if (call == 2)
        vsock_shutdown(&m, conn, n);
    else
        let_go(conn, call == 3);
}

static void pass_time(uint64_t by)
{
    now += by;
    vsock_tick(&m, now);
    CHECK(vsock_deadline(&m) > now);
}

static void reset_transport(uint8_t cid)
{
    vsock_transport_reset(&m, FIRST_CID + cid % 2u);
    wire_transport_reset();
}

static void step(struct input *in)
{
    uint8_t op = take8(in), n = take8(in);
    static const uint64_t times[] = {0, SECOND / 1000, SECOND / 2, SECOND, 3 * SECOND};

    switch (op % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        peer_sends(in);
        break;
    case 4:
    case 5:
        take_event(n);
        break;
    case 6:
    case 7:
    case 8:
    case 9:
    case 10:
        owner_acts((uint8_t)(op % 16 - 6), n % CONNS, n / CONNS);
        break;
    case 11:
        connect_out(n);
        break;
    case 12:
        pass_time(times[n % COUNT(times)]);
        break;
    case 13:
        n == 77 ? reset_transport(op) : (void)vsock_listen(&m, 1024 + n % 3u);
        break;
    case 14:
        n % 4 == 0 ? (void)vsock_unlisten(&m, 1024 + n % 3u) : drain(n % 8u, 0);
        break;
    default:
        drain(n % 2 == 0 ? PACKETS : 1, n % 2 == 0 ? BUFFER : n);
    }
}

static void check_buffers(void)
{
    for (int i = 0; i < CONNS; i++) {
        CHECK(conns[i].rx.head <= conns[i].rx.tail && conns[i].rx.tail <= BUFFER);
        CHECK(conns[i].tx.head <= conns[i].tx.tail && conns[i].tx.tail <= BUFFER);
        CHECK(conns[i].state <= VSOCK_DEAD);
    }
}

static void set_up(struct input *in)
{
    static const uint32_t limits[] = {VSOCK_IN_FLIGHT_MAX, 100, 7, VSOCK_UNLIMITED};
    uint8_t choice = take8(in);

    memset(conns, 0, sizeof conns);
    memset(owners, 0, sizeof owners);
    base = choice % 2 == 0 ? 0 : 0xffffffe0;
    wire_reset(base);
    now = 1000;
    for (int i = 0; i < CONNS; i++) {
        conns[i].rx = (struct buffer){.base = exact(NULL, BUFFER), .size = BUFFER};
        conns[i].tx = (struct buffer){.base = exact(NULL, BUFFER), .size = BUFFER};
    }
    vsock_init(&m, FIRST_CID, conns, CONNS, choice == 2 ? 16383 : choice);
    m.in_flight_max = limits[choice / 2 % COUNT(limits)];
    m.packets_max = choice >= 128 ? 4 : VSOCK_PACKETS_IN_FLIGHT_MAX;
    vsock_allow(&m, 2);
    vsock_allow(&m, 9);
    vsock_listen(&m, 1024);
}

/* The owner lets go of everything and the peer is silent: no slot may stay. */
static void tear_down(void)
{
    for (int i = 0; i < 64; i++)
        take_event(0);
    for (int i = 0; i < CONNS; i++) {
        if (!owners[i].owned)
            continue;
        CHECK(conns[i].state != VSOCK_DEAD || owners[i].told);
        read_some(i, BUFFER);
        let_go(i, true);
    }
    for (int i = 0; i < 4; i++) {
        drain(PACKETS, BUFFER);
        pass_time(3 * SECOND);
    }
    drain(PACKETS, BUFFER);
    CHECK(vsock_connections(&m) == 0 && vsock_deadline(&m) == VSOCK_NEVER);
    for (int i = 0; i < CONNS; i++) {
        free(conns[i].rx.base);
        free(conns[i].tx.base);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    set_up(&in);
    while (in.left != 0 && !wire_is_full()) {
        step(&in);
        check_buffers();
    }
    tear_down();
    return 0;
}
