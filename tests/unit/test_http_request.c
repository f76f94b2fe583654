/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/http_request.h and proto/http_answer.h. A head is data: its bytes, and what must
 * come of them; every shorter part of one is not whole, or wrong already. A body comes in two
 * pieces cut at every place, and byte by byte, and what is gathered must never depend on that.
 */
#include "proto/http_answer.h"
#include "proto/http_request.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define BAD     "400 Bad Request"
#define NO_HOST "400 Bad Request: missing required Host header"
#define VERSION "505 HTTP Version Not Supported: unsupported protocol version"
#define CODING  "501 Not Implemented: unsupported transfer encoding"

/* A copy of exactly that size: a read past its end is caught. */
static char *exact(const char *data, size_t n)
{
    char *copy = malloc(n + (n == 0));

    assert_non_null(copy);
    memcpy(copy, data, n);
    return copy;
}

static enum http_step read_head(const char *data, size_t n, bool final, struct http_request *r,
                                const char **refusal)
{
    char *copy = exact(data, n);
    enum http_step step = http_read_request(copy, n, final, r, refusal);

    r->method.at = data + (r->method.n != 0 ? r->method.at - copy : 0); /* the copy goes */
    r->path.at = data + (r->path.n != 0 ? r->path.at - copy : 0);
    free(copy);
    return step;
}

#define HOST    "Host: vcom\r\n"
#define POST    "POST /tpm/sign HTTP/1.1\r\n" HOST
#define OLD     "POST /tpm/sign HTTP/1.0\r\n"
#define END     "\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

static const struct {
    const char *head;
    const char *method, *path;
    struct http_request is;
} good[] = {
    {POST END, "POST", "/tpm/sign", {.length = 0}},
    {POST "Content-Length: 6\r\n" END, "POST", "/tpm/sign", {.length = 6}},
    {POST "content-length:  006 \r\nCONTENT-LENGTH:6\r\n" END, "POST", "/tpm/sign", {.length = 6}},
    {POST "Content-Length: 18446744073709551615\r\n" END,
     "POST",
     "/tpm/sign",
     {.length = UINT64_MAX}},
    {POST CHUNKED END, "POST", "/tpm/sign", {.is_chunked = true}},
    {POST "Connection: close\r\n" END, "POST", "/tpm/sign", {.closes = true}},
    {POST "Connection: x, Close ,y\r\n" END, "POST", "/tpm/sign", {.closes = true}},
    {POST "Connection: keep-alive\r\n" END, "POST", "/tpm/sign", {.closes = false}},
    {POST "Connection:\r\n" END, "POST", "/tpm/sign", {.closes = false}},
    {OLD END, "POST", "/tpm/sign", {.is_old = true, .closes = true}},
    {OLD "Connection: Keep-Alive\r\n" END, "POST", "/tpm/sign", {.is_old = true}},
    {OLD "Connection: keep-alive, close\r\n" END,
     "POST",
     "/tpm/sign",
     {.is_old = true, .closes = true}},
    {POST "Expect: 100-continue\r\nContent-Length: 1\r\n" END,
     "POST",
     "/tpm/sign",
     {.expects = true, .length = 1}},
    {POST "Expect: 100-Continue\r\n" CHUNKED END,
     "POST",
     "/tpm/sign",
     {.expects = true, .is_chunked = true}},
    {POST "Expect: 100-continue\r\n" END, "POST", "/tpm/sign", {.length = 0}},
    {OLD "Expect: 100-continue\r\nContent-Length: 1\r\n" END,
     "POST",
     "/tpm/sign",
     {.is_old = true, .closes = true, .length = 1}},
    {"GET /?a=/b HTTP/1.1\r\n" HOST END, "GET", "/", {.length = 0}},
    {"OPTIONS * HTTP/1.1\r\n" HOST END, "OPTIONS", "*", {.length = 0}},
    {"get http://vcom/tpm/sign?x HTTP/1.1\r\n" HOST END, "get", "/tpm/sign", {.length = 0}},
    {"GET http://vcom HTTP/1.1\r\n" HOST END, "GET", "", {.length = 0}},
    {"M-1!#$%&'*+.^_`|~ / HTTP/1.2\r\n" HOST END, "M-1!#$%&'*+.^_`|~", "/", {.length = 0}},
    {"GET / HTTP/1.1\r\nHost:\r\n" END, "GET", "/", {.length = 0}},
    {"GET / HTTP/1.1\nHost: x\nX: \t\xff\n\n", "GET", "/", {.length = 0}}, /* LF alone */
};

static void assert_bytes(struct bytes b, const char *text)
{
    assert_int_equal(b.n, strlen(text));
    assert_memory_equal(b.at, text, b.n);
}

static void test_heads(void **state)
{
    struct http_request r;
    const char *refusal;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        size_t n = strlen(good[i].head);
        for (size_t part = 0; part < n; part++) {
            assert_int_equal(read_head(good[i].head, part, false, &r, &refusal), HTTP_MORE);
            assert_null(refusal);
            assert_int_equal(read_head(good[i].head, part, true, &r, &refusal), HTTP_BAD);
            assert_string_equal(refusal, BAD);
        }
        assert_int_equal(read_head(good[i].head, n, i % 2 == 0, &r, &refusal), HTTP_END);
        assert_null(refusal);
        assert_int_equal(r.size, n);
        assert_bytes(r.method, good[i].method);
        assert_bytes(r.path, good[i].path);
        assert_true(r.length == good[i].is.length && r.is_chunked == good[i].is.is_chunked);
        assert_true(r.is_old == good[i].is.is_old && r.closes == good[i].is.closes);
        assert_true(r.expects == good[i].is.expects);
    }
}

static void test_what_follows_a_head(void **state)
{
    static const char two[] = POST "Content-Length: 2\r\n" END "\r\nGET";
    struct http_request r;
    const char *refusal;
    (void)state;
    assert_int_equal(read_head(two, sizeof two - 1, false, &r, &refusal), HTTP_END);
    assert_int_equal(r.size, sizeof two - 1 - 5);
}

static const struct {
    const char *head;
    const char *refusal;
} bad[] = {
    {"\r\n", BAD},
    {"POST\r\n", BAD},
    {"POST /\r\n", BAD},
    {" / HTTP/1.1\r\n", BAD},
    {"P\xc3\xb6ST / HTTP/1.1\r\n", BAD},
    {"{} / HTTP/1.1\r\n", BAD},
    {"POST  / HTTP/1.1\r\n", BAD},
    {"POST / HTTP/1.1 \r\n", BAD},
    {"POST tpm/sign HTTP/1.1\r\n", BAD},
    {"POST  HTTP/1.1\r\n", BAD},
    {"POST / http/1.1\r\n", BAD},
    {"POST / HTTP/1,1\r\n", BAD},
    {"POST / HTTP/x.1\r\n", BAD},
    {"POST / HTTP//.1\r\n", BAD},
    {"POST / HTTP/1.x\r\n", BAD},
    {"POST / HTTP/1./\r\n", BAD},
    {"POST / HTTP/10.1\r\n", BAD},
    {"POST / HTTP/0.9\r\n", VERSION},
    {"PRI * HTTP/2.0\r\n", VERSION},
    {"GET /\x01 HTTP/1.1\r\n", BAD},
    {POST "X\r\n", BAD},
    {POST ": x\r\n", BAD},
    {POST "X : x\r\n", BAD},
    {POST "X@: x\r\n", BAD},
    {POST " X: x\r\n", BAD},
    {POST "X: \x7f\r\n", BAD},
    {POST "X: a\rb\r\n", BAD},
    {POST "Content-Length:\r\n", BAD},
    {POST "Content-Length: +6\r\n", BAD},
    {POST "Content-Length: 6 6\r\n", BAD},
    {POST "Content-Length: 18446744073709551616\r\n", BAD},
    {POST "Content-Length: 6\r\nContent-Length: 7\r\n", BAD},
    {POST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n" END, BAD},
    {POST CHUNKED CHUNKED, BAD},
    {OLD CHUNKED, BAD},
    {POST "Transfer-Encoding: gzip\r\n", CODING},
    {POST "Transfer-Encoding: gzip, chunked\r\n", CODING},
    {POST "Expect: tea\r\n", "417 Expectation Failed"},
    {"POST /tpm/sign HTTP/1.1\r\n" END, NO_HOST},
    {POST HOST END, "400 Bad Request: too many Host headers"},
};

static void test_bad_heads(void **state)
{
    struct http_request r;
    const char *refusal;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t n = strlen(bad[i].head);
        assert_int_equal(read_head(bad[i].head, n - 1, false, &r, &refusal), HTTP_MORE);
        assert_int_equal(read_head(bad[i].head, n, false, &r, &refusal), HTTP_BAD);
        assert_string_equal(refusal, bad[i].refusal);
    }
}

static void test_long_heads(void **state)
{
    static char head[HTTP_HEAD_MAX + 1];
    struct http_request r;
    const char *refusal;
    (void)state;
    int n = snprintf(head, sizeof head, POST "X: ");
    memset(head + n, 'x', sizeof head - (size_t)n);
    assert_int_equal(read_head(head, HTTP_HEAD_MAX - 1, false, &r, &refusal), HTTP_MORE);
    assert_int_equal(read_head(head, HTTP_HEAD_MAX, false, &r, &refusal), HTTP_BAD);
    assert_string_equal(refusal, "431 Request Header Fields Too Large");
    memcpy(head + HTTP_HEAD_MAX - 4, "\r\n\r\n", 4);
    assert_int_equal(read_head(head, sizeof head, false, &r, &refusal), HTTP_END);
    memcpy(head + HTTP_HEAD_MAX - 4, "x\r\n\r\n", 5);
    assert_int_equal(read_head(head, sizeof head, false, &r, &refusal), HTTP_BAD);
}

/* --- bodies --- */

#define MAX 64

static struct http_body begin(bool is_chunked, uint64_t length)
{
    struct http_body b = {.held = 0};

    http_begin_body(&b.reader, is_chunked, length);
    return b;
}

/* What has come and was not dropped. */
static struct window {
    char *data;
    size_t n;
} window;

static void arrive(const char *data, size_t n)
{
    char *more = malloc(window.n + n + 1);

    assert_non_null(more);
    memcpy(more, window.data, window.n);
    memcpy(more + window.n, data, n);
    free(window.data);
    window = (struct window){more, window.n + n};
}

static void drop(size_t n)
{
    assert_true(n <= window.n);
    memmove(window.data, window.data + n, window.n - n);
    window.n -= n;
}

static enum http_step gather(struct http_body *b, const char *data, size_t n)
{
    size_t dropped;

    arrive(data, n);
    char *copy = exact(window.data, window.n);
    enum http_step step = http_gather(b, copy, window.n, MAX, &dropped);
    memcpy(window.data, copy, window.n);
    free(copy);
    drop(dropped);
    assert_true(b->held <= window.n && b->held <= MAX);
    assert_true((step == HTTP_BAD) == (b->reader.rule != NULL));
    return step;
}

static int empty(void **state)
{
    (void)state;
    free(window.data);
    window = (struct window){malloc(1), 0};
    return window.data == NULL;
}

/* All that came: the body, and as many bytes behind it. */
static void assert_gathered(const struct http_body *b, enum http_step step, const char *body,
                            size_t rest)
{
    assert_int_equal(step, HTTP_END);
    assert_int_equal(b->size, strlen(body));
    assert_int_equal(b->held, b->size);
    assert_memory_equal(window.data, body, b->held);
    assert_int_equal(window.n, b->held + rest);
}

static const struct {
    const char *raw;
    uint64_t length; /* UINT64_MAX: in chunks */
    const char *body;
    size_t rest;
} bodies[] = {
    {"", 0, "", 0},
    {"GET", 0, "", 3},
    {"abcdef", 6, "abcdef", 0},
    {"abcdefGET / ", 6, "abcdef", 6},
    {"0\r\n\r\n", UINT64_MAX, "", 0},
    {"6\r\nabcdef\r\n0\r\n\r\n", UINT64_MAX, "abcdef", 0},
    {"1\r\na\r\n2;x=y\r\nbc\r\n0003\r\ndef\r\n0\r\nX: y\r\n\r\nPOST", UINT64_MAX, "abcdef", 4},
    {"a\r\n0\r\n\r\n67890\r\nB\r\nabcdefghijk\r\n00\r\n\r\n\r", UINT64_MAX,
     "0\r\n\r\n67890abcdefghijk", 1},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        size_t n = strlen(bodies[i].raw);
        bool is_chunked = bodies[i].length == UINT64_MAX;
        for (size_t at = 0; at <= n; at++) {
            struct http_body b = begin(is_chunked, bodies[i].length);
            empty(state);
            enum http_step step = gather(&b, bodies[i].raw, at);
            assert_int_equal(step, at < n - bodies[i].rest ? HTTP_MORE : HTTP_END);
            step = gather(&b, bodies[i].raw + at, n - at);
            assert_gathered(&b, step, bodies[i].body, bodies[i].rest);
            assert_gathered(&b, gather(&b, "", 0), bodies[i].body,
                            bodies[i].rest); /* asked twice */
        }
        struct http_body b = begin(is_chunked, bodies[i].length);
        enum http_step step = HTTP_MORE;
        empty(state);
        for (size_t at = 0; at < n; at++)
            step = gather(&b, bodies[i].raw + at, 1);
        if (n != 0)
            assert_gathered(&b, step, bodies[i].body, bodies[i].rest);
    }
}

static void test_long_bodies(void **state)
{
    static const char bytes[2 * MAX];
    char chunk[32];
    (void)state;
    for (uint64_t length = MAX; length <= MAX + 1; length++) {
        struct http_body b = begin(false, length);
        empty(state);
        assert_int_equal(gather(&b, bytes, MAX - 1), HTTP_MORE);
        assert_int_equal(gather(&b, bytes, 2), HTTP_END);
        assert_int_equal(b.size, length);
        assert_int_equal(b.held, length == MAX ? MAX : 0);
        assert_int_equal(window.n, length == MAX ? MAX + 1 : 0);
    }
    struct http_body b = begin(true, 0);
    empty(state);
    for (int i = 0; i < 200; i++)
        assert_int_equal(gather(&b, chunk, (size_t)sprintf(chunk, "1\r\n%c\r\n", 'a')), HTTP_MORE);
    assert_int_equal(gather(&b, "0\r\n\r\n", 5), HTTP_END);
    assert_true(b.size == 200 && b.held == 0 && window.n == 0);
}

static void test_bad_chunks(void **state)
{
    static const char *const raw[] = {"x\r\n", "1\r\nab", "1\n", "fffffffffffffffff\r\n"};

    for (size_t i = 0; i < sizeof raw / sizeof raw[0]; i++) {
        struct http_body b = begin(true, 0);
        empty(state);
        assert_int_equal(gather(&b, raw[i], strlen(raw[i])), HTTP_BAD);
    }
}

/* --- answers --- */

static const struct {
    struct http_answer a;
    size_t n; /* of the body, all of 'b' */
    const char *before, *behind;
} answers[] = {
    {{"200 OK", "x/y", "Fri, 20 Nov 2026 10:27:29 GMT", false, false, true, false},
     3,
     "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nDate: Fri, 20 Nov 2026 10:27:29 GMT\r\n"
     "Content-Length: 3\r\nConnection: close\r\n\r\n",
     ""},
    {{"200 OK", "x/y", NULL, false, false, false, false},
     2,
     "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 2\r\n\r\n",
     ""},
    {{"200 OK", "x/y", NULL, false, false, true, false},
     2048,
     "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 2048\r\nConnection: close\r\n\r\n",
     ""},
    {{"200 OK", "x/y", NULL, false, false, true, false},
     2049,
     "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nConnection: close\r\n"
     "Transfer-Encoding: chunked\r\n\r\n801\r\n",
     "\r\n0\r\n\r\n"},
    {{"200 OK", "x/y", NULL, false, true, true, false},
     2049,
     "HTTP/1.0 200 OK\r\nContent-Type: x/y\r\nContent-Length: 2049\r\n\r\n",
     ""},
    {{"200 OK", "x/y", NULL, false, true, false, false},
     1,
     "HTTP/1.0 200 OK\r\nContent-Type: x/y\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
     ""},
    {{"200 OK", "x/y", NULL, false, false, false, true},
     2049,
     "HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nTransfer-Encoding: chunked\r\n\r\n",
     NULL},
    {{"404 Not Found", "text/plain; charset=utf-8", NULL, true, false, false, true},
     19,
     "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "X-Content-Type-Options: nosniff\r\nContent-Length: 19\r\n\r\n",
     NULL},
};

static void test_answers(void **state)
{
    static char text[4096];
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        size_t before = strlen(answers[i].before), n = answers[i].behind != NULL ? answers[i].n : 0;
        size_t behind = answers[i].behind != NULL ? strlen(answers[i].behind) : 0;
        for (size_t at = 0; at <= HTTP_ANSWER_HEAD_MAX; at += HTTP_ANSWER_HEAD_MAX) {
            struct out o = out_to(text, sizeof text);
            char *body = at != 0 ? text + at : malloc(answers[i].n);
            memset(body, 'b', answers[i].n);
            http_write_answer(&o, &answers[i].a, body, answers[i].n);
            assert_false(o.overflow);
            assert_int_equal(o.len, before + n + behind);
            assert_memory_equal(text, answers[i].before, before);
            for (size_t j = 0; j < n; j++)
                assert_int_equal(text[before + j], 'b');
            assert_memory_equal(text + before + n, answers[i].behind, behind);
            if (at == 0)
                free(body);
        }
        for (size_t cap = 0; cap < before + n + behind; cap++) {
            struct out o = out_to(text, cap);
            http_write_answer(&o, &answers[i].a, text, answers[i].n);
            assert_true(o.overflow);
        }
    }
}

static void test_refusal(void **state)
{
    char text[256];
    struct out o = out_to(text, sizeof text);
    (void)state;
    http_write_refusal(&o, NO_HOST);
    assert_bytes((struct bytes){text, o.len},
                 "HTTP/1.1 " NO_HOST "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                 "Connection: close\r\n\r\n" NO_HOST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heads),      cmocka_unit_test(test_what_follows_a_head),
        cmocka_unit_test(test_bad_heads),  cmocka_unit_test(test_long_heads),
        cmocka_unit_test(test_bodies),     cmocka_unit_test(test_long_bodies),
        cmocka_unit_test(test_bad_chunks), cmocka_unit_test(test_answers),
        cmocka_unit_test(test_refusal),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free(window.data);
    return failed;
}
