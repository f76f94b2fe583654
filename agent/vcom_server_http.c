/* SPDX-License-Identifier: MIT */
/*
 * VComLink's HTTP generation: heads and bodies of requests where they lie, and answers. What EVE's
 * server looks at is looked at in its order; but what is no request of ours has its answer before
 * its body has come, which is skipped then.
 */
#include "agent/vcom_connection.h"
#include "platform/platform.h"

/* A body that is kept leaves room for a line between two chunks. EVE's server takes less than 64
 * KiB; so does this one, where its window allows that. */
#define WINDOW_MAX (ENDPOINT_WINDOW - HTTP_LINE_MAX)
#define HELD_MAX   (WINDOW_MAX < VCOM_BODY_MAX ? WINDOW_MAX : VCOM_BODY_MAX)

/* Of a body that nobody wants; behind that the connection is ended, as Go's net/http does. */
#define SKIP_MAX 262144u

#define NAMED_MAX 64u /* bytes of a method that are named in an error */

static void send_answer(int conn, const struct vcom_connection *c, struct vcom_reply *reply,
                        struct http_answer a)
{
    a.date = platform_date();
    a.is_old = c->is_old;
    a.closes = c->closes;
    a.has_no_body = c->is_head;
    http_write_answer(&reply->answer, &a, reply->body.base, reply->body.len);
    vcom_send(conn, reply);
}

static void send_error(int conn, const struct vcom_connection *c, struct vcom_reply *reply,
                       const char *status)
{
    out_str(&reply->body, "\n");
    send_answer(conn, c, reply,
                (struct http_answer){
                    .status = status, .type = "text/plain; charset=utf-8", .is_error = true});
}

/* To the next request, if there may be one. */
static bool go_on(int conn, struct vcom_connection *c)
{
    c->phase = VCOM_HEAD;
    return !c->closes || vcom_end(conn);
}

bool vcom_http_answer(int conn, struct vcom_connection *c, struct vcom_reply *reply)
{
    send_answer(conn, c, reply,
                (struct http_answer){.status = "200 OK", .type = VCOM_CONTENT_TYPE});
    return go_on(conn, c);
}

bool vcom_http_fail(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                    const char *status)
{
    send_error(conn, c, reply, status);
    return go_on(conn, c);
}

/* Answers what is no request to us; a body that it has is still to come, unless it waits for a word
 * of ours. */
static bool refuse(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                   const struct http_request *r, bool is_known)
{
    c->closes |= r->expects || r->length > SKIP_MAX;
    if (is_known) {
        out_str(&reply->body, "Method ");
        out_bytes(&reply->body, r->method.at, r->method.n < NAMED_MAX ? r->method.n : NAMED_MAX);
        out_str(&reply->body, " not allowed");
        send_error(conn, c, reply, "405 Method Not Allowed");
    } else {
        out_str(&reply->body, "404 page not found");
        send_error(conn, c, reply, "404 Not Found");
    }
    endpoint_consume(conn, (uint32_t)r->size);
    if (c->closes)
        endpoint_shutdown(conn);
    c->phase = VCOM_SKIP;
    return true;
}

static bool is_method(const struct http_request *r, const char *method)
{
    return r->method.n == strlen(method) && memcmp(r->method.at, method, r->method.n) == 0;
}

static bool begin_body(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                       const struct http_request *r)
{
    bool is_known = vcom_kind_at(r->path, &c->kind);

    c->is_old = r->is_old;
    c->is_head = is_method(r, "HEAD");
    c->closes = r->closes;
    c->body = (struct http_body){.held = 0};
    http_begin_body(&c->body.reader, r->is_chunked, r->length);
    if (!is_known || !is_method(r, "POST"))
        return refuse(conn, c, reply, r, is_known);
    if (r->expects) {
        out_str(&reply->answer, HTTP_CONTINUE);
        vcom_send(conn, reply);
    }
    endpoint_consume(conn, (uint32_t)r->size);
    c->phase = VCOM_BODY;
    return true;
}

/* What is no HTTP. */
static bool give_up(int conn, struct vcom_reply *reply, const char *refusal)
{
    http_write_refusal(&reply->answer, refusal);
    vcom_send(conn, reply);
    return vcom_end(conn);
}

bool vcom_http_head(int conn, struct vcom_connection *c)
{
    struct vcom_reply reply;
    struct http_request r;
    const char *data, *refusal;

    if (!vcom_reserve(conn, &reply))
        return false;
    uint32_t n = endpoint_peek(conn, &data);
    if (n == 0)
        return c->peer_done && vcom_end(conn);
    enum http_step step = http_read_request(data, n, c->peer_done, &r, &refusal);
    if (step == HTTP_BAD)
        return give_up(conn, &reply, refusal);
    return step == HTTP_END && begin_body(conn, c, &reply, &r);
}

/* Takes what has come of the body, of which more than max bytes are not kept. HTTP_MORE: more must
 * come, and will. */
static enum http_step gather(int conn, struct vcom_connection *c, size_t max, const char **why)
{
    const char *data;
    size_t drop;
    uint32_t n = endpoint_peek(conn, &data);
    char *ours = (char *)(uintptr_t)data; /* the window is this program's */
    enum http_step step = http_gather(&c->body, ours, n, max, &drop);

    endpoint_consume(conn, (uint32_t)drop);
    *why = c->body.reader.rule;
    if (step != HTTP_MORE || !c->peer_done)
        return step;
    *why = "unexpected EOF";
    return HTTP_BAD;
}

static bool fail_body(int conn, struct vcom_connection *c, struct vcom_reply *reply,
                      const char *why)
{
    c->closes = true;
    out_str(&reply->body, "failed to read request body: ");
    out_str(&reply->body, why);
    return vcom_http_fail(conn, c, reply, VCOM_ERROR_OURS);
}

/* The number is of what EVE's server reads, which has seen enough then; but what this one can't
 * hold has its own text. */
static bool fail_size(int conn, struct vcom_connection *c, struct vcom_reply *reply)
{
    uint64_t size = c->body.size;

    out_str(&reply->body, "request too large: ");
    out_u64(&reply->body, size > VCOM_BODY_MAX + 2 ? VCOM_BODY_MAX + 2 : size);
    if (size <= VCOM_BODY_MAX) {
        out_str(&reply->body, ", this guest takes ");
        out_u64(&reply->body, HELD_MAX);
    }
    return vcom_http_fail(conn, c, reply, VCOM_ERROR_THEIRS);
}

bool vcom_http_body(int conn, struct vcom_connection *c)
{
    struct vcom_reply reply;
    const char *why;

    if (!vcom_reserve(conn, &reply))
        return false;
    enum http_step step = gather(conn, c, HELD_MAX, &why);
    if (step == HTTP_BAD)
        return fail_body(conn, c, &reply, why);
    if (step == HTTP_END && c->body.size <= HELD_MAX) {
        c->phase = VCOM_ASK;
        return true;
    }
    if (step == HTTP_MORE && c->body.size <= SKIP_MAX)
        return false;
    c->closes |= step == HTTP_MORE;
    return fail_size(conn, c, &reply);
}

bool vcom_http_skip(int conn, struct vcom_connection *c)
{
    const char *why;
    enum http_step step = gather(conn, c, 0, &why);

    if (step == HTTP_BAD || c->body.size > SKIP_MAX)
        return vcom_end(conn);
    return step == HTTP_END && go_on(conn, c);
}

bool vcom_http_request(int conn, const struct vcom_connection *c, struct vcom_request *r)
{
    const char *data;

    endpoint_peek(conn, &data);
    return vcom_read_request(c->kind, data, c->body.held, r);
}

void vcom_http_drop(int conn, struct vcom_connection *c)
{
    endpoint_consume(conn, c->body.held);
    c->body.held = 0;
}

void vcom_http_expire(int conn, struct vcom_connection *c, struct vcom_reply *reply)
{
    const char *data;

    if (c->phase == VCOM_BODY)
        fail_body(conn, c, reply, "i/o timeout");
    else if (endpoint_peek(conn, &data) != 0)
        give_up(conn, reply, "400 Bad Request");
    else
        vcom_end(conn);
}
