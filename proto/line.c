/* SPDX-License-Identifier: MIT */
/*
 * Cuts a byte stream into lines, as Go's bufio.Scanner does for the real peers. It
 * copies nothing and keeps nothing: the bytes stay with the connection.
 */
#include "proto/line.h"

#include <string.h>

/* The number of bytes up to the first '\n' in data[from..len-1], or len. */
static size_t find_newline(const char *data, size_t from, size_t len)
{
    const char *newline = from < len ? memchr(data + from, '\n', len - from) : NULL;

    return newline ? (size_t)(newline - data) : len;
}

enum line_result line_next(struct line_reader *reader, const char *data, size_t len, size_t max,
                           bool final, struct line *line)
{
    size_t scanned = reader->scanned;
    size_t start = 0;

    if (reader->skipping) { /* the '\n' of the line that was too long then ends an empty one */
        start = find_newline(data, 0, len);
        reader->skipping = start == len;
    }
    *line = (struct line){.consumed = start};
    reader->scanned = 0;
    while (start < len) {
        size_t n = find_newline(data + start, scanned, len - start);
        bool ended = n < len - start;
        if (n <= max && !ended && !final) {
            reader->scanned = (uint32_t)n;
            return LINE_NONE;
        }
        line->text = data + start;
        line->len = n;
        line->consumed = start + n + (ended ? 1 : 0);
        if (n > max) {
            line->len = max;
            reader->skipping = !ended;
            return LINE_TOO_LONG;
        }
        if (n > 0 && data[start + n - 1] == '\r')
            line->len--;
        if (line->len > 0)
            return LINE_FOUND;
        start = line->consumed;
        scanned = 0;
    }
    return LINE_NONE;
}
