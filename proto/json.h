/* SPDX-License-Identifier: MIT */
/*
 * Reading JSON objects into structs, with the rules of Go's encoding/json, which
 * the StereOS host and guest use: keys match case-insensitively, unknown keys are
 * skipped, the last duplicate wins, null leaves a field as it is, integers are
 * plain, a second value is an error. Errors carry that decoder's texts.
 *
 * jsmn finds the tokens; everything else is checked here first. Limits:
 * JSON_DEPTH_MAX and JSON_TOKENS_MAX, named in the error when one is passed.
 */
#ifndef PROTO_JSON_H
#define PROTO_JSON_H

#include "proto/text.h"

#define JSON_DEPTH_MAX  32  /* nesting; what the real peers send nests three deep */
#define JSON_TOKENS_MAX 256 /* keys and values of a line; the largest real message has 12 */

enum json_kind {
    JSON_STRING, /* struct text */
    JSON_UINT32, /* uint32_t */
    JSON_BOOL,   /* bool */
    JSON_RAW,    /* struct json_raw: any value, unread */
};

/* Any value as it stands in the line; json is NULL when the key was missing. */
struct json_raw {
    const char *json;
    uint32_t len;
};

/* One field of a struct that an object is read into. */
struct json_field {
    const char *key;     /* as the protocol spells it */
    enum json_kind kind; /* what lies at offset */
    uint16_t offset;     /* offsetof() in the struct */
    uint32_t max;        /* JSON_STRING: decoded bytes at most; 0 = no limit of its own */
    const char *go_type; /* the type's name in error texts: "string", "uint32", ... */
};

/* A struct that an object is read into. */
struct json_struct {
    const char *name; /* the Go type in error texts: "package.Type"; its fields: "Type.key" */
    const struct json_field *fields;
    uint8_t count;
};

/*
 * Reads the one JSON value in json[0..len-1] into *dst, laid out as s says and
 * zeroed by the caller; len is below 2^31. Returns true, or false with a text such
 * as "invalid character 'x' after top-level value" in *error. After a value of the
 * wrong type the other fields are still read. Strings stay views into json.
 * Uses one static token table: not reentrant, may be called again at once.
 */
bool json_read(const char *json, size_t len, const struct json_struct *s, void *dst,
               struct out *error);

/*
 * For the start of a line that is too long, so that its error can name the message:
 * the string under key at the top level, as far as can be known. Returns false when
 * it isn't there. The text is not checked; *value may have any length up to len.
 */
bool json_peek_string(const char *json, size_t len, const char *key, struct text *value);

#endif
