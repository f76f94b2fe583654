/* SPDX-License-Identifier: MIT */
/*
 * The Linux guest's port 1024: one line of JSON in, one out. It knows the lines of the StereOS
 * protocol that need no parser: ping and shutdown, exactly as mote's own host sends them.
 */
#include "tests/linux/guest.h"
#include "tests/linux/init.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_SECONDS 2

static void answer(struct conn *c, const char *line, size_t n)
{
    static const char ping[] = "{\"type\":\"ping\"}\n", pong[] = "{\"type\":\"pong\"}\n";
    static const char shutdown[] = "{\"type\":\"shutdown\"}\n";
    static const char ack[] =
        "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"shutdown\",\"ok\":true}}\n";
    static const char error[] = "{\"type\":\"error\"}\n";

    if (n == sizeof ping - 1 && memcmp(line, ping, n) == 0) {
        conn_put(c, pong, sizeof pong - 1);
    } else if (n == sizeof shutdown - 1 && memcmp(line, shutdown, n) == 0) {
        conn_put(c, ack, sizeof ack - 1);
        c->last = true;
    } else {
        conn_put(c, error, sizeof error - 1);
    }
}

static void answer_lines(struct conn *c)
{
    char *line = c->in, *end = c->in + c->in_len, *newline;

    while ((newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
        answer(c, line, (size_t)(newline + 1 - line));
        line = newline + 1;
    }
    c->in_len = (size_t)(end - line);
    memmove(c->in, line, c->in_len);
}

/* A lingering close() returns when the peer has everything. */
static void power_off_behind(const struct conn *c)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = LINGER_SECONDS};

    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(c->fd);
    power_off();
}

bool lines_run(struct conn *c)
{
    ssize_t n;

    if (!conn_flush(c))
        return false;
    if (c->blocked)
        return true;
    n = conn_receive(c, c->in + c->in_len, sizeof c->in - c->in_len);
    if (n < 0)
        return false;
    c->in_len += (size_t)n;
    answer_lines(c);
    if (!conn_flush(c) || c->in_len == sizeof c->in)
        return false;
    if (c->last && !c->blocked)
        power_off_behind(c);
    return true;
}
