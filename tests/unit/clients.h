/* SPDX-License-Identifier: MIT */
/* What the tests of clients share: a protocol that does what a test says. */
#ifndef TESTS_UNIT_CLIENTS_H
#define TESTS_UNIT_CLIENTS_H

#include "agent/client.h"
#include "platform/platform.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define S        UINT64_C(1000000000)
#define PATIENCE (5 * S)

/* What the protocol of these tests was called with, and what it does. */
static int connects, progresses, losses, ends, lost_error;
static void (*on_connected)(struct client *c);
static void (*on_progress)(struct client *c);
static bool (*on_lost)(struct client *c);

static inline void connected(struct client *c)
{
    connects++;
    if (on_connected != NULL)
        on_connected(c);
}

static inline void progress(struct client *c)
{
    progresses++;
    if (on_progress != NULL)
        on_progress(c);
}

static inline bool lost(struct client *c, int error)
{
    losses++;
    lost_error = error;
    return on_lost != NULL && on_lost(c);
}

static inline void end(struct client *c)
{
    assert_int_not_equal(c->status, CLIENT_RUNNING);
    assert_int_equal(c->conn, -1);
    ends++;
}

static const struct client_protocol protocol = {
    .peer = "peer", .connected = connected, .progress = progress, .lost = lost, .end = end};
static const struct client_protocol plain = {
    .peer = "plain", .connected = connected, .progress = progress};
static const struct client_protocol orderly = {
    .peer = "orderly", .connected = connected, .progress = progress, .is_orderly = true};

static struct client *all[CLIENTS_MAX + 1];

static inline void tell(enum endpoint_event_type type, int conn, int error)
{
    assert_true(client_event(&(struct endpoint_event){.type = type, .conn = conn, .error = error}));
}

static inline void move(void)
{
    assert_false(
        client_event(&(struct endpoint_event){.type = ENDPOINT_TRANSPORT_RESET, .conn = -1}));
}

static inline struct client *begin(const struct client_protocol *p)
{
    struct client *c = client_new(p);

    assert_non_null(c);
    client_begin(c, 19090, PATIENCE);
    return c;
}

/* One with a connection that is up. */
static inline struct client *begin_up(const struct client_protocol *p)
{
    struct client *c = begin(p);

    tell(ENDPOINT_CONNECTED, c->conn, 0);
    assert_true(c->is_connected);
    return c;
}

static inline void assert_error(const struct client *c, enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, c->error_len);
}

static inline int set_up(void **state)
{
    (void)state;
    fake_endpoint_reset();
    connects = progresses = losses = ends = lost_error = 0;
    on_connected = on_progress = NULL;
    on_lost = NULL;
    memset(all, 0, sizeof all);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    assert_true(client_deadline() == UINT64_MAX); /* every test has freed what it began */
    return fake_endpoint_open();
}

static inline void send_text(struct client *c)
{
    client_send(c, "hello", 5);
}

static inline void take_all(struct client *c)
{
    client_collect(c);
    if (c->peer_done)
        client_done(c);
}

#endif
