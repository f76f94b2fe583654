/* SPDX-License-Identifier: MIT */
/*
 * The connection machine: from any state that keeps the invariant, with counters of any value,
 * whatever a peer writes into a header and whatever the owner does, nothing is out of bounds
 * and the invariant is kept. Counters are meant to wrap: they are compared by differences.
 * The buffers are their contracts alone (prove_buffer.c proves them), so their size is free.
 * CONNS, the number of connections, comes from proofs.toml.
 */
#include "tests/proof/proof.h"

#include "drivers/vsock_input.c"
#include "drivers/vsock_machine.c"
#include "drivers/vsock_output.c"
#include "drivers/vsock_ports.c"

#define RST    (1u << VIRTIO_VSOCK_OP_RST)
#define EVENTS 0x7eu /* 1 << type */

static struct vsock_machine m;
static struct vsock_conn conns[CONNS];
static uint8_t bytes[1];         /* of any buffer: never touched here */
static const uint8_t payload[1]; /* what arrives: neither */

void *memset(void *p, int value, size_t n)
{
    PROVE(p == &m && value == 0 && n == sizeof m);
    m = (struct vsock_machine){0};
    return p;
}

/* Buffers by how much is in them: the machine asks for no more, so their bytes begin at 0. */
uint8_t *buffer_reserve(struct buffer *b, uint32_t least, uint32_t *room)
{
    PROVE(least <= buffer_free(b));
    *room = nondet_u32();
    ASSUME(*room >= least && *room <= buffer_free(b));
    return b->base;
}

void buffer_commit(struct buffer *b, uint32_t n)
{
    PROVE(n <= buffer_free(b));
    b->tail += n;
}

void buffer_append(struct buffer *b, const void *data, uint32_t n)
{
    PROVE(data == payload);
    buffer_commit(b, n);
}

void buffer_skip(struct buffer *b, uint32_t n)
{
    PROVE(n <= buffer_used(b));
    b->tail -= n;
}

void buffer_consume(struct buffer *b, uint32_t n)
{
    buffer_skip(b, n);
}

void buffer_clear(struct buffer *b)
{
    b->tail = 0;
}

/* The counters tell what lies in the window, and what is in flight is never past our limit. */
static bool is_sound_conn(const struct vsock_conn *c)
{
    if (c->state > VSOCK_DEAD || c->rx.tail > c->rx.size || c->tx.tail > c->tx.size)
        return false;
    if (c->state == VSOCK_FREE &&
        (c->owed != 0 || c->events != 0 || c->rx.tail != 0 || c->tx.tail != 0))
        return false;
    return (c->events & ~EVENTS) == 0 && c->rx_cnt - c->fwd_cnt == buffer_used(&c->rx) &&
           c->tx_cnt - c->peer_fwd_cnt <= m.in_flight_max;
}

static bool is_sound(void)
{
    for (int i = 0; i < CONNS; i++)
        if (!is_sound_conn(&conns[i]) || (i >= m.conn_end && conns[i].state != VSOCK_FREE))
            return false;
    return m.conns == conns && m.conn_count == CONNS && m.conn_end >= 0 && m.conn_end <= CONNS &&
           m.peer_count >= 0 && m.peer_count <= VSOCK_PEERS_MAX && m.listener_count >= 0 &&
           m.listener_count <= VSOCK_LISTENERS_MAX && m.orphan_first >= 0 &&
           m.orphan_first < VSOCK_ORPHANS_MAX && m.orphan_count >= 0 &&
           m.orphan_count <= VSOCK_ORPHANS_MAX && m.resting_next >= 0 &&
           m.resting_next < VSOCK_QUARANTINE_MAX && m.output_turn >= 0 && m.output_turn <= CONNS &&
           m.event_turn >= 0 && m.event_turn <= CONNS && m.in_flight_max <= VSOCK_UNLIMITED;
}

static void any_machine(void)
{
    ANY(m);
    ANY(conns);
    m.conns = conns;
    m.conn_count = m.conn_end = CONNS; /* with a smaller end, the rest were as if they were FREE */
    m.was_reset = nondet_bool();
    for (int i = 0; i < CONNS; i++) {
        struct vsock_conn *c = &conns[i];
        c->rx.base = c->tx.base = bytes;
        c->rx.head = c->tx.head = 0;
        c->rx_cnt = c->fwd_cnt + c->rx.tail;
        c->established = nondet_bool();
        c->end_told = nondet_bool();
    }
    ASSUME(is_sound());
}

/* Packets that the machine has come to owe since then. */
static int newly_owed(const uint8_t before[CONNS], int orphans)
{
    int n = m.orphan_count - orphans;

    for (int i = 0; i < CONNS; i++)
        n += __builtin_popcount(conns[i].owed & ~before[i] & 0xffu);
    return n;
}

/* The ring of owed RSTs, by itself. */
void prove_vsock_orphans(void)
{
    struct virtio_vsock_hdr hdr;

    any_machine();
    int before = m.orphan_count;
    if (nondet_bool())
        owe_orphan_rst(&m, &hdr);
    else if (nondet_bool())
        forget_orphan_rsts(&m, &hdr);
    else
        PROVE(orphan_rst(&m, &hdr) == (before != 0));
    PROVE(is_sound() && m.orphan_count - before <= 1);
}

void prove_vsock_input(void)
{
    struct virtio_vsock_hdr hdr;
    uint8_t owed[CONNS];

    any_machine();
    for (int i = 0; i < CONNS; i++)
        owed[i] = conns[i].owed;
    int orphans = m.orphan_count;
    vsock_input(&m, &hdr, payload, nondet_u64());
    PROVE(is_sound());
    PROVE(newly_owed(owed, orphans) <= 1);
    PROVE(hdr.op != VIRTIO_VSOCK_OP_RST || m.orphan_count <= orphans);
    for (int i = 0; i < CONNS; i++)
        PROVE(hdr.op != VIRTIO_VSOCK_OP_RST || (conns[i].owed & ~owed[i] & RST) == 0);
}

/* Whatever leaves, its header fits it, and turns and slots stay in range. */
void prove_vsock_output(void)
{
    struct virtio_vsock_hdr hdr;
    const uint8_t *data = NULL;
    uint32_t max = nondet_u32();

    any_machine();
    bool any = vsock_output(&m, &hdr, &data, max);
    PROVE(is_sound());
    PROVE(!any || (hdr.op == VIRTIO_VSOCK_OP_RW) == (hdr.len != 0));
    PROVE(!any || (hdr.len <= max && hdr.len <= VSOCK_MAX_PAYLOAD));
}

/* Data leaves only within the peer's credit and our own limits, and no byte is sent twice. */
void prove_vsock_send(void)
{
    struct virtio_vsock_hdr hdr;
    const uint8_t *data = NULL;
    uint32_t max = nondet_u32();

    any_machine();
    struct vsock_conn *c = &conns[0];
    struct vsock_conn before = *c;
    if (!data_of(&m, c, &hdr, &data, max)) {
        PROVE(c->tx_cnt == before.tx_cnt && c->tx.tail == before.tx.tail);
        return;
    }
    PROVE(data == c->tx.base && hdr.len != 0 && hdr.len <= max && is_sound());
    PROVE(c->tx_cnt - before.tx_cnt == hdr.len && before.tx.tail - c->tx.tail == hdr.len);
    PROVE(c->tx_cnt - c->peer_fwd_cnt <= c->peer_buf_alloc);
    PROVE(c->tx_cnt - c->peer_fwd_cnt <= m.in_flight_max);
    PROVE(before.packets < m.packets_max);
}

/* All but vsock_connect(), whose search for a port has too many turns. */
void prove_vsock_owner(void)
{
    int conn = nondet_u8() % CONNS;
    uint32_t n = nondet_u32();
    uint8_t what = nondet_u8(), *space;
    const uint8_t *data;
    struct vsock_event event;

    any_machine();
    bool owned = conns[conn].state != VSOCK_FREE && conns[conn].state != VSOCK_CLOSING;
    if (what == 1)
        vsock_tick(&m, nondet_u64());
    else if (what == 2)
        vsock_transport_reset(&m, nondet_u64());
    else if (what == 3 && vsock_next_event(&m, &event))
        PROVE(event.type == VSOCK_EVENT_TRANSPORT_RESET
                  ? event.conn == -1
                  : event.conn >= 0 && event.conn < CONNS && event.type >= VSOCK_EVENT_REQUESTED);
    ASSUME(what < 4 || owned);
    if (what == 4)
        vsock_accept(&m, conn);
    else if (what == 5 && n <= vsock_peek(&m, conn, &data))
        vsock_consume(&m, conn, n);
    else if (what == 6 && n <= vsock_reserve(&m, conn, nondet_u32(), &space))
        vsock_send(&m, conn, n);
    else if (what == 7)
        vsock_shutdown(&m, conn, nondet_u8());
    else if (what == 8)
        vsock_close(&m, conn, nondet_u64());
    else if (what == 9)
        vsock_abort(&m, conn);
    PROVE(is_sound());
}

void prove_vsock_init(void)
{
    ANY(conns);
    for (int i = 0; i < CONNS; i++)
        conns[i].rx.head = conns[i].tx.head = 0;
    vsock_init(&m, nondet_u64(), conns, CONNS, nondet_u32());
    PROVE(is_sound());
}

/* What credit() allows is never more than either limit leaves. */
void prove_vsock_credit(void)
{
    any_machine();
    const struct vsock_conn *c = &conns[0];
    uint32_t allowed = credit(&m, c);
    uint64_t in_flight = c->tx_cnt - c->peer_fwd_cnt;
    PROVE(allowed == 0 || in_flight + allowed <= c->peer_buf_alloc);
    PROVE(allowed == 0 || in_flight + allowed <= m.in_flight_max);
}

void prove_vsock_take_credit(void)
{
    struct virtio_vsock_hdr hdr;

    any_machine();
    struct vsock_conn *c = &conns[0];
    struct vsock_conn before = *c;
    if (take_credit(&m, c, &hdr)) {
        PROVE(c->peer_fwd_cnt == hdr.fwd_cnt && c->peer_buf_alloc == hdr.buf_alloc);
        PROVE(c->tx_cnt == before.tx_cnt && is_sound());
    } else {
        PROVE(c->peer_fwd_cnt == before.peer_fwd_cnt && c->tx_cnt - hdr.fwd_cnt > m.in_flight_max);
    }
}

/* A packet is taken when the window has room for it, and only then; nothing is lost uncounted. */
void prove_vsock_receive(void)
{
    struct virtio_vsock_hdr hdr;

    any_machine();
    struct vsock_conn *c = &conns[0];
    ASSUME(c->state == VSOCK_OPEN && (c->owed & RST) == 0);
    struct vsock_conn before = *c;
    receive(&(struct arrival){&m, c, &hdr, payload});
    bool fits = hdr.len <= buffer_free(&before.rx);
    PROVE(c->state == (fits ? VSOCK_OPEN : VSOCK_DEAD));
    PROVE(c->rx_cnt - before.rx_cnt == (fits ? hdr.len : 0));
    PROVE(is_sound());
}

/* A peer that sees no room, though everything was read, is told of it. */
void prove_vsock_consume(void)
{
    uint32_t n = nondet_u32();

    any_machine();
    struct vsock_conn *c = &conns[0];
    ASSUME(c->state == VSOCK_OPEN && n != 0 && n <= buffer_used(&c->rx));
    struct vsock_conn before = *c;
    vsock_consume(&m, 0, n);
    PROVE(c->fwd_cnt - before.fwd_cnt == n && is_sound());
    bool blocked = c->rx_cnt - c->fwd_announced >= c->rx.size && c->fwd_cnt != c->fwd_announced;
    PROVE(c->state != VSOCK_OPEN || !blocked || c->rx.size < 4 ||
          (c->owed & 1u << VIRTIO_VSOCK_OP_CREDIT_UPDATE) != 0);
}
