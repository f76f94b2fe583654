/* SPDX-License-Identifier: MIT */
/*
 * The bounded writer: plain bytes and numbers, strings of messages, Go's %q and
 * Go's JSON strings. It allocates nothing and decides nothing about what is
 * written; after the first thing that did not fit it stays silent.
 */
#include "proto/text.h"
#include "proto/utf8.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

struct out out_to(char *dst, size_t cap)
{
    return (struct out){.base = dst, .cap = cap};
}

void out_bytes(struct out *o, const void *s, size_t n)
{
    if (o->overflow || n > o->cap - o->len) {
        o->overflow = true;
        return;
    }
    if (n > 0)
        memcpy(o->base + o->len, s, n);
    o->len += n;
}

void out_u64(struct out *o, uint64_t v)
{
    char digits[20]; /* of 2^64 - 1 */
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    out_bytes(o, digits + first, sizeof digits - first);
}

void out_hex(struct out *o, uint32_t v)
{
    char digits[8];
    size_t first = sizeof digits;

    do {
        digits[--first] = hex_digits[v & 15];
        v >>= 4;
    } while (v > 0);
    out_bytes(o, digits + first, sizeof digits - first);
}

static void out_rune(struct out *o, uint32_t rune)
{
    char utf8[UTF8_MAX];

    out_bytes(o, utf8, utf8_encode(rune, utf8));
}

void out_text(struct out *o, struct text t)
{
    uint32_t rune;

    while (text_next(&t, &rune))
        out_rune(o, rune);
}

/* A backslash, a letter and, of value, as many hex digits as are asked for. */
static void out_escape(struct out *o, char letter, uint32_t value, unsigned digits)
{
    char escape[10] = {'\\', letter}; /* \UXXXXXXXX is the longest */

    for (unsigned i = 0; i < digits; i++)
        escape[2 + i] = hex_digits[value >> (4 * (digits - 1 - i)) & 0xf];
    out_bytes(o, escape, 2 + digits);
}

/* The letter after the backslash for a character that has a short escape; else 0. */
static char short_escape(uint32_t rune, const char *runes, const char *letters)
{
    const char *at = rune == 0 || rune > 0x7f ? NULL : strchr(runes, (int)rune);

    return (char)(at ? letters[at - runes] : 0);
}

/*
 * Approximates Go's unicode.IsPrint, which needs tables larger than all of this
 * directory: known here are the control, space, format and private characters that
 * could hide or disturb text. Unassigned characters count as printable.
 */
static bool is_printable(uint32_t rune)
{
    static const struct {
        uint32_t first, last;
    } hidden[] = {
        {0x00, 0x1f},     {0x7f, 0xa0},       {0xad, 0xad},        {0x1680, 0x1680},
        {0x180e, 0x180e}, {0x2000, 0x200f},   {0x2028, 0x202f},    {0x205f, 0x206f},
        {0x3000, 0x3000}, {0xe000, 0xf8ff},   {0xfdd0, 0xfdef},    {0xfeff, 0xfeff},
        {0xfff0, 0xfffb}, {0xe0000, 0xe00ff}, {0xf0000, 0x10ffff},
    };

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
        if (rune >= hidden[i].first && rune <= hidden[i].last)
            return false;
    return (rune & 0xfffe) != 0xfffe; /* the last two of every plane are no characters */
}

void out_quoted_rune(struct out *o, uint32_t rune)
{
    char letter = short_escape(rune, "\a\b\f\n\r\t\v\\\"", "abfnrtv\\\"");

    if (letter)
        out_escape(o, letter, 0, 0);
    else if (is_printable(rune))
        out_rune(o, rune);
    else if (rune < 0x20 || rune == 0x7f)
        out_escape(o, 'x', rune, 2);
    else if (rune < 0x10000)
        out_escape(o, 'u', rune, 4);
    else
        out_escape(o, 'U', rune, 8);
}

void out_quoted(struct out *o, struct text t)
{
    uint32_t rune;

    out_str(o, "\"");
    while (text_next(&t, &rune))
        out_quoted_rune(o, rune);
    out_str(o, "\"");
}

void out_quoted_bytes(struct out *o, const char *s, size_t n)
{
    uint32_t rune;

    out_str(o, "\"");
    for (size_t len; n > 0; s += len, n -= len) {
        len = utf8_decode(s, n, &rune);
        out_quoted_rune(o, rune);
    }
    out_str(o, "\"");
}

/* Whether a JSON string of Go holds this one as \uXXXX: HTML and JavaScript could trip on it. */
static bool json_needs_escape(uint32_t rune)
{
    return rune < 0x20 || rune == '<' || rune == '>' || rune == '&' || rune == 0x2028 ||
           rune == 0x2029;
}

/* One character as it stands in a JSON string, or nothing; the bytes that it had. */
static size_t out_json_rune(struct out *o, const char *s, size_t n)
{
    uint32_t rune;
    size_t len = utf8_decode(s, n, &rune);
    char letter = short_escape(rune, "\b\f\n\r\t\\\"", "bfnrt\\\"");
    bool invalid = rune == UTF8_REPLACEMENT && len == 1;

    if (letter)
        out_escape(o, letter, 0, 0);
    else if (invalid || json_needs_escape(rune))
        out_escape(o, 'u', rune, 4);
    else
        out_bytes(o, s, len);
    return len;
}

void out_json_string(struct out *o, const char *s, size_t n)
{
    out_str(o, "\"");
    for (size_t len; n > 0; s += len, n -= len)
        len = out_json_rune(o, s, n);
    out_str(o, "\"");
}

void out_key(struct out *o, const char *before, const char *key)
{
    out_str(o, before);
    out_str(o, "\"");
    out_str(o, key);
    out_str(o, "\":");
}

void out_string(struct out *o, const char *before, const char *key, const char *value)
{
    out_key(o, before, key);
    out_json_string(o, value, strlen(value));
}

void out_number(struct out *o, const char *before, const char *key, uint64_t value)
{
    out_key(o, before, key);
    out_u64(o, value);
}

size_t out_json_start(struct out *o, const char *s, size_t n, size_t spare)
{
    size_t room = o->cap - o->len, done = 0;
    struct out part = out_to(o->base + o->len, room > spare + 2 ? room - spare - 2 : 0);

    out_str(o, "\"");
    part.base++;
    while (done < n) {
        size_t len = out_json_rune(&part, s + done, n - done);
        if (part.overflow)
            break;
        done += len;
    }
    o->len += part.len;
    out_str(o, "\"");
    return done;
}
