/* SPDX-License-Identifier: MIT */
/*
 * The lines of Bandsox's vsock channel. A line is followed from string to string; only what is
 * kept of it, when it is whole, is read as JSON. So the order of its keys does not matter, and
 * neither does its length.
 */
#include "proto/bandsox.h"

#include "proto/json_check.h"
#include "proto/utf8.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* What is left for the rest of a line when a string in it is cut: more than it has without
 * strings, and an escape that was begun. */
#define SPARE 256

static const char data_key[] = "\"data\"";

static const struct json_field answer_fields[] = {
    {"type", JSON_STRING, offsetof(struct bandsox_answer, type_text), 0, "string"},
    {"cmd_id", JSON_STRING, offsetof(struct bandsox_answer, cmd_id), 0, "string"},
    {"error", JSON_STRING, offsetof(struct bandsox_answer, error), 0, "string"},
    {"checksum", JSON_STRING, offsetof(struct bandsox_answer, checksum), 0, "string"},
    {"data", JSON_STRING, offsetof(struct bandsox_answer, data_text), 0, "string"},
    {"size", JSON_RAW, offsetof(struct bandsox_answer, size_text), 0, "int64"},
    {"offset", JSON_RAW, offsetof(struct bandsox_answer, offset_text), 0, "int64"},
};

static const struct json_struct answer_layout = {"bandsox.Answer", answer_fields,
                                                 COUNT(answer_fields)};

static void write_string(struct out *o, const char *key, struct bytes value)
{
    out_str(o, key);
    out_json_string(o, value.at, value.n);
}

void bandsox_write_request(struct out *o, const struct bandsox_request *r)
{
    write_string(o, "{\"type\":", (struct bytes){r->type, strlen(r->type)});
    if (r->path.n != 0)
        write_string(o, ",\"path\":", r->path);
    if (r->has_size) {
        out_str(o, ",\"size\":");
        out_u64(o, r->size);
        write_string(o, ",\"checksum\":", (struct bytes){r->checksum, strlen(r->checksum)});
    }
    if (r->cmd_id.n != 0)
        write_string(o, ",\"cmd_id\":", r->cmd_id);
    out_str(o, "}\n");
}

static bool keep(struct bandsox_reader *r, char c)
{
    if (r->len == r->max) {
        r->rule = "an answer is too long";
        return false;
    }
    r->line[r->len++] = c;
    return true;
}

static uint32_t without_spaces(const struct bandsox_reader *r, uint32_t len)
{
    while (len != 0 && json_is_space(r->line[len - 1]))
        len--;
    return len;
}

/* Whether what begins now is what a key "data" stands for. A key that ends in "data" behind a
 * quote of its own has a backslash in front of that. */
static bool is_data(const struct bandsox_reader *r)
{
    const uint32_t key = sizeof data_key - 1;
    uint32_t len = without_spaces(r, r->len);

    if (len == 0 || r->line[len - 1] != ':')
        return false;
    len = without_spaces(r, len - 1);
    return len > key && memcmp(r->line + len - key, data_key, key) == 0 &&
           r->line[len - key - 1] != '\\';
}

static bool begin_string(struct bandsox_reader *r)
{
    r->in_data = is_data(r);
    if (r->in_data && r->has_data) {
        r->rule = "an answer has two data";
        return false;
    }
    r->has_data |= r->in_data;
    r->in_string = true;
    r->start = r->len;
    return keep(r, '"');
}

/* A character of a string. Where the line has grown too long in it, the rest of the string is
 * passed over, but for its end: no escape is cut in two. */
static bool take_char(struct bandsox_reader *r, char c)
{
    const uint32_t limit = r->max - SPARE;
    bool in_escape = r->escape != 0;

    if ((unsigned char)c < ' ') {
        r->rule = "an answer has a control character in a string";
        return false;
    }
    if (in_escape)
        r->escape = c == 'u' && r->escape == 1 ? 4 : r->escape - 1;
    else if (c == '"')
        r->in_string = r->is_cut = false;
    else if (c == '\\')
        r->escape = 1;
    r->is_cut |= r->in_string && !in_escape && r->start < limit && r->len >= limit;
    return r->is_cut || keep(r, c);
}

/* As much of the data as is there, up to its end. */
static enum bandsox_step take_data(struct bandsox_reader *r, const char *data, size_t n,
                                   struct bandsox_piece *piece)
{
    const char *at = data + piece->consumed, *end = data + n, *c = at;

    while (c < end && *c != '"' && *c != '\\' && (unsigned char)*c >= ' ')
        c++;
    *piece = (struct bandsox_piece){at, (size_t)(c - at), (size_t)(c - data)};
    if (c == end || c != at)
        return BANDSOX_DATA;
    if (*c != '"') {
        r->rule = "an answer has something else than base64 in its data";
        return BANDSOX_BAD;
    }
    r->in_data = false;
    return BANDSOX_MORE;
}

static bool take(struct bandsox_reader *r, char c)
{
    if (r->in_string)
        return take_char(r, c);
    return c == '"' ? begin_string(r) : keep(r, c);
}

enum bandsox_step bandsox_next(struct bandsox_reader *r, const char *data, size_t n,
                               struct bandsox_piece *piece)
{
    if (r->is_whole)
        *r = (struct bandsox_reader){.line = r->line, .max = r->max};
    *piece = (struct bandsox_piece){.at = data};
    while (piece->consumed < n) {
        if (r->in_data) {
            enum bandsox_step step = take_data(r, data, n, piece);
            if (step != BANDSOX_MORE)
                return step;
        }
        char c = data[piece->consumed++];
        r->is_whole = c == '\n' && !r->in_string;
        if (r->is_whole)
            return BANDSOX_LINE;
        if (!take(r, c))
            return BANDSOX_BAD;
    }
    return BANDSOX_MORE;
}

static bool read_number(struct json_raw raw, bool *has, uint64_t *value)
{
    *has = raw.json != NULL && *raw.json != 'n';
    *value = 0;
    for (uint32_t i = 0; *has && i < raw.len; i++) {
        char c = raw.json[i];
        if (c < '0' || c > '9' || *value > (INT64_MAX - 9) / 10)
            return false;
        *value = *value * 10 + (uint64_t)(c - '0');
    }
    return true;
}

const char *const bandsox_type_names[] = {
    [BANDSOX_READY] = "ready", [BANDSOX_CHUNK] = "chunk", [BANDSOX_COMPLETE] = "complete",
    [BANDSOX_ERROR] = "error", [BANDSOX_PONG] = "pong",
};

static bool read_type(struct text name, enum bandsox_type *type)
{
    for (unsigned i = BANDSOX_READY; i < COUNT(bandsox_type_names); i++) {
        *type = (enum bandsox_type)i;
        if (text_equals(name, bandsox_type_names[i]))
            return true;
    }
    return false;
}

bool bandsox_read_answer(const struct bandsox_reader *r, struct bandsox_answer *a,
                         struct out *error)
{
    *a = (struct bandsox_answer){0};
    if (!json_read(r->line, r->len, &answer_layout, a, error))
        return false;
    a->has_data = r->has_data && a->data_text.json != NULL;
    if (!read_type(a->type_text, &a->type)) {
        out_str(error, "unexpected answer of type ");
        out_quoted(error, a->type_text);
        return false;
    }
    if (read_number(a->size_text, &a->has_size, &a->size) &&
        read_number(a->offset_text, &a->has_offset, &a->offset))
        return true;
    out_str(error, "a size or an offset is no number of bytes");
    return false;
}

size_t bandsox_decode(struct text t, char *line)
{
    char bytes[UTF8_MAX];
    uint32_t rune;
    size_t len = 0;

    while (text_next(&t, &rune)) {
        size_t n = utf8_encode(rune, bytes);
        if (line + len + n > t.json) /* bytes that are no UTF-8 have grown */
            break;
        memcpy(line + len, bytes, n);
        len += n;
    }
    return len;
}
