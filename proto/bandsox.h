/* SPDX-License-Identifier: MIT */
/*
 * Bandsox over vsock, the guest's half: the one line that asks, and the lines that answer. The
 * answers are JSON as Python writes it, but any JSON is read. Of a chunk the line is longer than
 * a window may be, so what its "data" holds is taken out as it comes, and the line is kept
 * without it: {"type": "chunk", "cmd_id": "ID", "data": "", "offset": 0, "size": 65536}.
 */
#ifndef PROTO_BANDSOX_H
#define PROTO_BANDSOX_H

#include "proto/json.h"

struct bandsox_request {
    const char *type; /* "ping", "upload", "download", "download_raw" */
    struct bytes path;
    struct bytes cmd_id;  /* empty: left out */
    bool has_size;        /* an upload: */
    uint64_t size;        /* bytes to come */
    const char *checksum; /* their md5 in lower-case hex; "": none */
};

/* The request with its '\n'. No character of path and cmd_id takes more than six bytes. */
void bandsox_write_request(struct out *o, const struct bandsox_request *r);

/* What a line of answer is read with. All zero at the start, but for line and max. */
struct bandsox_reader {
    char *line;       /* what is kept of it: room for max bytes */
    uint32_t max;     /* BANDSOX_LINE_MIN at least */
    uint32_t len;     /* BANDSOX_LINE: of the line, without its '\n' */
    const char *rule; /* BANDSOX_BAD: what was broken */
    uint32_t start;   /* of the string that it ends in */
    bool in_string, is_cut, in_data, has_data, is_whole;
    uint8_t escape; /* characters of an escape that are still to come */
};

/* Every line that is no error fits. A string that makes a line longer is cut, which only the text
 * of an error survives. */
#define BANDSOX_LINE_MIN 768

enum bandsox_step {
    BANDSOX_MORE, /* all was taken, and the line is not whole */
    BANDSOX_DATA, /* piece: a part of what "data" holds, inside data; without any escape */
    BANDSOX_LINE, /* the line is whole: bandsox_read_answer(). The next call begins another */
    BANDSOX_BAD,  /* rule says which; the connection is of no more use */
};

struct bandsox_piece {
    const char *at;
    size_t n;
    size_t consumed; /* of data, to be dropped after each call */
};

/* Takes what it can from data[0..n-1], the unread bytes. What follows a line stays untouched. */
enum bandsox_step bandsox_next(struct bandsox_reader *r, const char *data, size_t n,
                               struct bandsox_piece *piece);

/* What one line says; all kinds of answers have their keys from the same few. */
enum bandsox_type {
    BANDSOX_READY = 1,
    BANDSOX_CHUNK,
    BANDSOX_COMPLETE,
    BANDSOX_ERROR,
    BANDSOX_PONG,
};

/* "ready", ... */
extern const char *const bandsox_type_names[];

struct bandsox_answer {
    enum bandsox_type type;
    struct text cmd_id, error, checksum; /* views into the line; json NULL: absent, or null */
    bool has_size, has_offset, has_data;
    uint64_t size, offset;
    struct text type_text, data_text; /* as they stand in the line, as do */
    struct json_raw size_text, offset_text;
};

/* Reads what bandsox_next() has kept. False: *error says what it should have been. */
bool bandsox_read_answer(const struct bandsox_reader *r, struct bandsox_answer *a,
                         struct out *error);

/* Decodes t, which lies in line, to the start of that; returns the bytes that it has then. It is
 * cut where it would overtake itself, which only bytes that are no UTF-8 can bring about. */
size_t bandsox_decode(struct text t, char *line);

#endif
