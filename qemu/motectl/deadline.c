/* SPDX-License-Identifier: MIT */
/*
 * The calls behind deadline.h. Nothing here knows what the bytes mean.
 */
#include "qemu/motectl/deadline.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

int64_t clock_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

int64_t deadline_within(int64_t deadline, int64_t ns)
{
    int64_t then = clock_now() + ns;

    return then < deadline ? then : deadline;
}

void sleep_ns(int64_t ns)
{
    struct timespec left = {.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};

    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

/* Milliseconds for poll, rounded up so that it doesn't come back just before the end. */
static int milliseconds_left(int64_t deadline)
{
    int64_t left = deadline - clock_now();

    if (left <= 0)
        return 0;
    if (left > INT_MAX * MS_NS - MS_NS)
        return INT_MAX;
    return (int)((left + MS_NS - 1) / MS_NS);
}

int wait_for(int fd, short events, int64_t deadline)
{
    struct pollfd p = {.fd = fd, .events = events};

    for (;;) {
        int n = poll(&p, 1, milliseconds_left(deadline));

        if (n > 0)
            return 0;
        if (n == 0 && clock_now() >= deadline)
            return -ETIMEDOUT;
        if (n < 0 && errno != EINTR)
            return -errno;
    }
}

int send_all(int fd, const char *bytes, size_t n, int64_t deadline)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);

        if (sent >= 0) {
            bytes += sent;
            n -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int error = wait_for(fd, POLLOUT, deadline);

            if (error != 0)
                return error;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
    return 0;
}

ssize_t receive_some(int fd, char *dst, size_t n, int64_t deadline)
{
    for (;;) {
        ssize_t got = recv(fd, dst, n, 0);

        if (got >= 0)
            return got;
        if (errno == EAGAIN) {
            int error = wait_for(fd, POLLIN, deadline);

            if (error != 0)
                return error;
        } else if (errno != EINTR) {
            return -errno;
        }
    }
}
