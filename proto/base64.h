/* SPDX-License-Identifier: MIT */
/*
 * Base64 (RFC 4648 section 4), as Go's base64.StdEncoding has it: '\r' and '\n' are passed over
 * wherever they stand, the bits behind the last byte may have any value, and an illegal text is
 * told by the same offset ("illegal base64 data at input byte N"). Padding may be missing as a
 * whole, as RawStdEncoding has it.
 */
#ifndef PROTO_BASE64_H
#define PROTO_BASE64_H

#include "proto/text.h"

/* What a decoder remembers between the pieces of a text. All zero at the start. */
struct base64_decoder {
    uint64_t at;   /* bytes of the text so far; after an error, the offset to tell */
    uint32_t bits; /* the digits of the group of four that has begun, the last one lowest */
    uint8_t place; /* in that group, or behind the text: see base64.c */
};

/* The characters that n bytes become, with padding; n is at most SIZE_MAX / 4 * 3. */
static inline size_t base64_size(size_t n)
{
    return (n + 2) / 3 * 4;
}

/* Writes the n bytes of a whole text to dst, base64_size(n) characters with padding and without
 * a NUL, and returns how many these are. */
size_t base64_encode(char *dst, const void *src, size_t n);

/* Appends n bytes in the same way. */
void out_base64(struct out *o, const void *src, size_t n);

/*
 * Decodes the next n characters of a text to dst, which has room for n / 4 * 3 + 3 bytes and may
 * be where src is when that is the whole text's start. Returns the bytes written, as many as are
 * known: none is held back. -1: the text is illegal at d->at, counted from its start; the decoder
 * may not be used again, and what came out of it is worth nothing.
 */
long base64_decode(struct base64_decoder *d, const char *src, size_t n, void *dst);

/* Whether the text may end here: whole with its padding, or with none at all. False: it is
 * illegal at d->at. */
bool base64_end(struct base64_decoder *d);

#endif
