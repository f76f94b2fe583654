/* SPDX-License-Identifier: MIT */
/*
 * What the Linux guest does on each of its ports. N is always 8 bytes, little-endian, and in
 * front of what it counts: not every device of a host carries the end of one half.
 *
 *   1024  lines: ping, shutdown; anything else is an error
 *   7001  sink: N and N bytes in, N back
 *   7002  source: N in, N bytes back, byte i is i & 0xff
 *   7003  checked sink: as 7001, with 8 bytes of CRC-32 behind the N that comes back
 *   7004  everything up to the end in; its size as a line and its first 65536 bytes back
 *   7005  a line and the end back, then everything up to the end in; its size on the console
 */
#include "tests/linux/guest.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define HEAD   ((size_t)8)
#define BATCH  16 /* reads or writes in a row, so that no connection starves another */
#define PERIOD 256

static uint32_t crc_table[256];
static char pattern[CHUNK + PERIOD];
static char scratch[CHUNK];

void services_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;

        for (int bit = 0; bit < 8; bit++)
            value = value >> 1 ^ ((value & 1) != 0 ? UINT32_C(0xedb88320) : 0);
        crc_table[i] = value;
    }
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
}

static uint32_t crc(uint32_t value, const char *data, size_t n)
{
    value = ~value;
    for (size_t i = 0; i < n; i++)
        value = value >> 8 ^ crc_table[(value ^ (uint8_t)data[i]) & 0xff];
    return ~value;
}

/* --- 7001 to 7003 */

static bool has_head(const struct conn *c)
{
    return c->in_len == HEAD;
}

static bool read_head(struct conn *c)
{
    ssize_t n = conn_receive(c, c->in + c->in_len, HEAD - c->in_len);

    if (n < 0)
        return false;
    c->in_len += (size_t)n;
    if (has_head(c)) {
        memcpy(&c->total, c->in, HEAD);
        c->left = c->total;
    }
    return true;
}

/* Reads what is left of N, then (it stays open until the client ends it) whatever comes. */
static bool run_body(struct conn *c, bool checked)
{
    uint64_t sum;

    for (int i = 0; i < BATCH && c->left > 0; i++) {
        ssize_t n = conn_receive(c, scratch, c->left < CHUNK ? c->left : CHUNK);

        if (n <= 0)
            return n == 0;
        if (checked)
            c->crc = crc(c->crc, scratch, (size_t)n);
        c->left -= (uint64_t)n;
    }
    if (c->left > 0)
        return true;
    if (c->answered)
        return conn_flush(c) && (c->blocked || conn_receive(c, scratch, CHUNK) >= 0);
    c->answered = true;
    sum = c->crc;
    conn_put(c, &c->total, HEAD);
    if (checked)
        conn_put(c, &sum, sizeof sum);
    return conn_flush(c);
}

static bool run_sink_of(struct conn *c, bool checked)
{
    if (!has_head(c) && !read_head(c))
        return false;
    return !has_head(c) || run_body(c, checked);
}

static bool run_sink(struct conn *c)
{
    return run_sink_of(c, false);
}

static bool run_checked_sink(struct conn *c)
{
    return run_sink_of(c, true);
}

static bool run_source(struct conn *c)
{
    if (!has_head(c) && !read_head(c))
        return false;
    if (!has_head(c))
        return true;
    for (int i = 0; i < BATCH && c->left > 0 && !c->blocked; i++) {
        size_t at = (size_t)(c->total - c->left) % PERIOD;
        ssize_t n = conn_transmit(c, pattern + at, c->left < CHUNK ? c->left : CHUNK);

        if (n < 0)
            return false;
        c->left -= (uint64_t)n;
    }
    c->blocked = true; /* asked for or not: the next turn is when there is room */
    return c->left > 0;
}

/* --- 7004 and 7005 */

static bool run_collect(struct conn *c)
{
    char *to = c->total < CHUNK ? c->out + c->out_len : scratch;
    ssize_t n = c->answered ? -1 : conn_receive(c, to, c->total < CHUNK ? CHUNK - c->total : CHUNK);

    if (n >= 0) {
        c->out_len += to == scratch ? 0 : (size_t)n;
        c->total += (uint64_t)n;
        return true;
    }
    if (!c->answered) { /* the size goes first, in the room behind the bytes */
        char size[32];
        int len = snprintf(size, sizeof size, "%llu\n", (unsigned long long)c->total);

        memmove(c->out + len, c->out, c->out_len);
        memcpy(c->out, size, (size_t)len);
        c->out_len += (size_t)len;
        c->answered = true;
    }
    return conn_flush(c) && c->blocked;
}

static bool start_late(struct conn *c)
{
    static const char greeting[] = "that is all\n";

    conn_put(c, greeting, sizeof greeting - 1); /* a fresh connection has room for it */
    return conn_flush(c) && shutdown(c->fd, SHUT_WR) == 0;
}

static bool run_late(struct conn *c)
{
    ssize_t n = conn_receive(c, scratch, CHUNK);

    if (n < 0)
        printf("linux: late bytes %llu\n", (unsigned long long)c->total);
    else
        c->total += (uint64_t)n;
    return n >= 0;
}

/* --- our own connects */

static bool start_echo(struct conn *c)
{
    c->out_len =
        (size_t)snprintf(c->out, sizeof c->out, "hello %llu\n", (unsigned long long)c->total);
    return conn_flush(c);
}

static bool run_echo(struct conn *c)
{
    if (!conn_flush(c))
        return false;
    for (int i = 0; i < BATCH && !c->blocked; i++) {
        ssize_t n = conn_receive(c, c->out, CHUNK);

        if (n <= 0)
            return n == 0;
        c->out_len = (size_t)n;
        if (!conn_flush(c))
            return false;
    }
    return true;
}

const struct service services[] = {
    {1024, NULL, lines_run},   {7001, NULL, run_sink},
    {7002, NULL, run_source},  {7003, NULL, run_checked_sink},
    {7004, NULL, run_collect}, {7005, start_late, run_late},
    {0, NULL, NULL},
};

const struct service echo_service = {0, start_echo, run_echo};
