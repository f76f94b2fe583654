/* SPDX-License-Identifier: MIT */
/*
 * One notification at a time: connect, send, shut our half, wait for the peer's end, which says
 * that it has read everything. Nothing here waits; a deadline ends what the peer does not.
 */
#include "agent/notify.h"

#include "agent/number.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define NEVER UINT64_MAX

/* The host has so long, from the connect to its end. */
#define PATIENCE_NS UINT64_C(3000000000)

/* When every connection is in use, one is tried for again so often. */
#define TRY_AGAIN_NS UINT64_C(50000000)

#define NO_CONN (-1)

static uint32_t peer_cid, peer_port;
static bool wanted;
static bool exiting; /* the exit status is being told, or was */

/* The notification under way; deadline NEVER: there is none. */
static char text[sizeof "EXIT_STATUS=-2147483648\n"];
static int conn = NO_CONN;
static uint64_t deadline = NEVER, next_try = NEVER;

/* PORT, vsock:CID:PORT or vsock-stream:CID:PORT. */
static bool parse(const char *s, size_t n)
{
    static const char *const kinds[] = {"vsock:", "vsock-stream:"};

    peer_cid = ENDPOINT_CID_HOST;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t len = strlen(kinds[i]);
        if (n < len || memcmp(s, kinds[i], len) != 0)
            continue;
        const char *cid = s + len;
        const char *colon = memchr(cid, ':', n - len);
        return colon != NULL && number_parse(cid, (size_t)(colon - cid), &peer_cid) &&
               number_parse(colon + 1, (size_t)(s + n - colon - 1), &peer_port);
    }
    return number_parse(s, n, &peer_port);
}

int notify_start(void)
{
    size_t len;
    const char *option = platform_last_option("mote.notify", &len);

    wanted = option != NULL;
    if (!wanted || parse(option, len))
        return MOTE_OK;
    printf("mote: mote.notify=%.*s: not PORT or vsock:CID:PORT\n", (int)len, option);
    return MOTE_ERR_INVALID;
}

static void finish(void)
{
    if (conn != NO_CONN)
        endpoint_close(conn);
    conn = NO_CONN;
    deadline = next_try = NEVER;
}

static void give_up(int error)
{
    static const struct {
        int error;
        const char *why;
    } reasons[] = {
        {MOTE_ERR_REFUSED, "refused"},
        {MOTE_ERR_TIMEOUT, "timed out"},
        {MOTE_ERR_NO_RESOURCES, "no connection is free"},
        {MOTE_ERR_INVALID, "the CID is not allowed"},
        {MOTE_ERR_UNSUPPORTED, "there is no way to a host from here"},
    };
    const char *why = "connection reset";

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].error == error)
            why = reasons[i].why;
    printf("mote: notify vsock:%u:%u: %s\n", (unsigned)peer_cid, (unsigned)peer_port, why);
    finish();
}

static void connect(uint64_t now)
{
    int result = endpoint_connect(peer_cid, peer_port);

    next_try = now + TRY_AGAIN_NS;
    if (result >= 0) {
        conn = result;
        next_try = NEVER;
    } else if (result != MOTE_ERR_NO_RESOURCES) {
        give_up(result);
    }
}

static void begin(void)
{
    uint64_t now = platform_now_ns();

    if (!wanted)
        return;
    deadline = now + PATIENCE_NS;
    connect(now);
}

void notify_ready(void)
{
    strcpy(text, "READY=1\n");
    begin();
}

bool notify_exit(int status)
{
    if (!exiting && deadline == NEVER) {
        exiting = true;
        snprintf(text, sizeof text, "EXIT_STATUS=%d\n", status);
        begin();
    }
    return exiting && deadline == NEVER;
}

static void send_text(void)
{
    uint32_t n = (uint32_t)strlen(text);
    char *space;

    if (endpoint_reserve(conn, n, &space) == 0) {
        give_up(MOTE_ERR_RESET);
        return;
    }
    memcpy(space, text, n);
    endpoint_send(conn, n);
    endpoint_shutdown(conn);
}

bool notify_event(const struct endpoint_event *event)
{
    const char *data;

    if (conn == NO_CONN || event->conn != conn)
        return false;
    if (event->type == ENDPOINT_CONNECTED)
        send_text();
    else if (event->type == ENDPOINT_DATA)
        endpoint_consume(conn, endpoint_peek(conn, &data)); /* nothing is asked */
    else if (event->type == ENDPOINT_CLOSED)
        finish();
    else if (event->type == ENDPOINT_RESET)
        give_up(event->error);
    return true;
}

void notify_tick(uint64_t now)
{
    if (now >= deadline)
        give_up(conn != NO_CONN ? MOTE_ERR_TIMEOUT : MOTE_ERR_NO_RESOURCES);
    else if (now >= next_try)
        connect(now);
}

uint64_t notify_deadline(void)
{
    return next_try < deadline ? next_try : deadline;
}
