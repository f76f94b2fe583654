/* SPDX-License-Identifier: MIT */
/*
 * Nothing is remembered of a head that is not whole: it lies there, and is read again when more of
 * it has come. What two readers could take for two different requests is refused, also where Go
 * chooses one: both Content-Length and chunks, chunks in HTTP/1.0.
 */
#include "proto/http_request.h"

#include "proto/http_parts.h"

#define BAD_REQUEST "400 Bad Request"

/* A head that is read. */
struct head {
    struct http_request *r;
    const char *refusal;
    uint32_t hosts;
    bool has_length, keeps;
};

static bool refuse(struct head *h, const char *refusal)
{
    h->refusal = refusal;
    return false;
}

/* Of a line that is clean: there is no NUL in it. */
static bool is_token(struct bytes s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.at[i], letter = (char)(c | 0x20);
        bool is_alnum = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
        if (!is_alnum && strchr("!#$%&'*+-.^_`|~", c) == NULL)
            return false;
    }
    return s.n != 0;
}

/* Cuts s at its first c; false: there is none. */
static bool cut(struct bytes s, char c, struct bytes *before, struct bytes *after)
{
    const char *at = s.n != 0 ? memchr(s.at, c, s.n) : NULL;

    if (at == NULL)
        return false;
    *before = (struct bytes){s.at, (size_t)(at - s.at)};
    *after = (struct bytes){at + 1, s.n - before->n - 1};
    return true;
}

/* The path of a request's target, which may name a host in front of it (section 3.2.2). */
static bool read_target(struct bytes target, struct bytes *path)
{
    static const char scheme[] = "http://";
    const size_t n = sizeof scheme - 1;
    struct bytes query;

    if (target.n > n && memcmp(target.at, scheme, n) == 0) {
        const char *slash = memchr(target.at + n, '/', target.n - n);
        size_t skip = slash != NULL ? (size_t)(slash - target.at) : target.n;
        target = (struct bytes){target.at + skip, target.n - skip};
    } else if (target.n == 0 || (*target.at != '/' && *target.at != '*')) {
        return false;
    }
    *path = target;
    (void)cut(target, '?', path, &query);
    return true;
}

static bool read_request_line(struct head *h, struct bytes line)
{
    struct bytes target, version;

    if (!cut(line, ' ', &h->r->method, &target) || !cut(target, ' ', &target, &version) ||
        !is_token(h->r->method) || !read_target(target, &h->r->path) || version.n != 8 ||
        memcmp(version.at, "HTTP/", 5) != 0 || version.at[6] != '.' || version.at[5] < '0' ||
        version.at[5] > '9' || version.at[7] < '0' || version.at[7] > '9')
        return refuse(h, BAD_REQUEST);
    if (version.at[5] != '1')
        return refuse(h, "505 HTTP Version Not Supported: unsupported protocol version");
    h->r->is_old = version.at[7] == '0';
    return true;
}

static bool read_length(struct head *h, struct bytes value)
{
    uint64_t length;

    if (value.n == 0 || http_number(value.at, value.n, 10, &length) != value.n ||
        (h->has_length && length != h->r->length))
        return refuse(h, BAD_REQUEST);
    h->has_length = true;
    h->r->length = length;
    return true;
}

static bool read_coding(struct head *h, struct bytes value)
{
    if (!http_is_word(value, "chunked"))
        return refuse(h, "501 Not Implemented: unsupported transfer encoding");
    if (h->r->is_chunked || h->r->is_old)
        return refuse(h, BAD_REQUEST);
    return h->r->is_chunked = true;
}

/* A list of words; those that mean nothing to us are passed over. */
static bool read_connection(struct head *h, struct bytes value)
{
    struct bytes word, rest;

    for (bool more = true; more; value = rest) {
        more = cut(value, ',', &word, &rest);
        word = http_trim(more ? word : value);
        h->r->closes |= http_is_word(word, "close");
        h->keeps |= http_is_word(word, "keep-alive");
    }
    return true;
}

static bool read_expectation(struct head *h, struct bytes value)
{
    if (!http_is_word(value, "100-continue"))
        return refuse(h, "417 Expectation Failed");
    return h->r->expects = true;
}

static bool read_host(struct head *h, struct bytes value)
{
    (void)value; /* any will do */
    h->hosts++;
    return true;
}

static bool read_field(struct head *h, struct bytes line)
{
    static const struct {
        const char *name;
        bool (*read)(struct head *h, struct bytes value);
    } fields[] = {
        {"content-length", read_length},
        {"transfer-encoding", read_coding},
        {"connection", read_connection},
        {"expect", read_expectation},
        {"host", read_host},
    };
    struct bytes name, value;

    if (!http_split_field(line, &name, &value, &h->refusal) || !is_token(name))
        return refuse(h, BAD_REQUEST);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (http_is_word(name, fields[i].name))
            return fields[i].read(h, value);
    return true;
}

/* What can be said only of all fields together. */
static bool end_head(struct head *h)
{
    struct http_request *r = h->r;

    if (h->has_length && r->is_chunked)
        return refuse(h, BAD_REQUEST);
    if (h->hosts == 0 && !r->is_old)
        return refuse(h, "400 Bad Request: missing required Host header");
    if (h->hosts > 1)
        return refuse(h, "400 Bad Request: too many Host headers");
    r->closes |= r->is_old && !h->keeps;
    r->expects &= !r->is_old && (r->is_chunked || r->length != 0);
    return true;
}

/* Takes the line off the front of data, with its end; false: it is not whole. */
static bool take_line(const char *data, size_t n, size_t *at, struct bytes *line)
{
    const char *end = n == *at ? NULL : memchr(data + *at, '\n', n - *at);

    if (end == NULL)
        return false;
    *line = (struct bytes){data + *at, (size_t)(end - data) - *at};
    *at += line->n + 1;
    if (line->n != 0 && line->at[line->n - 1] == '\r')
        line->n--;
    return true;
}

static enum http_step read_head(struct head *h, const char *data, size_t n)
{
    struct bytes line;
    size_t at = 0;

    for (bool is_first = true; take_line(data, n, &at, &line); is_first = false) {
        if (!http_is_clean(line)) {
            refuse(h, BAD_REQUEST);
            return HTTP_BAD;
        }
        bool ends = line.n == 0 && !is_first;
        if (!(ends ? end_head(h) : is_first ? read_request_line(h, line) : read_field(h, line)))
            return HTTP_BAD;
        h->r->size = at;
        if (ends)
            return HTTP_END;
    }
    return HTTP_MORE;
}

enum http_step http_read_request(const char *data, size_t n, bool final, struct http_request *r,
                                 const char **refusal)
{
    struct head h = {.r = r};
    size_t seen = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;

    *r = (struct http_request){0};
    enum http_step step = read_head(&h, data, seen);
    if (step == HTTP_MORE && n >= HTTP_HEAD_MAX)
        refuse(&h, "431 Request Header Fields Too Large");
    else if (step == HTTP_MORE && final)
        refuse(&h, BAD_REQUEST);
    *refusal = h.refusal;
    return h.refusal != NULL ? HTTP_BAD : step;
}

enum http_step http_gather(struct http_body *b, char *data, size_t n, size_t max, size_t *drop)
{
    struct http_piece piece;
    enum http_step step;
    size_t at = b->held;

    do {
        step = http_next(&b->reader, data + at, n - at, false, &piece);
        if (step == HTTP_BODY) {
            b->size += piece.n;
            if (b->size > max)
                b->held = 0;
            else
                memmove(data + b->held, piece.at, piece.n);
            b->held += (uint32_t)(b->size > max ? 0 : piece.n);
        }
        at += piece.consumed;
    } while (step == HTTP_BODY);
    *drop = at - b->held;
    if (b->held != 0)
        memmove(data + *drop, data, b->held);
    return step;
}
