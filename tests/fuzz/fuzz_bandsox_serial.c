/* SPDX-License-Identifier: MIT */
/*
 * Requests of a Bandsox host of arbitrary bytes: read from exact memory, their strings are views
 * into the line, their variables come to an end; and what is said of them is one line of JSON.
 */
#include "proto/bandsox_serial.h"
#include "tests/fuzz/fuzz.h"

#define EVENT_MAX 65536

static const char *line;
static size_t line_len;

static void check_view(struct text t)
{
    CHECK(t.json_len == 0 || (t.json >= line && t.json + t.json_len <= line + line_len));
}

static void check_variables(struct json_raw env)
{
    struct text name, value;
    size_t count = 0;

    while (bandsox_next_variable(&env, &name, &value)) {
        check_view(name);
        check_view(value);
        CHECK(++count <= JSON_TOKENS_MAX);
    }
}

static void check_request(const struct bandsox_order *r)
{
    check_view(r->id);
    check_view(r->command);
    check_view(r->path);
    check_view(r->content);
    check_view(r->data);
    check_view(r->encoding);
    check_variables(r->env);
    CHECK(r->verb <= BANDSOX_FILE_INFO);
}

/* Ours read by our own reader; with less room nothing is written past it. */
static void check_event(void (*write)(struct out *o, struct bytes text), struct bytes text)
{
    struct event {
        struct text type;
        struct json_raw payload;
    } event = {0};
    static const struct json_field fields[] = {
        {"type", JSON_STRING, offsetof(struct event, type), 0, "string"},
        {"payload", JSON_RAW, offsetof(struct event, payload), 0, "object"},
    };
    static const struct json_struct layout = {"fuzz.Event", fields, 2};
    char why[256], *room = exact(NULL, EVENT_MAX);
    struct out o = out_to(room, EVENT_MAX), error = out_to(why, sizeof why);

    write(&o, text);
    CHECK(!o.overflow && o.len != 0 && room[o.len - 1] == '\n');
    CHECK(memchr(room, '\n', o.len) == room + o.len - 1);
    CHECK(json_read(room, o.len - 1, &layout, &event, &error));
    CHECK(event.type.json_len != 0 && event.payload.len > 2);
    char *less = exact(NULL, o.len - 1);
    struct out cut = out_to(less, o.len - 1);
    write(&cut, text);
    CHECK(cut.overflow && cut.len < o.len);
    free(less);
    free(room);
}

static void write_error(struct out *o, struct bytes text)
{
    bandsox_write_error(o, text, text);
}

static void write_output(struct out *o, struct bytes text)
{
    bandsox_write_output(o, text, BANDSOX_STDERR, text.at, text.n);
}

static void write_list(struct out *o, struct bytes text)
{
    const struct bandsox_file file = {text, text.n, UINT64_MAX, (uint32_t)text.n * 04657u};

    bandsox_begin_list(o, text);
    bandsox_write_file(o, true, &file);
    bandsox_write_file(o, false, &file);
    bandsox_end_list(o, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = exact(data, size), why[160];
    struct out error = out_to(why, sizeof why);
    struct bandsox_order r = {0};
    struct bytes text = {s, size < 2048 ? size : 2048};

    line = s;
    line_len = size;
    enum bandsox_line kind = bandsox_read(s, size, &r, &error);
    CHECK(kind == BANDSOX_REQUEST || kind == BANDSOX_IGNORE || error.len != 0);
    if (kind != BANDSOX_IGNORE)
        check_request(&r);
    if (bandsox_peek(s, size, &r))
        check_view(r.id);
    check_event(write_error, text);
    check_event(write_output, text);
    check_event(write_list, text);
    free(s);
    return 0;
}
