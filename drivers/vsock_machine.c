/* SPDX-License-Identifier: MIT */
/*
 * The connection machine, owner's side: the slots, what an owner may ask of a
 * connection, time, and events. Packets are read in vsock_input.c and made in
 * vsock_output.c; ports are kept in vsock_ports.c.
 */
#include "drivers/vsock_machine.h"

#include "drivers/vsock_internal.h"
#include "platform/error.h"

#include <string.h>

void vsock_init(struct vsock_machine *m, uint64_t local_cid, struct vsock_conn *conns, int count,
                uint32_t port_seed)
{
    memset(m, 0, sizeof *m);
    m->local_cid = local_cid;
    m->conns = conns;
    m->conn_count = count;
    m->in_flight_max = VSOCK_IN_FLIGHT_MAX;
    m->packets_max = VSOCK_PACKETS_IN_FLIGHT_MAX;
    m->end_wait = VSOCK_END_WAIT_NS;
    vsock_seed_ports(m, port_seed);
    for (int i = 0; i < count; i++)
        vsock_free_slot(m, &conns[i]);
}

int vsock_allow(struct vsock_machine *m, uint64_t cid)
{
    if (vsock_is_allowed(m, cid))
        return MOTE_OK;
    if (m->peer_count == VSOCK_PEERS_MAX)
        return MOTE_ERR_NO_ROOM;
    m->peers[m->peer_count++] = cid;
    return MOTE_OK;
}

bool vsock_is_allowed(const struct vsock_machine *m, uint64_t cid)
{
    for (int i = 0; i < m->peer_count; i++)
        if (m->peers[i] == cid)
            return true;
    return false;
}

struct vsock_conn *vsock_take_slot(struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port,
                                   uint32_t local_port)
{
    for (int i = 0; i < m->conn_count; i++) {
        struct vsock_conn *c = &m->conns[i];
        if (c->state != VSOCK_FREE)
            continue;
        c->peer_cid = peer_cid;
        c->peer_port = peer_port;
        c->local_port = local_port;
        if (i >= m->conn_end)
            m->conn_end = i + 1;
        return c;
    }
    return NULL;
}

void vsock_free_slot(struct vsock_machine *m, struct vsock_conn *c)
{
    struct buffer rx = c->rx, tx = c->tx;

    buffer_clear(&rx);
    buffer_clear(&tx);
    *c = (struct vsock_conn){
        .rx = rx, .tx = tx, .deadline = VSOCK_NEVER, .credit_retry = VSOCK_NEVER};
    while (m->conn_end > 0 && m->conns[m->conn_end - 1].state == VSOCK_FREE)
        m->conn_end--;
}

/*
 * An end that both sides do not agree on may leave packets on their way. Clean are our RST
 * for the peer's SHUTDOWN of both halves, and its RST for ours.
 */
static void leave_pair(struct vsock_machine *m, struct vsock_conn *c, bool rst)
{
    bool clean = c->peer_shutdown == VIRTIO_VSOCK_SHUTDOWN_BOTH ||
                 (!rst && c->shutdown_sent == VIRTIO_VSOCK_SHUTDOWN_BOTH);

    if (c->established && !clean)
        vsock_quarantine(m, c);
    c->established = false;
}

void vsock_kill(struct vsock_machine *m, struct vsock_conn *c, int error, bool rst)
{
    bool owned = c->state != VSOCK_CLOSING;

    if ((c->owed & bit(VIRTIO_VSOCK_OP_REQUEST)) != 0) /* the peer never heard of it */
        rst = false;
    leave_pair(m, c, rst);
    if (!owned && !rst) {
        vsock_free_slot(m, c);
        return;
    }
    buffer_clear(&c->tx);
    c->owed = rst ? bit(VIRTIO_VSOCK_OP_RST) : 0;
    c->deadline = VSOCK_NEVER;
    c->credit_retry = VSOCK_NEVER;
    if (!owned)
        return;
    c->state = VSOCK_DEAD;
    c->error = (int8_t)error;
    c->events |= bit(VSOCK_EVENT_RESET);
}

void vsock_finish_if_drained(struct vsock_machine *m, struct vsock_conn *c)
{
    if (c->peer_shutdown != VIRTIO_VSOCK_SHUTDOWN_BOTH || c->state != VSOCK_OPEN ||
        buffer_used(&c->rx) != 0)
        return;
    /* The end was orderly: the owner learns of it by VSOCK_EVENT_CLOSED alone. */
    uint8_t events = c->events;
    vsock_kill(m, c, MOTE_OK, true);
    c->events = events;
}

int vsock_connect(struct vsock_machine *m, uint64_t cid, uint32_t port, uint64_t now)
{
    if (!vsock_is_allowed(m, cid))
        return MOTE_ERR_INVALID;
    m->now = now;
    uint32_t local_port = vsock_take_port(m, cid, port);
    if (local_port == 0)
        return MOTE_ERR_NO_RESOURCES;
    struct vsock_conn *c = vsock_take_slot(m, cid, port, local_port);
    if (c == NULL)
        return MOTE_ERR_NO_RESOURCES;
    c->state = VSOCK_CONNECTING;
    c->owed = bit(VIRTIO_VSOCK_OP_REQUEST);
    c->deadline = now + VSOCK_CONNECT_TIMEOUT_NS;
    return (int)(c - m->conns);
}

int vsock_accept(struct vsock_machine *m, int conn)
{
    struct vsock_conn *c = &m->conns[conn];

    if (c->state != VSOCK_REQUESTED)
        return MOTE_ERR_INVALID;
    vsock_establish(c);
    c->owed |= bit(VIRTIO_VSOCK_OP_RESPONSE);
    return MOTE_OK;
}

uint32_t vsock_peek(const struct vsock_machine *m, int conn, const uint8_t **data)
{
    const struct vsock_conn *c = &m->conns[conn];

    *data = buffer_data(&c->rx);
    return buffer_used(&c->rx);
}

void vsock_announce_credit(struct vsock_conn *c)
{
    uint32_t unannounced = c->fwd_cnt - c->fwd_announced;
    uint32_t seen_used = c->rx_cnt - c->fwd_announced;
    uint32_t seen_free = c->rx.size > seen_used ? c->rx.size - seen_used : 0;

    /* Linux never asks (CREDIT_REQUEST): a peer that sees little room waits for this. */
    if (c->state == VSOCK_OPEN && unannounced != 0 &&
        (unannounced >= c->rx.size / 4 || seen_free < c->rx.size / 4))
        c->owed |= bit(VIRTIO_VSOCK_OP_CREDIT_UPDATE);
}

void vsock_consume(struct vsock_machine *m, int conn, uint32_t n)
{
    struct vsock_conn *c = &m->conns[conn];

    buffer_consume(&c->rx, n);
    c->fwd_cnt += n;
    vsock_announce_credit(c);
    vsock_finish_if_drained(m, c);
}

bool vsock_send_shut(const struct vsock_machine *m, int conn)
{
    const struct vsock_conn *c = &m->conns[conn];

    return c->state == VSOCK_DEAD || (c->shutdown & VIRTIO_VSOCK_SHUTDOWN_F_SEND) != 0 ||
           (c->peer_shutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0;
}

uint32_t vsock_reserve(struct vsock_machine *m, int conn, uint32_t least, uint8_t **space)
{
    struct vsock_conn *c = &m->conns[conn];
    uint32_t room;

    if (c->state != VSOCK_OPEN || vsock_send_shut(m, conn))
        return 0;
    c->wanted = buffer_free(&c->tx) < least ? least : 0;
    if (c->wanted != 0)
        return 0;
    *space = buffer_reserve(&c->tx, least, &room);
    return room;
}

void vsock_send(struct vsock_machine *m, int conn, uint32_t n)
{
    buffer_commit(&m->conns[conn].tx, n);
}

uint32_t vsock_unsent(const struct vsock_machine *m, int conn)
{
    return buffer_used(&m->conns[conn].tx);
}

void vsock_shutdown(struct vsock_machine *m, int conn, uint8_t flags)
{
    m->conns[conn].shutdown |= flags & VIRTIO_VSOCK_SHUTDOWN_BOTH;
}

void vsock_close(struct vsock_machine *m, int conn, uint64_t now)
{
    struct vsock_conn *c = &m->conns[conn];

    m->now = now;
    if (c->state != VSOCK_OPEN || c->peer_shutdown == VIRTIO_VSOCK_SHUTDOWN_BOTH) {
        vsock_abort(m, conn);
        return;
    }
    c->fwd_cnt += buffer_used(&c->rx);
    buffer_clear(&c->rx);
    c->state = VSOCK_CLOSING;
    c->events = 0;
    c->wanted = 0;
    c->shutdown = VIRTIO_VSOCK_SHUTDOWN_BOTH;
    c->deadline = now + VSOCK_CLOSE_TIMEOUT_NS;
}

void vsock_abort(struct vsock_machine *m, int conn)
{
    struct vsock_conn *c = &m->conns[conn];
    bool unknown_to_peer = c->state == VSOCK_DEAD && c->owed == 0;

    c->state = VSOCK_CLOSING;
    c->events = 0;
    vsock_kill(m, c, MOTE_OK, !unknown_to_peer);
}

void vsock_tell_end(struct vsock_conn *c)
{
    c->deadline = VSOCK_NEVER;
    if (!c->end_told)
        c->events |= bit(VSOCK_EVENT_CLOSED);
    c->end_told = true;
}

void vsock_close_all(struct vsock_machine *m, uint64_t now)
{
    for (int i = 0; i < m->conn_end; i++)
        if (m->conns[i].state != VSOCK_FREE && m->conns[i].state != VSOCK_CLOSING)
            vsock_close(m, i, now);
}

static void expire(struct vsock_machine *m, struct vsock_conn *c)
{
    c->deadline = VSOCK_NEVER;
    if (c->state == VSOCK_REQUESTED || c->state == VSOCK_OPEN)
        vsock_tell_end(c);
    else /* a peer that answers nothing may still learn that we gave up */
        vsock_kill(m, c, MOTE_ERR_TIMEOUT, true);
}

void vsock_tick(struct vsock_machine *m, uint64_t now)
{
    m->now = now;
    for (int i = 0; i < m->conn_end; i++) {
        struct vsock_conn *c = &m->conns[i];
        if (c->deadline <= now)
            expire(m, c);
        if (c->credit_retry <= now)
            c->credit_retry = VSOCK_NEVER;
    }
}

uint64_t vsock_deadline(const struct vsock_machine *m)
{
    uint64_t next = VSOCK_NEVER;

    for (int i = 0; i < m->conn_end; i++) {
        const struct vsock_conn *c = &m->conns[i];
        if (c->deadline < next)
            next = c->deadline;
        if (c->credit_retry < next)
            next = c->credit_retry;
    }
    return next;
}

bool vsock_has_events(const struct vsock_machine *m)
{
    uint8_t any = m->was_reset;

    for (int i = 0; i < m->conn_end; i++)
        any |= m->conns[i].events;
    return any != 0;
}

bool vsock_next_event(struct vsock_machine *m, struct vsock_event *event)
{
    if (m->was_reset) {
        m->was_reset = false;
        *event = (struct vsock_event){.type = VSOCK_EVENT_TRANSPORT_RESET, .conn = -1};
        return true;
    }
    for (int n = 0; n < m->conn_end; n++) {
        int i = (m->event_turn + n) % m->conn_end;
        struct vsock_conn *c = &m->conns[i];
        if (c->events == 0)
            continue;
        int type = __builtin_ctz(c->events);
        c->events &= (uint8_t)~bit(type);
        m->event_turn = i + 1;
        *event = (struct vsock_event){.type = (enum vsock_event_type)type,
                                      .conn = i,
                                      .local_port = c->local_port,
                                      .peer_port = c->peer_port,
                                      .error = c->error};
        return true;
    }
    return false;
}

void vsock_transport_reset(struct vsock_machine *m, uint64_t local_cid)
{
    m->local_cid = local_cid;
    m->was_reset = true;
    m->orphan_count = 0;
    for (int i = 0; i < m->conn_end; i++) {
        struct vsock_conn *c = &m->conns[i];
        if (c->state == VSOCK_DEAD)
            c->owed = 0;
        else if (c->state != VSOCK_FREE)
            vsock_kill(m, c, MOTE_ERR_RESET, false);
    }
    vsock_end_quarantine(m);
}

int vsock_connections(const struct vsock_machine *m)
{
    int n = 0;

    for (int i = 0; i < m->conn_end; i++)
        n += m->conns[i].state != VSOCK_FREE;
    return n;
}
