/* SPDX-License-Identifier: MIT */
/*
 * JSON objects into structs. The text is checked as a whole before jsmn, which is
 * lenient, cuts it into tokens; here only the decoder rules of Go's encoding/json
 * are left: which key fits which field, and which value fits which type. A value
 * that does not fit is the error, but the fields after it are still read, as there.
 */
#include "proto/json.h"
#include "proto/json_check.h"

#include <string.h>

#define JSMN_STATIC
#define JSMN_STRICT
#include <jsmn.h>

/* Offsets into the line only: nothing of a message stays here. */
static jsmntok_t tokens[JSON_TOKENS_MAX];

/* An object being read. */
struct reader {
    const char *json;
    const struct json_struct *layout;
    char *dst;
    struct out *error;
    bool failed; /* the first error is the one that counts */
};

static struct text text_of(const char *json, const jsmntok_t *t)
{
    return (struct text){.json = json + t->start, .json_len = (uint32_t)(t->end - t->start)};
}

/* The letters of keys match in Unicode's simple case folding, to which two characters
 * past ASCII belong: the Kelvin sign and the long s. */
static uint32_t fold(uint32_t rune)
{
    if (rune >= 'A' && rune <= 'Z')
        return rune + ('a' - 'A');
    return rune == 0x212a ? 'k' : rune == 0x17f ? 's' : rune;
}

static bool key_is(struct text key, const char *name)
{
    uint32_t rune;

    /* Nearly every key is sent as it is spelt here. None has a NUL in it: there jsmn ends. */
    for (; key.json_len != 0 && *key.json == *name; name++) {
        key.json++;
        key.json_len--;
    }
    for (; text_next(&key, &rune); name++)
        if (*name == '\0' || fold(rune) != fold((uint8_t)*name))
            return false;
    return *name == '\0';
}

static const struct json_field *field_of(const struct json_struct *s, struct text key)
{
    for (uint8_t i = 0; i < s->count; i++)
        if (key_is(key, s->fields[i].key))
            return &s->fields[i];
    return NULL;
}

/* The first character of a value tells its kind. */
static const char *kind_name(char first)
{
    switch (first) {
    case '{':
        return "object";
    case '[':
        return "array";
    case '"':
        return "string";
    case 't':
    case 'f':
        return "bool";
    default:
        return "number";
    }
}

static void fail_type(struct reader *r, const struct json_field *f, struct json_raw value)
{
    const char *kind = kind_name(value.json[0]);

    if (r->failed)
        return;
    r->failed = true;
    out_str(r->error, "json: cannot unmarshal ");
    out_str(r->error, kind);
    if (f->kind == JSON_UINT32 && *kind == 'n') { /* a number, but not one that fits */
        out_str(r->error, " ");
        out_text(r->error, (struct text){value.json, value.len});
    }
    out_str(r->error, " into Go struct field ");
    out_str(r->error, strchr(r->layout->name, '.') + 1);
    out_str(r->error, ".");
    out_str(r->error, f->key);
    out_str(r->error, " of type ");
    out_str(r->error, f->go_type);
}

static void fail_length(struct reader *r, const struct json_field *f)
{
    if (r->failed)
        return;
    r->failed = true;
    out_str(r->error, f->key);
    out_str(r->error, " too long: limit is ");
    out_u64(r->error, f->max);
    out_str(r->error, " bytes");
}

static void read_string(struct reader *r, const struct json_field *f, struct json_raw value)
{
    struct text t = {value.json + 1, value.len - 2};

    if (value.json[0] != '"')
        fail_type(r, f, value);
    else if (f->max > 0 && !text_fits(t, f->max))
        fail_length(r, f);
    else
        *(struct text *)(void *)(r->dst + f->offset) = t;
}

static void read_bool(struct reader *r, const struct json_field *f, struct json_raw value)
{
    if (value.json[0] != 't' && value.json[0] != 'f')
        fail_type(r, f, value);
    else
        *(bool *)(void *)(r->dst + f->offset) = value.json[0] == 't';
}

/* Only plain digits are an integer: no sign, fraction or exponent. */
static void read_uint32(struct reader *r, const struct json_field *f, struct json_raw value)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < value.len; i++) {
        char c = value.json[i];
        if (c >= '0' && c <= '9')
            n = n * 10 + (uint64_t)(c - '0');
        if (c < '0' || c > '9' || n > UINT32_MAX) {
            fail_type(r, f, value);
            return;
        }
    }
    *(uint32_t *)(void *)(r->dst + f->offset) = (uint32_t)n;
}

static void read_field(struct reader *r, const struct json_field *f, struct json_raw value)
{
    static void (*const readers[])(struct reader *, const struct json_field *, struct json_raw) = {
        [JSON_STRING] = read_string,
        [JSON_UINT32] = read_uint32,
        [JSON_BOOL] = read_bool,
    };

    if (f->kind == JSON_RAW)
        *(struct json_raw *)(void *)(r->dst + f->offset) = value;
    else if (value.json[0] != 'n') /* null leaves the field as it is */
        readers[f->kind](r, f, value);
}

/* The value as it stands in the line; jsmn leaves the quotes of a string out. */
static struct json_raw raw_of(const char *json, const jsmntok_t *t)
{
    int quote = t->type == JSMN_STRING ? 1 : 0;

    return (struct json_raw){.json = json + t->start - quote,
                             .len = (uint32_t)(t->end - t->start + 2 * quote)};
}

/* The token after the value at i and all that is in it. */
static int after_value(int i, int count)
{
    int end = tokens[i].end;

    do
        i++;
    while (i < count && tokens[i].start < end);
    return i;
}

static bool read_object(struct reader *r, size_t len)
{
    jsmn_parser parser;

    jsmn_init(&parser);
    int count = jsmn_parse(&parser, r->json, len, tokens, JSON_TOKENS_MAX);
    if (count < 0) { /* the text is good, so it can only be this */
        out_str(r->error, "too many keys and values: limit is ");
        out_u64(r->error, JSON_TOKENS_MAX);
        return false;
    }
    for (int key = 1; key < count; key = after_value(key + 1, count)) {
        const struct json_field *f = field_of(r->layout, text_of(r->json, &tokens[key]));
        if (f)
            read_field(r, f, raw_of(r->json, &tokens[key + 1]));
    }
    return !r->failed;
}

bool json_read(const char *json, size_t len, const struct json_struct *s, void *dst,
               struct out *error)
{
    struct reader r = {.json = json, .layout = s, .dst = dst, .error = error};

    if (!json_check(json, len, error))
        return false;
    while (json_is_space(*json))
        json++;
    if (*json == '{')
        return read_object(&r, len);
    if (*json == 'n') /* null leaves the whole struct as it is */
        return true;
    out_str(error, "json: cannot unmarshal ");
    out_str(error, kind_name(*json));
    out_str(error, " into Go value of type ");
    out_str(error, s->name);
    return false;
}

bool json_peek_string(const char *json, size_t len, const char *key, struct text *value)
{
    jsmn_parser parser;
    bool found = false;

    jsmn_init(&parser);
    (void)jsmn_parse(&parser, json, len, tokens, JSON_TOKENS_MAX);
    int count = (int)parser.toknext; /* however it ended, these were read */
    if (count == 0 || tokens[0].type != JSMN_OBJECT)
        return false;
    for (int i = 1; i + 1 < count; i = after_value(i + 1, count)) {
        const jsmntok_t *name = &tokens[i], *v = &tokens[i + 1];
        if (name->type != JSMN_STRING || name->size != 1 || v->end < 0)
            break; /* this is no key, or its value is the one that was cut off */
        if (v->type == JSMN_STRING && key_is(text_of(json, name), key)) {
            *value = text_of(json, v);
            found = true;
        }
    }
    return found;
}
