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

#define FIRST_DIGIT '+' /* of ASCII */
#define NO_DIGIT    64u

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

void out_base64(struct out *o, const void *src, size_t n)
{
    if (o->overflow || base64_size(n) > o->cap - o->len)
        o->overflow = true;
    else
        o->len += base64_encode(o->base + o->len, src, n);
}

/* Of the characters from '+' to 'z' one more than their values, so that those which are no digits
 * have 0. A table, as texts are to pass at the speed of a transfer. */
static const uint8_t values[] = {63, 0,  0,  0,  64, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0,
                                 0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26,
                                 0,  0,  0,  0,  0,  0,  27, 28, 29, 30, 31, 32, 33, 34, 35, 36,
                                 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52};

/* The value of a digit; 64 or more: it is none. */
static uint32_t digit_value(char c)
{
    uint32_t place = (uint32_t)(uint8_t)c - FIRST_DIGIT;

    return place < sizeof values ? values[place] - 1u : NO_DIGIT;
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
        if (value >= NO_DIGIT || d->place >= GROUP) {
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
