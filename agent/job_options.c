/* SPDX-License-Identifier: MIT */
/*
 * Jobs of the command line: REQUEST[:PART]..., where a part is a member of the message's payload,
 * KEY=VALUE, or a VALUE alone in the place of the next one that the option's row names. In all of
 * them %XX is the byte XX. They become that payload in JSON, and are read as if a host had sent it.
 */
#include "agent/job.h"
#include "agent/services.h"
#include "platform/platform.h"
#include "proto/utf8.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define NEVER        UINT64_MAX

#define PART_MAX  512  /* bytes of a part, decoded */
#define JSON_MAX  1024 /* bytes of an option as JSON */
#define SHOWN_MAX 512  /* bytes of an outcome on the console */

/* All places are in use: those of others become free without a word. */
#define TRY_AGAIN_NS UINT64_C(50000000)

#define PLAIN_MAX 3 /* parts without a key */

static const struct option {
    const char *key;
    const struct job_kind *kind;
    const struct stereos_payload_type *payload;
    const char *json;             /* what the payload has anyway */
    const char *plain[PLAIN_MAX]; /* the keys of parts that have none, in turn */
} options[] = {
    {"mote.hostos", &job_hostos_kind, &mote_hostos_payload, "", {"command", "message"}},
    {"mote.vcom", &job_vcom_kind, &mote_vcom_payload, "", {"request", "index", "data"}},
    {"mote.download",
     &job_transfer_kind,
     &mote_transfer_payload,
     "\"request\":\"download\",",
     {"path", "file"}},
    {"mote.upload",
     &job_transfer_kind,
     &mote_transfer_payload,
     "\"request\":\"upload\",",
     {"path", "file"}},
};

/* Those that have begun; the console has not been told yet what came of them. */
static struct begun {
    uint32_t id; /* 0: none */
    const struct option *option;
    const char *value;
    size_t len;
} begun[CLIENTS_MAX];
static int running; /* of them */

/* The next to begin. */
static const struct option *next_option = options + COUNT(options);
static const char *next_value;
static size_t next_len;

/* An option while it is read. */
struct reader {
    const struct option *option;
    size_t plain; /* parts without a key, so far */
    struct out *json, *error;
};

static bool hex_digit(char c, unsigned *value)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;

    *value = at != NULL ? (unsigned)(at - digits) : 0;
    return at != NULL;
}

/* Decodes n bytes. */
static bool decode(const char *s, size_t n, struct out *part, struct out *error)
{
    for (size_t i = 0; i < n; i++) {
        unsigned high, low;
        char byte = s[i];
        if (byte == '%') {
            if (n - i < 3 || !hex_digit(s[i + 1], &high) || !hex_digit(s[i + 2], &low)) {
                out_str(error, "% without two digits behind it");
                return false;
            }
            byte = (char)(high << 4 | low);
            i += 2;
        }
        out_bytes(part, &byte, 1);
    }
    if (!part->overflow)
        return true;
    out_str(error, "part too long: limit is ");
    out_u64(error, part->cap);
    out_str(error, " bytes");
    return false;
}

static const struct json_field *find_field(const struct json_struct *layout, const char *key,
                                           size_t n)
{
    for (size_t i = 0; i < layout->count; i++)
        if (strlen(layout->fields[i].key) == n && memcmp(layout->fields[i].key, key, n) == 0)
            return &layout->fields[i];
    return NULL;
}

/* Whether the part is what the field is, when that is no string. */
static bool is_plain(const struct json_field *field, const struct out *part)
{
    size_t digits = 0;

    while (digits < part->len && part->base[digits] >= '0' && part->base[digits] <= '9')
        digits++;
    if (field->kind == JSON_UINT32)
        return digits == part->len && digits != 0;
    return (part->len == 4 && memcmp(part->base, "true", 4) == 0) ||
           (part->len == 5 && memcmp(part->base, "false", 5) == 0);
}

static bool write_member(struct reader *r, const struct json_field *field, const struct out *part)
{
    out_str(r->json, "\"");
    out_str(r->json, field->key);
    out_str(r->json, "\":");
    if (field->kind == JSON_STRING) {
        out_json_string(r->json, part->base, part->len);
    } else if (is_plain(field, part)) {
        out_bytes(r->json, part->base, part->len);
    } else {
        out_str(r->error, field->key);
        out_str(r->error,
                field->kind == JSON_UINT32 ? " is not a number" : " is not true or false");
        return false;
    }
    out_str(r->json, ",");
    return true;
}

/* A part as it stands in the option, n bytes. */
static bool read_part(struct reader *r, const char *s, size_t n)
{
    const struct json_struct *layout = &r->option->payload->layout;
    const char *equals = memchr(s, '=', n);
    size_t key = equals != NULL ? (size_t)(equals - s) : 0;
    const char *plain = r->plain < PLAIN_MAX ? r->option->plain[r->plain] : NULL;
    char text[PART_MAX];
    struct out part = out_to(text, sizeof text);

    r->plain += equals == NULL;
    const struct json_field *field = equals != NULL  ? find_field(layout, s, key)
                                     : plain != NULL ? find_field(layout, plain, strlen(plain))
                                                     : NULL;
    if (field == NULL) {
        out_str(r->error, "no such part: ");
        out_quoted_bytes(r->error, s, equals != NULL ? key : n);
        return false;
    }
    key += equals != NULL;
    return decode(s + key, n - key, &part, r->error) && write_member(r, field, &part);
}

/* The option as a payload. */
static bool read_parts(struct reader *r, const char *s, size_t n)
{
    out_str(r->json, "{");
    out_str(r->json, r->option->json);
    for (size_t at = 0; at <= n;) {
        const char *colon = at < n ? memchr(s + at, ':', n - at) : NULL;
        size_t len = colon != NULL ? (size_t)(colon - s) - at : n - at;
        if (!read_part(r, s + at, len))
            return false;
        at += len + 1;
    }
    if (r->json->overflow) {
        out_str(r->error, "too long: limit is ");
        out_u64(r->error, r->json->cap);
        out_str(r->error, " bytes of JSON");
        return false;
    }
    r->json->base[r->json->len - 1] = '}'; /* there is a comma */
    return true;
}

/* NULL: error says why. */
static struct client *begin(const struct option *option, const char *value, size_t len,
                            struct out *error)
{
    static char json[JSON_MAX]; /* it would be the largest frame of the stack */
    struct out o = out_to(json, sizeof json);
    struct reader r = {option, 0, &o, error};
    struct stereos_envelope envelope;
    union payload payload;

    if (!read_parts(&r, value, len))
        return NULL;
    envelope.payload = (struct json_raw){o.base, (uint32_t)o.len};
    if (!stereos_read_payload(&envelope, option->kind->name, option->payload, &payload,
                              sizeof payload, error))
        return NULL;
    return option->kind->begin(&payload, error);
}

/* What a peer has said, as characters that do nothing to a terminal or a line. */
static void out_shown(struct out *o, const char *s, size_t n)
{
    uint32_t rune;

    for (size_t len; n > 0; s += len, n -= len) {
        len = utf8_decode(s, n, &rune);
        if (rune == '"' || rune == '\\')
            out_bytes(o, s, 1);
        else
            out_quoted_rune(o, rune);
    }
}

/* "mote: hostos notify: <what>", of an option up to its first colon. */
static void print(const struct begun *b, const char *what, size_t n)
{
    char text[SHOWN_MAX];
    struct out o = out_to(text, sizeof text);
    const char *colon = memchr(b->value, ':', b->len);

    out_str(&o, b->option->key + strlen("mote."));
    out_str(&o, " ");
    out_shown(&o, b->value, colon != NULL ? (size_t)(colon - b->value) : b->len);
    out_str(&o, ": ");
    out_shown(&o, what, n);
    printf("mote: %.*s\n", (int)o.len, text);
}

static void begin_next(void)
{
    char text[STEREOS_ERROR_MAX];
    struct out error = out_to(text, sizeof text);
    struct begun *b = begun;

    while (client_find(b->id) != NULL)
        b++;
    *b = (struct begun){0, next_option, next_value, next_len};
    const struct client *c = begin(b->option, b->value, b->len, &error);
    running += c != NULL;
    if (c != NULL)
        b->id = c->id;
    else
        printf("mote: %s=%.*s: %.*s\n", b->option->key, (int)b->len, b->value, (int)error.len,
               text);
}

/* Goes on to the next option of the command line. */
static void advance(void)
{
    while (next_option < options + COUNT(options)) {
        next_value = platform_option(next_option->key, next_value, &next_len);
        if (next_value != NULL)
            return;
        next_option++;
    }
}

static void begin_all(void)
{
    while (next_option < options + COUNT(options) && client_has_place()) {
        begin_next();
        advance();
    }
}

void job_start(void)
{
    next_option = options;
    advance();
    begin_all();
}

/* An error of ours names its peer; a refusal is told as what it is. */
static void tell(const struct begun *b, const struct client *c)
{
    char text[SHOWN_MAX];
    struct out o = out_to(text, sizeof text);

    if (c->status != CLIENT_DONE) {
        out_str(&o, c->status == CLIENT_REFUSED ? "refused: " : "");
        size_t room = sizeof text - o.len;
        out_bytes(&o, c->error, c->error_len < room ? c->error_len : room);
        print(b, o.base, o.len);
        return;
    }
    if (b->option->kind->say != NULL)
        b->option->kind->say(c, &o);
    if (o.len == 0)
        out_str(&o, "done");
    print(b, o.base, o.len);
}

void job_tick(void)
{
    for (size_t i = 0; running != 0 && i < COUNT(begun); i++) {
        struct client *c = begun[i].id != 0 ? client_find(begun[i].id) : NULL;
        if (c == NULL || c->status == CLIENT_RUNNING)
            continue;
        tell(&begun[i], c);
        client_free(c);
        begun[i].id = 0;
        running--;
    }
    begin_all();
}

uint64_t job_deadline(void)
{
    return next_option < options + COUNT(options) ? platform_now_ns() + TRY_AGAIN_NS : NEVER;
}
