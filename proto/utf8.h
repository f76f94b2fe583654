/* SPDX-License-Identifier: MIT */
/*
 * UTF-8, one character at a time (RFC 3629). It only converts; what is to happen
 * with bytes that are no UTF-8 is Go's rule, because the peers are Go programs:
 * each such byte stands for one U+FFFD.
 */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT 0xfffdu
#define UTF8_MAX         4 /* bytes of the longest character */

/*
 * Reads the character at s, n >= 1 bytes, into *rune; returns how many bytes it has.
 * Overlong forms, surrogates and values past U+10FFFF are invalid: U+FFFD, one byte.
 * (U+FFFD itself has three, so the two can be told apart.)
 */
size_t utf8_decode(const char *s, size_t n, uint32_t *rune);

/* How many bytes a valid character has. */
static inline size_t utf8_length(uint32_t rune)
{
    return rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4;
}

/* Writes rune, a valid character, to dst; returns how many bytes it has. */
size_t utf8_encode(uint32_t rune, char dst[UTF8_MAX]);

#endif
