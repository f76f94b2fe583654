/* SPDX-License-Identifier: MIT */
/* Exchanges with a HostOS, over an endpoint that does what a test says. */
#ifndef TESTS_UNIT_HOSTING_H
#define TESTS_UNIT_HOSTING_H

#include "agent/hostos.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define S     UINT64_C(1000000000)
#define CONN  3 /* the number of the first connection; each next is one more */
#define OK    "{\"Ok\":\"NoPayload\"}"
#define V1    "{\"Ok\":{\"HostOSVsockVersion\":{\"major\":1,\"minor\":0,\"patch\":0}}}"
#define V0    "{\"message\": \"accepted request\", \"status\": \"ok\"}"
#define PROBE "{\"sender_cid\":3,\"message\":\"GetVsockProtocol\"}"
#define HELLO "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":2,\"message\":\"hello\"}}}"
#define SILENT                                                                                     \
    "hostos: closed without an answer: hosts do so when a request is not whole in 5 s or "         \
    "not done in 30 s, and old ones when they can't read it"
#define BYTES(literal) ((struct bytes){literal, sizeof(literal) - 1})

static uint64_t cid;
static uint32_t port;
static int connect_result, connects, shutdowns, closes, aborts;
static bool is_full;    /* nothing can be sent */
static char sent[4096]; /* on the last connection */
static char space[ENDPOINT_SEND_BUFFER];
static const char *unread; /* what the host has said and nobody has taken */
static size_t unread_len;
static struct client *c;
static char error[128];

uint64_t endpoint_cid(void)
{
    return cid;
}

int endpoint_connect(uint64_t to, uint32_t to_port)
{
    assert_int_equal(to, 2);
    port = to_port;
    memset(sent, 0, sizeof sent);
    unread_len = 0;
    return connect_result < 0 ? connect_result : CONN + connects++;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **at)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_in_range(least, 1, ENDPOINT_SEND_BUFFER);
    *at = space;
    return is_full ? 0 : ENDPOINT_SEND_BUFFER;
}

void endpoint_send(int conn, uint32_t n)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_int_equal(strlen(sent), 0); /* one piece */
    assert_in_range(n, 1, sizeof sent - 1);
    memcpy(sent, space, n);
}

void endpoint_shutdown(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    assert_int_not_equal(strlen(sent), 0); /* behind the request */
    shutdowns++;
}

void endpoint_close(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    closes++;
}

void endpoint_abort(int conn)
{
    assert_int_equal(conn, CONN + connects - 1);
    aborts++;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    assert_int_equal(conn, CONN + connects - 1);
    *data = unread;
    return (uint32_t)unread_len;
}

void endpoint_consume(int conn, uint32_t n)
{
    (void)conn;
    assert_int_equal(n, unread_len);
    unread_len = 0;
}

static bool tell(enum endpoint_event_type type, int why)
{
    return client_event(
        &(struct endpoint_event){.type = type, .conn = CONN + connects - 1, .error = why});
}

static void up(void)
{
    assert_true(tell(ENDPOINT_CONNECTED, 0));
}

/* The host says n bytes, in pieces of at most size. */
static void say(const char *bytes, size_t n, size_t size)
{
    for (size_t len; n > 0; bytes += len, n -= len) {
        len = n < size ? n : size;
        unread = bytes;
        unread_len = len;
        if (c->status == CLIENT_RUNNING)
            tell(ENDPOINT_DATA, 0);
    }
}

static void answer(const char *text)
{
    say(text, strlen(text), SIZE_MAX);
    tell(ENDPOINT_CLOSED, 0);
}

static struct client *begin(struct hostos_request r)
{
    struct out o = out_to(error, sizeof error - 1);

    memset(error, 0, sizeof error);
    connects = shutdowns = closes = aborts = 0;
    c = hostos_begin(&r, &o);
    return c;
}

static void notify(bool legacy)
{
    char hello[] = "hello";

    begin((struct hostos_request){
        .command = HOSTOS_NOTIFY, .message = {hello, 5}, .count = 2, .legacy = legacy});
    memset(hello, 'x', sizeof hello);
    assert_non_null(c);
}

static void command(enum hostos_command which, bool legacy)
{
    begin((struct hostos_request){.command = which, .legacy = legacy});
    assert_non_null(c);
}

/* What has become of it, and how the connection ended. */
static void assert_end(enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, strlen(text));
    assert_int_equal(closes, connects - (status == CLIENT_FAILED ? aborts : 0));
    client_free(c);
    assert_true(client_deadline() == UINT64_MAX);
}

static void assert_done(const char *version, const char *members)
{
    char text[256] = "";
    struct out o = out_to(text, sizeof text - 1);
    struct bytes printed = hostos_version(c);

    assert_int_equal(c->status, CLIENT_DONE);
    assert_int_equal(printed.n, strlen(version));
    assert_memory_equal(printed.at, version, printed.n);
    c->protocol->report(c, &o);
    assert_string_equal(text, members);
    assert_end(CLIENT_DONE, "");
}

static int fresh(void **state)
{
    (void)state;
    cid = 3;
    connect_result = 0;
    is_full = false;
    return 0;
}

#endif
