/* SPDX-License-Identifier: MIT */
/*
 * The ways that a host reaches an agent under a kernel: vsock, TCP or a unix socket, of which
 * mote.listen chooses one. Internal to drivers/socket_*.c. Functions return what the kernel
 * does: a value >= 0 or -errno.
 */
#ifndef DRIVERS_SOCKET_WAY_H
#define DRIVERS_SOCKET_WAY_H

#include "platform/linux/sys.h"

#include <linux/in.h>
#include <linux/un.h>

union socket_address {
    struct sockaddr_vm vm;
    struct sockaddr_in in;
    struct sockaddr_un un;
};

/* Who is at the other end. On TCP and unix sockets that is always the host. */
struct socket_peer {
    uint64_t cid;
    uint32_t port; /* 0: it has none */
};

struct socket_way {
    /* A listening socket that does not block. -EADDRINUSE: somebody listens there already. */
    long (*listen)(uint32_t port);
    /* The listening socket of that port was closed. */
    void (*unlisten)(uint32_t port);
    /* A socket that does not block, and in *result how its connect() went. -EOPNOTSUPP: there is
     * no such peer on this way. */
    long (*connect)(uint64_t cid, uint32_t port, long *result);
    struct socket_peer (*peer)(const union socket_address *a);
    /* Where port is listened on, in words for the console. */
    void (*name)(uint32_t port, char *text, size_t n);
};

extern const struct socket_way socket_vsock;
extern const struct socket_way socket_tcp;
extern const struct socket_way socket_unix;

/* Our context id, as the kernel says it; VMADDR_CID_ANY when there is no device. */
long socket_vsock_cid(uint32_t *cid);
#define VMADDR_CID_ANY 0xffffffffu

/* Where the control port's socket is; others of ours are at PATH.PORT, the host's at PATH_PORT.
 * False: too long, or empty. */
bool socket_unix_use(const char *path, size_t len);

/* Chooses by mote.listen and says on the console what is missing for vsock. *cid: ours, 0 when
 * it is not vsock. MOTE_ERR_NOT_FOUND: it had to be vsock. MOTE_ERR_INVALID: no such way. */
int socket_way_choose(uint64_t *cid);

/* The way chosen. */
const struct socket_way *socket_way(void);

/* Whether any way will do, and none at all as well. */
bool socket_way_is_automatic(void);

/* vsock did not do: TCP from now on. False: it was TCP, or has to be what it is. */
bool socket_way_fall_back(void);

/* A socket of that family bound to n bytes of address and listening; common to all ways. prepare
 * may set what must be set before that. */
long socket_bound(int family, void (*prepare)(int fd), const void *address, size_t n);

/* A socket of that family whose connect() to n bytes of address gave *result. */
long socket_connecting(int family, const void *address, size_t n, long *result);

#endif
