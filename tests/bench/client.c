/* SPDX-License-Identifier: MIT */
/*
 * The host's client of `make bench`, the same for every guest: talks to the unix socket of the
 * host's end of the vsock device and prints what it measured as NAME=VALUE, one a line.
 *
 *   client SOCKET first           connects and pings until there is a pong: when that was (pong_ns)
 *   client SOCKET ping N          N pings on one connection: min_ns, p50_ns, p99_ns of a round trip
 *   client SOCKET connections N   N times connect, ping, close: seconds
 *   client SOCKET sink N          N bytes to port 7001 until they are acknowledged: seconds
 *   client SOCKET source N        N bytes from port 7002, each of them checked: seconds
 */
#include "tests/bench/stream.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES_PORT  1024
#define SINK_PORT   7001
#define SOURCE_PORT 7002
#define CHUNK       65536 /* of one write or read */
#define PERIOD      256
#define RETRY_US    500
#define TRY_S       1 /* while the guest boots */

static const char request[] = "{\"type\":\"ping\"}\n", answer[] = "{\"type\":\"pong\"}\n";
static const char *path;
static char pattern[CHUNK + PERIOD]; /* byte i is i & 0xff */

/* "OK <port>\n", and not a byte more: what follows is the stream's. */
static bool receive_ok(int fd)
{
    char head[3], byte;

    if (!stream_receive(fd, head, sizeof head) || memcmp(head, "OK ", sizeof head) != 0)
        return false;
    while (stream_receive(fd, &byte, 1))
        if (byte == '\n')
            return true;
    return false;
}

/* A stream to a port of the guest; -1 when there is none within so many seconds. */
static int try_connect(int port, int seconds)
{
    char line[32];
    int n = snprintf(line, sizeof line, "CONNECT %d\n", port);
    int fd = stream_connect(path, seconds);

    if (fd >= 0 && stream_send(fd, line, (size_t)n) && receive_ok(fd))
        return fd;
    close(fd);
    return -1;
}

static int must_connect(int port)
{
    int fd = try_connect(port, PATIENCE_S);

    if (fd < 0)
        errx(1, "%s: no connection to port %d", path, port);
    return fd;
}

static bool ping(int fd)
{
    return stream_ask(fd, request, answer);
}

static void must_ping(int fd)
{
    if (!ping(fd))
        errx(1, "%s: no pong", path);
}

static void measure_first(uint64_t n)
{
    uint64_t end = now_ns() + PATIENCE_S * NS_PER_S;

    (void)n;
    while (now_ns() < end) {
        int fd = try_connect(LINES_PORT, TRY_S);
        if (fd >= 0 && ping(fd)) {
            printf("pong_ns=%lu\n", (unsigned long)now_ns());
            exit(0);
        }
        close(fd);
        usleep(RETRY_US);
    }
    errx(1, "%s: no pong after %d s", path, PATIENCE_S);
}

static void measure_pings(uint64_t n)
{
    if (!stream_time(must_connect(LINES_PORT), request, answer, n))
        errx(1, "%s: no pong", path);
}

static void print_seconds_since(uint64_t begin)
{
    printf("seconds=%.6f\n", (double)(now_ns() - begin) / (double)NS_PER_S);
}

static void measure_connections(uint64_t n)
{
    uint64_t begin = now_ns();

    for (uint64_t i = 0; i < n; i++) {
        int fd = must_connect(LINES_PORT);
        must_ping(fd);
        close(fd);
    }
    print_seconds_since(begin);
}

/* The first bytes of a transfer are its size; hosts and guests of other byte orders are not met. */
static int must_start(int port, uint64_t size)
{
    int fd = must_connect(port);

    if (!stream_send(fd, &size, sizeof size))
        err(1, "%s: port %d", path, port);
    return fd;
}

static void measure_sink(uint64_t size)
{
    int fd = must_start(SINK_PORT, size);
    uint64_t begin = now_ns(), taken = 0;

    for (uint64_t done = 0; done < size; done += CHUNK)
        if (!stream_send(fd, pattern, size - done < CHUNK ? size - done : CHUNK))
            err(1, "%s: sink", path);
    if (!stream_receive(fd, &taken, sizeof taken) || taken != size)
        errx(1, "%s: the sink has not answered with its size", path);
    print_seconds_since(begin);
}

static void measure_source(uint64_t size)
{
    static char data[CHUNK];
    int fd = must_start(SOURCE_PORT, size);
    uint64_t begin = now_ns(), done = 0;
    ssize_t n;

    while ((n = recv(fd, data, sizeof data, 0)) > 0) {
        if (memcmp(data, pattern + done % PERIOD, (size_t)n) != 0)
            errx(1, "%s: the source has sent wrong bytes", path);
        done += (uint64_t)n;
    }
    if (n < 0 || done != size)
        errx(1, "%s: the source has sent %lu bytes of %lu", path, (unsigned long)done,
             (unsigned long)size);
    print_seconds_since(begin);
}

static const struct {
    const char *name;
    void (*measure)(uint64_t n);
} modes[] = {
    {"first", measure_first}, {"ping", measure_pings},    {"connections", measure_connections},
    {"sink", measure_sink},   {"source", measure_source},
};

int main(int argc, char **argv)
{
    const char *mode = argc > 2 ? argv[2] : "";
    uint64_t n = argc > 3 ? strtoull(argv[3], NULL, 10) : 0;

    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
    path = argv[1];
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        if (strcmp(modes[i].name, mode) != 0 || (i > 0 && n == 0))
            continue;
        modes[i].measure(n);
        return 0;
    }
    errx(1, "usage: client SOCKET first|ping|connections|sink|source [N]");
}
