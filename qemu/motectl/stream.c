/* SPDX-License-Identifier: MIT */
/*
 * Lines over a connection. Empty lines are handed on, not skipped: the protocol has
 * none in this direction, and the real client stumbles over them too.
 */
#include "qemu/motectl/stream.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "qemu/motectl/deadline.h"

enum status stream_open(struct stream *s, const struct address *address, int64_t deadline)
{
    s->start = 0;
    s->end = 0;
    return address_connect(address, deadline, &s->fd);
}

void stream_close(struct stream *s)
{
    close(s->fd);
}

static enum status stream_failed(int error, const char *doing)
{
    if (error == -ETIMEDOUT)
        return fail(STATUS_TIMEOUT, "timed out while %s", doing);
    if (error == 0 || error == -ECONNRESET || error == -EPIPE)
        return fail(STATUS_FAILED, "connection closed while %s", doing);
    return fail(STATUS_FAILED, "connection failed while %s: %s", doing, strerror(-error));
}

enum status stream_send(struct stream *s, const char *bytes, size_t n, int64_t deadline)
{
    int error = send_all(s->fd, bytes, n, deadline);

    return error == 0 ? STATUS_OK : stream_failed(error, "sending the request");
}

/* Receives more behind what is there, moving that to the front first. */
static enum status stream_fill(struct stream *s, int64_t deadline)
{
    ssize_t got;

    memmove(s->data, s->data + s->start, s->end - s->start);
    s->end -= s->start;
    s->start = 0;
    if (s->end == sizeof(s->data)) {
        return fail(STATUS_FAILED, "the answer's line is longer than %u bytes",
                    STEREOS_PEER_LINE_MAX);
    }
    got = receive_some(s->fd, s->data + s->end, sizeof(s->data) - s->end, deadline);
    if (got <= 0)
        return stream_failed((int)got, "waiting for response");
    s->end += (size_t)got;
    return STATUS_OK;
}

enum status stream_line(struct stream *s, int64_t deadline, const char **line, size_t *len)
{
    size_t scanned = 0;
    const char *newline;

    for (;;) {
        enum status status;

        newline = memchr(s->data + s->start + scanned, '\n', s->end - s->start - scanned);
        if (newline != NULL)
            break;
        scanned = s->end - s->start;
        status = stream_fill(s, deadline);
        if (status != STATUS_OK)
            return status;
    }
    *line = s->data + s->start;
    *len = (size_t)(newline - *line);
    s->start += *len + 1;
    if (*len > 0 && (*line)[*len - 1] == '\r')
        (*len)--;
    return STATUS_OK;
}
