/* SPDX-License-Identifier: MIT */
/*
 * What a peer of our VComLink may say: as HTTP, a stream of requests, of which the same comes
 * however it is cut, and each of whose bodies is a request of any kind or none; as JSON, whole or
 * not. And TPMT_SIGNATUREs of arbitrary bytes.
 */
#include "proto/http_request.h"
#include "proto/vcom_serve.h"
#include "tests/fuzz/fuzz.h"

#define BODY_MAX 600
#define STEPS    8 /* sizes of the pieces that the stream comes in, again and again */

/* Bytes that have come and were not dropped. */
struct window {
    char *data;
    size_t n;
};

static void arrive(struct window *w, const uint8_t *bytes, size_t n)
{
    char *more = exact(NULL, w->n + n);

    memcpy(more, w->data, w->n);
    memcpy(more + w->n, bytes, n);
    free(w->data);
    *w = (struct window){more, w->n + n};
}

static void drop(struct window *w, size_t n)
{
    CHECK(n <= w->n);
    char *rest = exact(w->data + n, w->n - n);
    free(w->data);
    *w = (struct window){rest, w->n - n};
}

/* A stream that is read, and a sum over all that has come of it. */
struct stream {
    struct window window;
    struct http_body body;
    bool in_body, is_over;
    const char *refusal;
    uint64_t sum;
};

static void add(struct stream *s, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s->sum = (s->sum ^ ((const uint8_t *)bytes)[i]) * UINT64_C(1099511628211);
    s->sum = (s->sum ^ n) * UINT64_C(1099511628211);
}

static bool is_within(struct bytes b, const char *data, size_t n)
{
    return b.n == 0 || (b.at >= data && b.n <= (size_t)(data + n - b.at));
}

static void check_body(const char *body, size_t n)
{
    for (int kind = VCOM_GETPUB; kind <= VCOM_CERTIFYKEY; kind++) {
        struct vcom_request r;
        if (vcom_read_request((enum vcom_kind)kind, body, n, &r))
            CHECK(is_within(r.data, body, n) && is_within(r.cred, body, n) &&
                  is_within(r.secret, body, n));
    }
}

/* True: there may be more. */
static bool take_head(struct stream *s)
{
    struct http_request r;
    enum http_step step = http_read_request(s->window.data, s->window.n, false, &r, &s->refusal);

    CHECK(step != HTTP_BODY && (step == HTTP_BAD) == (s->refusal != NULL));
    s->is_over = step == HTTP_BAD;
    if (step != HTTP_END) {
        CHECK(step == HTTP_BAD || s->window.n < HTTP_HEAD_MAX);
        return false;
    }
    CHECK(r.size <= s->window.n && r.size <= HTTP_HEAD_MAX && r.method.n != 0);
    CHECK(is_within(r.method, s->window.data, r.size) && is_within(r.path, s->window.data, r.size));
    CHECK(!(r.is_chunked && (r.length != 0 || r.is_old)));
    add(s, r.method.at, r.method.n);
    add(s, r.path.at, r.path.n);
    add(s, &r.length, sizeof r.length);
    s->body = (struct http_body){.held = 0};
    http_begin_body(&s->body.reader, r.is_chunked, r.length);
    s->in_body = true;
    drop(&s->window, r.size);
    return true;
}

static bool take_body(struct stream *s)
{
    size_t dropped, n = s->window.n;
    enum http_step step = http_gather(&s->body, s->window.data, n, BODY_MAX, &dropped);

    CHECK(step != HTTP_BODY && (step == HTTP_BAD) == (s->body.reader.rule != NULL));
    drop(&s->window, dropped);
    CHECK(s->body.held <= s->window.n && s->body.held <= BODY_MAX);
    CHECK(s->body.held == (s->body.size <= BODY_MAX ? s->body.size : 0));
    CHECK(step != HTTP_MORE || s->window.n - s->body.held < HTTP_LINE_MAX);
    s->is_over = step == HTTP_BAD;
    if (step != HTTP_END)
        return false;
    check_body(s->window.data, s->body.held);
    add(s, s->window.data, s->body.held);
    add(s, &s->body.size, sizeof s->body.size);
    drop(&s->window, s->body.held);
    s->in_body = false;
    return true;
}

static struct stream receive(struct input in, const uint8_t *steps)
{
    struct stream s = {.window.data = exact(NULL, 0)};

    for (unsigned i = 0; in.left > 0 && !s.is_over; i++) {
        size_t step = steps != NULL ? 1u + steps[i % STEPS] : in.left;
        size_t n = step < in.left ? step : in.left;
        arrive(&s.window, in.at, n);
        in.at += n;
        in.left -= n;
        while (s.in_body ? take_body(&s) : take_head(&s))
            ;
    }
    free(s.window.data);
    return s;
}

static void check_http(struct input in, const uint8_t *steps)
{
    struct stream whole = receive(in, NULL), pieces = receive(in, steps);

    CHECK(whole.is_over == pieces.is_over && whole.refusal == pieces.refusal);
    CHECK(whole.sum == pieces.sum && whole.in_body == pieces.in_body);
}

/* What is taken is one object, and says what it must somewhere. */
static void check_json(const struct input *in)
{
    char *json = exact(in->at, in->left);

    if (vcom_asks_ek(json, in->left))
        CHECK(vcom_is_json(*json) && memchr(json, '2', in->left) != NULL &&
              memchr(json, '1', in->left) != NULL && memchr(json, '{', in->left) != NULL);
    free(json);
}

static void check_signature(const struct input *in)
{
    char *bytes = exact(in->at, in->left);
    struct vcom_names names;
    struct vcom_answer a;

    if (vcom_answer_signature((struct bytes){bytes, in->left}, &names, &a)) {
        CHECK(a.value[0].bytes.n != 0 && is_within(a.value[1].bytes, bytes, in->left));
        CHECK(is_within(a.value[3].bytes, bytes, in->left));
        CHECK(is_within(a.value[4].bytes, bytes, in->left));
    }
    CHECK(vcom_failure_to_sign((struct bytes){bytes, in->left}, 1) == NULL || in->left < 8 ||
          (bytes[5] & 4) == 0 || (bytes[5] & 1) != 0);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t steps[STEPS];

    take_bytes(&in, steps, sizeof steps);
    check_http(in, steps);
    check_json(&in);
    check_signature(&in);
    return 0;
}
