/* SPDX-License-Identifier: MIT */
/*
 * HTTP/1.1 as a client needs it that asks once per connection (RFC 9112): one POST is written,
 * one answer is read, with Content-Length, in chunks, or to the end of the stream. The answer is
 * untrusted, and read strictly: what two readers could take for two different answers is refused.
 * Nothing of it is copied or kept; of its header only what says where the body ends is looked at.
 */
#ifndef PROTO_HTTP_H
#define PROTO_HTTP_H

#include "proto/text.h"

#define HTTP_LINE_MAX 1024 /* bytes of a line with its end: the reader sees it in one piece */
#define HTTP_HEAD_MAX 8192 /* bytes of all headers (those of 1xx too), trailers and extensions */

/* Appends the request up to its body, of which body_len bytes must follow. path, host and
 * content_type are sent as they are: printable, and path without a space. */
void http_write_post(struct out *o, const char *path, const char *host, const char *content_type,
                     size_t body_len);

enum http_step {
    HTTP_MORE, /* nothing more can be taken until more bytes come */
    HTTP_BODY, /* the piece is a part of the body */
    HTTP_END,  /* the answer is whole; what may follow it is not touched */
    HTTP_BAD,  /* rule says what was broken: the connection is of no more use */
};

/* What an answer's reader remembers between calls. All zero at the start. */
struct http_reader {
    const char *rule; /* of HTTP_BAD, else NULL: "the answer ends in the middle" */
    uint64_t left;    /* bytes of the body, or of its chunk, that are to come */
    uint32_t head;    /* bytes that count towards HTTP_HEAD_MAX */
    uint16_t status;  /* 200 .. 999 once the body begins, or at the end; it may change before */
    uint8_t place;    /* in the answer: see http.c */
    bool is_old;      /* HTTP/1.0 */
    bool has_length;
    bool is_chunked;
};

struct http_piece {
    const char *at; /* of HTTP_BODY: n bytes, at least one, in the data */
    size_t n;
    size_t consumed; /* bytes of the data to drop, the piece's among them */
};

/*
 * Takes what it can from data[0..n-1], the unread bytes of a connection. The caller deals with
 * the piece, drops piece->consumed bytes whatever the result, and calls again until it is not
 * HTTP_BODY; after HTTP_MORE once there are more bytes (the same ones may be given again), or
 * final: no more will come. It can hold HTTP_LINE_MAX bytes, or it would wait for ever. Answers
 * with a status of 1xx are passed over.
 */
enum http_step http_next(struct http_reader *r, const char *data, size_t n, bool final,
                         struct http_piece *piece);

/* Has *r read a body alone: the one of a request (proto/http_request.h), in chunks or of length
 * bytes. */
void http_begin_body(struct http_reader *r, bool is_chunked, uint64_t length);

#endif
