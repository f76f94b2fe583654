/* SPDX-License-Identifier: MIT */
/*
 * The connection machine, owner's side: the slots, the listeners, what an owner
 * may ask of a connection, time, and events. Packets are read in vsock_input.c
 * and made in vsock_output.c.
 */
#include "drivers/vsock_machine.h"

#include "drivers/vsock_internal.h"
#include "platform/error.h"

#include <string.h>

/* Ephemeral ports, as IANA has them; a listener's port is below by custom. */
#define EPHEMERAL_FIRST 49152u
#define EPHEMERAL_COUNT 16384u

void vsock_init(struct vsock_machine *m, uint64_t local_cid, struct vsock_conn *conns, int count,
                uint32_t port_seed)
{
    memset(m, 0, sizeof *m);
    m->local_cid = local_cid;
    m->conns = conns;
    m->conn_count = count;
    m->in_flight_max = VSOCK_IN_FLIGHT_MAX;
    m->packets_max = VSOCK_PACKETS_IN_FLIGHT_MAX;
    m->next_port = EPHEMERAL_FIRST + port_seed % EPHEMERAL_COUNT;
    for (int i = 0; i < count; i++)
        vsock_free_slot(&conns[i]);
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

static int find_listener(const struct vsock_machine *m, uint32_t port)
{
    for (int i = 0; i < m->listener_count; i++)
        if (m->listeners[i] == port)
            return i;
    return MOTE_ERR_NOT_FOUND;
}

bool vsock_is_listening(const struct vsock_machine *m, uint32_t port)
{
    return find_listener(m, port) >= 0 || find_listener(m, VSOCK_PORT_ANY) >= 0;
}

int vsock_listen(struct vsock_machine *m, uint32_t port)
{
    if (find_listener(m, port) >= 0)
        return MOTE_ERR_ALREADY_BOUND;
    if (m->listener_count == VSOCK_LISTENERS_MAX)
        return MOTE_ERR_NO_ROOM;
    m->listeners[m->listener_count++] = port;
    return MOTE_OK;
}

int vsock_unlisten(struct vsock_machine *m, uint32_t port)
{
    int at = find_listener(m, port);

    if (at < 0)
        return at;
    m->listeners[at] = m->listeners[--m->listener_count];
    return MOTE_OK;
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
        return c;
    }
    return NULL;
}

void vsock_free_slot(struct vsock_conn *c)
{
    struct buffer rx = c->rx, tx = c->tx;

    buffer_clear(&rx);
    buffer_clear(&tx);
    *c = (struct vsock_conn){
        .rx = rx, .tx = tx, .deadline = VSOCK_NEVER, .credit_retry = VSOCK_NEVER};
}

void vsock_kill(struct vsock_conn *c, int error, bool rst)
{
    bool owned = c->state != VSOCK_CLOSING;

    if ((c->owed & bit(VIRTIO_VSOCK_OP_REQUEST)) != 0) /* the peer never heard of it */
        rst = false;
    if (!owned && !rst) {
        vsock_free_slot(c);
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

void vsock_finish_if_drained(struct vsock_conn *c)
{
    if (c->peer_shutdown != VIRTIO_VSOCK_SHUTDOWN_BOTH || c->state != VSOCK_OPEN ||
        buffer_used(&c->rx) != 0)
        return;
    /* The end was orderly: the owner learns of it by VSOCK_EVENT_CLOSED alone. */
    uint8_t events = c->events;
    vsock_kill(c, MOTE_OK, true);
    c->events = events;
}

static bool port_in_use(const struct vsock_machine *m, uint32_t port)
{
    for (int i = 0; i < m->conn_count; i++)
        if (m->conns[i].state != VSOCK_FREE && m->conns[i].local_port == port)
            return true;
    return find_listener(m, port) >= 0;
}

/* Rising and wrapping, so that a port pair is reused as late as possible. */
static uint32_t take_ephemeral_port(struct vsock_machine *m)
{
    for (uint32_t tried = 0; tried < EPHEMERAL_COUNT; tried++) {
        uint32_t port = m->next_port;
        m->next_port = port + 1 < EPHEMERAL_FIRST + EPHEMERAL_COUNT ? port + 1 : EPHEMERAL_FIRST;
        if (!port_in_use(m, port))
            return port;
    }
    return 0;
}

int vsock_connect(struct vsock_machine *m, uint64_t cid, uint32_t port, uint64_t now)
{
    if (!vsock_is_allowed(m, cid))
        return MOTE_ERR_INVALID;
    uint32_t local_port = take_ephemeral_port(m);
    if (local_port == 0)
        return MOTE_ERR_NO_RESOURCES;
    struct vsock_conn *c = vsock_take_slot(m, cid, port, local_port);
    if (c == NULL)
        return MOTE_ERR_NO_RESOURCES;
    m->now = now;
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
    c->state = VSOCK_OPEN;
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
    vsock_finish_if_drained(c);
}

bool vsock_send_shut(const struct vsock_machine *m, int conn)
{
    const struct vsock_conn *c = &m->conns[conn];

    return c->state == VSOCK_DEAD || (c->shutdown & VIRTIO_VSOCK_SHUTDOWN_F_SEND) != 0 ||
           (c->peer_shutdown & VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE) != 0;
}

uint32_t vsock_reserve(struct vsock_machine *m, int conn, uint8_t **space)
{
    struct vsock_conn *c = &m->conns[conn];

    if (c->state != VSOCK_OPEN || vsock_send_shut(m, conn))
        return 0;
    *space = buffer_reserve(&c->tx);
    return buffer_free(&c->tx);
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
    c->shutdown = VIRTIO_VSOCK_SHUTDOWN_BOTH;
    c->deadline = now + VSOCK_CLOSE_TIMEOUT_NS;
}

void vsock_abort(struct vsock_machine *m, int conn)
{
    struct vsock_conn *c = &m->conns[conn];
    bool unknown_to_peer = c->state == VSOCK_DEAD && c->owed == 0;

    c->state = VSOCK_CLOSING;
    c->events = 0;
    vsock_kill(c, MOTE_OK, !unknown_to_peer);
}

static void expire(struct vsock_conn *c)
{
    c->deadline = VSOCK_NEVER;
    /* A peer that answers nothing may still learn that we gave up. */
    vsock_kill(c, MOTE_ERR_TIMEOUT, true);
}

void vsock_tick(struct vsock_machine *m, uint64_t now)
{
    m->now = now;
    for (int i = 0; i < m->conn_count; i++) {
        struct vsock_conn *c = &m->conns[i];
        if (c->deadline <= now)
            expire(c);
        if (c->credit_retry <= now)
            c->credit_retry = VSOCK_NEVER;
    }
}

uint64_t vsock_deadline(const struct vsock_machine *m)
{
    uint64_t next = VSOCK_NEVER;

    for (int i = 0; i < m->conn_count; i++) {
        const struct vsock_conn *c = &m->conns[i];
        if (c->deadline < next)
            next = c->deadline;
        if (c->credit_retry < next)
            next = c->credit_retry;
    }
    return next;
}

bool vsock_next_event(struct vsock_machine *m, struct vsock_event *event)
{
    for (int n = 0; n < m->conn_count; n++) {
        int i = (m->event_turn + n) % m->conn_count;
        struct vsock_conn *c = &m->conns[i];
        if (c->events == 0)
            continue;
        int type = __builtin_ctz(c->events);
        c->events &= (uint8_t)~bit(type);
        m->event_turn = (i + 1) % m->conn_count;
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
    m->orphan_count = 0;
    for (int i = 0; i < m->conn_count; i++) {
        struct vsock_conn *c = &m->conns[i];
        if (c->state == VSOCK_DEAD)
            c->owed = 0;
        else if (c->state != VSOCK_FREE)
            vsock_kill(c, MOTE_ERR_RESET, false);
    }
}

int vsock_connections(const struct vsock_machine *m)
{
    int n = 0;

    for (int i = 0; i < m->conn_count; i++)
        n += m->conns[i].state != VSOCK_FREE;
    return n;
}
