/* SPDX-License-Identifier: MIT */
/*
 * The endpoint of a guest whose host is the test: what the client sends is kept, what the host
 * says is read by it, and how connections end is seen. One client, one connection at a time.
 */
#ifndef TESTS_UNIT_VCOM_HOST_H
#define TESTS_UNIT_VCOM_HOST_H

#include "agent/vcom.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"
#include "tests/unit/vcom.h"

#include <stdio.h>

#define S UINT64_C(1000000000)

static struct client *c;
static int conn; /* the newest: they count up */
static int closes, aborts;
static uint32_t dialled;  /* the port */
static bool is_shut;      /* the client's half of the newest connection */
static bool host_is_deaf; /* nothing can be sent to it any more */
static char sent[140000]; /* on the newest connection */
static size_t sent_len;
static size_t room;       /* bytes that may be sent at once */
static char said[140000]; /* by the host on the newest connection */
static size_t said_at, said_len;

int endpoint_connect(uint64_t cid, uint32_t port)
{
    assert_true(cid == ENDPOINT_CID_HOST);
    dialled = port;
    sent_len = said_at = said_len = 0;
    is_shut = host_is_deaf = false;
    return ++conn;
}

uint32_t endpoint_reserve(int number, uint32_t least, char **space)
{
    assert_int_equal(number, conn);
    assert_true(least <= ENDPOINT_SEND_BUFFER);
    *space = sent + sent_len;
    return !host_is_deaf && least <= room ? (uint32_t)room : 0;
}

void endpoint_send(int number, uint32_t n)
{
    assert_int_equal(number, conn);
    assert_false(is_shut);
    sent_len += n;
    room -= n;
}

bool endpoint_send_shut(int number)
{
    assert_int_equal(number, conn);
    return host_is_deaf || is_shut;
}

void endpoint_shutdown(int number)
{
    assert_int_equal(number, conn);
    is_shut = true;
}

void endpoint_close(int number)
{
    assert_int_equal(number, conn);
    closes++;
}

void endpoint_abort(int number)
{
    assert_int_equal(number, conn);
    aborts++;
}

uint32_t endpoint_peek(int number, const char **data)
{
    assert_int_equal(number, conn);
    *data = said + said_at;
    return (uint32_t)(said_len - said_at);
}

void endpoint_consume(int number, uint32_t n)
{
    assert_int_equal(number, conn);
    assert_true(n <= said_len - said_at);
    explicit_bzero(said + said_at, n);
    said_at += n;
}

static inline bool tell(enum endpoint_event_type type, int error)
{
    return client_event(
        &(struct endpoint_event){.type = type, .conn = conn, .local_port = 4000, .error = error});
}

static inline void say(const void *bytes, size_t n)
{
    memcpy(said + said_len, bytes, n);
    said_len += n;
    tell(ENDPOINT_DATA, 0);
}

static inline void say_text(const char *text)
{
    say(text, strlen(text));
}

/* An answer by HTTP: its status line, how it is delimited, its body. */
static inline void say_http(const char *status, const void *body, size_t n)
{
    char head[256];

    snprintf(head, sizeof head,
             "HTTP/1.1 %s\r\nContent-Type: application/x-proto-binary\r\n"
             "Date: Fri, 20 Nov 2026 10:27:29 GMT\r\nContent-Length: %zu\r\n"
             "Connection: close\r\n\r\n",
             status, n);
    say_text(head);
    if (c->status == CLIENT_RUNNING)
        say(body, n);
}

static inline void begin_only(const struct vcom_request *r)
{
    struct out error = {0};

    c = vcom_begin(r, &error);
    assert_non_null(c);
    assert_int_equal(c->status, CLIENT_RUNNING);
}

/* Begins, and the connection comes about. */
static inline void ask(const struct vcom_request *r)
{
    begin_only(r);
    assert_true(tell(ENDPOINT_CONNECTED, 0));
}

static inline void expect_report(const char *json)
{
    char text[4096];
    struct out o = out_to(text, sizeof text - 1);

    assert_int_equal(c->status, CLIENT_DONE);
    c->protocol->report(c, &o);
    text[o.len] = '\0';
    assert_string_equal(text, json);
}

static inline void expect_error(enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, c->error_len);
}

static inline int host_begin(void **state)
{
    (void)state;
    closes = aborts = 0;
    room = ENDPOINT_SEND_BUFFER;
    return 0;
}

static inline int host_end(void **state)
{
    (void)state;
    if (c != NULL)
        client_free(c);
    c = NULL;
    assert_int_equal(aborts, 0); /* no host ever sees a reset */
    return 0;
}

#endif
