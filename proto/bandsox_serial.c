/* SPDX-License-Identifier: MIT */
/* How Bandsox's control channel is spelled. */
#include "proto/bandsox_serial.h"

#include "proto/base64.h"
#include "proto/json_check.h"

/* What a request is read into first: numbers may have a sign. */
struct raw_request {
    struct text type;
    struct json_raw offset;
    struct json_raw limit;
    struct json_raw cols;
    struct json_raw rows;
    struct json_raw vsock_port;
    struct bandsox_order request;
};

#define RAW(name)     offsetof(struct raw_request, name)
#define REQUEST(name) offsetof(struct raw_request, request.name)

static const struct json_field fields[] = {
    {"type", JSON_STRING, RAW(type), 0, "string"},
    {"id", JSON_STRING, REQUEST(id), 0, "string"},
    {"command", JSON_STRING, REQUEST(command), 0, "string"},
    {"path", JSON_STRING, REQUEST(path), 0, "string"},
    {"content", JSON_STRING, REQUEST(content), 0, "string"},
    {"data", JSON_STRING, REQUEST(data), 0, "string"},
    {"encoding", JSON_STRING, REQUEST(encoding), 0, "string"},
    {"env", JSON_RAW, REQUEST(env), 0, "map[string]string"},
    {"offset", JSON_RAW, RAW(offset), 0, "int"},
    {"limit", JSON_RAW, RAW(limit), 0, "int"},
    {"cols", JSON_RAW, RAW(cols), 0, "int"},
    {"rows", JSON_RAW, RAW(rows), 0, "int"},
    {"vsock_port", JSON_RAW, RAW(vsock_port), 0, "int"},
    {"append", JSON_BOOL, REQUEST(append), 0, "bool"},
    {"background", JSON_BOOL, REQUEST(background), 0, "bool"},
    {"show_line_numbers", JSON_BOOL, REQUEST(show_line_numbers), 0, "bool"},
    {"use_vsock", JSON_BOOL, REQUEST(use_vsock), 0, "bool"},
    {"use_vsock_output", JSON_BOOL, REQUEST(use_vsock_output), 0, "bool"},
};

static const struct json_struct layout = {"bandsox.Request", fields,
                                          sizeof fields / sizeof fields[0]};

static const char *const type_names[] = {
    [BANDSOX_EXEC] = "exec",
    [BANDSOX_PTY_EXEC] = "pty_exec",
    [BANDSOX_INPUT] = "input",
    [BANDSOX_RESIZE] = "resize",
    [BANDSOX_KILL] = "kill",
    [BANDSOX_READ_FILE] = "read_file",
    [BANDSOX_WRITE_FILE] = "write_file",
    [BANDSOX_WRITE_TEXT] = "write_text",
    [BANDSOX_WRITE_FILE_VSOCK] = "write_file_vsock",
    [BANDSOX_LIST_DIR] = "list_dir",
    [BANDSOX_FILE_INFO] = "file_info",
};

static enum bandsox_verb type_of(struct text name)
{
    for (size_t i = BANDSOX_EXEC; i < sizeof type_names / sizeof type_names[0]; i++)
        if (text_equals(name, type_names[i]))
            return (enum bandsox_verb)i;
    return BANDSOX_UNKNOWN;
}

/* An int as Go reads one; one that does not fit ours is as large as that, or zero. */
static bool read_int(struct json_raw raw, uint32_t *value)
{
    bool minus = raw.len > 0 && raw.json[0] == '-';
    uint64_t n = 0;

    *value = 0;
    if (raw.len == 0 || raw.json[0] == 'n') /* null */
        return true;
    for (uint32_t i = minus; i < raw.len; i++) {
        if (raw.json[i] < '0' || raw.json[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(raw.json[i] - '0');
        n = n > UINT32_MAX ? UINT32_MAX : n;
    }
    *value = minus ? 0 : (uint32_t)n;
    return true;
}

static void skip(struct json_raw *r, uint32_t n)
{
    r->json += n;
    r->len -= n;
}

/* In front of what must follow: the syntax of everything was checked. */
static void skip_space(struct json_raw *r)
{
    while (json_is_space(*r->json))
        skip(r, 1);
}

/* A string, or null for an empty one. */
static bool take_string(struct json_raw *r, struct text *t)
{
    uint32_t n = 1;

    *t = (struct text){0};
    if (*r->json == 'n') {
        skip(r, 4);
        return true;
    }
    if (*r->json != '"')
        return false;
    while (r->json[n] != '"')
        n += r->json[n] == '\\' ? 2 : 1;
    *t = (struct text){r->json + 1, n - 1};
    skip(r, n + 1);
    return true;
}

bool bandsox_next_variable(struct json_raw *env, struct text *name, struct text *value)
{
    if (env->len == 0)
        return false;
    while (*env->json == '{' || *env->json == ',' || json_is_space(*env->json))
        skip(env, 1);
    if (*env->json != '"') /* the end, or a value that was none */
        return false;
    take_string(env, name);
    skip_space(env);
    skip(env, 1); /* the colon */
    skip_space(env);
    return take_string(env, value);
}

/* Whether env is an object of strings, or not there. */
static bool is_env(struct json_raw env)
{
    struct text name, value;

    if (env.len == 0)
        return true;
    if (*env.json != '{')
        return false;
    while (bandsox_next_variable(&env, &name, &value))
        ;
    return *env.json == '}';
}

static bool read_raw(struct raw_request *raw)
{
    struct bandsox_order *r = &raw->request;

    r->verb = type_of(raw->type);
    if (r->env.len != 0 && *r->env.json == 'n')
        r->env.len = 0;
    return is_env(r->env) && read_int(raw->offset, &r->offset) && read_int(raw->limit, &r->limit) &&
           read_int(raw->cols, &r->cols) && read_int(raw->rows, &r->rows) &&
           read_int(raw->vsock_port, &r->vsock_port);
}

/* A limit that is ours and not Go's is told of: its text names it. */
static bool names_limit(const struct out *error)
{
    static const char word[] = "limit is ";

    for (size_t i = 0; i + sizeof word - 1 <= error->len; i++)
        if (memcmp(error->base + i, word, sizeof word - 1) == 0)
            return true;
    return false;
}

enum bandsox_line bandsox_read(const char *line, size_t len, struct bandsox_order *r,
                               struct out *error)
{
    struct raw_request raw = {0};

    if (!json_read(line, len, &layout, &raw, error))
        return names_limit(error) && bandsox_peek(line, len, r) ? BANDSOX_REFUSE : BANDSOX_IGNORE;
    bool good = read_raw(&raw);
    *r = raw.request;
    return good ? BANDSOX_REQUEST : BANDSOX_IGNORE;
}

bool bandsox_peek(const char *line, size_t len, struct bandsox_order *r)
{
    struct text type = {0};

    *r = (struct bandsox_order){0};
    json_peek_string(line, len, "type", &type);
    r->verb = type_of(type);
    return json_peek_string(line, len, "id", &r->id);
}

bool bandsox_has_exit(enum bandsox_verb verb)
{
    return verb != BANDSOX_INPUT && verb != BANDSOX_RESIZE && verb != BANDSOX_KILL;
}

uint32_t bandsox_mode(uint32_t st_mode)
{
    static const uint32_t types[16] = {
        [0x1] = 1u << 25,            /* a FIFO */
        [0x2] = 1u << 26 | 1u << 21, /* a character device */
        [0x4] = 1u << 31,            /* a directory */
        [0x6] = 1u << 26,            /* a block device */
        [0xa] = 1u << 27,            /* a symbolic link */
        [0xc] = 1u << 24,            /* a socket */
    };
    uint32_t mode = (st_mode & 0777) | types[st_mode >> 12 & 0xf];

    mode |= (st_mode & 04000) != 0 ? 1u << 23 : 0; /* setuid */
    mode |= (st_mode & 02000) != 0 ? 1u << 22 : 0; /* setgid */
    mode |= (st_mode & 01000) != 0 ? 1u << 20 : 0; /* sticky */
    return mode;
}

/* {"type":...,"payload":{"cmd_id":... */
static void begin(struct out *o, const char *type, struct bytes id)
{
    out_str(o, "{\"type\":\"");
    out_str(o, type);
    out_str(o, "\",\"payload\":{\"cmd_id\":");
    out_json_string(o, id.at, id.n);
}

static void end(struct out *o)
{
    out_str(o, "}}\n");
}

/* key: with what stands in front of it, and its colon. */
static void write_string(struct out *o, const char *key, struct bytes value)
{
    out_str(o, key);
    out_json_string(o, value.at, value.n);
}

static void write_number(struct out *o, const char *key, uint64_t value)
{
    out_str(o, key);
    out_u64(o, value);
}

static void write_bool(struct out *o, const char *key, bool value)
{
    out_str(o, key);
    out_str(o, value ? "true" : "false");
}

void bandsox_write_ready(struct out *o)
{
    out_str(o, "{\"type\":\"status\",\"payload\":{\"status\":\"ready\"}}\n");
}

void bandsox_write_started(struct out *o, struct bytes id, int pid)
{
    begin(o, "status", id);
    if (pid != 0)
        write_number(o, ",\"pid\":", (uint64_t)pid);
    out_str(o, ",\"status\":\"started\"");
    end(o);
}

void bandsox_write_uploaded(struct out *o, struct bytes id, uint64_t size)
{
    begin(o, "status", id);
    write_number(o, ",\"size\":", size);
    out_str(o, ",\"status\":\"uploaded\"");
    end(o);
}

void bandsox_write_error(struct out *o, struct bytes id, struct bytes error)
{
    begin(o, "error", id);
    write_string(o, ",\"error\":", error);
    end(o);
}

static void begin_exit(struct out *o, struct bytes id, int code)
{
    begin(o, "exit", id);
    out_str(o, code < 0 ? ",\"exit_code\":-" : ",\"exit_code\":");
    out_u64(o, code < 0 ? 0 - (uint64_t)code : (uint64_t)code);
}

void bandsox_write_exit(struct out *o, struct bytes id, int code)
{
    begin_exit(o, id, code);
    end(o);
}

void bandsox_write_exit_uploads(struct out *o, struct bytes id, int code,
                                const struct bandsox_uploads *uploads)
{
    begin_exit(o, id, code);
    write_bool(o, ",\"vsock_output\":{\"attempted\":", uploads->attempted);
    out_str(o, ",\"requested\":true");
    write_bool(o, ",\"stderr_uploaded\":", uploads->done[BANDSOX_STDERR]);
    write_bool(o, ",\"stdout_uploaded\":", uploads->done[BANDSOX_STDOUT]);
    out_str(o, "}");
    end(o);
}

static void write_stream(struct out *o, enum bandsox_stream stream)
{
    out_str(o, stream == BANDSOX_STDOUT ? ",\"stream\":\"stdout\"" : ",\"stream\":\"stderr\"");
}

void bandsox_write_output(struct out *o, struct bytes id, enum bandsox_stream stream,
                          const void *data, size_t n)
{
    begin(o, "output", id);
    out_str(o, ",\"data\":\"");
    out_base64(o, data, n);
    out_str(o, "\",\"encoding\":\"base64\"");
    write_stream(o, stream);
    end(o);
}

void bandsox_write_truncated(struct out *o, struct bytes id, enum bandsox_stream stream,
                             uint64_t sent)
{
    write_number(o, "{\"type\":\"output_truncated\",\"payload\":{\"bytes_sent\":", sent);
    write_string(o, ",\"cmd_id\":", id);
    write_stream(o, stream);
    end(o);
}

void bandsox_begin_content(struct out *o, struct bytes id)
{
    begin(o, "file_content", id);
    out_str(o, ",\"content\":\"");
}

void bandsox_end_content(struct out *o, struct bytes path, uint64_t total_lines)
{
    write_string(o, "\",\"path\":", path);
    write_number(o, ",\"total_lines\":", total_lines);
    end(o);
}

void bandsox_begin_chunk(struct out *o, struct bytes id)
{
    begin(o, "file_chunk", id);
    out_str(o, ",\"data\":\"");
}

void bandsox_end_chunk(struct out *o, struct bytes path, uint64_t offset, uint64_t size)
{
    write_number(o, "\",\"offset\":", offset);
    write_string(o, ",\"path\":", path);
    write_number(o, ",\"size\":", size);
    end(o);
}

void bandsox_write_complete(struct out *o, struct bytes id, struct bytes path,
                            const uint8_t md5[16], uint64_t total_lines, uint64_t total_size)
{
    static const char digits[] = "0123456789abcdef";

    out_str(o, "{\"type\":\"file_complete\",\"payload\":{\"checksum\":\"");
    for (int i = 0; i < 16; i++) {
        out_bytes(o, &digits[md5[i] >> 4], 1);
        out_bytes(o, &digits[md5[i] & 0xf], 1);
    }
    write_string(o, "\",\"cmd_id\":", id);
    write_string(o, ",\"path\":", path);
    write_number(o, ",\"total_lines\":", total_lines);
    write_number(o, ",\"total_size\":", total_size);
    end(o);
}

void bandsox_begin_list(struct out *o, struct bytes id)
{
    begin(o, "dir_list", id);
    out_str(o, ",\"files\":[");
}

void bandsox_write_file(struct out *o, bool first, const struct bandsox_file *file)
{
    uint32_t mode = bandsox_mode(file->mode);

    write_number(o, first ? "{\"mode\":" : ",{\"mode\":", mode);
    write_number(o, ",\"mtime\":", file->mtime);
    write_string(o, ",\"name\":", file->name);
    write_number(o, ",\"size\":", file->size);
    out_str(o, mode >> 31 != 0 ? ",\"type\":\"directory\"}" : ",\"type\":\"file\"}");
}

void bandsox_end_list(struct out *o, struct bytes path)
{
    write_string(o, "],\"path\":", path);
    end(o);
}

void bandsox_begin_list_upload(struct out *o, struct bytes path)
{
    write_string(o, "{\"path\":", path);
    out_str(o, ",\"files\":[");
}

void bandsox_end_list_upload(struct out *o)
{
    out_str(o, "]}");
}

/* Octal, without a leading zero. */
static void write_octal(struct out *o, uint32_t value)
{
    char digits[11]; /* of 2^32 - 1 */
    size_t first = sizeof digits;

    do {
        digits[--first] = (char)('0' + (value & 7));
        value >>= 3;
    } while (value != 0);
    out_bytes(o, digits + first, sizeof digits - first);
}

void bandsox_write_info(struct out *o, struct bytes id, const struct bandsox_file *file)
{
    begin(o, "file_info", id);
    out_str(o, ",\"info\":{\"mode\":\"");
    write_octal(o, bandsox_mode(file->mode));
    write_number(o, "\",\"mtime\":", file->mtime);
    write_number(o, ",\"size\":", file->size);
    out_str(o, "}");
    end(o);
}
