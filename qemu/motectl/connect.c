/* SPDX-License-Identifier: MIT */
/*
 * Connecting to an address before a deadline, and the hybrid handshake: CONNECT and
 * the port, then a line that begins with OK, read byte by byte because what follows
 * it belongs to the stream. The number after OK means something else on every VMM.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "qemu/motectl/address.h"
#include "qemu/motectl/deadline.h"

#define HELLO_MAX       64           /* bytes of the line OK n; n has at most 10 digits */
#define BACKLOG_WAIT_NS (20 * MS_NS) /* between tries while a unix listener's queue is full */

static enum status connect_failed(const struct address *address, int error)
{
    if (error == -ETIMEDOUT)
        return fail(STATUS_TIMEOUT, "timed out while connecting to %s", address->text);
    return fail(STATUS_FAILED, "cannot connect to %s: %s", address->text, strerror(-error));
}

static int finish_connect(int fd, int64_t deadline)
{
    int error = wait_for(fd, POLLOUT, deadline);
    socklen_t len = sizeof(error);

    if (error == 0 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
        error = errno;
    return error > 0 ? -error : error;
}

/* 0 or a negative error. */
static int connect_fd(int fd, const struct sockaddr *name, socklen_t len, int64_t deadline)
{
    while (connect(fd, name, len) != 0) {
        if (errno == EINPROGRESS || errno == EINTR)
            return finish_connect(fd, deadline);
        if (errno != EAGAIN)
            return -errno;
        if (clock_now() >= deadline)
            return -ETIMEDOUT;
        sleep_ns(BACKLOG_WAIT_NS);
    }
    return 0;
}

static int connect_name(const struct sockaddr *name, socklen_t len, int64_t deadline, int *fd)
{
    int error;

    *fd = socket(name->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return -errno;
    error = connect_fd(*fd, name, len, deadline);
    if (error != 0)
        close(*fd);
    return error;
}

static int connect_unix(const struct address *address, int64_t deadline, int *fd)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};

    memcpy(name.sun_path, address->path, sizeof(name.sun_path));
    return connect_name((const struct sockaddr *)&name, sizeof(name), deadline, fd);
}

static int connect_vsock(const struct address *address, int64_t deadline, int *fd)
{
    struct sockaddr_vm name = {
        .svm_family = AF_VSOCK, .svm_cid = address->cid, .svm_port = address->port};

    return connect_name((const struct sockaddr *)&name, sizeof(name), deadline, fd);
}

/* Tries every address of the name: localhost has two, and often only one listens. */
static enum status connect_tcp(const struct address *address, int64_t deadline, int *fd)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[12];
    int error;

    snprintf(port, sizeof(port), "%u", address->port);
    error = getaddrinfo(address->host, port, &hints, &found);
    if (error != 0)
        return fail(STATUS_FAILED, "cannot connect to %s: %s", address->text, gai_strerror(error));
    error = -EADDRNOTAVAIL;
    for (struct addrinfo *a = found; a != NULL && error != 0; a = a->ai_next)
        error = connect_name(a->ai_addr, a->ai_addrlen, deadline, fd);
    freeaddrinfo(found);
    return error == 0 ? STATUS_OK : connect_failed(address, error);
}

/* Reads the line that answers CONNECT into hello, without its '\n'. 1 if it is whole, 0 if
 * the stream ended or the line is too long, or a negative error. */
static int read_hello(int fd, char hello[HELLO_MAX], int64_t deadline)
{
    for (size_t n = 0; n < HELLO_MAX; n++) {
        ssize_t got = receive_some(fd, &hello[n], 1, deadline);

        if (got <= 0)
            return (int)got;
        if (hello[n] == '\n') {
            hello[n] = '\0';
            return 1;
        }
    }
    return 0;
}

static enum status say_connect(const struct address *address, int fd, int64_t deadline)
{
    char hello[HELLO_MAX];
    int n = snprintf(hello, sizeof(hello), "CONNECT %u\n", address->port);
    int error = send_all(fd, hello, (size_t)n, deadline);

    if (error == 0)
        error = read_hello(fd, hello, deadline);
    if (error == 0 || error == -EPIPE || error == -ECONNRESET) {
        return fail(STATUS_FAILED, "cannot connect to %s: nothing listens on guest port %u",
                    address->text, address->port);
    }
    if (error < 0)
        return connect_failed(address, error);
    if (strncmp(hello, "OK ", 3) != 0) {
        return fail(STATUS_FAILED, "cannot connect to %s: answer to CONNECT is \"%s\"",
                    address->text, hello);
    }
    return STATUS_OK;
}

enum status address_connect(const struct address *address, int64_t deadline, int *fd)
{
    enum status status;
    int error;

    if (address->kind == ADDRESS_TCP)
        return connect_tcp(address, deadline, fd);
    error = address->kind == ADDRESS_VSOCK ? connect_vsock(address, deadline, fd)
                                           : connect_unix(address, deadline, fd);
    if (error != 0)
        return connect_failed(address, error);
    if (address->kind == ADDRESS_UNIX || address->kind == ADDRESS_VSOCK)
        return STATUS_OK;
    status = say_connect(address, *fd, deadline);
    if (status != STATUS_OK)
        close(*fd);
    return status;
}
