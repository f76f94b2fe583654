/* SPDX-License-Identifier: MIT */
/*
 * The verb wait: connects and asks for the state again and again until it is the
 * wanted one. Every failed try starts over with a fresh connection: QEMU's user
 * network and hybrid sockets accept connections before the guest listens, and then
 * close them or swallow what is sent.
 */
#include <stdio.h>
#include <string.h>

#include "qemu/motectl/answer.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/verbs.h"

#define BACKOFF_MIN_NS (20 * MS_NS)
#define BACKOFF_MAX_NS SECOND_NS
#define POLL_NS        (50 * MS_NS) /* between questions on a connection that works */

/* A try's limit, doubled from try to try: short because a swallowed request is never
 * answered, growing because a loaded host may make a guest this slow. */
#define TRY_MIN_NS SECOND_NS
#define TRY_MAX_NS (10 * SECOND_NS)

#define STATE_MAX 32 /* bytes of a state's name; the longest in use has 8 */

struct waiting {
    const struct call *call;
    int64_t deadline;
    int64_t try_ns;
    bool final;            /* no use in trying again */
    char state[STATE_MAX]; /* the last one heard */
};

static int64_t doubled(int64_t ns, int64_t max)
{
    return 2 * ns < max ? 2 * ns : max;
}

static enum status ask_state(struct waiting *w)
{
    struct stream *stream = w->call->stream;
    int64_t deadline = deadline_within(w->deadline, w->try_ns);
    struct health health;
    struct request r;
    const char *line;
    size_t len;
    enum status status;

    request_start(&r, "get_health");
    status = request_end(&r);
    if (status == STATUS_OK)
        status = stream_send(stream, r.line.base, r.line.len, deadline);
    if (status == STATUS_OK)
        status = stream_line(stream, deadline, &line, &len);
    if (status != STATUS_OK)
        return status;
    status = answer_health(line, len, &health);
    w->final = status != STATUS_OK;
    printable(health.state, w->state, sizeof(w->state));
    return status;
}

/* healthy is ready with an agent running, and never goes back to ready. */
static bool is_wanted(const struct waiting *w)
{
    const char *wanted = w->call->options->wait_state;

    if (wanted == NULL || strcmp(wanted, "ready") == 0)
        return strcmp(w->state, "ready") == 0 || strcmp(w->state, "healthy") == 0;
    return strcmp(w->state, wanted) == 0;
}

/* Asks on one connection until the state is the wanted one or something fails. */
static enum status watch(struct waiting *w)
{
    for (;;) {
        enum status status = ask_state(w);

        if (status != STATUS_OK || is_wanted(w))
            return status;
        if (strcmp(w->state, "shutdown") == 0) {
            w->final = true;
            return fail(STATUS_REFUSED, "guest is shutting down");
        }
        fail(STATUS_TIMEOUT, "the state is still %s", w->state);
        if (clock_now() + POLL_NS >= w->deadline)
            return STATUS_TIMEOUT;
        sleep_ns(POLL_NS);
    }
}

static enum status try_once(struct waiting *w)
{
    struct stream *stream = w->call->stream;
    enum status status =
        stream_open(stream, w->call->address, deadline_within(w->deadline, w->try_ns));

    if (status == STATUS_OK) {
        status = watch(w);
        stream_close(stream);
    }
    return status;
}

static void print_waited(const struct waiting *w, int64_t start)
{
    double ms = (double)(clock_now() - start) / (double)MS_NS;

    if ((w->call->options->given & OPTION_JSON) != 0)
        printf("{\"state\":\"%s\",\"elapsed_ms\":%.3f}\n", w->state, ms);
    else
        printf("%s after %.3f ms\n", w->state, ms);
}

enum status verb_wait(const struct call *call)
{
    int64_t start = clock_now();
    int64_t backoff = BACKOFF_MIN_NS;
    struct waiting w = {.call = call, .deadline = start + call->timeout_ns, .try_ns = TRY_MIN_NS};

    for (;;) {
        enum status status = try_once(&w);

        if (status == STATUS_OK)
            print_waited(&w, start);
        if (status == STATUS_OK || w.final)
            return status;
        if (clock_now() + backoff >= w.deadline) {
            return fail(STATUS_TIMEOUT, "timed out after %g s: %s",
                        (double)call->timeout_ns / (double)SECOND_NS, failure());
        }
        sleep_ns(backoff);
        backoff = doubled(backoff, BACKOFF_MAX_NS);
        w.try_ns = doubled(w.try_ns, TRY_MAX_NS);
    }
}
