/* SPDX-License-Identifier: MIT */
/* TCP, for machines without vsock: the host forwards a port of its own to ours. */
#include "drivers/socket_way.h"

#include "drivers/endpoint.h"

#include <linux/tcp.h>

#include <stdio.h>

static uint16_t big_endian(uint16_t n)
{
    return (uint16_t)(n << 8 | n >> 8);
}

/* Connections inherit what their listener has. */
static void prepare(int fd)
{
    const int on = 1;

    sys_setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sys_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static long tcp_listen(uint32_t port)
{
    const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = big_endian((uint16_t)port)};

    if (port > UINT16_MAX)
        return -EINVAL;
    return socket_bound(AF_INET, prepare, &a, sizeof a);
}

static void tcp_unlisten(uint32_t port)
{
    (void)port; /* nothing stays behind */
}

/* A guest can't know at which address its host listens, if it does. */
static long tcp_connect(uint64_t cid, uint32_t port, long *result)
{
    (void)cid;
    (void)port;
    (void)result;
    return -EOPNOTSUPP;
}

static struct socket_peer tcp_peer(const union socket_address *a)
{
    return (struct socket_peer){.cid = ENDPOINT_CID_HOST, .port = big_endian(a->in.sin_port)};
}

static void tcp_name(uint32_t port, char *text, size_t n)
{
    snprintf(text, n, "TCP 0.0.0.0:%u", (unsigned)port);
}

const struct socket_way socket_tcp = {
    .listen = tcp_listen,
    .unlisten = tcp_unlisten,
    .connect = tcp_connect,
    .peer = tcp_peer,
    .name = tcp_name,
};
