/* SPDX-License-Identifier: MIT */
/*
 * The syntax check in front of the tokeniser, which is lenient. One pass, no
 * recursion (a stranger decides how deep it would go): the open objects and arrays
 * are bits. Peers see these errors, so texts and rules are those of Go's scanner.
 */
#include "proto/json_check.h"
#include "proto/json.h"

#include <string.h>

struct scan {
    const char *json;
    size_t len;
    size_t pos;
    struct out *error;
    uint32_t objects; /* bit n: what is open at depth n is an object, else an array */
    uint32_t depth;
};

_Static_assert(JSON_DEPTH_MAX <= 32, "a bit of scan.objects for every level");

/* Where the text ends, Go tries one more space before it says that the text is cut off. */
static char peek(const struct scan *s)
{
    return s->pos < s->len ? s->json[s->pos] : ' ';
}

static bool ended(struct scan *s)
{
    out_str(s->error, "unexpected end of JSON input");
    return false;
}

/* Names the character at hand, which Go takes for the rune of the byte's value. */
static void name_invalid(struct scan *s)
{
    uint8_t c = (uint8_t)peek(s);

    out_str(s->error, "invalid character '");
    if (c == '\'')
        out_str(s->error, "\\'");
    else if (c == '"')
        out_str(s->error, "\"");
    else
        out_quoted_rune(s->error, c);
    out_str(s->error, "' ");
}

static bool invalid(struct scan *s, const char *where)
{
    name_invalid(s);
    out_str(s->error, where);
    return false;
}

static bool too_deep(struct scan *s)
{
    out_str(s->error, "nested too deep: limit is ");
    out_u64(s->error, JSON_DEPTH_MAX);
    out_str(s->error, " levels");
    return false;
}

static void skip_space(struct scan *s)
{
    while (s->pos < s->len && json_is_space(s->json[s->pos]))
        s->pos++;
}

/* Passes over white space. False: the text ends there, and the error says so. */
static bool more(struct scan *s)
{
    skip_space(s);
    return s->pos < s->len || ended(s);
}

static bool in_object(const struct scan *s)
{
    return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

static bool check_literal(struct scan *s, const char *word)
{
    for (size_t i = 1; word[i]; i++) {
        s->pos++;
        if (peek(s) != word[i]) {
            name_invalid(s);
            out_str(s->error, "in literal ");
            out_str(s->error, word);
            out_str(s->error, " (expecting '");
            out_bytes(s->error, &word[i], 1);
            out_str(s->error, "')");
            return false;
        }
    }
    s->pos++;
    return true;
}

/* Passes over decimal digits; at least one is due. */
static bool check_digits(struct scan *s, const char *where)
{
    if (peek(s) < '0' || peek(s) > '9')
        return invalid(s, where);
    while (peek(s) >= '0' && peek(s) <= '9')
        s->pos++;
    return true;
}

static bool check_number(struct scan *s)
{
    if (peek(s) == '-')
        s->pos++;
    if (peek(s) == '0')
        s->pos++; /* nothing may follow a leading zero */
    else if (!check_digits(s, "in numeric literal"))
        return false;
    if (peek(s) == '.') {
        s->pos++;
        if (!check_digits(s, "after decimal point in numeric literal"))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        s->pos++;
        if (peek(s) == '+' || peek(s) == '-')
            s->pos++;
        return check_digits(s, "in exponent of numeric literal");
    }
    return true;
}

static bool check_escape(struct scan *s)
{
    s->pos++;
    if (peek(s) == 'u') {
        for (int i = 0; i < 4; i++) {
            s->pos++;
            if (!memchr("0123456789abcdefABCDEF", peek(s), 22))
                return invalid(s, "in \\u hexadecimal character escape");
        }
    } else if (!memchr("bfnrt\\/\"", peek(s), 8)) {
        return invalid(s, "in string escape code");
    }
    s->pos++;
    return true;
}

/* Passes over what needs no look: all but quotes, backslashes and control characters. */
static void skip_plain(struct scan *s)
{
    const char *at = s->json + s->pos, *end = s->json + s->len;

    while (at < end && (uint8_t)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    s->pos = (size_t)(at - s->json);
}

static bool check_string(struct scan *s)
{
    s->pos++;
    for (;;) {
        skip_plain(s);
        if (s->pos == s->len)
            return ended(s);
        if (s->json[s->pos] == '"') {
            s->pos++;
            return true;
        }
        if (s->json[s->pos] != '\\')
            return invalid(s, "in string literal");
        if (!check_escape(s))
            return false;
    }
}

/* Enters an object or array; leaves it at once when it is empty. */
static bool enter(struct scan *s, bool object)
{
    if (s->depth == JSON_DEPTH_MAX)
        return too_deep(s);
    s->pos++;
    if (!more(s))
        return false;
    if (peek(s) == (object ? '}' : ']')) {
        s->pos++;
        return true;
    }
    uint32_t bit = 1u << s->depth++;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    return true;
}

static bool check_key(struct scan *s)
{
    if (!more(s))
        return false;
    if (peek(s) != '"')
        return invalid(s, "looking for beginning of object key string");
    if (!check_string(s) || !more(s))
        return false;
    if (peek(s) != ':')
        return invalid(s, "after object key");
    s->pos++;
    return true;
}

/* Reads a value that has no members; of one that has, up to the first. */
static bool check_value(struct scan *s)
{
    if (!more(s))
        return false;
    switch (peek(s)) {
    case '{':
        return enter(s, true);
    case '[':
        return enter(s, false);
    case '"':
        return check_string(s);
    case 't':
        return check_literal(s, "true");
    case 'f':
        return check_literal(s, "false");
    case 'n':
        return check_literal(s, "null");
    default:
        if (!memchr("-0123456789", peek(s), 11))
            return invalid(s, "looking for beginning of value");
        return check_number(s);
    }
}

/* After a value: leaves what ends with it, up to a comma or the end of everything. */
static bool check_after_value(struct scan *s)
{
    while (s->depth > 0) {
        bool object = in_object(s);
        if (!more(s))
            return false;
        if (peek(s) == ',') {
            s->pos++;
            return true;
        }
        if (peek(s) != (object ? '}' : ']'))
            return invalid(s, object ? "after object key:value pair" : "after array element");
        s->pos++;
        s->depth--;
    }
    return true;
}

static bool check_nothing_left(struct scan *s)
{
    skip_space(s);
    return s->pos == s->len || invalid(s, "after top-level value");
}

bool json_check(const char *json, size_t len, struct out *error)
{
    struct scan s = {.json = json, .len = len, .error = error};

    do {
        uint32_t depth = s.depth;
        if (in_object(&s) && !check_key(&s))
            return false;
        if (!check_value(&s))
            return false;
        bool entered = s.depth > depth;
        if (!entered && !check_after_value(&s))
            return false;
    } while (s.depth > 0);
    return check_nothing_left(&s);
}
