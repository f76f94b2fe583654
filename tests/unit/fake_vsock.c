/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_vsock.h"

#include "drivers/socket_way.h"

#include <stdio.h>

struct fake_vsock fake_vsock;

long socket_vsock_cid(uint32_t *cid)
{
    fake_vsock.cids_asked++;
    *cid = fake_vsock.cid;
    return fake_vsock.error;
}

static struct sockaddr_in address_of(uint32_t port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = __builtin_bswap16((uint16_t)port),
                                .sin_addr.s_addr = __builtin_bswap32(INADDR_LOOPBACK)};
}

static void prepare(int fd)
{
    const int on = 1;

    sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

static long fake_listen(uint32_t port)
{
    const struct sockaddr_in a = address_of(port);

    if (fake_vsock.listen_error != 0)
        return fake_vsock.listen_error;
    return socket_bound(AF_INET, prepare, &a, sizeof a);
}

static void fake_unlisten(uint32_t port)
{
    (void)port;
}

static long fake_connect(uint64_t cid, uint32_t port, long *result)
{
    const struct sockaddr_in a = address_of(port);

    (void)cid;
    return socket_connecting(AF_INET, &a, sizeof a, result);
}

static struct socket_peer fake_peer(const union socket_address *a)
{
    return (struct socket_peer){.cid = fake_vsock.peer_cid,
                                .port = __builtin_bswap16(a->in.sin_port)};
}

static void fake_name(uint32_t port, char *text, size_t n)
{
    snprintf(text, n, "vsock port %u", (unsigned)port);
}

const struct socket_way socket_vsock = {
    .listen = fake_listen,
    .unlisten = fake_unlisten,
    .connect = fake_connect,
    .peer = fake_peer,
    .name = fake_name,
};
