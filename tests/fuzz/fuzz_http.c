/* SPDX-License-Identifier: MIT */
/*
 * HTTP's answers of arbitrary bytes, which arrive in pieces of any size: what comes of them is
 * what comes of the same bytes as a whole, and of a body that is sent in chunks of any size, it.
 */
#include "proto/http.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 8 /* sizes of the pieces that the stream comes in, again and again */

struct stream {
    const char *data;
    size_t len, head;
};

struct outcome {
    enum http_step step;
    const char *rule;
    unsigned status;
    char *body; /* as long as the stream: it holds no more */
    size_t len;
};

/* Takes what data[head..tail-1] has. */
static void take(struct stream *s, struct http_reader *r, size_t tail, bool final,
                 struct outcome *o)
{
    do {
        struct http_piece piece;
        size_t n = tail - s->head;
        char *copy = exact(s->data + s->head, n);
        o->step = http_next(r, copy, n, final, &piece);
        CHECK(piece.consumed <= n && (o->step == HTTP_BODY) == (piece.n != 0));
        if (piece.n != 0) {
            CHECK(piece.at >= copy && piece.at + piece.n == copy + piece.consumed);
            memcpy(o->body + o->len, piece.at, piece.n);
            o->len += piece.n;
        }
        s->head += piece.consumed;
        free(copy);
    } while (o->step == HTTP_BODY);
    CHECK(o->step != HTTP_MORE || (!final && tail - s->head < HTTP_LINE_MAX));
    CHECK((o->step == HTTP_BAD) == (r->rule != NULL));
}

static struct outcome receive(struct stream s, const uint8_t *steps)
{
    struct http_reader r = {0};
    struct outcome o = {.body = exact(NULL, s.len)};
    size_t tail = 0;

    for (unsigned i = 0; tail < s.len; i++) {
        size_t step = steps != NULL ? 1 + steps[i % STEPS] % 80u : s.len;
        tail = step < s.len - tail ? tail + step : s.len;
        take(&s, &r, tail, false, &o);
    }
    take(&s, &r, s.len, true, &o);
    CHECK(r.head <= HTTP_HEAD_MAX || o.step == HTTP_BAD);
    CHECK(o.step != HTTP_END || (r.status >= 200 && r.status <= 999));
    o.rule = r.rule;
    o.status = r.status;
    return o;
}

static void check_pieces(struct stream s, const uint8_t *steps)
{
    struct outcome whole = receive(s, NULL), pieces = receive(s, steps);

    CHECK(whole.step == pieces.step && whole.rule == pieces.rule);
    CHECK(whole.status == pieces.status && whole.len == pieces.len);
    CHECK(memcmp(whole.body, pieces.body, whole.len) == 0);
    free(whole.body);
    free(pieces.body);
}

static size_t write_chunks(char *to, struct input in, const uint8_t *sizes)
{
    char *at = to + sprintf(to, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");

    for (unsigned i = 0; in.left > 0; i++) {
        size_t size = 1 + sizes[i % STEPS], n = size < in.left ? size : in.left;
        at += sprintf(at, i % 2 != 0 ? "%zx\r\n" : "%02zX;x\r\n", n);
        take_bytes(&in, at, n);
        at += n + (size_t)sprintf(at + n, "\r\n");
    }
    return (size_t)(at + sprintf(at, "0\r\n\r\n") - to);
}

/* Any bytes as a body. */
static void check_chunks(struct input in, const uint8_t *steps)
{
    char *text = exact(NULL, 10 * in.left + 64);
    struct stream s = {.data = text, .len = write_chunks(text, in, steps)};
    struct outcome o = receive(s, steps);

    /* Extensions have a limit, three bytes of a chunk with one count towards it. */
    CHECK(o.step == HTTP_END || strstr(o.rule, "8192") != NULL);
    CHECK(o.len <= in.left && (o.step == HTTP_BAD || o.len == in.left));
    CHECK(o.len == 0 || memcmp(o.body, in.at, o.len) == 0);
    free(o.body);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t steps[STEPS];

    take_bytes(&in, steps, sizeof steps);
    check_pieces((struct stream){.data = (const char *)in.at, .len = in.left}, steps);
    check_chunks(in, steps);
    return 0;
}
