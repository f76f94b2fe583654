/* SPDX-License-Identifier: MIT */
/*
 * The application of the image that `make bench` measures: a sink and a source, as
 * tests/linux/services.c has them for the Linux guests. N is 8 bytes, little-endian.
 *
 *   7001  sink: N and N bytes in, N back
 *   7002  source: N in, N bytes back, byte i is i & 0xff; then the end
 *
 * bench.move=N on the command line: N bytes go to the host and N come from it as Bandsox moves
 * them, in turn, until the guest ends.
 */
#include "agent/app.h"
#include "agent/number.h"
#include "agent/transfer.h"
#include "platform/platform.h"

#include <string.h>

#define SINK_PORT   7001
#define SOURCE_PORT 7002
#define HEAD        8
#define PERIOD      256
#define PIECE       1024 /* copied at once: the application has to fit into what RAM is left */

const struct message app_messages[1]; /* there is none, but an array can't be empty */
const size_t app_message_count = 0;

static struct transfer {
    bool open;
    bool started; /* N is known */
    uint64_t total;
    uint64_t done;
} transfers[ENDPOINT_CONNECTIONS];

/* Any piece of the endless stream of a source is a piece of this. */
static char pattern[PIECE + PERIOD];

/* -- what is moved as Bandsox does */

static uint32_t to_move;
static struct client *moving;

static long give(void *arg, uint64_t offset, void *buf, size_t n)
{
    (void)arg;
    n = n < PIECE ? n : PIECE;
    n = n < to_move - offset ? n : (size_t)(to_move - offset);
    memcpy(buf, pattern + offset % PERIOD, n);
    return (long)n;
}

static int drop(void *arg, uint64_t offset, const void *buf, size_t n)
{
    (void)arg, (void)offset, (void)buf, (void)n;
    return MOTE_OK;
}

static int keep(void *arg)
{
    (void)arg;
    return MOTE_OK;
}

static void leave(void *arg)
{
    (void)arg;
}

static const char *no_fault(void *arg)
{
    (void)arg;
    return "none";
}

static void move(enum transfer_kind kind)
{
    static const struct transfer_ends ends = {give, drop, keep, leave, no_fault};
    struct out error = out_to(NULL, 0);

    moving = transfer_begin(&(struct transfer_request){.kind = kind,
                                                       .path = {"bench", 5},
                                                       .cmd_id = {"bench", 5},
                                                       .ends = &ends,
                                                       .size = to_move},
                            &error);
    if (moving == NULL)
        PANIC("the bench application can't move anything");
}

/* The other way, when the one before has ended, however. */
static void move_on(void)
{
    static enum transfer_kind kind = TRANSFER_DOWNLOAD_RAW;

    if (moving != NULL && moving->status == CLIENT_RUNNING)
        return;
    if (moving != NULL && moving->status != CLIENT_DONE)
        PANIC("a transfer has failed");
    if (moving != NULL)
        client_free(moving);
    kind = kind == TRANSFER_UPLOAD ? TRANSFER_DOWNLOAD_RAW : TRANSFER_UPLOAD;
    move(kind);
}

/* -- the application */

void app_start(void)
{
    size_t len;
    const char *option = platform_option("bench.move", NULL, &len);

    if (option != NULL && !number_parse(option, len, &to_move))
        PANIC("bench.move is not a number");
    for (size_t i = 0; i < sizeof pattern; i++)
        pattern[i] = (char)(i % PERIOD);
    if (endpoint_listen(SINK_PORT) != MOTE_OK || endpoint_listen(SOURCE_PORT) != MOTE_OK)
        PANIC("the bench application can't listen");
}

uint64_t app_poll(uint64_t now)
{
    (void)now;
    if (to_move != 0)
        move_on();
    return UINT64_MAX;
}

bool app_stopped(void)
{
    return true;
}

int app_status(void)
{
    return EXIT_OK;
}

static void end(int conn)
{
    transfers[conn].open = false;
    endpoint_close(conn);
}

static void start(int conn)
{
    struct transfer *t = &transfers[conn];
    const char *data;

    if (endpoint_peek(conn, &data) < HEAD)
        return;
    memcpy(&t->total, data, HEAD);
    endpoint_consume(conn, HEAD);
    t->started = true;
}

/* Takes all there is; the answer goes once. */
static void sink(int conn)
{
    struct transfer *t = &transfers[conn];
    const char *data;
    char *space;
    uint32_t n = endpoint_peek(conn, &data);

    if (n == 0 && t->total != 0)
        return;
    endpoint_consume(conn, n);
    t->done += n;
    if (t->done == t->total && endpoint_reserve(conn, HEAD, &space) != 0) {
        memcpy(space, &t->total, HEAD);
        endpoint_send(conn, HEAD);
    }
}

/* Sends as much as there is room for; the rest waits for room. */
static void source(int conn)
{
    struct transfer *t = &transfers[conn];
    char *space;
    uint32_t n;

    while (t->done < t->total && (n = endpoint_reserve(conn, 1, &space)) != 0) {
        n = n < PIECE ? n : PIECE;
        n = n < t->total - t->done ? n : (uint32_t)(t->total - t->done);
        memcpy(space, pattern + t->done % PERIOD, n);
        endpoint_send(conn, n);
        t->done += n;
    }
    if (t->done == t->total)
        end(conn);
}

static void begin(int conn)
{
    if (endpoint_accept(conn) == MOTE_OK)
        transfers[conn] = (struct transfer){.open = true};
    else
        endpoint_close(conn);
}

void app_event(const struct endpoint_event *event)
{
    struct transfer *t = &transfers[event->conn];

    if (event->type == ENDPOINT_REQUESTED) {
        begin(event->conn);
        return;
    }
    if (!t->open)
        return;
    if (event->type == ENDPOINT_RESET || event->type == ENDPOINT_CLOSED) {
        end(event->conn);
        return;
    }
    if (!t->started)
        start(event->conn);
    if (t->started && event->local_port == SINK_PORT)
        sink(event->conn);
    else if (t->started)
        source(event->conn);
}
