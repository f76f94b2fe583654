/* SPDX-License-Identifier: MIT */
/*
 * One entry per (CID, peer's port, our port). The machine's table is looked at only to tell
 * a late RST, for a packet before the connection began, from the connection's own.
 */
#include "tests/fuzz/wire.h"

#include "drivers/vsock_internal.h"
#include "tests/fuzz/fuzz.h"

#define TUPLES     64
#define LAST_TUPLE (TUPLES - 1)

/* PENDING: it asked, CALLING: the machine asked. */
enum progress { UNKNOWN, PENDING, CALLING, LIVE };

struct tuple {
    uint64_t cid;
    uint32_t peer_port, local_port;
    uint32_t sent, fwd, alloc; /* what the peer got, said to have consumed, and offers */
    uint32_t position;         /* in the stream of bytes to it */
    uint8_t shut;              /* SHUTDOWN flags that it got */
    enum progress state;
};

static struct tuple tuples[TUPLES];
static int tuple_count;
static uint32_t base;

void wire_reset(uint32_t counters)
{
    memset(tuples, 0, sizeof tuples);
    tuple_count = 0;
    base = counters;
}

void wire_transport_reset(void)
{
    for (int i = 0; i < tuple_count; i++)
        tuples[i].state = UNKNOWN;
}

bool wire_is_full(void)
{
    return tuple_count == LAST_TUPLE;
}

static struct tuple *tuple_of(uint64_t cid, uint32_t peer_port, uint32_t local_port)
{
    int i = 0;

    while (i < tuple_count && (tuples[i].cid != cid || tuples[i].peer_port != peer_port ||
                               tuples[i].local_port != local_port))
        i++;
    if (i == tuple_count && tuple_count < LAST_TUPLE)
        tuple_count++;
    tuples[i].cid = cid;
    tuples[i].peer_port = peer_port;
    tuples[i].local_port = local_port;
    return &tuples[i];
}

static bool in_table(const struct vsock_machine *m, const struct tuple *t)
{
    for (int i = 0; i < m->conn_count; i++)
        if (m->conns[i].state != VSOCK_FREE && m->conns[i].state != VSOCK_DEAD &&
            m->conns[i].peer_cid == t->cid && m->conns[i].peer_port == t->peer_port &&
            m->conns[i].local_port == t->local_port)
            return true;
    return false;
}

static void begin(struct tuple *t, enum progress state)
{
    t->sent = t->fwd = base;
    t->alloc = t->position = 0;
    t->shut = 0;
    t->state = state;
}

void wire_input(const struct vsock_machine *m, const struct virtio_vsock_hdr *hdr)
{
    if (hdr->dst_cid != m->local_cid || !vsock_is_allowed(m, hdr->src_cid) ||
        hdr->type != VIRTIO_VSOCK_TYPE_STREAM)
        return;
    struct tuple *t = tuple_of(hdr->src_cid, hdr->src_port, hdr->dst_port);
    if (hdr->op == VIRTIO_VSOCK_OP_RST) {
        t->state = UNKNOWN;
        return;
    }
    if (hdr->op == VIRTIO_VSOCK_OP_REQUEST && t->state == UNKNOWN) {
        begin(t, PENDING);
        t->alloc = hdr->buf_alloc;
        return;
    }
    if (t->state == UNKNOWN)
        return;
    t->fwd = hdr->fwd_cnt;
    t->alloc = hdr->buf_alloc;
    if (hdr->op == VIRTIO_VSOCK_OP_RESPONSE && t->state == CALLING)
        t->state = LIVE;
}

static void check_data(struct tuple *t, const struct virtio_vsock_hdr *hdr, const uint8_t *data,
                       uint32_t limit)
{
    uint32_t window = t->alloc < limit ? t->alloc : limit;

    CHECK(t->state == LIVE && (t->shut & VIRTIO_VSOCK_SHUTDOWN_F_SEND) == 0);
    CHECK(hdr->len != 0 && (uint64_t)(uint32_t)(t->sent - t->fwd) + hdr->len <= window);
    for (uint32_t i = 0; i < hdr->len; i++)
        CHECK(data[i] == tag(t->position++));
    t->sent += hdr->len;
}

void wire_output(const struct vsock_machine *m, const struct virtio_vsock_hdr *hdr,
                 const uint8_t *data, uint32_t max)
{
    struct tuple *t = tuple_of(hdr->dst_cid, hdr->dst_port, hdr->src_port);

    CHECK(vsock_is_allowed(m, hdr->dst_cid) && hdr->src_cid == m->local_cid);
    CHECK(hdr->op >= VIRTIO_VSOCK_OP_REQUEST && hdr->op <= VIRTIO_VSOCK_OP_CREDIT_REQUEST);
    CHECK(hdr->type == VIRTIO_VSOCK_TYPE_STREAM || hdr->op == VIRTIO_VSOCK_OP_RST);
    CHECK(hdr->len <= max && (hdr->op == VIRTIO_VSOCK_OP_RW || hdr->len == 0));
    CHECK(hdr->op == VIRTIO_VSOCK_OP_SHUTDOWN ? hdr->flags - 1 <= 2 : hdr->flags == 0);
    if (hdr->op == VIRTIO_VSOCK_OP_RST) {
        if (!in_table(m, t)) /* else a late one for an older packet, or of a foreign type */
            t->state = UNKNOWN;
        return;
    }
    CHECK(t->shut != VIRTIO_VSOCK_SHUTDOWN_BOTH || t->state != LIVE);
    if (hdr->op == VIRTIO_VSOCK_OP_REQUEST) {
        begin(t, CALLING);
    } else if (hdr->op == VIRTIO_VSOCK_OP_RESPONSE) {
        CHECK(t->state == PENDING);
        t->state = LIVE;
    } else if (hdr->op == VIRTIO_VSOCK_OP_RW) {
        check_data(t, hdr, data, m->in_flight_max);
    } else {
        CHECK(t->state == LIVE || t->state == CALLING);
    }
    if (hdr->op == VIRTIO_VSOCK_OP_SHUTDOWN)
        t->shut |= (uint8_t)hdr->flags;
}
