/* SPDX-License-Identifier: MIT */
/*
 * The endpoint over the sockets of a kernel: its slots, what an owner may ask of a connection,
 * time, and events.
 *
 * The kernel keeps a transport reset to itself: every vsock connection ends, and listeners stay.
 * It is told of here when the CID changed with it; a guest that comes back under its old one sees
 * resets alone. On vsock and unix sockets the kernel has accepted a connection before it can be
 * refused: its peer sees the end of a connection, not that nobody listens.
 */
#include "drivers/socket_endpoint.h"

#include "drivers/socket_listen.h"
#include "drivers/socket_way.h"
#include "drivers/vsock_machine.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/mman.h>

#define PAGE 4096

_Static_assert(ENDPOINT_WINDOW % PAGE == 0 && ENDPOINT_SEND_BUFFER % PAGE == 0, "pages");

static uint8_t windows[ENDPOINT_CONNECTIONS][ENDPOINT_WINDOW] __attribute__((aligned(PAGE)));
static uint8_t send_buffers[ENDPOINT_CONNECTIONS][ENDPOINT_SEND_BUFFER]
    __attribute__((aligned(PAGE)));
static struct socket_conn conns[ENDPOINT_CONNECTIONS];
static uint64_t peers[VSOCK_PEERS_MAX];
static int peer_count;
static uint64_t local_cid;
static bool was_reset;
static int event_turn; /* whose events are told first */

int endpoint_start(void)
{
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        socket_slot_init(&conns[i], windows[i], send_buffers[i]);
    socket_listen_init();
    /* A process of ours that hangs (a mount) shall hold no copy of a secret on its way in. */
    sys_madvise(windows, sizeof windows, MADV_WIPEONFORK);
    peer_count = 0;
    return socket_way_choose(&local_cid);
}

uint64_t endpoint_cid(void)
{
    return local_cid;
}

void socket_check_cid(void)
{
    uint32_t cid;

    if (socket_way() != &socket_vsock || socket_vsock_cid(&cid) != 0 || cid == local_cid)
        return;
    local_cid = cid;
    was_reset = true;
}

bool socket_is_allowed(uint64_t cid)
{
    for (int i = 0; i < peer_count; i++)
        if (peers[i] == cid)
            return true;
    return false;
}

int endpoint_allow(uint64_t cid)
{
    if (socket_is_allowed(cid))
        return MOTE_OK;
    if (peer_count == VSOCK_PEERS_MAX)
        return MOTE_ERR_NO_ROOM;
    peers[peer_count++] = cid;
    return MOTE_OK;
}

int endpoint_listen(uint32_t port)
{
    return socket_listen(port);
}

int endpoint_unlisten(uint32_t port)
{
    return socket_unlisten(port);
}

struct socket_conn *socket_take_slot(void)
{
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        if (conns[i].state == SOCKET_FREE)
            return &conns[i];
    return NULL;
}

static uint32_t port_of(int fd)
{
    union socket_address a;
    unsigned n = sizeof a;

    return sys_getsockname(fd, &a, &n) == 0 ? socket_way()->peer(&a).port : 0;
}

/* What connect() said. The kernel's own deadline on vsock is as long as ours. */
static void begin_connect(struct socket_conn *c, long result)
{
    if (result == 0) {
        c->state = SOCKET_OPEN;
        socket_tell(c, ENDPOINT_CONNECTED);
    } else if (result == -EINPROGRESS) {
        c->deadline = platform_now_ns() + VSOCK_CONNECT_TIMEOUT_NS;
    } else {
        socket_kill(c, result == -ETIMEDOUT ? MOTE_ERR_TIMEOUT : MOTE_ERR_REFUSED);
    }
}

int endpoint_connect(uint64_t cid, uint32_t port)
{
    struct socket_conn *c = socket_take_slot();
    long result = 0;

    if (!socket_is_allowed(cid))
        return MOTE_ERR_INVALID;
    if (c == NULL)
        return MOTE_ERR_NO_RESOURCES;
    long fd = socket_way()->connect(cid, port, &result);
    if (fd < 0)
        return fd == -EOPNOTSUPP ? MOTE_ERR_UNSUPPORTED : MOTE_ERR_NO_RESOURCES;
    if (!socket_begin(c, (int)fd, SOCKET_CONNECTING)) {
        sys_close((int)fd);
        return MOTE_ERR_NO_RESOURCES;
    }
    c->local_port = port_of((int)fd);
    c->peer_port = port;
    begin_connect(c, result);
    return (int)(c - conns);
}

int endpoint_accept(int conn)
{
    if (conns[conn].state != SOCKET_REQUESTED)
        return MOTE_ERR_INVALID;
    conns[conn].state = SOCKET_OPEN;
    return MOTE_OK;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    *data = (const char *)buffer_data(&conns[conn].rx);
    return buffer_used(&conns[conn].rx);
}

void endpoint_consume(int conn, uint32_t n)
{
    socket_consume(&conns[conn], n);
}

bool endpoint_send_shut(int conn)
{
    const struct socket_conn *c = &conns[conn];

    return c->state == SOCKET_DEAD || c->shut || c->deaf;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    struct socket_conn *c = &conns[conn];
    uint32_t room;

    if (c->state != SOCKET_OPEN || endpoint_send_shut(conn))
        return 0;
    c->wanted = buffer_free(&c->tx) < least ? least : 0;
    if (c->wanted != 0)
        return 0;
    *space = (char *)buffer_reserve(&c->tx, least, &room);
    return room;
}

void endpoint_send(int conn, uint32_t n)
{
    buffer_commit(&conns[conn].tx, n);
}

void endpoint_shutdown(int conn)
{
    conns[conn].shut = true;
}

void endpoint_close(int conn)
{
    struct socket_conn *c = &conns[conn];

    if (c->state != SOCKET_OPEN) {
        socket_release(c, true);
        return;
    }
    socket_consume(c, buffer_used(&c->rx));
    c->state = SOCKET_CLOSING;
    c->events = 0;
    c->wanted = 0;
    c->shut = true;
    c->deadline = platform_now_ns() + VSOCK_CLOSE_TIMEOUT_NS;
}

void endpoint_abort(int conn)
{
    socket_release(&conns[conn], true);
}

void endpoint_close_all(void)
{
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        if (conns[i].state != SOCKET_FREE && conns[i].state != SOCKET_CLOSING)
            endpoint_close(i);
}

static void take_event(int conn, struct endpoint_event *event)
{
    struct socket_conn *c = &conns[conn];
    int type = __builtin_ctz(c->events);

    c->events &= (uint8_t)(c->events - 1);
    *event = (struct endpoint_event){.type = (enum endpoint_event_type)type,
                                     .conn = conn,
                                     .local_port = c->local_port,
                                     .peer_port = c->peer_port,
                                     .error = c->error};
}

bool endpoint_next_event(struct endpoint_event *event)
{
    if (was_reset) {
        was_reset = false;
        *event = (struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1};
        return true;
    }
    for (int n = 0; n < ENDPOINT_CONNECTIONS; n++) {
        int i = (event_turn + n) % ENDPOINT_CONNECTIONS;
        if (conns[i].events == 0)
            continue;
        take_event(i, event);
        event_turn = i + 1;
        return true;
    }
    return false;
}

static bool has_events(void)
{
    uint8_t any = was_reset;

    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        any |= conns[i].events;
    return any != 0;
}

int endpoint_poll(void)
{
    events_turn();
    uint64_t now = platform_now_ns();

    socket_listen_tick(now);
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        conns[i].sends_left = SOCKET_SENDS_A_TURN;
        if (conns[i].deadline <= now)
            socket_expire(&conns[i]);
    }
    return MOTE_OK;
}

bool endpoint_flush(void)
{
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        if (conns[i].state != SOCKET_FREE)
            socket_flush(&conns[i]);
    return has_events();
}

uint64_t endpoint_deadline(void)
{
    uint64_t soonest = socket_listen_deadline();

    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        if (conns[i].deadline < soonest)
            soonest = conns[i].deadline;
    return soonest;
}

bool endpoint_may_wait(void)
{
    return !has_events();
}

int endpoint_connections(void)
{
    int n = 0;

    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++)
        n += conns[i].state != SOCKET_FREE;
    return n;
}
