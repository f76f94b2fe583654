/* SPDX-License-Identifier: MIT */
/*
 * A transfer: one request, the host's lines, and in between the bytes. Of a turn of the loop none
 * takes more than TURN_MAX bytes. What is received is written as it comes; what is sent is read
 * straight into the connection's buffer.
 */
#include "agent/transfer.h"

#include "agent/transfer_state.h"
#include "platform/platform.h"

#define TURN_MAX 131072u

/* A host that has sent everything is waited for so long to end the connection: it may have sent
 * too much. One that does not end it did nothing wrong. */
#define TAIL_NS UINT64_C(5000000000)

/* So much is sent at once, as long as there is so much. */
#define SEND_LEAST (ENDPOINT_SEND_BUFFER / 2)

/* Path, file and cmd_id, behind which a line of answer has room in a client's data. */
#define NAMES_MAX (CLIENT_DATA_MAX - BANDSOX_LINE_MIN)

_Static_assert(6 * (TRANSFER_PATH_MAX + TRANSFER_ID_MAX) + 192 <= ENDPOINT_SEND_BUFFER, "request");

char transfer_scratch[TRANSFER_SCRATCH];

const char *const transfer_kind_names[] = {
    [TRANSFER_PING] = "ping",
    [TRANSFER_UPLOAD] = "upload",
    [TRANSFER_DOWNLOAD] = "download",
    [TRANSFER_DOWNLOAD_RAW] = "download_raw",
};
#define KINDS (sizeof transfer_kind_names / sizeof transfer_kind_names[0])

bool transfer_kind_of(struct bytes name, enum transfer_kind *kind)
{
    for (unsigned i = TRANSFER_PING; i < KINDS; i++) {
        *kind = (enum transfer_kind)i;
        if (strlen(transfer_kind_names[i]) == name.n &&
            memcmp(transfer_kind_names[i], name.at, name.n) == 0)
            return true;
    }
    return false;
}

/* --- what goes --- */

/* Reads on in what is uploaded; false: it has failed. */
static bool read_source(struct client *c, char *space, size_t n, size_t *got)
{
    struct transfer *t = transfer_of(c);
    long result = t->ends->read(t->arg, t->moved, space, transfer_smaller(n, t->size - t->moved));

    if (result < 0)
        transfer_fail_end(c, "read");
    else if (result == 0)
        transfer_fail_length(c, "the file has become shorter", t->size, t->moved);
    if (result <= 0)
        return false;
    *got = (size_t)result;
    t->moved += *got;
    t->turn -= (uint32_t)*got;
    return true;
}

static void hash(struct client *c)
{
    struct transfer *t = transfer_of(c);
    size_t n;

    while (t->moved < t->size && t->turn != 0) {
        if (!read_source(c, transfer_scratch, transfer_smaller(sizeof transfer_scratch, t->turn),
                         &n))
            return;
        transfer_md5_add(t, transfer_scratch, n);
    }
    if (t->moved < t->size) {
        client_again(c);
        return;
    }
    transfer_md5_end(t);
    t->moved = 0;
    t->phase = TRANSFER_ASK;
}

static void ask(struct client *c)
{
    struct transfer *t = transfer_of(c);
    struct bandsox_request request = {.type = transfer_kind_names[t->kind],
                                      .path =
                                          t->kind != TRANSFER_PING ? t->path : (struct bytes){0},
                                      .cmd_id = t->cmd_id,
                                      .has_size = t->kind == TRANSFER_UPLOAD,
                                      .size = t->size,
                                      .checksum = t->checksum};
    char *space;

    uint32_t room = endpoint_reserve(c->conn, ENDPOINT_SEND_BUFFER, &space);
    if (room == 0)
        return;
    struct out o = out_to(space, room);
    bandsox_write_request(&o, &request);
    endpoint_send(c->conn, (uint32_t)o.len);
    t->phase = TRANSFER_ANSWER;
}

static void send(struct client *c)
{
    struct transfer *t = transfer_of(c);
    char *space;
    size_t n;

    while (t->moved < t->size) {
        if (t->turn == 0) {
            client_again(c);
            return;
        }
        uint32_t room = endpoint_reserve(
            c->conn, (uint32_t)transfer_smaller(SEND_LEAST, t->size - t->moved), &space);
        if (room == 0)
            return;
        if (!read_source(c, space, transfer_smaller(room, t->turn), &n))
            return;
        endpoint_send(c->conn, (uint32_t)n);
    }
    t->phase = TRANSFER_SENT;
}

/* --- the protocol --- */

static void progress(struct client *c)
{
    struct transfer *t = transfer_of(c);
    enum transfer_phase before = t->phase;

    t->turn = TURN_MAX;
    if (t->phase == TRANSFER_HASH)
        hash(c);
    if (c->status == CLIENT_RUNNING && t->phase == TRANSFER_ASK)
        ask(c);
    if (c->status == CLIENT_RUNNING)
        transfer_receive(c);
    if (c->status == CLIENT_RUNNING && t->phase == TRANSFER_SEND)
        send(c);
    if (c->status == CLIENT_RUNNING && (t->turn != TURN_MAX || t->phase != before))
        c->deadline =
            platform_now_ns() + (t->phase == TRANSFER_TAIL ? TAIL_NS : TRANSFER_PATIENCE_NS);
}

static void connected(struct client *c)
{
    struct transfer *t = transfer_of(c);

    t->phase = t->has_md5 && t->kind == TRANSFER_UPLOAD ? TRANSFER_HASH : TRANSFER_ASK;
    t->reader = (struct bandsox_reader){.line = t->reader.line, .max = t->reader.max};
    progress(c);
}

/* Where nothing more was to come, the end may be of any kind, or none. */
static bool lost(struct client *c, int error)
{
    const struct transfer *t = transfer_of(c);

    if (t->phase == TRANSFER_TAIL)
        transfer_keep(c);
    else if (t->phase == TRANSFER_RECEIVE && error == MOTE_ERR_RESET)
        transfer_fail_length(c, "connection reset, short download", t->size, t->moved);
    return c->status != CLIENT_RUNNING;
}

static void report(const struct client *c, struct out *o)
{
    const struct transfer *t = transfer_of(c);

    if (t->kind == TRANSFER_PING)
        return;
    out_str(o, "\"size\":");
    out_u64(o, t->moved);
    if (t->checksum[0] == '\0')
        return;
    out_str(o, ",\"checksum\":");
    out_json_string(o, t->checksum, strlen(t->checksum));
}

static void end(struct client *c)
{
    struct transfer *t = transfer_of(c);

    explicit_bzero(transfer_scratch, sizeof transfer_scratch);
    if (t->is_open)
        t->ends->close(t->arg);
    t->is_open = false;
}

static const struct client_protocol bandsox = {.peer = "bandsox",
                                               .connected = connected,
                                               .progress = progress,
                                               .lost = lost,
                                               .report = report,
                                               .end = end};

/* --- the beginning --- */

static const char *fault_of(const struct transfer_request *r)
{
    if (r->kind < TRANSFER_PING || r->kind >= KINDS)
        return "no such transfer";
    if (r->cmd_id.n > TRANSFER_ID_MAX)
        return "the cmd_id is too long";
    if (r->path.n > TRANSFER_PATH_MAX || r->file.n > FILE_PATH_MAX ||
        r->path.n + r->file.n + r->cmd_id.n > NAMES_MAX)
        return "the path is too long";
    if (r->kind == TRANSFER_PING)
        return NULL;
    if (r->path.n == 0)
        return "there is no path";
    return r->kind == TRANSFER_UPLOAD && r->cmd_id.n == 0 ? "there is no cmd_id" : NULL;
}

static struct bytes keep_name(struct client *c, struct bytes name)
{
    struct bytes kept = {c->data + c->used, name.n};

    if (name.n != 0)
        memcpy(c->data + c->used, name.at, name.n);
    c->used += name.n;
    return kept;
}

static void fill_in(struct client *c, const struct transfer_request *r)
{
    struct transfer *t = transfer_of(c);

    t->kind = r->kind;
    t->mode = r->mode;
    t->how = r->how;
    t->size = r->size;
    t->file = -1;
    t->ends = r->ends != NULL ? r->ends : &transfer_file;
    t->arg = r->ends != NULL ? r->arg : t;
    t->path = keep_name(c, r->path);
    t->cmd_id = keep_name(c, r->cmd_id);
    t->name = r->file.n != 0 ? keep_name(c, r->file) : t->path;
    t->reader.line = c->data + c->used;
    t->reader.max = (uint32_t)(CLIENT_DATA_MAX - c->used);
    if (t->kind == TRANSFER_DOWNLOAD || (t->kind == TRANSFER_UPLOAD && r->checksum))
        transfer_md5_begin(t);
    c->may_repeat = t->kind == TRANSFER_PING;
}

static void explain(struct out *error, const char *step, struct bytes name, const char *why)
{
    out_str(error, "bandsox: ");
    out_str(error, step);
    out_bytes(error, name.at, name.n);
    out_str(error, name.n != 0 ? ": " : "");
    out_str(error, why);
}

static struct client *begin(const struct transfer_request *r, struct out *error)
{
    struct client *c = client_new(&bandsox);

    if (c == NULL) {
        explain(error, "", (struct bytes){0}, "too many exchanges at once");
        return NULL;
    }
    fill_in(c, r);
    struct transfer *t = transfer_of(c);
    if (t->kind == TRANSFER_UPLOAD && transfer_open_source(t) < 0) {
        explain(error, "open ", t->name, file_fault().why);
        client_free(c);
        return NULL;
    }
    t->is_open = r->ends != NULL || t->kind == TRANSFER_UPLOAD;
    return c;
}

struct client *transfer_begin(const struct transfer_request *r, struct out *error)
{
    const char *fault = fault_of(r);

    if (fault != NULL) {
        explain(error, "", (struct bytes){0}, fault);
        return NULL;
    }
    struct client *c = begin(r, error);
    if (c != NULL)
        client_begin(c, r->port != 0 ? r->port : TRANSFER_PORT, TRANSFER_PATIENCE_NS);
    return c;
}

uint64_t transfer_moved(const struct client *c)
{
    return transfer_of(c)->moved;
}

uint64_t transfer_size(const struct client *c)
{
    return transfer_of(c)->size;
}
