/* SPDX-License-Identifier: MIT */
#include "drivers/socket_listen.h"

#include "drivers/socket_endpoint.h"
#include "drivers/socket_stream.h"
#include "drivers/socket_way.h"
#include "drivers/vsock_machine.h"
#include "platform/error.h"
#include "platform/linux/errno_text.h"
#include "platform/platform.h"

#include <stdio.h>

/* Without memory or a file number for the next connection, it is looked for again so late. */
#define PAUSE_NS UINT64_C(1000000000)

#define NAME_SIZE 128

static struct listener {
    struct watch watch;
    uint32_t port;
    bool used;
    uint64_t paused_until;
} listeners[VSOCK_LISTENERS_MAX];

void socket_listen_init(void)
{
    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++)
        listeners[i] = (struct listener){.watch = {.fd = -1}, .paused_until = SOCKET_NEVER};
}

static struct listener *find(uint32_t port)
{
    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++)
        if (listeners[i].used && listeners[i].port == port)
            return &listeners[i];
    return NULL;
}

static struct listener *find_free(void)
{
    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++)
        if (!listeners[i].used)
            return &listeners[i];
    return NULL;
}

/* --- accepting --- */

/* The connection stays in the backlog, where nothing takes it from; a loop would not help. */
static void pause_listening(struct listener *l, long error)
{
    printf("mote: port %u: accept: %s: no new connection for a second\n", (unsigned)l->port,
           errno_text(error));
    events_change(&l->watch, 0);
    l->paused_until = platform_now_ns() + PAUSE_NS;
}

/* What would end the same way when it is tried again at once. */
static bool is_shortage(long error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

static void begin(int fd, const struct listener *l, const struct socket_peer *peer)
{
    struct socket_conn *c = socket_is_allowed(peer->cid) ? socket_take_slot() : NULL;

    if (c == NULL || !socket_begin(c, fd, SOCKET_REQUESTED)) {
        socket_refuse(fd);
        return;
    }
    c->local_port = l->port;
    c->peer_port = peer->port;
    socket_tell(c, ENDPOINT_REQUESTED);
}

/* One at a time: more of them make the next wait short. */
static void on_ready(struct watch *w, uint32_t events)
{
    struct listener *l = (struct listener *)w;
    union socket_address address;
    unsigned n = sizeof address;
    long fd = sys_accept4(w->fd, &address, &n, 0);

    (void)events;
    if (is_shortage(fd))
        pause_listening(l, fd);
    if (fd < 0)
        return;
    struct socket_peer peer = socket_way()->peer(&address);
    begin((int)fd, l, &peer);
}

/* --- listening --- */

static int report_failure(uint32_t port, long error)
{
    char name[NAME_SIZE];

    socket_way()->name(port, name, sizeof name);
    if (error == -EADDRINUSE) {
        printf("mote: port %u is taken: another agent listens there (%s)\n", (unsigned)port, name);
        return MOTE_ERR_ALREADY_BOUND;
    }
    printf("mote: %s: %s\n", name, errno_text(error));
    return error == -EINVAL ? MOTE_ERR_INVALID : MOTE_ERR_UNSUPPORTED;
}

static void report_success(uint32_t port)
{
    char name[NAME_SIZE];

    socket_way()->name(port, name, sizeof name);
    if (socket_way() == &socket_vsock)
        printf("mote: listening on %s, CID %llu\n", name, (unsigned long long)endpoint_cid());
    else
        printf("mote: listening on %s\n", name);
}

static bool is_any_open(void)
{
    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++)
        if (listeners[i].watch.fd >= 0)
            return true;
    return false;
}

/* Opens the socket; on the other way, too, if either will do and nobody listens yet. */
static int open_listener(struct listener *l, uint32_t port)
{
    int failure;

    do {
        long fd = socket_way()->listen(port);
        if (fd >= 0) {
            l->watch = (struct watch){.fd = (int)fd, .ready = on_ready};
            return MOTE_OK;
        }
        failure = report_failure(port, fd);
    } while (failure != MOTE_ERR_ALREADY_BOUND && !is_any_open() && socket_way_fall_back());
    return failure;
}

int socket_listen(uint32_t port)
{
    struct listener *l = find_free();

    if (find(port) != NULL)
        return MOTE_ERR_ALREADY_BOUND;
    if (l == NULL)
        return MOTE_ERR_NO_ROOM;
    int result = open_listener(l, port);
    if (result == MOTE_OK) {
        events_add(&l->watch, EPOLLIN);
        report_success(port);
    } else if (result == MOTE_ERR_ALREADY_BOUND || is_any_open() || !socket_way_is_automatic()) {
        return result;
    } else {
        printf("mote: nobody can reach this agent; it goes on without\n");
    }
    l->used = true;
    l->port = port;
    return MOTE_OK;
}

int socket_unlisten(uint32_t port)
{
    struct listener *l = find(port);

    if (l == NULL)
        return MOTE_ERR_NOT_FOUND;
    if (l->watch.fd >= 0) {
        events_remove(&l->watch);
        sys_close(l->watch.fd);
        socket_way()->unlisten(port);
    }
    *l = (struct listener){.watch = {.fd = -1}, .paused_until = SOCKET_NEVER};
    return MOTE_OK;
}

void socket_listen_tick(uint64_t now)
{
    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++) {
        struct listener *l = &listeners[i];
        if (l->paused_until > now)
            continue;
        l->paused_until = SOCKET_NEVER;
        events_change(&l->watch, EPOLLIN);
    }
}

uint64_t socket_listen_deadline(void)
{
    uint64_t soonest = SOCKET_NEVER;

    for (int i = 0; i < VSOCK_LISTENERS_MAX; i++)
        if (listeners[i].paused_until < soonest)
            soonest = listeners[i].paused_until;
    return soonest;
}
