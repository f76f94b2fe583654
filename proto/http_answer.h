/* SPDX-License-Identifier: MIT */
/* HTTP/1.1's answers as a server writes them that looks like Go's net/http. */
#ifndef PROTO_HTTP_ANSWER_H
#define PROTO_HTTP_ANSWER_H

#include "proto/text.h"

/* An answer, without its body. */
struct http_answer {
    const char *status; /* "200 OK" */
    const char *type;   /* of its content */
    const char *date;   /* NULL: there is no clock */
    bool is_error;      /* X-Content-Type-Options: nosniff */
    bool is_old;        /* of the request */
    bool closes;        /* it is the last one on this connection */
    bool has_no_body;   /* its length is told all the same: HEAD */
};

#define HTTP_ANSWER_HEAD_MAX 256  /* bytes of an answer around its body */
#define HTTP_WHOLE_MAX       2048 /* a longer body comes in a chunk, as those of Go's net/http do */

/* Appends an answer. Its body of n bytes may lie in what o writes to, HTTP_ANSWER_HEAD_MAX bytes
 * behind where it begins. */
void http_write_answer(struct out *o, const struct http_answer *a, const char *body, size_t n);

/* Appends the answer to what is no request, behind which the connection ends. */
void http_write_refusal(struct out *o, const char *refusal);

#define HTTP_CONTINUE "HTTP/1.1 100 Continue\r\n\r\n"

#endif
