/* SPDX-License-Identifier: MIT */
/*
 * An open connection: bytes from the guest to the host's socket and back, and the
 * ends of both halves, each passed on after the last byte in front of it. A side
 * that takes no more is made known to the other, so that nobody writes for ever.
 */
#include "qemu/vsockd/hybrid_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Guest to host, until the socket is full. */
static void deliver(struct hybrid *h, struct hybrid_client *c)
{
    const uint8_t *data;
    uint32_t n;

    while (!c->blocked && (n = vsock_peek(h->machine, c->conn, &data)) > 0) {
        ssize_t sent = n;

        if (!c->deaf)
            sent = send(c->fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0) {
            vsock_consume(h->machine, c->conn, (uint32_t)sent);
        } else if (errno == EAGAIN) {
            c->blocked = true;
        } else {
            c->deaf = true;
            vsock_shutdown(h->machine, c->conn, VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE);
        }
    }
}

/* The host sends no more: the guest learns it after the last byte. */
static void end_of_host(struct hybrid *h, struct hybrid_client *c)
{
    c->host_done = true;
    vsock_shutdown(h->machine, c->conn, VIRTIO_VSOCK_SHUTDOWN_F_SEND);
}

/* Host to guest, as much as there is room for. */
static void collect(struct hybrid *h, struct hybrid_client *c)
{
    uint8_t *space;
    uint32_t room;
    ssize_t n;

    if (c->host_done)
        return;
    if (vsock_send_shut(h->machine, c->conn)) {
        /* The guest takes no more; the host's next write fails. */
        c->host_done = true;
        shutdown(c->fd, SHUT_RD);
        return;
    }
    /* After a hang-up the socket isn't polled any more: what it still holds is there now. */
    if (!c->readable && !c->hung_up)
        return;
    room = vsock_reserve(h->machine, c->conn, 1, &space);
    if (room == 0)
        return;
    n = recv(c->fd, space, room, MSG_DONTWAIT);
    c->readable = false;
    if (n > 0)
        vsock_send(h->machine, c->conn, (uint32_t)n);
    else if (n == 0 || errno != EAGAIN)
        end_of_host(h, c);
}

/* The socket's part is over; the connection goes once the guest has everything. */
static void linger(struct hybrid *h, struct hybrid_client *c)
{
    vsock_shutdown(h->machine, c->conn, VIRTIO_VSOCK_SHUTDOWN_BOTH);
    close(c->fd);
    c->fd = -1;
    c->deaf = true;
    c->blocked = false;
    c->host_done = true;
    c->state = HYBRID_LINGERING;
}

/* Passes the guest's end on, and finds out when both halves have ended. */
static void conclude(struct hybrid *h, struct hybrid_client *c)
{
    const uint8_t *data;

    if (c->guest_done && !c->told && vsock_peek(h->machine, c->conn, &data) == 0) {
        shutdown(c->fd, SHUT_WR);
        c->told = true;
    }
    if (c->host_done && (c->told || c->hung_up || c->deaf))
        linger(h, c);
}

void stream_run(struct hybrid *h, struct hybrid_client *c, uint64_t now)
{
    deliver(h, c);
    collect(h, c);
    if (c->state == HYBRID_OPEN)
        conclude(h, c);
    if (c->state == HYBRID_LINGERING && vsock_unsent(h->machine, c->conn) == 0) {
        vsock_close(h->machine, c->conn, now);
        hybrid_free(h, c);
    }
}
