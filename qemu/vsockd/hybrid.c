/* SPDX-License-Identifier: MIT */
/*
 * The table of clients: how they come, what their line says, how the guest's
 * answer reaches them. See hybrid.h; the bytes of open ones are in stream.c.
 */
#include "qemu/vsockd/hybrid.h"

#include "qemu/vsockd/hybrid_internal.h"
#include "qemu/vsockd/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void hybrid_init(struct hybrid *hybrid, struct vsock_machine *machine, const char *path,
                 uint64_t guest_cid)
{
    memset(hybrid, 0, sizeof *hybrid);
    hybrid->machine = machine;
    hybrid->path = path;
    hybrid->guest_cid = guest_cid;
    hybrid->listener = -1;
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        hybrid->clients[i].fd = -1;
        hybrid->client_of[i] = -1;
    }
}

static struct hybrid_client *new_client(struct hybrid *h, enum hybrid_state state, int fd)
{
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        struct hybrid_client *c = &h->clients[i];

        if (c->state == HYBRID_FREE) {
            *c = (struct hybrid_client){.state = state, .fd = fd, .conn = -1};
            return c;
        }
    }
    return NULL;
}

static void bind_conn(struct hybrid *h, struct hybrid_client *c, int conn)
{
    c->conn = conn;
    h->client_of[conn] = (int)(c - h->clients);
}

void hybrid_free(struct hybrid *h, struct hybrid_client *c)
{
    if (c->conn >= 0)
        h->client_of[c->conn] = -1;
    if (c->fd >= 0)
        close(c->fd);
    *c = (struct hybrid_client){.state = HYBRID_FREE, .fd = -1, .conn = -1};
}

/* Closes a socket so that its other end reads an end of file, not ECONNRESET for unread bytes. */
static void close_drained(int fd)
{
    char scrap[4096];

    shutdown(fd, SHUT_RDWR); /* nothing more comes in, so the loop ends */
    while (recv(fd, scrap, sizeof scrap, MSG_DONTWAIT) > 0) {
    }
    close(fd);
}

static void refuse(struct hybrid *h, struct hybrid_client *c)
{
    close_drained(c->fd);
    c->fd = -1;
    hybrid_free(h, c);
}

void hybrid_accept(struct hybrid *hybrid)
{
    for (int n = 0; n < HYBRID_CLIENTS_MAX; n++) {
        int fd = unix_accept(hybrid->listener);

        if (fd < 0)
            return;
        if (new_client(hybrid, HYBRID_LINE, fd) == NULL)
            close_drained(fd);
    }
}

/* "CONNECT <port>\n" of len bytes; false for anything else. */
static bool parse_line(const char *line, uint32_t len, uint32_t *port)
{
    static const char command[] = "CONNECT ";
    uint32_t at = sizeof command - 1;
    uint64_t value = 0;

    if (len < at + 2 || memcmp(line, command, at) != 0)
        return false;
    for (; at < len - 1; at++) {
        if (line[at] < '0' || line[at] > '9')
            return false;
        value = value * 10 + (uint64_t)(line[at] - '0');
        if (value > UINT32_MAX)
            return false;
    }
    *port = (uint32_t)value;
    return true;
}

static void connect_guest(struct hybrid *h, struct hybrid_client *c, bool guest_up, uint64_t now)
{
    uint32_t port;
    int conn = -1;

    if (guest_up && parse_line(c->line, c->line_len, &port))
        conn = vsock_connect(h->machine, h->guest_cid, port, now);
    if (conn < 0) {
        refuse(h, c);
        return;
    }
    c->state = HYBRID_CONNECTING;
    bind_conn(h, c, conn);
}

/* Reads up to the newline and not one byte further: what follows is the stream's. */
static void read_line(struct hybrid *h, struct hybrid_client *c, bool guest_up, uint64_t now)
{
    size_t room = sizeof c->line - c->line_len;
    char *at = c->line + c->line_len;
    ssize_t n = recv(c->fd, at, room, MSG_PEEK | MSG_DONTWAIT);
    const char *newline;

    c->readable = false;
    if (n < 0 && errno == EAGAIN)
        return;
    newline = n > 0 ? memchr(at, '\n', (size_t)n) : NULL;
    if (newline != NULL)
        n = newline + 1 - at;
    if (n <= 0 || recv(c->fd, at, (size_t)n, MSG_DONTWAIT) != n) {
        hybrid_free(h, c);
        return;
    }
    c->line_len += (uint32_t)n;
    if (newline != NULL)
        connect_guest(h, c, guest_up, now);
    else if (c->line_len == sizeof c->line)
        refuse(h, c);
}

/* A guest's REQUEST: whoever listens at "<path>_<port>" gets it. */
static void on_requested(struct hybrid *h, const struct vsock_event *event, uint64_t now)
{
    char path[UNIX_PATH_MAX + 1];
    struct hybrid_client *c = NULL;
    int fd;

    snprintf(path, sizeof path, "%s_%u", h->path, (unsigned)event->local_port);
    fd = unix_connect(path);
    if (fd >= 0)
        c = new_client(h, HYBRID_OPEN, fd);
    if (c == NULL || vsock_accept(h->machine, event->conn) != 0) {
        vsock_close(h->machine, event->conn, now);
        if (c != NULL)
            hybrid_free(h, c);
        else if (fd >= 0)
            close(fd);
        return;
    }
    bind_conn(h, c, event->conn);
}

static void on_connected(struct hybrid_client *c, uint32_t local_port)
{
    char ok[32];
    int len = snprintf(ok, sizeof ok, "OK %u\n", (unsigned)local_port);

    /* The socket is fresh, so this fits; a client that has gone is found out like any other. */
    send(c->fd, ok, (size_t)len, MSG_NOSIGNAL | MSG_DONTWAIT);
    c->state = HYBRID_OPEN;
}

static void on_reset(struct hybrid *h, struct hybrid_client *c, uint64_t now)
{
    if (c->state == HYBRID_CONNECTING) {
        vsock_close(h->machine, c->conn, now);
        refuse(h, c);
    } else {
        c->guest_done = true; /* once its bytes are delivered, stream.c finds it dead */
    }
}

static void take_event(struct hybrid *h, const struct vsock_event *event, uint64_t now)
{
    int index = event->type != VSOCK_EVENT_TRANSPORT_RESET ? h->client_of[event->conn] : -1;
    struct hybrid_client *c = index >= 0 ? &h->clients[index] : NULL;

    if (event->type == VSOCK_EVENT_REQUESTED)
        on_requested(h, event, now);
    else if (c == NULL)
        return; /* a reset of all: its connections follow one by one */
    else if (event->type == VSOCK_EVENT_CONNECTED)
        on_connected(c, event->local_port);
    else if (event->type == VSOCK_EVENT_RESET)
        on_reset(h, c, now);
    else if (event->type == VSOCK_EVENT_CLOSED)
        c->guest_done = true;
    /* DATA and ROOM need nothing: each turn looks at every stream. */
}

static void run_client(struct hybrid *h, struct hybrid_client *c, bool guest_up, uint64_t now)
{
    switch (c->state) {
    case HYBRID_LINE:
        if (c->readable)
            read_line(h, c, guest_up, now);
        break;
    case HYBRID_CONNECTING:
        if (c->hung_up) {
            vsock_abort(h->machine, c->conn);
            hybrid_free(h, c);
        }
        break;
    case HYBRID_OPEN:
    case HYBRID_LINGERING:
        stream_run(h, c, now);
        break;
    case HYBRID_FREE:
        break;
    }
}

void hybrid_run(struct hybrid *hybrid, bool guest_up, uint64_t now)
{
    struct vsock_event event;

    while (vsock_next_event(hybrid->machine, &event))
        take_event(hybrid, &event, now);
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++)
        run_client(hybrid, &hybrid->clients[i], guest_up, now);
}

void hybrid_drop_all(struct hybrid *hybrid)
{
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        struct hybrid_client *c = &hybrid->clients[i];

        if (c->conn >= 0 && c->state != HYBRID_FREE) {
            vsock_abort(hybrid->machine, c->conn);
            hybrid_free(hybrid, c);
        }
    }
}

void hybrid_prepare_poll(const struct hybrid *hybrid, struct pollfd *fds)
{
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        const struct hybrid_client *c = &hybrid->clients[i];
        bool reads =
            c->state == HYBRID_LINE || (c->state == HYBRID_OPEN && !c->host_done &&
                                        vsock_unsent(hybrid->machine, c->conn) < HYBRID_BUFFER);

        /* poll() can't be told to leave a hang-up out, so a known one isn't polled. */
        fds[i].fd = c->hung_up && c->state != HYBRID_LINE ? -1 : c->fd;
        fds[i].events = (short)((reads ? POLLIN : 0) | (c->blocked ? POLLOUT : 0));
        fds[i].revents = 0;
    }
}

void hybrid_take_poll(struct hybrid *hybrid, const struct pollfd *fds)
{
    for (int i = 0; i < HYBRID_CLIENTS_MAX; i++) {
        struct hybrid_client *c = &hybrid->clients[i];

        if (fds[i].revents == 0)
            continue;
        c->readable = (fds[i].revents & POLLIN) != 0;
        if ((fds[i].revents & (POLLHUP | POLLERR)) != 0)
            c->hung_up = true;
        if ((fds[i].revents & (POLLOUT | POLLHUP | POLLERR)) != 0)
            c->blocked = false;
    }
}
