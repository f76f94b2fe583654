/* SPDX-License-Identifier: MIT */
/* Texts of a host, of any length, on their way to somebody who reads them. */
#include "agent/tool.h"

#include <stdio.h>
#include <string.h>

#define PIECE 512
#define MOST  8 /* bytes that one character becomes */

/* C1 controls have two bytes in UTF-8, and some terminals obey them. */
static bool is_c1(const char *s, size_t n)
{
    return n > 1 && (uint8_t)s[0] == 0xc2 && (uint8_t)s[1] >= 0x80 && (uint8_t)s[1] <= 0x9f;
}

static bool is_control(char c)
{
    return (uint8_t)c < 0x20 || c == 0x7f;
}

/* Writes what the bytes at s begin with; *taken is how many of the n it stands for. */
typedef size_t rewriting(char *dst, const char *s, size_t n, size_t *taken);

static size_t clean(char *dst, const char *s, size_t n, size_t *taken)
{
    *taken = is_c1(s, n) ? 2 : 1;
    dst[0] = *taken == 2 || (is_control(s[0]) && s[0] != '\n' && s[0] != '\t') ? '?' : s[0];
    return 1;
}

static size_t escape(char *dst, const char *s, size_t n, size_t *taken)
{
    static const char escaped[] = "\"\\\n\r\t", letters[] = "\"\\nrt0";
    const char *found = s[0] != '\0' ? strchr(escaped, s[0]) : escaped + sizeof escaped - 1;

    *taken = is_c1(s, n) ? 2 : 1;
    if (found != NULL) {
        dst[0] = '\\';
        dst[1] = letters[found - escaped];
        return 2;
    }
    if (*taken == 2 || is_control(s[0]))
        return (size_t)snprintf(dst, MOST, "\\u{%x}", (unsigned)(uint8_t)s[*taken - 1]);
    dst[0] = s[0];
    return 1;
}

static void write_as(enum tool_stream stream, struct bytes text, rewriting *rewrite)
{
    char piece[PIECE];
    size_t used = 0, taken;

    for (size_t at = 0; at < text.n; at += taken) {
        used += rewrite(piece + used, text.at + at, text.n - at, &taken);
        if (used <= PIECE - MOST)
            continue;
        tool_write(stream, piece, used);
        used = 0;
    }
    tool_write(stream, piece, used);
}

void tool_write_clean(enum tool_stream stream, struct bytes text)
{
    write_as(stream, text, clean);
}

void tool_write_escaped(enum tool_stream stream, struct bytes text)
{
    write_as(stream, text, escape);
}
