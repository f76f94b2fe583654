/* SPDX-License-Identifier: MIT */
/*
 * The verb raw: lines to the guest as they are, all on one connection, and after
 * each the line that answers it. It does not ask what they mean, so it speaks every
 * line protocol. Empty lines are not sent: no guest answers one.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "proto/line.h"
#include "qemu/motectl/answer.h"
#include "qemu/motectl/content.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/verbs.h"

/* The lines that are yet to be sent. */
struct source {
    char data[STEREOS_PEER_LINE_MAX + 2]; /* the longest line, its '\n', and one byte over */
    size_t start;                         /* of what is not sent yet */
    size_t end;
    bool ended; /* nothing follows data */
    struct line_reader reader;
};

static struct source source;

static enum status fill(struct source *s)
{
    ssize_t got;

    memmove(s->data, s->data + s->start, s->end - s->start);
    s->end -= s->start;
    s->start = 0;
    got = read_some(STDIN_FILENO, s->data + s->end, sizeof(s->data) - s->end);
    if (got < 0)
        return fail(STATUS_FAILED, "cannot read standard input: %s", strerror(errno));
    s->ended = got == 0;
    s->end += (size_t)got;
    return STATUS_OK;
}

/* Sends n bytes at line and prints the line that comes back. */
static enum status send_line(const struct call *call, const char *line, size_t n)
{
    int64_t deadline = clock_now() + call->timeout_ns;
    const char *answer;
    size_t len;
    enum status status = stream_send(call->stream, line, n, deadline);

    if (status == STATUS_OK && line[n - 1] != '\n')
        status = stream_send(call->stream, "\n", 1, deadline);
    if (status == STATUS_OK)
        status = stream_line(call->stream, deadline, &answer, &len);
    if (status != STATUS_OK)
        return status;
    print_line(answer, len);
    return answer_refusal(answer, len);
}

static enum status too_long(void)
{
    return fail(STATUS_FAILED, "a line is longer than the limit of %u bytes",
                STEREOS_PEER_LINE_MAX);
}

/* Deals with the next line, or reads more. *done: there is nothing left. */
static enum status step(const struct call *call, struct source *s, bool *done)
{
    const char *data = s->data + s->start;
    struct line line;
    enum line_result found =
        line_next(&s->reader, data, s->end - s->start, STEREOS_PEER_LINE_MAX, s->ended, &line);

    s->start += line.consumed;
    if (found == LINE_TOO_LONG)
        return too_long();
    if (found == LINE_FOUND) {
        /* Up to consumed: with its '\r' and '\n' as they were given. */
        return send_line(call, line.text, (size_t)(data + line.consumed - line.text));
    }
    *done = s->ended;
    return *done ? STATUS_OK : fill(s);
}

/* Goes on after an answer that says no; its status is kept. */
static enum status send_lines(const struct call *call, struct source *s)
{
    enum status result = STATUS_OK;
    bool done = false;

    while (!done) {
        enum status status = step(call, s, &done);

        if (status != STATUS_OK && status != STATUS_REFUSED)
            return status;
        result = status == STATUS_REFUSED ? status : result;
    }
    return result;
}

enum status verb_raw(const struct call *call)
{
    enum status status;

    if (call->count > 0) {
        source.ended = true;
        source.end = strlen(call->args[0]);
        if (source.end > sizeof(source.data))
            return too_long();
        memcpy(source.data, call->args[0], source.end);
    }
    status = stream_open(call->stream, call->address, clock_now() + call->timeout_ns);
    if (status == STATUS_OK) {
        status = send_lines(call, &source);
        stream_close(call->stream);
    }
    return status;
}
