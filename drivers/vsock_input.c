/* SPDX-License-Identifier: MIT */
/*
 * The connection machine, packets in. What an operation does depends on the
 * connection's state: a table of rules, one row per operation, one column per
 * state. Numbers in brackets are sections of the virtio specification 1.2.
 */
#include "drivers/vsock_internal.h"
#include "platform/error.h"

/* One packet on its way through the table. */
struct arrival {
    struct vsock_machine *m;
    struct vsock_conn *c;
    const struct virtio_vsock_hdr *hdr;
    const uint8_t *data;
};

typedef void rule(const struct arrival *a);

/* Owes an RST to a tuple that has no connection; a full ring drops it, bounded under any flood. */
static void owe_orphan_rst(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr)
{
    if (m->orphan_count == VSOCK_ORPHANS_MAX)
        return;
    int at = (m->orphan_first + m->orphan_count++) % VSOCK_ORPHANS_MAX;
    m->orphans[at] = (struct vsock_orphan){.peer_cid = hdr->src_cid,
                                           .local_cid = hdr->dst_cid,
                                           .local_port = hdr->dst_port,
                                           .peer_port = hdr->src_port,
                                           .type = hdr->type};
}

/* A new connection must not die of an RST that was owed to an older packet of the same ports. */
static void forget_orphan_rsts(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr)
{
    int count = m->orphan_count;

    m->orphan_count = 0;
    for (int i = 0; i < count; i++) {
        struct vsock_orphan o = m->orphans[(m->orphan_first + i) % VSOCK_ORPHANS_MAX];
        if (o.peer_cid != hdr->src_cid || o.peer_port != hdr->src_port ||
            o.local_port != hdr->dst_port)
            m->orphans[(m->orphan_first + m->orphan_count++) % VSOCK_ORPHANS_MAX] = o;
    }
}

static void ignore(const struct arrival *a)
{
    (void)a;
}

/* The peer broke the protocol: the connection ends with RST. */
static void violate(const struct arrival *a)
{
    vsock_kill(a->m, a->c, MOTE_ERR_RESET, true);
}

/* [5.10.6.5] RST ends everything and is never answered. */
static void reset(const struct arrival *a)
{
    vsock_kill(a->m, a->c, a->c->state == VSOCK_CONNECTING ? MOTE_ERR_REFUSED : MOTE_ERR_RESET,
               false);
}

/* A peer that refuses by anything but RST is told that we took it so. */
static void refuse(const struct arrival *a)
{
    vsock_kill(a->m, a->c, MOTE_ERR_REFUSED, true);
}

static void established(const struct arrival *a)
{
    vsock_establish(a->c);
    a->c->deadline = VSOCK_NEVER;
    a->c->events |= bit(VSOCK_EVENT_CONNECTED);
}

/* Data after the peer's SHUTDOWN(SEND) is delivered too: Fuchsia's device sends such. */
static void receive(const struct arrival *a)
{
    struct vsock_conn *c = a->c;
    uint32_t len = a->hdr->len;

    if (len > buffer_free(&c->rx)) { /* [5.10.6.3] it had no credit for this */
        violate(a);
        return;
    }
    c->rx_cnt += len;
    if (c->deadline != VSOCK_NEVER) /* more may follow, too */
        c->deadline = a->m->now + a->m->end_wait;
    if ((c->shutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0) {
        c->fwd_cnt += len;
        vsock_announce_credit(c);
        return;
    }
    buffer_append(&c->rx, a->data, len);
    if (len != 0)
        c->events |= bit(VSOCK_EVENT_DATA);
}

/* The owner has gone: bytes still count, and nobody reads them. */
static void discard(const struct arrival *a)
{
    a->c->rx_cnt += a->hdr->len;
    a->c->fwd_cnt += a->hdr->len;
}

/* Also op 0: vhost-device-vsock sends it when it could not read from its stream, and does not
 * look at that again, not even for its end, before a CREDIT_UPDATE. */
static void answer_credit_request(const struct arrival *a)
{
    /* Without room the answer waits for vsock_consume(), or two full ends would ping-pong. */
    if (buffer_free(&a->c->rx) != 0)
        a->c->owed |= bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

static void peer_shutdown(const struct arrival *a)
{
    struct vsock_conn *c = a->c;
    uint8_t news = (uint8_t)(a->hdr->flags & VIRTIO_VSOCK_SHUTDOWN_BOTH & ~c->peer_shutdown);

    c->peer_shutdown |= news;
    if ((news & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0) {
        buffer_clear(&c->tx);
        c->events |= bit(VSOCK_EVENT_ROOM);
    }
    if (c->peer_shutdown == VIRTIO_VSOCK_SHUTDOWN_BOTH)
        vsock_tell_end(c);
    else if ((news & VIRTIO_VSOCK_SHUTDOWN_F_SEND) != 0)
        c->deadline = a->m->now + a->m->end_wait;
    vsock_finish_if_drained(a->m, c);
}

/* Both ends close: the answer to SHUTDOWN(3) is RST, and only RST. */
static void closing_shutdown(const struct arrival *a)
{
    struct vsock_conn *c = a->c;

    c->peer_shutdown |= (uint8_t)(a->hdr->flags & VIRTIO_VSOCK_SHUTDOWN_BOTH);
    if ((c->peer_shutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0)
        buffer_clear(&c->tx);
    if (c->peer_shutdown == VIRTIO_VSOCK_SHUTDOWN_BOTH)
        vsock_kill(a->m, c, MOTE_OK, true);
}

enum { OPS = VIRTIO_VSOCK_OP_CREDIT_REQUEST + 1, STATES = VSOCK_CLOSING + 1 };

/* A SHUTDOWN of both halves before RESPONSE takes the request back. */
static void withdrawn(const struct arrival *a)
{
    peer_shutdown(a); /* of one half is told, or an owner that accepts would never know */
    if (a->c->peer_shutdown == VIRTIO_VSOCK_SHUTDOWN_BOTH)
        violate(a);
}

static rule *const rules[OPS][STATES] = {
    /*  op                            FREE   REQUESTED    CONNECTING   OPEN     CLOSING */
    [VIRTIO_VSOCK_OP_INVALID] = {NULL, ignore, ignore, answer_credit_request, ignore},
    [VIRTIO_VSOCK_OP_REQUEST] = {NULL, violate, refuse, violate, violate},
    [VIRTIO_VSOCK_OP_RESPONSE] = {NULL, violate, established, violate, ignore},
    [VIRTIO_VSOCK_OP_RST] = {NULL, reset, reset, reset, reset},
    [VIRTIO_VSOCK_OP_SHUTDOWN] = {NULL, withdrawn, refuse, peer_shutdown, closing_shutdown},
    [VIRTIO_VSOCK_OP_RW] = {NULL, violate, refuse, receive, discard},
    [VIRTIO_VSOCK_OP_CREDIT_UPDATE] = {NULL, ignore, ignore, ignore, ignore},
    [VIRTIO_VSOCK_OP_CREDIT_REQUEST] = {NULL, ignore, ignore, answer_credit_request, ignore},
};

static struct vsock_conn *find(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr)
{
    for (int i = 0; i < m->conn_end; i++) {
        struct vsock_conn *c = &m->conns[i];
        bool on_wire = c->state != VSOCK_FREE && (c->state != VSOCK_DEAD || c->owed != 0);
        if (on_wire && c->peer_port == hdr->src_port && c->local_port == hdr->dst_port &&
            c->peer_cid == hdr->src_cid)
            return c;
    }
    return NULL;
}

/*
 * Takes the peer's view of our sending. False when it claims to have consumed what was
 * never sent: more than our own cap would be in flight (CVE-2026-23069).
 */
static bool take_credit(const struct vsock_machine *m, struct vsock_conn *c,
                        const struct virtio_vsock_hdr *hdr)
{
    if (c->tx_cnt - hdr->fwd_cnt > m->in_flight_max)
        return false;
    if (hdr->fwd_cnt != c->peer_fwd_cnt || hdr->buf_alloc != c->peer_buf_alloc)
        c->credit_retry = VSOCK_NEVER;
    c->peer_fwd_cnt = hdr->fwd_cnt;
    c->peer_buf_alloc = hdr->buf_alloc;
    if (c->peer_fwd_cnt == c->tx_cnt)
        c->packets = 0;
    return true;
}

static void input_unknown(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr)
{
    if (hdr->op == VIRTIO_VSOCK_OP_RST)
        return;
    struct vsock_conn *c = NULL;
    if (hdr->op == VIRTIO_VSOCK_OP_REQUEST && hdr->len == 0 &&
        vsock_is_listening(m, hdr->dst_port) &&
        !vsock_is_quarantined(m, hdr->src_cid, hdr->src_port, hdr->dst_port))
        c = vsock_take_slot(m, hdr->src_cid, hdr->src_port, hdr->dst_port);
    if (c == NULL) {
        owe_orphan_rst(m, hdr);
        return;
    }
    forget_orphan_rsts(m, hdr);
    c->state = VSOCK_REQUESTED;
    c->peer_buf_alloc = hdr->buf_alloc;
    c->events = bit(VSOCK_EVENT_REQUESTED);
}

static void input_known(const struct arrival *a)
{
    const struct virtio_vsock_hdr *hdr = a->hdr;

    if (a->c->state == VSOCK_DEAD || (a->c->owed & bit(VIRTIO_VSOCK_OP_RST)) != 0)
        return; /* an RST is on its way and says all there is to say */
    if ((a->c->owed & bit(VIRTIO_VSOCK_OP_REQUEST)) != 0)
        return; /* our REQUEST has not left: this is for an older one of the same ports */
    if (hdr->op == VIRTIO_VSOCK_OP_RST) {
        reset(a);
        return;
    }
    if (!take_credit(a->m, a->c, hdr) || (hdr->op != VIRTIO_VSOCK_OP_RW && hdr->len != 0)) {
        violate(a);
        return;
    }
    if (hdr->op < OPS)
        rules[hdr->op][a->c->state](a);
}

void vsock_input(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr, const uint8_t *data,
                 uint64_t now)
{
    m->now = now;
    if (hdr->dst_cid != m->local_cid || !vsock_is_allowed(m, hdr->src_cid))
        return;
    if (hdr->type != VIRTIO_VSOCK_TYPE_STREAM) { /* [5.10.6.4.2] */
        if (hdr->op != VIRTIO_VSOCK_OP_RST)
            owe_orphan_rst(m, hdr);
        return;
    }
    struct vsock_conn *c = find(m, hdr);
    if (c == NULL)
        input_unknown(m, hdr);
    else
        input_known(&(struct arrival){m, c, hdr, data});
}
