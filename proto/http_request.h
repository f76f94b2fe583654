/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1's requests as a server needs them (RFC 9112), as far as Go's net/http shows it to its
 * clients: the head is read where it lies, and the body is gathered there. They are untrusted; pure
 * functions.
 */
#ifndef PROTO_HTTP_REQUEST_H
#define PROTO_HTTP_REQUEST_H

#include "proto/http.h"

/* The head of a request; a view into the bytes that it was read from. */
struct http_request {
    struct bytes method, path; /* the path without what stands behind a '?' */
    size_t size;               /* bytes of the head, to its empty line */
    uint64_t length;           /* of a body that is not chunked; 0: there is none */
    bool is_chunked;
    bool is_old;  /* HTTP/1.0 */
    bool closes;  /* no request follows it on this connection */
    bool expects; /* the body comes when we have said that it may (100-continue) */
};

/*
 * Reads the head that data[0..n-1] begins with. HTTP_MORE: it is not whole, HTTP_END: *r is its
 * content; HTTP_BAD: *refusal is the status line's end that says why: "400 Bad Request". It is
 * never longer than HTTP_HEAD_MAX. final: no more will come.
 */
enum http_step http_read_request(const char *data, size_t n, bool final, struct http_request *r,
                                 const char **refusal);

/* A body that is gathered. */
struct http_body {
    struct http_reader reader; /* http_begin_body() */
    uint32_t held;             /* bytes of it at the start of the data */
    uint64_t size;             /* bytes that there were of it */
};

/*
 * Takes on what has come of a body in data[0..n-1], of which the first b->held are the body's
 * already. The body is put together where it lies: then *drop bytes are to be dropped off the
 * front, and what is left begins with b->held bytes of body. A body of more than max bytes is not
 * kept: b->held is 0, and b->size tells how many there were. HTTP_MORE, HTTP_END, or HTTP_BAD with
 * b->reader.rule. Unless n can grow to max + HTTP_LINE_MAX it would wait for ever.
 */
enum http_step http_gather(struct http_body *b, char *data, size_t n, size_t max, size_t *drop);

#endif
