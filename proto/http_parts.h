/* SPDX-License-Identifier: MIT */
/*
 * What HTTP's readers have in common: numbers, words, and the fields of a header (RFC 9112,
 * section 5). For http.c and http_request.c; pure functions over bytes of the caller's.
 */
#ifndef PROTO_HTTP_PARTS_H
#define PROTO_HTTP_PARTS_H

#include "proto/text.h"

/* The number that s begins with; returns its digits, or 0 when there are none, or too many. */
size_t http_number(const char *s, size_t n, uint32_t base, uint64_t *value);

/* Whether the bytes are this text in small letters, in any case; none is a control character. */
bool http_is_word(struct bytes s, const char *word);

/* Without blanks and tabs in front and behind. */
struct bytes http_trim(struct bytes s);

/* Whether there is no control character in a line but tabs. */
bool http_is_clean(struct bytes line);

/* Splits a line of a header, which is not empty. False: *rule, a constant, says what is wrong with
 * it. */
bool http_split_field(struct bytes line, struct bytes *name, struct bytes *value,
                      const char **rule);

#endif
