/* SPDX-License-Identifier: MIT */
/* Header fields in the order in which Go's net/http writes them; without a clock there is no Date
 * (RFC 9110, section 6.6.1). */
#include "proto/http_answer.h"

static void write_framing(struct out *o, const struct http_answer *a, size_t n)
{
    bool is_whole = n <= HTTP_WHOLE_MAX || a->is_old;

    if (is_whole) {
        out_str(o, "\r\nContent-Length: ");
        out_u64(o, n);
    }
    if (a->closes != a->is_old) /* what the version has not as its custom */
        out_str(o, a->closes ? "\r\nConnection: close" : "\r\nConnection: keep-alive");
    if (!is_whole)
        out_str(o, "\r\nTransfer-Encoding: chunked");
    out_str(o, "\r\n\r\n");
}

/* Like out_bytes(), for bytes that may lie in front of where they go, or behind. */
static void move_bytes(struct out *o, const char *bytes, size_t n)
{
    if (o->overflow || n > o->cap - o->len) {
        o->overflow = true;
        return;
    }
    memmove(o->base + o->len, bytes, n);
    o->len += n;
}

void http_write_answer(struct out *o, const struct http_answer *a, const char *body, size_t n)
{
    bool is_chunked = n > HTTP_WHOLE_MAX && !a->is_old && !a->has_no_body;

    out_str(o, a->is_old ? "HTTP/1.0 " : "HTTP/1.1 ");
    out_str(o, a->status);
    out_str(o, "\r\nContent-Type: ");
    out_str(o, a->type);
    if (a->is_error)
        out_str(o, "\r\nX-Content-Type-Options: nosniff");
    if (a->date != NULL) {
        out_str(o, "\r\nDate: ");
        out_str(o, a->date);
    }
    write_framing(o, a, n);
    if (is_chunked) {
        out_hex(o, (uint32_t)n);
        out_str(o, "\r\n");
    }
    if (!a->has_no_body)
        move_bytes(o, body, n);
    if (is_chunked)
        out_str(o, "\r\n0\r\n\r\n");
}

void http_write_refusal(struct out *o, const char *refusal)
{
    out_str(o, "HTTP/1.1 ");
    out_str(o, refusal);
    out_str(o, "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n");
    out_str(o, refusal);
}
