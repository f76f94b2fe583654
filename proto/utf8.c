/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 (RFC 3629): bytes to characters and back, strictly. Nothing is skipped and
 * no state is kept; the caller walks.
 */
#include "proto/utf8.h"

#include <stdbool.h>

/* Bytes of the character that begins with lead; 0: no character begins so. */
static size_t sequence_length(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc0)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0)
        return 3;
    return lead < 0xf8 ? 4 : 0;
}

/* Whether rune may be written with len bytes: not with more than it needs, no surrogate. */
static bool is_valid(uint32_t rune, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    return rune >= least[len] && rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff);
}

size_t utf8_decode(const char *s, size_t n, uint32_t *rune)
{
    uint8_t lead = (uint8_t)s[0];
    size_t len = sequence_length(lead);

    *rune = lead;
    if (len == 1)
        return 1;
    *rune = UTF8_REPLACEMENT;
    if (len == 0 || len > n)
        return 1;
    uint32_t r = lead & (0x7fu >> len);
    for (size_t i = 1; i < len; i++) {
        if (((uint8_t)s[i] & 0xc0) != 0x80)
            return 1;
        r = r << 6 | ((uint8_t)s[i] & 0x3f);
    }
    if (!is_valid(r, len))
        return 1;
    *rune = r;
    return len;
}

size_t utf8_encode(uint32_t rune, char dst[UTF8_MAX])
{
    size_t len = utf8_length(rune);

    if (len == 1) {
        dst[0] = (char)rune;
        return 1;
    }
    for (size_t i = len - 1; i > 0; i--) {
        dst[i] = (char)(0x80 | (rune & 0x3f));
        rune >>= 6;
    }
    /* The lead byte opens with as many ones as the character has bytes. */
    dst[0] = (char)(uint8_t)(0xf00u >> len | rune);
    return len;
}
