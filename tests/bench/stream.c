/* SPDX-License-Identifier: MIT */
#include "tests/bench/stream.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_MAX 128

uint64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int stream_connect(const char *path, int seconds)
{
    struct timeval patience = {.tv_sec = seconds};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

bool stream_send(int fd, const void *data, size_t n)
{
    const char *at = data;

    while (n > 0) {
        ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
        n -= (size_t)sent;
    }
    return true;
}

bool stream_receive(int fd, void *data, size_t n)
{
    char *at = data;

    while (n > 0) {
        ssize_t got = recv(fd, at, n, 0);
        if (got <= 0)
            return false;
        at += got;
        n -= (size_t)got;
    }
    return true;
}

bool stream_ask(int fd, const char *request, const char *answer)
{
    char found[ANSWER_MAX];
    size_t n = strlen(answer);

    return n <= sizeof found && stream_send(fd, request, strlen(request)) &&
           stream_receive(fd, found, n) && memcmp(found, answer, n) == 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x, y;

    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

bool stream_time(int fd, const char *request, const char *answer, uint64_t n)
{
    uint64_t *times = calloc(n, sizeof *times);

    if (times == NULL)
        err(1, "calloc");
    for (uint64_t i = 0; i < n; i++) {
        uint64_t begin = now_ns();
        if (!stream_ask(fd, request, answer))
            return false;
        times[i] = now_ns() - begin;
    }
    qsort(times, n, sizeof *times, compare);
    printf("min_ns=%lu\np50_ns=%lu\np99_ns=%lu\n", (unsigned long)times[0],
           (unsigned long)times[n / 2], (unsigned long)times[n * 99 / 100]);
    free(times);
    return true;
}
