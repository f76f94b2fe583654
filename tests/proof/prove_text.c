/* SPDX-License-Identifier: MIT */
/*
 * Strings of a message: whatever stands in the line, checked or not, decoding reads nothing
 * outside of it and writes nothing outside of the room it is given, and what it writes is
 * UTF-8. A turn of the loop is text_next(), which looks no further than TEXT_AHEAD bytes, and
 * out_rune(): both are proved for any state, so that strings may be longer than those that
 * text_copy() is proved for as a whole.
 */
#include "tests/proof/bytes.h"

#include "proto/out.c"
#include "proto/text.c"
#include "proto/utf8.c"

#define TEXT_AHEAD 12 /* a pair of surrogates: \uXXXX\uXXXX */

#ifndef TEXT_BOUND
#define TEXT_BOUND 4 /* bytes of a string that is decoded as a whole */
#endif

static bool is_scalar(uint32_t rune)
{
    return rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff);
}

/* RFC 3629, section 4: the bytes that a character may have, written down as it stands there. */
static size_t strict_length(const uint8_t *s, size_t n)
{
    static const struct {
        uint8_t first, last, second_first, second_last, len;
    } forms[] = {
        {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
        {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
        {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    if (n != 0 && s[0] < 0x80)
        return 1;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        bool fits = n >= forms[i].len && s[0] >= forms[i].first && s[0] <= forms[i].last &&
                    s[1] >= forms[i].second_first && s[1] <= forms[i].second_last;
        for (size_t k = 2; fits && k < forms[i].len; k++)
            fits = s[k] >= 0x80 && s[k] <= 0xbf;
        if (fits)
            return forms[i].len;
    }
    return 0;
}

void prove_utf8_decode(void)
{
    uint8_t s[UTF8_MAX + 1], back[UTF8_MAX];
    uint32_t rune;
    size_t n = nondet_size();

    ASSUME(n >= 1 && n <= sizeof s);
    const uint8_t *start = s + sizeof s - n; /* to read the byte behind it is an error */
    size_t len = utf8_decode((const char *)start, n, &rune);
    size_t strict = strict_length(start, n);
    PROVE(len == (strict == 0 ? 1 : strict));
    PROVE(strict != 0 || rune == UTF8_REPLACEMENT);
    PROVE(is_scalar(rune));
    if (strict != 0) {
        PROVE(utf8_encode(rune, (char *)back) == len);
        for (size_t i = 0; i < len; i++)
            PROVE(back[i] == start[i]);
    }
}

void prove_utf8_encode(void)
{
    char s[UTF8_MAX];
    uint32_t rune = nondet_u32(), back;

    ASSUME(is_scalar(rune));
    size_t len = utf8_encode(rune, s);
    PROVE(len >= 1 && len <= UTF8_MAX && strict_length((const uint8_t *)s, len) == len);
    PROVE(utf8_decode(s, len, &back) == len && back == rune);
}

void prove_text_next(void)
{
    char line[TEXT_AHEAD + 1];
    uint32_t rune, n = nondet_u32();

    ASSUME(n <= sizeof line);
    struct text t = {line + sizeof line - n, n};
    bool more = text_next(&t, &rune);
    PROVE(more == (n != 0));
    PROVE(!more || is_scalar(rune));
    PROVE(t.json_len <= n && (n - t.json_len <= TEXT_AHEAD) && (!more || t.json_len < n));
    PROVE(t.json + t.json_len == line + sizeof line);
}

void prove_out_bytes(void)
{
    char room[8];
    const char s[8];
    size_t n = nondet_size(), cap = nondet_size(), len = nondet_size();
    bool overflow = nondet_bool();

    ASSUME(n <= sizeof s && cap <= sizeof room && len <= cap);
    struct out o = {room + sizeof room - cap, cap, len, overflow};
    out_bytes(&o, s + sizeof s - n, n);
    PROVE(o.len <= o.cap && o.cap == cap);
    PROVE(o.overflow == (overflow || n > cap - len));
    PROVE(o.len == (o.overflow ? len : len + n));
}

/* A character is written whole, where the last one ended, or not at all. */
void prove_out_rune(void)
{
    uint8_t room[8];
    size_t cap = nondet_size(), len = nondet_size();
    uint32_t rune = nondet_u32();

    ASSUME(cap <= sizeof room && len <= cap && is_scalar(rune));
    uint8_t *dst = room + sizeof room - cap;
    struct out o = {(char *)dst, cap, len, nondet_bool()};
    out_rune(&o, rune);
    PROVE(o.len <= cap && (o.overflow ? o.len == len : o.len > len));
    PROVE(o.overflow || strict_length(dst + len, o.len - len) == o.len - len);
}

void prove_text_copy(void)
{
    char line[TEXT_BOUND];
    uint8_t room[3 * TEXT_BOUND];
    uint32_t n = nondet_u32();
    size_t cap = nondet_size(), at = 0;

    ASSUME(n <= sizeof line && cap <= sizeof room);
    struct text t = {line + sizeof line - n, n};
    uint8_t *dst = room + sizeof room - cap;
    size_t len = text_copy(t, (char *)dst, cap);
    PROVE(len <= cap);
    for (size_t i = 0; i < 3 * TEXT_BOUND && at < len; i++) {
        size_t step = strict_length(dst + at, len - at);
        PROVE(step != 0);
        at += step;
    }
    PROVE(at == len);
}

void prove_text_length(void)
{
    char line[TEXT_BOUND];
    uint32_t n = nondet_u32();

    ASSUME(n <= sizeof line);
    size_t max = nondet_size();
    struct text t = {line + sizeof line - n, n};
    size_t len = text_length(t);
    PROVE(len <= 3 * (size_t)n && (len != 0) == (n != 0));
    PROVE(text_fits(t, max) == (len <= max));
}
