/* SPDX-License-Identifier: MIT */
/* What the tests of transfers share: a host that is a table, files that are memory. */
#ifndef TESTS_UNIT_TRANSFERS_H
#define TESTS_UNIT_TRANSFERS_H

#include "agent/transfer.h"
#include "tests/unit/fake_host.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define S            UINT64_C(1000000000)
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define READY    "{\"type\": \"ready\", \"cmd_id\": \"ID\"}\n"
#define HELLO    "5d41402abc4b2a76b9719d911017c592" /* md5 of "hello" */
#define EMPTY    "d41d8cd98f00b204e9800998ecf8427e"
#define COMPLETE "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 5}\n"
#define REFUSAL  "{\"type\": \"error\", \"cmd_id\": \"ID\", \"error\": \"File not found: /x\"}\n"
#define CHUNK                                                                                      \
    "{\"type\": \"chunk\", \"cmd_id\": \"ID\", \"data\": \"aGVsbG8=\", \"offset\": 0, "            \
    "\"size\": 5}\n"
#define ALL                                                                                        \
    "{\"type\": \"complete\", \"cmd_id\": \"ID\", \"size\": 5, \"checksum\": \"" HELLO "\"}\n"
#define RAW(size, checksum)                                                                        \
    "{\"type\": \"ready\", \"cmd_id\": \"ID\", \"size\": " size ", \"checksum\": \"" checksum      \
    "\"}\n"

static struct client *all[CLIENTS_MAX];
static char big[HOST_MEMORY];

static inline struct bytes bytes_of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static inline int setup(void **state)
{
    (void)state;
    host_reset();
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * 7 + i / 251);
    fake_file_make("/x", "hello", 5);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (all[i] != NULL)
            client_free(all[i]);
        all[i] = NULL;
    }
    assert_int_equal(fake_file_opens, 0);
    return 0;
}

static inline struct client *begin_as(const struct transfer_request *r)
{
    char text[256];
    struct out error = out_to(text, sizeof text);
    int i = 0;

    while (all[i] != NULL)
        i++;
    all[i] = transfer_begin(r, &error);
    assert_non_null(all[i]);
    assert_int_equal(error.len, 0);
    return all[i];
}

static inline void tell(const struct client *c, enum endpoint_event_type type, int error)
{
    assert_true(
        client_event(&(struct endpoint_event){.type = type, .conn = c->conn, .error = error}));
}

/* A transfer of /x that is connected. */
static inline struct client *begin(enum transfer_kind kind)
{
    struct client *c = begin_as(
        &(struct transfer_request){.kind = kind, .path = bytes_of("/x"), .cmd_id = bytes_of("ID")});

    assert_int_equal(host[c->conn].port, 9000);
    assert_int_equal(host[c->conn].heard_len, 0);
    tell(c, ENDPOINT_CONNECTED, 0);
    return c;
}

static inline void say_bytes(struct client *c, const void *bytes, size_t n)
{
    struct host_conn *h = &host[c->conn];

    memcpy(h->said + h->said_len, bytes, n);
    h->said_len += n;
    tell(c, ENDPOINT_DATA, 0);
}

static inline void say(struct client *c, const char *text)
{
    say_bytes(c, text, strlen(text));
}

static inline void expect_heard(const struct host_conn *h, const char *text)
{
    assert_int_equal(h->heard_len, strlen(text));
    assert_memory_equal(h->heard, text, h->heard_len);
}

static inline void expect_error(const struct client *c, enum client_status status, const char *text)
{
    assert_int_equal(c->status, status);
    assert_int_equal(c->error_len, strlen(text));
    assert_memory_equal(c->error, text, c->error_len);
}

static inline void expect_failed(const struct client *c, const char *text)
{
    expect_error(c, CLIENT_FAILED, text);
}

static inline void expect_done(const struct client *c, const char *report)
{
    char text[128];
    struct out o = out_to(text, sizeof text - 1);

    assert_int_equal(c->status, CLIENT_DONE);
    c->protocol->report(c, &o);
    text[o.len] = '\0';
    assert_string_equal(text, report);
}

static inline void expect_file(const char *name, const void *bytes, size_t n)
{
    const struct fake_file *f = fake_file(name);

    assert_non_null(f);
    assert_int_equal(f->len, n);
    assert_memory_equal(f->bytes, bytes, n);
}

/* Lets turns of the loop pass, as long as one is wanted; how many. */
static inline int turns(void)
{
    int n = 0;

    for (; client_deadline() == 0; n++)
        client_tick(fake_now);
    return n;
}

static inline const char *begin_error(const struct transfer_request *r)
{
    static char text[1024];
    struct out error = out_to(text, sizeof text - 1);

    assert_null(transfer_begin(r, &error));
    assert_false(error.overflow);
    text[error.len] = '\0';
    return text;
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
