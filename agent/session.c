/* SPDX-License-Identifier: MIT */
/*
 * A session acts on a line only when there is room for the longest answer, so that no
 * answer is lost to a host that listens. A host that sends its request and leaves at once is
 * served too. Nothing here waits: what is missing (bytes, room) comes as an event. A line whose
 * answer takes longer stays where it is and is asked again; those behind it wait.
 */
#include "agent/session.h"

#include "agent/dispatch.h"
#include "platform/platform.h"
#include "proto/line.h"
#include "proto/stereos.h"

#define LINE_TIMEOUT_NS (SESSION_LINE_TIMEOUT_S * UINT64_C(1000000000))

/* An answer that is not there yet is asked for again in every turn of the loop, but so often. */
#define ASK_AGAIN_NS UINT64_C(50000000)

_Static_assert(STEREOS_REPLY_MAX <= ENDPOINT_SEND_BUFFER, "an answer fits the send buffer");

#define NEVER UINT64_MAX

static struct session {
    struct line_reader reader;
    uint64_t deadline; /* of an unfinished line, or to ask again; NEVER: there is none */
    bool open;
    bool waiting;   /* the line at the front has no answer yet */
    bool peer_done; /* it sends no more */
} sessions[ENDPOINT_CONNECTIONS];

/* No session has an earlier deadline; one that was met in time may have been earlier. */
static uint64_t soonest = NEVER;

/* Sessions that wait for an answer. */
static int waiting;

static void set_waiting(struct session *s, bool now)
{
    waiting += (int)now - (int)s->waiting;
    s->waiting = now;
}

static void end(int conn)
{
    struct session *s = &sessions[conn];

    if (s->waiting)
        dispatch_abandon(conn);
    set_waiting(s, false);
    s->open = false;
    endpoint_close(conn);
}

/* Room for an answer, which may be none when the peer listens no more. False: not yet. */
static bool reserve(int conn, struct out *reply)
{
    char *space = NULL;
    uint32_t room = 0;

    if (!endpoint_send_shut(conn)) {
        room = endpoint_reserve(conn, STEREOS_REPLY_MAX, &space);
        if (room == 0)
            return false;
    }
    *reply = out_to(space, room);
    return true;
}

static void send_reply(int conn, const struct out *reply)
{
    if (reply->len != 0 && !endpoint_send_shut(conn))
        endpoint_send(conn, (uint32_t)reply->len);
}

/* Answers the next line; false when there is none, or no room for an answer, or none yet. */
static bool serve_line(int conn)
{
    struct session *s = &sessions[conn];
    struct line_reader before = s->reader;
    struct out reply;
    const char *data;
    struct line line;
    uint32_t n = endpoint_peek(conn, &data);

    if (n == 0 || !reserve(conn, &reply))
        return false;
    enum line_result result = line_next(&s->reader, data, n, SESSION_LINE_MAX, s->peer_done, &line);
    if (result == LINE_FOUND) {
        set_waiting(s, !dispatch_line(conn, line.text, line.len, &reply));
        if (s->waiting) {
            s->reader = before; /* the line will be found once more */
            return false;
        }
    } else if (result == LINE_TOO_LONG) {
        dispatch_refuse(line.text, line.len, "line too long", SESSION_LINE_MAX, " bytes", &reply);
    }
    endpoint_consume(conn, (uint32_t)line.consumed);
    send_reply(conn, &reply);
    return result != LINE_NONE;
}

static void set_deadline(int conn)
{
    struct session *s = &sessions[conn];
    const char *data;

    if (s->waiting)
        s->deadline = platform_now_ns() + ASK_AGAIN_NS;
    else if (endpoint_peek(conn, &data) == 0 && !s->reader.skipping)
        s->deadline = NEVER;
    else if (s->deadline == NEVER)
        s->deadline = platform_now_ns() + LINE_TIMEOUT_NS;
    if (s->deadline < soonest)
        soonest = s->deadline;
}

static void serve(int conn)
{
    struct session *s = &sessions[conn];
    const char *data;

    while (serve_line(conn))
        s->deadline = NEVER;
    if (s->peer_done && endpoint_peek(conn, &data) == 0)
        end(conn);
    else
        set_deadline(conn);
}

static void begin(int conn)
{
    if (endpoint_accept(conn) != MOTE_OK) {
        endpoint_close(conn);
        return;
    }
    sessions[conn] = (struct session){.open = true, .deadline = NEVER};
}

void session_event(const struct endpoint_event *event)
{
    struct session *s = &sessions[event->conn];

    if (event->type == ENDPOINT_REQUESTED) {
        begin(event->conn);
        return;
    }
    if (!s->open)
        return;
    if (event->type == ENDPOINT_RESET) {
        end(event->conn);
        return;
    }
    s->peer_done |= event->type == ENDPOINT_CLOSED;
    serve(event->conn);
}

static void expire(int conn)
{
    struct out reply;
    const char *data;

    uint32_t n = endpoint_peek(conn, &data);
    if (!sessions[conn].reader.skipping && reserve(conn, &reply)) { /* else it has its answer */
        dispatch_refuse(data, n, "line not finished", SESSION_LINE_TIMEOUT_S, " s", &reply);
        send_reply(conn, &reply);
    }
    end(conn);
}

void session_tick(uint64_t now)
{
    if (now < soonest && waiting == 0)
        return;
    soonest = NEVER;
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        const struct session *s = &sessions[i];
        if (!s->open)
            continue;
        if (s->waiting)
            serve(i);
        else if (s->deadline <= now)
            expire(i);
        else if (s->deadline < soonest)
            soonest = s->deadline;
    }
}

uint64_t session_deadline(void)
{
    return soonest;
}
