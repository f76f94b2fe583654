/* SPDX-License-Identifier: MIT */
/*
 * Line framing: one message per line, ended by '\n'; one '\r' before it is dropped;
 * empty lines are skipped (protocol StereOS, framing).
 */
#ifndef PROTO_LINE_H
#define PROTO_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum line_result {
    LINE_NONE,     /* nothing whole yet; consumed says what may be dropped */
    LINE_FOUND,    /* text and len hold a line */
    LINE_TOO_LONG, /* a line passed the limit; text and len hold its first max bytes. Told once */
};

/* What a connection's line reader remembers between calls. All zero at the start. */
struct line_reader {
    uint32_t scanned; /* bytes at the start of the data known to hold no '\n' */
    bool skipping;    /* in the rest of a line that was too long */
};

struct line {
    const char *text; /* a view into the data */
    size_t len;       /* without '\n' and '\r' */
    size_t consumed;  /* bytes of the data to drop once the line is dealt with */
};

/*
 * Looks for the next line in data[0..len-1], the unread bytes of a connection.
 * max: the longest line without its '\n' (a '\r' counts); the caller can hold more
 * than that. final: no more bytes will come, so what is left is a line too. The
 * caller drops line->consumed bytes after every call, whatever the result. Empty
 * lines are passed over; a too long line is dropped up to its '\n', so the caller
 * stays in step. Each byte is looked at once.
 */
enum line_result line_next(struct line_reader *reader, const char *data, size_t len, size_t max,
                           bool final, struct line *line);

#endif
