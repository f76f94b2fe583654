/* SPDX-License-Identifier: MIT */
#include "agent/client.h"

#include "platform/platform.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NEVER   UINT64_MAX
#define NO_CONN (-1)

/* When every connection is in use, one is tried for again so often. */
#define TRY_AGAIN_NS UINT64_C(50000000)

static struct client clients[CLIENTS_MAX];
static char client_data[CLIENTS_MAX][CLIENT_DATA_MAX]; /* apart: most of it is never touched */
static int in_use;                                     /* of clients: nearly always none */

static uint32_t newest_id;

/* A free place, or that of the oldest that may go; NULL: there is none. */
static struct client *find_place(void)
{
    struct client *oldest = NULL;

    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &clients[i];
        if (c->protocol == NULL)
            return c;
        if (c->may_go && c->status != CLIENT_RUNNING &&
            (oldest == NULL || newest_id - c->id > newest_id - oldest->id))
            oldest = c;
    }
    return oldest;
}

bool client_has_place(void)
{
    return find_place() != NULL;
}

struct client *client_new(const struct client_protocol *protocol)
{
    struct client *c = find_place();

    if (c == NULL)
        return NULL;
    if (c->protocol != NULL)
        client_free(c);
    in_use++;
    c->protocol = protocol;
    c->data = client_data[c - clients];
    c->status = CLIENT_RUNNING;
    c->conn = NO_CONN;
    c->deadline = c->next_try = NEVER;
    newest_id += newest_id == UINT32_MAX ? 2 : 1;
    c->id = newest_id;
    return c;
}

struct client *client_find(uint32_t id)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (clients[i].protocol != NULL && clients[i].id == id)
            return &clients[i];
    return NULL;
}

/* Forgets the connection; what of it may still be under way, its new owner can't be told. */
static void leave(struct client *c, void (*how)(int conn))
{
    if (c->conn != NO_CONN)
        how(c->conn);
    c->conn = NO_CONN;
    c->is_connected = c->peer_done = c->was_moved = c->wants_turn = false;
    c->next_try = NEVER;
}

static void finish(struct client *c, enum client_status status, void (*how)(int conn))
{
    leave(c, c->protocol->is_orderly ? endpoint_close : how);
    c->status = status;
    c->deadline = NEVER;
    if (c->protocol->end != NULL)
        c->protocol->end(c);
}

void client_free(struct client *c)
{
    if (c->status == CLIENT_RUNNING)
        finish(c, CLIENT_FAILED, endpoint_abort);
    explicit_bzero(c->data, c->used > c->len ? c->used : c->len);
    explicit_bzero(c, sizeof *c);
    in_use--;
}

void client_done(struct client *c)
{
    finish(c, CLIENT_DONE, endpoint_close);
}

void client_refused(struct client *c, const char *text, size_t n)
{
    c->error = text;
    c->error_len = n;
    finish(c, CLIENT_REFUSED, endpoint_close);
}

void client_fail(struct client *c, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    snprintf(c->why, sizeof c->why, "%s: ", c->protocol->peer);
    size_t at = strlen(c->why);
    vsnprintf(c->why + at, sizeof c->why - at, format, arguments);
    va_end(arguments);
    c->error = c->why;
    c->error_len = strlen(c->why);
    finish(c, CLIENT_FAILED, endpoint_abort);
}

/* The usual text for what ended a connection, or kept it from being made. */
static void fail_as_usual(struct client *c, int error)
{
    static const struct {
        int error;
        const char *why;
    } reasons[] = {
        {MOTE_ERR_REFUSED, "connection refused"},
        {MOTE_ERR_RESET, "connection reset"},
        {MOTE_ERR_TIMEOUT, "no answer"},
        {MOTE_ERR_NO_RESOURCES, "no connection is free"},
        {MOTE_ERR_INVALID, "the host's CID is not allowed"},
        {MOTE_ERR_UNSUPPORTED, "there is no way to a host from here"},
    };
    const char *why = "cannot connect";

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].error == error)
            why = reasons[i].why;
    client_fail(c, "port %u of the host: %s", (unsigned)c->port, why);
}

static void connect(struct client *c, uint64_t now)
{
    int result = endpoint_connect(ENDPOINT_CID_HOST, c->port);

    c->next_try = result == MOTE_ERR_NO_RESOURCES ? now + TRY_AGAIN_NS : NEVER;
    if (result >= 0)
        c->conn = result;
    else if (result != MOTE_ERR_NO_RESOURCES)
        fail_as_usual(c, result);
}

void client_begin(struct client *c, uint32_t port, uint64_t patience_ns)
{
    uint64_t now = platform_now_ns();

    c->port = port;
    c->patience = patience_ns;
    c->deadline = now + patience_ns;
    connect(c, now);
}

void client_redial(struct client *c)
{
    leave(c, endpoint_close);
    connect(c, platform_now_ns());
}

bool client_send(struct client *c, const void *bytes, size_t n)
{
    char *space;

    if (endpoint_reserve(c->conn, (uint32_t)n, &space) == 0)
        return false;
    memcpy(space, bytes, n);
    endpoint_send(c->conn, (uint32_t)n);
    return true;
}

void client_collect(struct client *c)
{
    const char *bytes;
    uint32_t n;

    while ((n = endpoint_peek(c->conn, &bytes)) != 0) {
        size_t room = CLIENT_DATA_MAX - c->len;
        size_t kept = n < room ? n : room;
        memcpy(c->data + c->len, bytes, kept);
        c->len += kept;
        c->used = c->len > c->used ? c->len : c->used;
        c->seen += n;
        endpoint_consume(c->conn, n);
    }
}

void client_again(struct client *c)
{
    c->wants_turn = true;
}

/* After a transport reset, which may have set the clock forward by years. Before there was a
 * connection nothing was asked; else it must do no harm to ask twice, and is done but once. */
static bool repeat(struct client *c, bool was_connected)
{
    uint64_t now = platform_now_ns();

    if (was_connected && !c->may_repeat)
        return false;
    if (was_connected) {
        c->may_repeat = false;
        c->len = 0;
        c->seen = 0;
    }
    c->deadline = now + c->patience;
    connect(c, now);
    return true;
}

static void lose(struct client *c, int error)
{
    bool was_moved = c->was_moved, was_connected = c->is_connected;

    leave(c, endpoint_close);
    if (was_moved && repeat(c, was_connected))
        return;
    if (c->protocol->lost == NULL || !c->protocol->lost(c, error))
        fail_as_usual(c, error);
}

static void take(struct client *c, const struct endpoint_event *event)
{
    switch (event->type) {
    case ENDPOINT_CONNECTED:
        c->is_connected = true;
        c->protocol->connected(c);
        break;
    case ENDPOINT_RESET:
        lose(c, event->error);
        break;
    default:
        c->peer_done |= event->type == ENDPOINT_CLOSED;
        if (c->is_connected)
            c->protocol->progress(c);
    }
}

static void note_move(void)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        clients[i].was_moved = clients[i].protocol != NULL && clients[i].conn != NO_CONN;
}

bool client_event(const struct endpoint_event *event)
{
    if (event->type == ENDPOINT_TRANSPORT_RESET) {
        note_move();
        return false;
    }
    for (size_t i = 0; in_use != 0 && i < CLIENTS_MAX; i++) {
        struct client *c = &clients[i];
        if (c->protocol != NULL && c->conn != NO_CONN && c->conn == event->conn) {
            take(c, event);
            return true;
        }
    }
    return false;
}

static void expire(struct client *c, uint64_t now)
{
    int error = c->conn == NO_CONN ? MOTE_ERR_NO_RESOURCES : MOTE_ERR_TIMEOUT;
    bool goes_on = c->conn != NO_CONN && c->protocol->lost != NULL && c->protocol->lost(c, error);

    if (!goes_on || (c->status == CLIENT_RUNNING && c->deadline <= now))
        fail_as_usual(c, error);
}

void client_tick(uint64_t now)
{
    for (size_t i = 0; in_use != 0 && i < CLIENTS_MAX; i++) {
        struct client *c = &clients[i];
        if (c->protocol == NULL || c->status != CLIENT_RUNNING)
            continue;
        if (now >= c->deadline) {
            expire(c, now);
        } else if (now >= c->next_try) {
            connect(c, now);
        } else if (c->wants_turn) {
            c->wants_turn = false;
            c->protocol->progress(c);
        }
    }
}

uint64_t client_deadline(void)
{
    uint64_t soonest = NEVER;

    for (size_t i = 0; in_use != 0 && i < CLIENTS_MAX; i++) {
        const struct client *c = &clients[i];
        if (c->protocol != NULL && c->wants_turn)
            return 0;
        if (c->protocol != NULL && c->deadline < soonest)
            soonest = c->deadline;
        if (c->protocol != NULL && c->next_try < soonest)
            soonest = c->next_try;
    }
    return soonest;
}
