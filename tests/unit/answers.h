/* SPDX-License-Identifier: MIT */
/* Answers of an HTTP server, and all the ways in which their bytes may come to a reader. */
#ifndef TESTS_UNIT_ANSWERS_H
#define TESTS_UNIT_ANSWERS_H

#include "proto/http.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define ANSWER_MAX   20000
#define BODY_MAX     8192

#define OK_HEAD "HTTP/1.1 200 OK\r\n"
#define CHUNKED OK_HEAD "Transfer-Encoding: chunked\r\n\r\n"

#define MIDDLE "the answer ends in the middle"

static char answer[ANSWER_MAX];

struct outcome {
    enum http_step step;
    unsigned status;
    const char *rule;
    bool by_end; /* only the end of the stream gave it */
    size_t rest; /* bytes behind the answer, or from the rule's breach on */
    size_t len;
    char body[BODY_MAX];
};

/* The reader takes all that it can of what has arrived; bytes it must not read are not there. */
static inline void take(struct http_reader *r, const char *data, size_t *head, size_t tail,
                        bool final, struct outcome *o)
{
    struct http_piece piece;

    do {
        size_t n = tail - *head;
        char *exact = malloc(n != 0 ? n : 1);
        memcpy(exact, data + *head, n);
        o->step = http_next(r, exact, n, final, &piece);
        assert_true(piece.consumed <= n);
        assert_int_equal(o->step == HTTP_BODY, piece.n != 0);
        if (piece.n != 0) {
            assert_true(piece.at >= exact && piece.at + piece.n == exact + piece.consumed);
            assert_true(o->len + piece.n <= BODY_MAX);
            memcpy(o->body + o->len, piece.at, piece.n);
            o->len += piece.n;
        }
        *head += piece.consumed;
        free(exact);
    } while (o->step == HTTP_BODY);
}

/* Reads an answer that comes in pieces: one of first bytes, the others of step. */
static inline void receive(const char *data, size_t n, size_t first, size_t step, struct outcome *o)
{
    struct http_reader r = {0};
    size_t head = 0, tail = first;

    memset(o, 0, offsetof(struct outcome, body));
    take(&r, data, &head, tail, false, o);
    while (tail < n) {
        tail = n - tail < step ? n : tail + step;
        take(&r, data, &head, tail, false, o);
    }
    if (o->step == HTTP_MORE) {
        o->by_end = true;
        take(&r, data, &head, tail, true, o);
    }
    /* That was its last word. */
    struct http_piece piece;
    assert_int_equal(http_next(&r, data + head, n - head, true, &piece), o->step);
    assert_int_equal(piece.consumed, 0);
    o->status = r.status;
    o->rule = r.rule;
    o->rest = n - head;
    assert_int_equal(r.rule != NULL, o->step == HTTP_BAD);
}

static inline void assert_same(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->status, b->status);
    assert_ptr_equal(a->rule, b->rule);
    assert_int_equal(a->len, b->len);
    assert_memory_equal(a->body, b->body, a->len);
    if (a->step == HTTP_END) {
        assert_int_equal(a->by_end, b->by_end);
        assert_int_equal(a->rest, b->rest);
    }
}

/* In pieces of every kind. */
static inline void receive_all_ways(const char *data, size_t n, struct outcome *whole)
{
    static struct outcome other;

    receive(data, n, n, 1, whole);
    for (size_t cut = 0; cut < n; cut++) {
        receive(data, n, cut, n, &other);
        assert_same(whole, &other);
    }
    receive(data, n, 0, 1, &other);
    assert_same(whole, &other);
}

/* The stream ends early, everywhere: it is never taken for the whole. */
static inline void assert_cut_off_is_bad(const char *data, size_t n)
{
    static struct outcome o;

    for (size_t cut = 0; cut < n; cut++) {
        receive(data, cut, cut, 1, &o);
        assert_int_equal(o.step, HTTP_BAD);
        assert_string_equal(o.rule, cut == 0 ? "no answer" : MIDDLE);
    }
}

static inline size_t append(size_t at, const void *bytes, size_t n)
{
    assert_true(at + n <= sizeof answer);
    memcpy(answer + at, bytes, n);
    return at + n;
}

static inline size_t append_text(size_t at, const char *text)
{
    return append(at, text, strlen(text));
}

#endif
