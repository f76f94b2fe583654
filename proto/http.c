/* SPDX-License-Identifier: MIT */
/*
 * One answer, line by line up to the body, and between its chunks. An answer with both
 * Content-Length and chunks is refused, though RFC 9112 section 6.3 lets chunks win: it is how
 * one answer is smuggled into another, and no server that is meant here sends it.
 */
#include "proto/http.h"

#include "proto/http_parts.h"

/* Places in an answer: in front of a line, in the body, or behind it all. */
enum place {
    AT_STATUS,
    AT_HEADER,
    AT_CHUNK,     /* its size */
    AT_CHUNK_END, /* the end of a line, and nothing else on it */
    AT_TRAILER,
    IN_BODY,
    IN_CHUNK,
    IN_STREAM, /* a body up to the end of the stream */
    AT_END,
};

static const char version[] = "HTTP/1.";
#define STATUS_AT 9u /* in a status line, its three digits */

void http_write_post(struct out *o, const char *path, const char *host, const char *content_type,
                     size_t body_len)
{
    const char *const parts[] = {"POST ",
                                 path,
                                 " HTTP/1.1\r\nHost: ",
                                 host,
                                 "\r\nContent-Type: ",
                                 content_type,
                                 "\r\nContent-Length: "};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        out_str(o, parts[i]);
    out_u64(o, body_len);
    out_str(o, "\r\nConnection: close\r\n\r\n");
}

static bool bad(struct http_reader *r, const char *rule)
{
    r->rule = rule;
    return false;
}

/* Counts bytes of the header, of trailers and of extensions. */
static bool count_head(struct http_reader *r, size_t n)
{
    r->head += (uint32_t)n;
    if (r->head > HTTP_HEAD_MAX)
        return bad(r, "more than 8192 bytes of header");
    return true;
}

static bool read_status(struct http_reader *r, struct bytes line)
{
    const size_t end = STATUS_AT + 3;
    uint64_t status;

    if (line.n < end || (line.at[7] != '0' && line.at[7] != '1') || line.at[8] != ' ' ||
        http_number(line.at + STATUS_AT, 3, 10, &status) != 3 || status < 100 ||
        (line.n > end && line.at[end] != ' '))
        return bad(r, "not an HTTP/1.x status line");
    r->status = (uint16_t)status;
    r->is_old = line.at[7] == '0';
    r->has_length = r->is_chunked = false;
    r->place = AT_HEADER;
    return true;
}

static bool read_length(struct http_reader *r, struct bytes value)
{
    uint64_t length;

    if (value.n == 0 || http_number(value.at, value.n, 10, &length) != value.n)
        return bad(r, "a Content-Length that is no number, or too large");
    if (r->has_length && length != r->left)
        return bad(r, "two different Content-Lengths");
    r->has_length = true;
    r->left = length;
    return true;
}

static bool read_coding(struct http_reader *r, struct bytes value)
{
    if (r->is_old || r->is_chunked || !http_is_word(value, "chunked"))
        return bad(r, "a Transfer-Encoding that is not chunked, or not alone");
    return r->is_chunked = true;
}

/* Where the answer goes on when its header has ended (section 6.3). */
static bool end_headers(struct http_reader *r)
{
    if (r->has_length && r->is_chunked)
        return bad(r, "both Content-Length and Transfer-Encoding");
    if (r->status < 200)
        r->place = AT_STATUS;
    else if (r->status == 204 || r->status == 304 || (r->has_length && r->left == 0))
        r->place = AT_END;
    else
        r->place = r->is_chunked ? AT_CHUNK : r->has_length ? IN_BODY : IN_STREAM;
    if (r->place == IN_STREAM)
        r->left = UINT64_MAX;
    return true;
}

static bool read_header(struct http_reader *r, struct bytes line)
{
    if (line.n == 0)
        return end_headers(r);
    struct bytes name, value;
    if (!http_split_field(line, &name, &value, &r->rule))
        return false;
    if (http_is_word(name, "content-length"))
        return read_length(r, value);
    return !http_is_word(name, "transfer-encoding") || read_coding(r, value);
}

/* The size of a chunk; what stands behind it means nothing to us (section 7.1.1). */
static bool read_chunk(struct http_reader *r, struct bytes line)
{
    size_t digits = http_number(line.at, line.n, 16, &r->left);
    struct bytes rest = http_trim((struct bytes){line.at + digits, line.n - digits});

    if (digits == 0 || (rest.n != 0 && rest.at[0] != ';'))
        return bad(r, "a chunk's size that is no number, or too large");
    r->place = r->left == 0 ? AT_TRAILER : IN_CHUNK;
    return count_head(r, line.n - digits);
}

static bool read_line(struct http_reader *r, struct bytes line)
{
    if (!http_is_clean(line))
        return bad(r, "a control character in a line");
    if (r->place == AT_CHUNK)
        return read_chunk(r, line);
    if (r->place == AT_CHUNK_END) {
        r->place = AT_CHUNK;
        return true;
    }
    if (!count_head(r, line.n + 2))
        return false;
    if (r->place == AT_STATUS)
        return read_status(r, line);
    if (r->place == AT_HEADER)
        return read_header(r, line);
    if (line.n == 0)
        r->place = AT_END;
    return true;
}

/* Whether a line that has begun with these bytes can be what must stand there: a peer that says
 * something else may never end it. */
static bool is_begun_well(struct http_reader *r, const char *data, size_t n)
{
    const char *must = r->place == AT_STATUS ? version : "\r\n";
    size_t len = strlen(must);

    if ((r->place != AT_STATUS && r->place != AT_CHUNK_END) || n == 0 ||
        memcmp(data, must, n < len ? n : len) == 0)
        return true;
    return bad(r, r->place == AT_STATUS ? "not an HTTP/1.x status line"
                                        : "a chunk that is longer than its size");
}

/* Takes a line off the front of the data; false: none is whole, or a rule was broken. */
static bool take_line(struct http_reader *r, const char *data, size_t n, struct http_piece *piece)
{
    const char *at = data + piece->consumed;
    size_t left = n - piece->consumed;
    const char *end =
        left == 0 ? NULL : memchr(at, '\n', left < HTTP_LINE_MAX ? left : HTTP_LINE_MAX);

    if (!is_begun_well(r, at, left))
        return false;
    if (end == NULL && left >= HTTP_LINE_MAX)
        return bad(r, "a line of more than 1024 bytes");
    if (end == NULL)
        return false;
    if (end == at || end[-1] != '\r')
        return bad(r, "a line that does not end in CR LF");
    piece->consumed += (size_t)(end - at) + 1;
    return read_line(r, (struct bytes){at, (size_t)(end - at) - 1});
}

static enum http_step take_body(struct http_reader *r, const char *data, size_t n,
                                struct http_piece *piece)
{
    size_t left = n - piece->consumed;

    piece->at = data + piece->consumed;
    piece->n = left < r->left ? left : (size_t)r->left;
    piece->consumed += piece->n;
    r->left -= piece->n;
    if (r->left == 0)
        r->place = r->place == IN_CHUNK ? AT_CHUNK_END : AT_END;
    return HTTP_BODY;
}

enum http_step http_next(struct http_reader *r, const char *data, size_t n, bool final,
                         struct http_piece *piece)
{
    *piece = (struct http_piece){.at = data};
    while (r->rule == NULL && r->place < IN_BODY && take_line(r, data, n, piece))
        ;
    if (r->rule != NULL)
        return HTTP_BAD;
    if (r->place == AT_END)
        return HTTP_END;
    if (r->place >= IN_BODY && piece->consumed < n)
        return take_body(r, data, n, piece);
    if (!final)
        return HTTP_MORE;
    if (r->place == IN_STREAM) {
        r->place = AT_END;
        return HTTP_END;
    }
    r->rule = r->head == 0 && n == 0 ? "no answer" : "the answer ends in the middle";
    return HTTP_BAD;
}

void http_begin_body(struct http_reader *r, bool is_chunked, uint64_t length)
{
    *r = (struct http_reader){.left = length, .is_chunked = is_chunked};
    r->place = is_chunked ? AT_CHUNK : length != 0 ? IN_BODY : AT_END;
}
