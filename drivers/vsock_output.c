/* SPDX-License-Identifier: MIT */
/*
 * The connection machine, packets out. A header is filled at the moment it is sent,
 * so that it always carries the newest credit. Control packets go before data, and
 * connections take turns.
 */
#include "drivers/vsock_internal.h"

/* What a connection may still send: its credit, capped by what we let be in flight. */
static uint32_t credit(const struct vsock_machine *m, const struct vsock_conn *c)
{
    uint32_t in_flight = c->tx_cnt - c->peer_fwd_cnt;
    uint32_t window = c->peer_buf_alloc < m->in_flight_max ? c->peer_buf_alloc : m->in_flight_max;

    return in_flight >= window ? 0 : window - in_flight;
}

static bool may_send_data(const struct vsock_conn *c)
{
    return (c->state == VSOCK_OPEN || c->state == VSOCK_CLOSING) &&
           (c->owed & bit(VIRTIO_VSOCK_OP_RST)) == 0 && buffer_used(&c->tx) != 0 &&
           (c->peer_shutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) == 0;
}

/* Asked early (half the packets), so that a stream of small packets need not stop. */
static bool wants_credit(const struct vsock_machine *m, const struct vsock_conn *c)
{
    return may_send_data(c) && c->credit_retry == VSOCK_NEVER &&
           (credit(m, c) == 0 || c->packets >= m->packets_max / 2);
}

/* The SHUTDOWN flags to send now: the sending half waits for the last byte. */
static uint8_t shutdown_due(const struct vsock_conn *c)
{
    uint8_t due = (uint8_t)(c->shutdown & ~c->shutdown_sent);

    if (c->state != VSOCK_OPEN && c->state != VSOCK_CLOSING)
        return 0;
    if (buffer_used(&c->tx) == 0)
        return due;
    /* A polite close is one SHUTDOWN of both halves, not two. */
    return c->state == VSOCK_CLOSING ? 0 : due & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE;
}

static void fill(const struct vsock_machine *m, struct vsock_conn *c, uint16_t op,
                 struct virtio_vsock_hdr *hdr)
{
    *hdr = (struct virtio_vsock_hdr){
        .src_cid = m->local_cid,
        .dst_cid = c->peer_cid,
        .src_port = c->local_port,
        .dst_port = c->peer_port,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .op = op,
        .buf_alloc = c->rx.size,
        .fwd_cnt = c->fwd_cnt,
    };
    c->fwd_announced = c->fwd_cnt;
    c->owed &= (uint8_t) ~(bit(op) | bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE));
}

static void fill_shutdown(const struct vsock_machine *m, struct vsock_conn *c,
                          struct virtio_vsock_hdr *hdr)
{
    c->shutdown_sent |= shutdown_due(c);
    fill(m, c, VIRTIO_VSOCK_OP_SHUTDOWN, hdr);
    hdr->flags = c->shutdown_sent;
    if (c->state == VSOCK_CLOSING)
        c->deadline = m->now + VSOCK_CLOSE_TIMEOUT_NS;
}

/* After our SHUTDOWN of both halves we are silent but for RST (protocol Fuchsia, rule 10). */
static bool is_silent(const struct vsock_conn *c)
{
    return c->shutdown_sent == VIRTIO_VSOCK_SHUTDOWN_BOTH;
}

static bool control_of(struct vsock_machine *m, struct vsock_conn *c, struct virtio_vsock_hdr *hdr)
{
    static const uint8_t order[] = {VIRTIO_VSOCK_OP_REQUEST, VIRTIO_VSOCK_OP_RESPONSE,
                                    VIRTIO_VSOCK_OP_CREDIT_UPDATE};

    if ((c->owed & bit(VIRTIO_VSOCK_OP_RST)) != 0) {
        fill(m, c, VIRTIO_VSOCK_OP_RST, hdr);
        if (c->state == VSOCK_CLOSING)
            vsock_free_slot(m, c);
        return true;
    }
    for (size_t i = 0; i < sizeof order && !is_silent(c); i++) {
        if ((c->owed & bit(order[i])) != 0) {
            fill(m, c, order[i], hdr);
            return true;
        }
    }
    if (wants_credit(m, c)) {
        c->credit_retry = m->now + VSOCK_CREDIT_RETRY_NS;
        fill(m, c, VIRTIO_VSOCK_OP_CREDIT_REQUEST, hdr);
        return true;
    }
    if (shutdown_due(c) != 0) {
        fill_shutdown(m, c, hdr);
        return true;
    }
    return false;
}

static bool data_of(struct vsock_machine *m, struct vsock_conn *c, struct virtio_vsock_hdr *hdr,
                    const uint8_t **data, uint32_t max)
{
    if (!may_send_data(c) || c->packets >= m->packets_max)
        return false;
    uint32_t len = buffer_used(&c->tx), allowed = credit(m, c);
    if (len > allowed)
        len = allowed;
    if (len > max)
        len = max;
    if (len == 0)
        return false;
    *data = buffer_data(&c->tx);
    buffer_skip(&c->tx, len);
    fill(m, c, VIRTIO_VSOCK_OP_RW, hdr);
    hdr->len = len;
    c->tx_cnt += len;
    c->packets++;
    if (c->wanted != 0 && buffer_free(&c->tx) >= c->wanted) {
        c->wanted = 0;
        c->events |= bit(VSOCK_EVENT_ROOM);
    }
    if (c->state == VSOCK_CLOSING)
        c->deadline = m->now + VSOCK_CLOSE_TIMEOUT_NS; /* it still makes progress */
    return true;
}

static bool orphan_rst(struct vsock_machine *m, struct virtio_vsock_hdr *hdr)
{
    if (m->orphan_count == 0)
        return false;
    const struct vsock_orphan *o = &m->orphans[m->orphan_first];
    *hdr = (struct virtio_vsock_hdr){
        .src_cid = o->local_cid,
        .dst_cid = o->peer_cid,
        .src_port = o->local_port,
        .dst_port = o->peer_port,
        .type = o->type,
        .op = VIRTIO_VSOCK_OP_RST,
    };
    m->orphan_first = (m->orphan_first + 1) % VSOCK_ORPHANS_MAX;
    m->orphan_count--;
    return true;
}

/* Most connections have nothing to say most of the time. */
static bool is_quiet(const struct vsock_conn *c)
{
    return c->owed == 0 && buffer_used(&c->tx) == 0 && c->shutdown == c->shutdown_sent;
}

bool vsock_output(struct vsock_machine *m, struct virtio_vsock_hdr *hdr, const uint8_t **data,
                  uint32_t max_data)
{
    if (max_data > VSOCK_MAX_PAYLOAD)
        max_data = VSOCK_MAX_PAYLOAD;
    if (orphan_rst(m, hdr))
        return true;
    for (int i = 0; i < m->conn_end; i++)
        if (!is_quiet(&m->conns[i]) && control_of(m, &m->conns[i], hdr))
            return true;
    for (int n = 0; n < m->conn_end && max_data != 0; n++) {
        int i = (m->output_turn + n) % m->conn_end;
        if (data_of(m, &m->conns[i], hdr, data, max_data)) {
            m->output_turn = i + 1;
            return true;
        }
    }
    return false;
}
