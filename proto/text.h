/* SPDX-License-Identifier: MIT */
/*
 * Bounded text: struct text, a string of a message that still lies, escaped, in
 * the line it came in; and struct out, a writer that never passes its end.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * A JSON string as it stands between its quotes: a view into the caller's line,
 * valid as long as that is. All zero is the empty string.
 */
struct text {
    const char *json;
    uint32_t json_len;
};

/* Bytes of the caller's, not NUL-terminated. */
struct bytes {
    const char *at;
    size_t n;
};

/* text_next() for what is not plain ASCII; one character is left at least. */
uint32_t text_next_special(struct text *t);

/* Takes the next character off the front of *t into *rune; false: none is left. */
static inline bool text_next(struct text *t, uint32_t *rune)
{
    if (t->json_len == 0)
        return false;
    uint8_t c = (uint8_t)*t->json;
    if (c >= 0x80 || c == '\\') {
        *rune = text_next_special(t);
        return true;
    }
    *rune = c;
    t->json++;
    t->json_len--;
    return true;
}

/* The string's length in bytes once decoded (RFC 8259 section 7; bad UTF-8 and
 * unpaired surrogates become U+FFFD, three bytes each). */
size_t text_length(struct text t);

/* Decodes t into dst (cap bytes, no terminating NUL); returns the bytes written.
 * Stops in front of the first character that does not fit. */
size_t text_copy(struct text t, char *dst, size_t cap);

/* Whether the string has at most max bytes once decoded. */
bool text_fits(struct text t, size_t max);

/* Whether t decodes to exactly s, which is valid UTF-8 without a backslash. */
bool text_equals(struct text t, const char *s);

/* Whether t decodes to the n bytes at s. */
bool text_equals_bytes(struct text t, const void *s, size_t n);

/*
 * A writer over memory of the caller. Once something did not fit, overflow is
 * set, nothing more is written, and len stays at the last thing that fitted whole:
 * a call's bytes, or of a string that is converted, a character.
 */
struct out {
    char *base;
    size_t cap;
    size_t len;
    bool overflow;
};

/* Starts writing at dst; cap bytes. */
struct out out_to(char *dst, size_t cap);

/* Appends n bytes, a C string, a decimal number, one in small hexadecimal digits, a string of a
 * message (decoded). */
void out_bytes(struct out *o, const void *s, size_t n);
static inline __attribute__((always_inline)) void out_str(struct out *o, const char *s)
{
    out_bytes(o, s, strlen(s)); /* here, so that the length of a literal is known */
}
void out_u64(struct out *o, uint64_t v);
void out_hex(struct out *o, uint32_t v);
void out_text(struct out *o, struct text t);

/* Appends t decoded and in double quotes with Go's %q escapes (strconv.Quote). */
void out_quoted(struct out *o, struct text t);

/* Appends n bytes in the same way. */
void out_quoted_bytes(struct out *o, const char *s, size_t n);

/* Appends one character with the same escapes, without quotes. */
void out_quoted_rune(struct out *o, uint32_t rune);

/* Appends bytes as a JSON string with quotes, escaped as Go's encoding/json does. */
void out_json_string(struct out *o, const char *s, size_t n);

/* Appends a member of a JSON object behind before ("{", ","): its key with the colon alone; a whole
 * one, a string or a number. */
void out_key(struct out *o, const char *before, const char *key);
void out_string(struct out *o, const char *before, const char *key, const char *value);
void out_number(struct out *o, const char *before, const char *key, uint64_t value);

/* Appends as much of the bytes as a JSON string as leaves room for spare bytes behind it, up to
 * the end of a character; how many that were. */
size_t out_json_start(struct out *o, const char *s, size_t n, size_t spare);

#endif
