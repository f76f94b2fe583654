/* SPDX-License-Identifier: MIT */
/*
 * A session acts on a line only when there is room for the longest answer, so that no
 * answer is lost to a host that listens. A host that sends its request and leaves at once is
 * served too. Nothing here waits: what is missing (bytes, room) comes as an event.
 */
#include "agent/session.h"

#include "agent/dispatch.h"
#include "platform/platform.h"
#include "proto/line.h"
#include "proto/stereos.h"

/* The '\n' needs a byte of the window. */
#define LINE_MAX (ENDPOINT_WINDOW - 1)

/* A line that is not finished so long after it began holds a connection for nothing. */
#define LINE_TIMEOUT_S  60
#define LINE_TIMEOUT_NS (LINE_TIMEOUT_S * UINT64_C(1000000000))

_Static_assert(STEREOS_REPLY_MAX <= ENDPOINT_SEND_BUFFER, "an answer fits the send buffer");

#define NEVER UINT64_MAX

static struct session {
    struct line_reader reader;
    uint64_t deadline; /* of an unfinished line; NEVER: none is */
    bool open;
    bool peer_done; /* it sends no more */
} sessions[ENDPOINT_CONNECTIONS];

/* No session has an earlier deadline; one that was met in time may have been earlier. */
static uint64_t soonest = NEVER;

static void end(int conn)
{
    sessions[conn].open = false;
    endpoint_close(conn);
}

/* Room for an answer; cap is 0 when there is none yet. */
static struct out reserve(int conn)
{
    static char unheard[STEREOS_REPLY_MAX]; /* the peer listens no more */
    char *space;

    if (endpoint_send_shut(conn))
        return out_to(unheard, sizeof unheard);
    uint32_t room = endpoint_reserve(conn, STEREOS_REPLY_MAX, &space);
    return room != 0 ? out_to(space, room) : (struct out){0};
}

static void send_reply(int conn, const struct out *reply)
{
    if (reply->len != 0 && !endpoint_send_shut(conn))
        endpoint_send(conn, (uint32_t)reply->len);
}

/* Answers the next line; false when there is none, or no room for an answer. */
static bool serve_line(int conn)
{
    struct session *s = &sessions[conn];
    const char *data;
    struct line line;
    uint32_t n = endpoint_peek(conn, &data);

    if (n == 0)
        return false;
    struct out reply = reserve(conn);
    if (reply.cap == 0)
        return false;
    enum line_result result = line_next(&s->reader, data, n, LINE_MAX, s->peer_done, &line);
    if (result == LINE_FOUND)
        dispatch_line(line.text, line.len, &reply);
    else if (result == LINE_TOO_LONG)
        dispatch_refuse(line.text, line.len, "line too long", LINE_MAX, " bytes", &reply);
    endpoint_consume(conn, (uint32_t)line.consumed);
    send_reply(conn, &reply);
    return result != LINE_NONE;
}

static void watch_unfinished_line(int conn)
{
    struct session *s = &sessions[conn];
    const char *data;

    if (endpoint_peek(conn, &data) == 0 && !s->reader.skipping)
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
        watch_unfinished_line(conn);
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
    struct out reply = reserve(conn);
    const char *data;

    uint32_t n = endpoint_peek(conn, &data);
    if (reply.cap != 0 && !sessions[conn].reader.skipping) { /* else it has its answer already */
        dispatch_refuse(data, n, "line not finished", LINE_TIMEOUT_S, " s", &reply);
        send_reply(conn, &reply);
    }
    end(conn);
}

void session_tick(uint64_t now)
{
    if (now < soonest)
        return;
    soonest = NEVER;
    for (int i = 0; i < ENDPOINT_CONNECTIONS; i++) {
        if (sessions[i].open && sessions[i].deadline <= now)
            expire(i);
        else if (sessions[i].open && sessions[i].deadline < soonest)
            soonest = sessions[i].deadline;
    }
}

uint64_t session_deadline(void)
{
    return soonest;
}
