/* SPDX-License-Identifier: MIT */
/*
 * Base64. A byte is written as soon as its last bit is known, so that nothing is left to do at
 * the end of a text, padded or not.
 */
#include "proto/base64.h"

/* Places of a decoder: that many digits of a group of four, or behind the digits of a text. */
#define GROUP     4u
#define AFTER_PAD 4u /* of two '=' the first was there */
#define AFTER_END 5u /* only line ends may come */

#define NO_DIGIT 64u

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode_group(char *dst, const uint8_t *src, size_t n)
{
    uint32_t bits = (uint32_t)src[0] << 16;

    if (n > 1)
        bits |= (uint32_t)src[1] << 8;
    if (n > 2)
        bits |= src[2];
    for (size_t i = 0; i < GROUP; i++)
        dst[i] = i <= n ? digits[bits >> (18 - 6 * i) & 63] : '=';
    return GROUP;
}

size_t base64_encode(char *dst, const void *src, size_t n)
{
    const uint8_t *from = src;
    size_t len = 0;

    for (size_t i = 0; i < n; i += 3)
        len += encode_group(dst + len, from + i, n - i < 3 ? n - i : 3);
    return len;
}

/* The value of a digit, or NO_DIGIT. */
static uint32_t digit_value(char c)
{
    uint32_t lower = (uint8_t)c | 0x20u;

    if (lower - 'a' < 26)
        return lower - 'a' + (lower == (uint8_t)c ? 26 : 0);
    if ((uint32_t)c - '0' < 10)
        return (uint32_t)c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : NO_DIGIT;
}

/* Takes what is no digit where one may stand; false: it may not stand here. */
static bool take_other(struct base64_decoder *d, char c)
{
    if (c == '\r' || c == '\n')
        return true;
    if (d->place == AFTER_PAD && c != '=')
        d->at--; /* as Go tells it */
    if (d->place < 2 || d->place == AFTER_END || c != '=')
        return false;
    d->place = d->place == 2 ? AFTER_PAD : AFTER_END;
    return true;
}

long base64_decode(struct base64_decoder *d, const char *src, size_t n, void *dst)
{
    uint8_t *to = dst;

    for (size_t i = 0; i < n; i++, d->at++) {
        uint32_t value = digit_value(src[i]);
        if (value == NO_DIGIT || d->place >= GROUP) {
            if (!take_other(d, src[i]))
                return -1;
            continue;
        }
        d->bits = d->bits << 6 | value;
        if (d->place != 0)
            *to++ = (uint8_t)(d->bits >> (6 - 2 * d->place));
        d->place = (d->place + 1) % GROUP;
    }
    return to - (uint8_t *)dst;
}

bool base64_end(struct base64_decoder *d)
{
    if (d->place == 1)
        d->at--; /* as Go tells it */
    return d->place != 1 && d->place != AFTER_PAD;
}
