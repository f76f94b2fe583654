/* SPDX-License-Identifier: MIT */
/*
 * Reading strings that still lie escaped in their message (RFC 8259 section 7).
 * Nothing is decoded into memory of this file's own: a string may be a secret.
 * What is no valid text becomes U+FFFD in the way of Go's encoding/json.
 */
#include "proto/text.h"
#include "proto/utf8.h"

#include <string.h>

/* A pair of surrogates stands for one character past U+FFFF (RFC 8259 section 7). */
#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LOW   0xdc00u
#define SURROGATE_END   0xe000u
#define UNICODE_LEN     6u /* \uXXXX */

static bool hex_digit(char c, uint32_t *value)
{
    uint32_t lower = (uint8_t)c | 0x20u;

    if (c >= '0' && c <= '9')
        *value = (uint32_t)(c - '0');
    else if (lower >= 'a' && lower <= 'f')
        *value = lower - 'a' + 10;
    else
        return false;
    return true;
}

/* The four digits of a \uXXXX that t begins with; false: t does not begin so. */
static bool unicode_escape(struct text t, uint32_t *unit)
{
    if (t.json_len < UNICODE_LEN || t.json[0] != '\\' || t.json[1] != 'u')
        return false;
    *unit = 0;
    for (uint32_t i = 2; i < UNICODE_LEN; i++) {
        uint32_t digit;
        if (!hex_digit(t.json[i], &digit))
            return false;
        *unit = *unit << 4 | digit;
    }
    return true;
}

static void skip(struct text *t, size_t n)
{
    t->json += n;
    t->json_len -= (uint32_t)n;
}

/* The character of the \uXXXX that stood in front of t, and of its second half in t. */
static uint32_t join_surrogates(struct text *t, uint32_t unit)
{
    uint32_t low;

    if (unit < SURROGATE_FIRST || unit >= SURROGATE_END)
        return unit;
    if (unit >= SURROGATE_LOW || !unicode_escape(*t, &low) || low < SURROGATE_LOW ||
        low >= SURROGATE_END)
        return UTF8_REPLACEMENT;
    skip(t, UNICODE_LEN);
    return 0x10000 + ((unit - SURROGATE_FIRST) << 10) + (low - SURROGATE_LOW);
}

/* The character that the escape at the start of t stands for. */
static uint32_t next_escaped(struct text *t)
{
    static const char letters[] = "bfnrt\"\\/";
    static const char meanings[] = "\b\f\n\r\t\"\\/";
    uint32_t unit;

    if (unicode_escape(*t, &unit)) {
        skip(t, UNICODE_LEN);
        return join_surrogates(t, unit);
    }
    const char *letter = t->json_len < 2 ? NULL : memchr(letters, t->json[1], sizeof letters - 1);
    if (!letter) {
        /* Only in a line that was never checked: as a byte that is no text. */
        skip(t, 1);
        return UTF8_REPLACEMENT;
    }
    skip(t, 2);
    return (uint8_t)meanings[letter - letters];
}

uint32_t text_next_special(struct text *t)
{
    uint32_t rune;

    if (t->json[0] == '\\')
        return next_escaped(t);
    skip(t, utf8_decode(t->json, t->json_len, &rune));
    return rune;
}

size_t text_length(struct text t)
{
    uint32_t rune;
    size_t n = 0;

    while (text_next(&t, &rune))
        n += utf8_length(rune);
    return n;
}

bool text_fits(struct text t, size_t max)
{
    /* No byte becomes more than the three of U+FFFD. */
    return t.json_len <= max / 3 || text_length(t) <= max;
}

size_t text_copy(struct text t, char *dst, size_t cap)
{
    struct out o = out_to(dst, cap);

    out_text(&o, t);
    return o.len;
}

bool text_equals(struct text t, const char *s)
{
    size_t n = strlen(s);

    /* Nearly every string is sent as it is. One that is missing has no address. */
    if (n == t.json_len && n != 0 && memcmp(s, t.json, n) == 0)
        return true;
    return text_equals_bytes(t, s, n);
}

bool text_equals_bytes(struct text t, const void *s, size_t n)
{
    const char *rest = s;
    char utf8[UTF8_MAX];
    uint32_t rune;

    while (text_next(&t, &rune)) {
        size_t len = utf8_encode(rune, utf8);
        if (len > n)
            return false;
        for (size_t i = 0; i < len; i++)
            if (*rest++ != utf8[i])
                return false;
        n -= len;
    }
    return n == 0;
}
