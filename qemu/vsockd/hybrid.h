/* SPDX-License-Identifier: MIT */
/*
 * Connections of the guest as unix sockets, in the manner of Firecracker: a host
 * client connects to one socket and names the guest's port in a line; what the
 * guest connects to on the host's port P is the socket "<path>_P". Each half of a
 * stream ends by itself, in both directions. Nothing here waits for anybody.
 *
 * Rules: Firecracker, docs/vsock; half-close is ours.
 */
#ifndef QEMU_VSOCKD_HYBRID_H
#define QEMU_VSOCKD_HYBRID_H

#include "drivers/vsock_machine.h"

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#define HYBRID_CLIENTS_MAX 256   /* as many as connections; a client more is turned away */
#define HYBRID_LINE_MAX    32    /* "CONNECT 4294967295\n" has 19 bytes (Firecracker: 32) */
#define HYBRID_BUFFER      65536 /* of a connection, each way */

enum hybrid_state {
    HYBRID_FREE = 0,
    HYBRID_LINE,       /* the host client has not said all of its line */
    HYBRID_CONNECTING, /* the guest has not answered */
    HYBRID_OPEN,
    HYBRID_LINGERING, /* the socket is closed; its last bytes are on their way to the guest */
};

struct hybrid_client {
    enum hybrid_state state;
    int fd;
    int conn; /* from CONNECTING on */
    uint32_t line_len;
    char line[HYBRID_LINE_MAX];
    bool readable;   /* the host's socket has something to read */
    bool blocked;    /* it takes no more at present */
    bool hung_up;    /* its other end is closed */
    bool deaf;       /* the host reads no more; the guest's bytes are dropped */
    bool host_done;  /* the host sends no more */
    bool guest_done; /* the guest sends no more; it may still have unread bytes here */
    bool told;       /* the host was told of that */
};

struct hybrid {
    struct vsock_machine *machine;
    const char *path;
    uint64_t guest_cid; /* may change; the connections must all be dropped then */
    int listener;       /* set by the caller after hybrid_init() */
    struct hybrid_client clients[HYBRID_CLIENTS_MAX];
    int client_of[HYBRID_CLIENTS_MAX]; /* by connection; -1: none */
};

/* Makes an empty table over machine, which has HYBRID_CLIENTS_MAX connections. */
void hybrid_init(struct hybrid *hybrid, struct vsock_machine *machine, const char *path,
                 uint64_t guest_cid);

/* Says what to wait for: HYBRID_CLIENTS_MAX entries, in the order of the table. */
void hybrid_prepare_poll(const struct hybrid *hybrid, struct pollfd *fds);

/* Takes what poll() found. */
void hybrid_take_poll(struct hybrid *hybrid, const struct pollfd *fds);

/* Takes the host clients that wait to be accepted. */
void hybrid_accept(struct hybrid *hybrid);

/*
 * Carries on with everything: lines, events of the machine, bytes both ways, ends.
 * guest_up: whether there is a guest to connect to.
 */
void hybrid_run(struct hybrid *hybrid, bool guest_up, uint64_t now);

/* The guest has gone: every connection with it ends. */
void hybrid_drop_all(struct hybrid *hybrid);

#endif
