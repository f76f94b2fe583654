/* SPDX-License-Identifier: MIT */
/*
 * The connection machine's ports: who listens, where a connection of ours starts, and
 * which port pairs rest because of how their last connection ended.
 */
#include "drivers/vsock_internal.h"
#include "platform/error.h"

/* Ephemeral ports, as IANA has them; a listener's port is below by custom. */
#define EPHEMERAL_FIRST 49152u
#define EPHEMERAL_COUNT 16384u

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

void vsock_quarantine(struct vsock_machine *m, const struct vsock_conn *c)
{
    m->resting[m->resting_next] = (struct vsock_pair){.peer_cid = c->peer_cid,
                                                      .peer_port = c->peer_port,
                                                      .local_port = c->local_port,
                                                      .until = m->now + VSOCK_QUARANTINE_NS};
    m->resting_next = (m->resting_next + 1) % VSOCK_QUARANTINE_MAX;
}

bool vsock_is_quarantined(const struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port,
                          uint32_t local_port)
{
    for (int i = 0; i < VSOCK_QUARANTINE_MAX; i++) {
        const struct vsock_pair *p = &m->resting[i];
        if (p->until > m->now && p->peer_port == peer_port && p->local_port == local_port &&
            p->peer_cid == peer_cid)
            return true;
    }
    return false;
}

void vsock_end_quarantine(struct vsock_machine *m)
{
    for (int i = 0; i < VSOCK_QUARANTINE_MAX; i++)
        m->resting[i].until = 0;
}

void vsock_seed_ports(struct vsock_machine *m, uint32_t seed)
{
    m->next_port = EPHEMERAL_FIRST + seed % EPHEMERAL_COUNT;
}

static bool is_port_in_use(const struct vsock_machine *m, uint32_t port)
{
    for (int i = 0; i < m->conn_end; i++)
        if (m->conns[i].state != VSOCK_FREE && m->conns[i].local_port == port)
            return true;
    return find_listener(m, port) >= 0;
}

/* Rising and wrapping, so that a port pair is reused as late as possible. */
uint32_t vsock_take_port(struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port)
{
    for (uint32_t tried = 0; tried < EPHEMERAL_COUNT; tried++) {
        uint32_t port = m->next_port;
        m->next_port = port + 1 < EPHEMERAL_FIRST + EPHEMERAL_COUNT ? port + 1 : EPHEMERAL_FIRST;
        if (!is_port_in_use(m, port) && !vsock_is_quarantined(m, peer_cid, peer_port, port))
            return port;
    }
    return 0;
}
