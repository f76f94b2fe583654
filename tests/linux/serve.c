/* SPDX-License-Identifier: MIT */
/*
 * The loop of the Linux guest: listeners and connections in one epoll set, level-triggered. A
 * connection waits either for something to read or for room to write, never for both.
 */
#include "tests/linux/guest.h"
#include "tests/linux/init.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#define CONNS_MAX     256
#define LISTENERS_MAX 8
#define BACKLOG       128
#define EVENTS        64

static struct conn conns[CONNS_MAX];
static int listeners[LISTENERS_MAX]; /* by the index of their service */
static int poll_fd;

/* An entry of the set: a listener by its index, a connection by its index behind them. */
static void watch(int op, int fd, uint32_t what, uint64_t entry)
{
    struct epoll_event event = {.events = what, .data.u64 = entry};

    if (epoll_ctl(poll_fd, op, fd, &event) != 0)
        fail("epoll_ctl");
}

static void watch_conn(int op, const struct conn *c)
{
    bool writes = c->blocked || c->connecting;

    watch(op, c->fd, writes ? EPOLLOUT : EPOLLIN, LISTENERS_MAX + (uint64_t)(c - conns));
}

static int new_socket(void)
{
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        fail("socket");
    return fd;
}

static void listen_on(int i, uint32_t port)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = port};

    listeners[i] = new_socket();
    if (bind(listeners[i], (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listeners[i], BACKLOG) != 0)
        fail("listen");
    watch(EPOLL_CTL_ADD, listeners[i], EPOLLIN, (uint64_t)i);
}

void serve_listen(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0)
        fail("epoll");
    for (int i = 0; i < CONNS_MAX; i++)
        conns[i].fd = -1;
    for (int i = 0; services[i].run != NULL; i++)
        listen_on(i, services[i].port);
}

/* A slot for a new socket; NULL when there is none, and then the socket is closed. */
static struct conn *new_conn(int fd, const struct service *service)
{
    for (int i = 0; i < CONNS_MAX; i++) {
        struct conn *c = &conns[i];

        if (c->fd >= 0)
            continue;
        memset(c, 0, offsetof(struct conn, in));
        c->fd = fd;
        c->service = service;
        return c;
    }
    close(fd);
    return NULL;
}

static void free_conn(struct conn *c)
{
    close(c->fd);
    c->fd = -1;
}

/* What a service returned, and what the connection waits for from now on. */
static void settle(struct conn *c, bool goes_on, bool waited_to_write)
{
    if (!goes_on)
        free_conn(c);
    else if (c->blocked != waited_to_write)
        watch_conn(EPOLL_CTL_MOD, c);
}

static void start_conn(struct conn *c, bool waited_to_write)
{
    settle(c, c->service->start == NULL || c->service->start(c), waited_to_write);
}

/* One a turn: Linux lets accept() sleep until the next tick when there is none, O_NONBLOCK or not
 * (vsock_accept() calls schedule_timeout(0)), and everybody would wait for it. */
static void accept_one(int i)
{
    int fd = accept4(listeners[i], NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct conn *c = fd >= 0 ? new_conn(fd, &services[i]) : NULL;

    if (c == NULL)
        return;
    watch_conn(EPOLL_CTL_ADD, c);
    start_conn(c, false);
}

void serve_connect(uint32_t port, uint32_t count)
{
    struct sockaddr_vm address = {
        .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};

    for (uint32_t i = 0; i < count; i++) {
        struct conn *c = new_conn(new_socket(), &echo_service);

        if (c == NULL)
            return;
        c->total = i;
        c->connecting = true;
        if (connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0 &&
            errno != EINPROGRESS)
            fail("connect");
        watch_conn(EPOLL_CTL_ADD, c);
    }
}

static void finish_connect(struct conn *c)
{
    int error = 0;
    socklen_t len = sizeof error;

    c->connecting = false;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error == 0) {
        start_conn(c, true);
        return;
    }
    printf("linux: connect %lu: %s\n", (unsigned long)c->total, strerror(error));
    free_conn(c);
}

static void run_conn(struct conn *c)
{
    bool waited_to_write = c->blocked;

    if (c->connecting) {
        finish_connect(c);
        return;
    }
    c->blocked = false;
    settle(c, c->service->run(c), waited_to_write);
}

void serve_run(void)
{
    struct epoll_event events[EVENTS];

    for (;;) {
        int n = epoll_wait(poll_fd, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            uint64_t entry = events[i].data.u64;

            if (entry < LISTENERS_MAX)
                accept_one((int)entry);
            else
                run_conn(&conns[entry - LISTENERS_MAX]);
        }
    }
}

ssize_t conn_receive(const struct conn *c, char *to, size_t room)
{
    ssize_t n = recv(c->fd, to, room, 0);

    if (n < 0 && errno == EAGAIN)
        return 0;
    return n > 0 ? n : -1;
}

ssize_t conn_transmit(struct conn *c, const char *data, size_t n)
{
    ssize_t sent = send(c->fd, data, n, MSG_NOSIGNAL);

    if (sent >= 0)
        return sent;
    c->blocked = errno == EAGAIN;
    return c->blocked ? 0 : -1;
}

void conn_put(struct conn *c, const void *data, size_t n)
{
    memcpy(c->out + c->out_len, data, n);
    c->out_len += n;
}

bool conn_flush(struct conn *c)
{
    while (c->out_at < c->out_len && !c->blocked) {
        ssize_t n = conn_transmit(c, c->out + c->out_at, c->out_len - c->out_at);

        if (n < 0)
            return false;
        c->out_at += (size_t)n;
    }
    if (c->out_at == c->out_len)
        c->out_at = c->out_len = 0;
    return true;
}
