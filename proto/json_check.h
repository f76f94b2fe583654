/* SPDX-License-Identifier: MIT */
/*
 * The syntax of JSON (RFC 8259), checked strictly and to the end, with the error
 * texts of Go's encoding/json. It stores nothing: what the text means is read
 * afterwards (proto/json_read.c), from text that is known to be good.
 */
#ifndef PROTO_JSON_CHECK_H
#define PROTO_JSON_CHECK_H

#include "proto/text.h"

/* White space between values (section 2). */
static inline bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
 * Whether json[0..len-1] is exactly one JSON value, nested at most JSON_DEPTH_MAX
 * deep. False: *error says what is wrong. Strings may hold any bytes past 0x1f.
 */
bool json_check(const char *json, size_t len, struct out *error);

#endif
