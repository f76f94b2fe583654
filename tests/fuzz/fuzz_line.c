/* SPDX-License-Identifier: MIT */
/*
 * The pure functions of proto/ on arbitrary bytes: line framing in pieces of any size
 * against a splitter that sees the whole stream, JSON into every layout, and what must
 * hold between the functions of text.h.
 */
#include "agent/services.h"
#include "proto/json_check.h"
#include "proto/line.h"
#include "proto/stereos.h"
#include "tests/fuzz/fuzz.h"

#define STEPS 8 /* sizes of the pieces that the stream comes in, again and again */

struct stream {
    const char *data;
    size_t len, max;
    size_t at; /* where the reference is */
};

/* The reference: the next line of the whole stream. */
static enum line_result expect_line(struct stream *s, struct line *line)
{
    while (s->at < s->len) {
        const char *start = s->data + s->at;
        const char *newline = memchr(start, '\n', s->len - s->at);
        size_t n = newline != NULL ? (size_t)(newline - start) : s->len - s->at;
        s->at += n + (newline != NULL);
        *line = (struct line){.text = start, .len = n};
        if (n > s->max) {
            line->len = s->max;
            return LINE_TOO_LONG;
        }
        line->len -= n != 0 && start[n - 1] == '\r';
        if (line->len != 0)
            return LINE_FOUND;
    }
    return LINE_NONE;
}

/* Reads what is in data[head..tail-1]; returns the new head. */
static size_t read_lines(struct stream *s, struct line_reader *reader, size_t head, size_t tail)
{
    enum line_result result;

    do {
        struct line line, wanted;
        char *copy = exact(s->data + head, tail - head);
        result = line_next(reader, copy, tail - head, s->max, tail == s->len, &line);
        CHECK(line.consumed <= tail - head);
        if (result != LINE_NONE) {
            CHECK(line.consumed != 0);
            CHECK(expect_line(s, &wanted) == result && line.len == wanted.len);
            CHECK(line.len == 0 || memcmp(line.text, wanted.text, line.len) == 0);
        }
        head += line.consumed;
        free(copy);
    } while (result != LINE_NONE);
    return head;
}

static void check_lines(struct input in)
{
    uint8_t steps[STEPS];
    struct stream s = {.max = 1 + take8(&in) % 64};
    struct line_reader reader = {0};
    size_t head = 0, tail = 0;
    struct line none;

    take_bytes(&in, steps, sizeof steps);
    s.data = (const char *)in.at;
    s.len = in.left;
    for (unsigned i = 0; tail < s.len; i++) {
        size_t room = head + s.max + 1 - tail, step = 1 + steps[i % STEPS] % 80u;
        CHECK(room != 0 && room <= s.max + 1); /* or the connection would stand still */
        step = step < room ? step : room;
        tail = step < s.len - tail ? tail + step : s.len;
        head = read_lines(&s, &reader, head, tail);
    }
    CHECK(head == s.len && expect_line(&s, &none) == LINE_NONE);
}

static void check_text(const char *bytes, size_t len, size_t cap)
{
    struct text t = {bytes, (uint32_t)len};
    size_t n = text_length(t);
    char *decoded = exact(NULL, n), *part = exact(NULL, cap), *quoted = exact(NULL, 6 * n + 2);
    struct out error = {0}, o = out_to(quoted, 6 * n + 2);

    CHECK(text_copy(t, decoded, n) == n);
    CHECK(text_equals_bytes(t, decoded, n));
    CHECK(n == 0 || !text_equals_bytes(t, decoded, n - 1));
    size_t got = text_copy(t, part, cap);
    CHECK(got <= cap && got <= n && memcmp(part, decoded, got) == 0);
    CHECK(got + 4 > cap || got == n); /* it stopped for want of room only */
    out_json_string(&o, decoded, n);
    CHECK(!o.overflow && json_check(quoted, o.len, &error));
    CHECK(text_equals_bytes((struct text){quoted + 1, (uint32_t)o.len - 2}, decoded, n));
    o.len = 0;
    out_quoted(&o, t); /* up to ten bytes for a character of four */
    free(decoded);
    free(part);
    free(quoted);
}

static void check_payloads(const char *json, size_t len)
{
    static const struct stereos_payload_type *const types[] = {
        &stereos_config_payload, &stereos_ssh_key_payload, &stereos_secret_payload,
        &stereos_mount_payload, &stereos_shutdown_payload};
    struct stereos_envelope envelope = {.payload = {json, (uint32_t)len}};
    char text[STEREOS_ERROR_ROOM];
    union payload p;

    for (size_t i = 0; i < COUNT(types); i++) {
        struct out error = out_to(text, sizeof text);
        bool ok = stereos_read_payload(&envelope, "type", types[i], &p, sizeof p, &error);
        CHECK(ok == (error.len == 0));
        if (ok && types[i] == &stereos_secret_payload)
            CHECK(text_length(p.secret.name) <= STEREOS_FIELD_MAX &&
                  text_length(p.secret.value) <= 3 * len);
        if (ok && types[i] == &stereos_mount_payload)
            CHECK(text_length(p.mount.guest_path) <= STEREOS_PATH_MAX);
    }
}

/* What is read from a whole line is what is seen of its start. */
static void check_json(const char *json, size_t len, size_t cut)
{
    char text[STEREOS_ERROR_ROOM];
    struct out error = out_to(text, sizeof text);
    struct stereos_envelope envelope;
    struct text seen = {0};

    if (stereos_read_envelope(json, len, &envelope, &error)) {
        CHECK(json_peek_string(json, len, "type", &seen) == (envelope.type.json != NULL));
        CHECK(seen.json == envelope.type.json && seen.json_len == envelope.type.json_len);
        CHECK(text_length(envelope.type) <= STEREOS_TYPE_MAX);
        if (envelope.payload.json != NULL)
            check_payloads(envelope.payload.json, envelope.payload.len);
    } else {
        CHECK(error.len != 0);
    }
    char *start = exact(json, cut);
    if (json_peek_string(start, cut, "type", &seen))
        CHECK(seen.json >= start && seen.json + seen.json_len <= start + cut);
    free(start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};

    check_lines(in);
    size_t cut = take8(&in);
    char *bytes = exact(in.at, in.left);
    check_text(bytes, in.left, cut);
    check_payloads(bytes, in.left);
    check_json(bytes, in.left, cut < in.left ? cut : in.left);
    free(bytes);
    return 0;
}
