/* SPDX-License-Identifier: MIT */
/*
 * What a host sends: lines, and in or behind them bytes, which are written as they come.
 */
#include "agent/transfer_state.h"

static unsigned long long ull(uint64_t n)
{
    return n;
}

void transfer_fail_end(struct client *c, const char *step)
{
    const struct transfer *t = transfer_of(c);

    if (t->ends == &transfer_file)
        step = file_fault().step;
    client_fail(c, "%s %.*s: %s", step, (int)t->name.n, t->name.at, t->ends->fault(t->arg));
}

void transfer_fail_length(struct client *c, const char *what, uint64_t expected, uint64_t got)
{
    client_fail(c, "%s: expected %llu, got %llu", what, ull(expected), ull(got));
}

/* Whether what was moved has the checksum that the host gave, if it did. */
static bool verify(struct client *c)
{
    struct transfer *t = transfer_of(c);

    transfer_md5_end(t);
    if (t->expected[0] == '\0' || strcmp(t->expected, t->checksum) == 0)
        return true;
    client_fail(c, "Checksum mismatch: expected %s, got %s", t->expected, t->checksum);
    return false;
}

static bool open_sink(struct client *c)
{
    if (transfer_open_sink(transfer_of(c)) == MOTE_OK)
        return true;
    transfer_fail_end(c, "open");
    return false;
}

static bool write_bytes(struct client *c, const char *bytes, size_t n)
{
    struct transfer *t = transfer_of(c);

    transfer_md5_add(t, bytes, n);
    if (n != 0 && t->ends->write(t->arg, t->moved, bytes, n) < 0) {
        transfer_fail_end(c, "write");
        return false;
    }
    t->moved += n;
    return true;
}

/* All of it came. */
void transfer_keep(struct client *c)
{
    struct transfer *t = transfer_of(c);

    if (!verify(c))
        return;
    if (t->ends->commit(t->arg) < 0)
        transfer_fail_end(c, "write");
    else
        client_done(c);
}

static void decode(struct client *c, const struct bandsox_piece *piece)
{
    struct transfer *t = transfer_of(c);
    const size_t most = sizeof transfer_scratch / 3 * 4 - 4;

    if (t->kind != TRANSFER_DOWNLOAD) {
        client_fail(c, "unexpected data");
        return;
    }
    if (!open_sink(c))
        return;
    for (size_t at = 0, n; at < piece->n; at += n) {
        n = transfer_smaller(piece->n - at, most);
        long got = base64_decode(&t->decoder, piece->at + at, n, transfer_scratch);
        if (got < 0) {
            client_fail(c, "illegal base64 data at input byte %llu", ull(t->decoder.at));
            return;
        }
        if (!write_bytes(c, transfer_scratch, (size_t)got))
            return;
    }
}

/* --- answers --- */

static bool expect(struct client *c, struct text checksum)
{
    struct transfer *t = transfer_of(c);

    if (!text_fits(checksum, sizeof t->expected - 1)) {
        client_fail(c, "a checksum that is no md5");
        return false;
    }
    t->expected[text_copy(checksum, t->expected, sizeof t->expected - 1)] = '\0';
    return true;
}

static void on_pong(struct client *c, const struct bandsox_answer *a)
{
    (void)a;
    client_done(c);
}

static void on_upload_ready(struct client *c, const struct bandsox_answer *a)
{
    struct transfer *t = transfer_of(c);

    (void)a;
    t->phase = t->size != 0 ? TRANSFER_SEND : TRANSFER_SENT;
}

static void on_upload_complete(struct client *c, const struct bandsox_answer *a)
{
    const struct transfer *t = transfer_of(c);

    if (a->has_size && a->size != t->size)
        transfer_fail_length(c, "the host has another size", t->size, a->size);
    else
        client_done(c);
}

static void on_chunk(struct client *c, const struct bandsox_answer *a)
{
    struct transfer *t = transfer_of(c);

    if (!a->has_data || !a->has_offset || !a->has_size)
        client_fail(c, "a chunk without data, offset or size");
    else if (!base64_end(&t->decoder))
        client_fail(c, "illegal base64 data at input byte %llu", ull(t->decoder.at));
    else if (a->offset != t->chunk)
        transfer_fail_length(c, "a chunk's offset", t->chunk, a->offset);
    else if (a->size != t->moved - t->chunk)
        transfer_fail_length(c, "short chunk", a->size, t->moved - t->chunk);
    t->chunk = t->moved;
    t->decoder = (struct base64_decoder){0};
}

static void on_download_complete(struct client *c, const struct bandsox_answer *a)
{
    struct transfer *t = transfer_of(c);

    if (a->has_data || !a->has_size || a->size != t->moved)
        transfer_fail_length(c, "short download", a->size, t->moved);
    else if (expect(c, a->checksum) && open_sink(c))
        transfer_keep(c);
}

static void on_raw_ready(struct client *c, const struct bandsox_answer *a)
{
    struct transfer *t = transfer_of(c);

    if (!a->has_size) {
        client_fail(c, "a download without a size");
        return;
    }
    if (!expect(c, a->checksum) || !open_sink(c))
        return;
    if (t->expected[0] != '\0')
        transfer_md5_begin(t);
    t->size = a->size;
    t->phase = t->size != 0 ? TRANSFER_RECEIVE : TRANSFER_TAIL;
}

/* What may come when; an error may always. */
static const struct {
    enum transfer_kind kind;
    enum transfer_phase phase;
    enum bandsox_type type;
    void (*act)(struct client *c, const struct bandsox_answer *a);
} answers[] = {
    {TRANSFER_PING, TRANSFER_ANSWER, BANDSOX_PONG, on_pong},
    {TRANSFER_UPLOAD, TRANSFER_ANSWER, BANDSOX_READY, on_upload_ready},
    {TRANSFER_UPLOAD, TRANSFER_SENT, BANDSOX_COMPLETE, on_upload_complete},
    {TRANSFER_DOWNLOAD, TRANSFER_ANSWER, BANDSOX_CHUNK, on_chunk},
    {TRANSFER_DOWNLOAD, TRANSFER_ANSWER, BANDSOX_COMPLETE, on_download_complete},
    {TRANSFER_DOWNLOAD_RAW, TRANSFER_ANSWER, BANDSOX_READY, on_raw_ready},
};

/* A ping without one is answered as "ping". */
static bool is_ours(const struct transfer *t, struct text cmd_id)
{
    if (cmd_id.json == NULL)
        return true;
    return t->cmd_id.n != 0 ? text_equals_bytes(cmd_id, t->cmd_id.at, t->cmd_id.n)
                            : t->kind == TRANSFER_PING && text_equals(cmd_id, "ping");
}

static void answer(struct client *c)
{
    struct transfer *t = transfer_of(c);
    char text[CLIENT_ERROR_MAX];
    struct out error = out_to(text, sizeof text);
    struct bandsox_answer a;

    if (!bandsox_read_answer(&t->reader, &a, &error)) {
        client_fail(c, "%.*s", (int)error.len, text);
        return;
    }
    if (a.type == BANDSOX_ERROR) {
        client_refused(c, t->reader.line, bandsox_decode(a.error, t->reader.line));
        return;
    }
    if (!is_ours(t, a.cmd_id)) {
        client_fail(c, "an answer with another cmd_id");
        return;
    }
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++)
        if (answers[i].kind == t->kind && answers[i].phase == t->phase &&
            answers[i].type == a.type) {
            answers[i].act(c, &a);
            return;
        }
    client_fail(c, "unexpected answer %s", bandsox_type_names[a.type]);
}

/* --- what comes --- */

static void take_lines(struct client *c, const char *data, size_t n)
{
    struct transfer *t = transfer_of(c);
    struct bandsox_piece piece;
    enum bandsox_step step = bandsox_next(&t->reader, data, n, &piece);
    size_t end = (size_t)(t->reader.line - c->data) + t->reader.len;

    c->used = end > c->used ? end : c->used;
    if (step == BANDSOX_DATA)
        decode(c, &piece);
    if (step == BANDSOX_BAD)
        client_fail(c, "%s", t->reader.rule);
    if (c->status != CLIENT_RUNNING)
        return;
    endpoint_consume(c->conn, (uint32_t)piece.consumed);
    t->turn -= (uint32_t)piece.consumed;
    if (step == BANDSOX_LINE)
        answer(c);
}

static void take_bytes(struct client *c, const char *data, size_t n)
{
    struct transfer *t = transfer_of(c);

    if (n > t->size - t->moved) {
        transfer_fail_length(c, "long download", t->size, t->moved + n);
        return;
    }
    if (!write_bytes(c, data, n))
        return;
    endpoint_consume(c->conn, (uint32_t)n);
    t->turn -= (uint32_t)n;
    if (t->moved == t->size)
        t->phase = TRANSFER_TAIL;
}

static void end_of_stream(struct client *c)
{
    const struct transfer *t = transfer_of(c);

    if (t->phase == TRANSFER_TAIL)
        transfer_keep(c);
    else if (t->phase == TRANSFER_RECEIVE)
        transfer_fail_length(c, "short download", t->size, t->moved);
    else
        client_fail(c, "connection closed, %llu bytes into the %s", ull(t->moved),
                    transfer_kind_names[t->kind]);
}

void transfer_receive(struct client *c)
{
    struct transfer *t = transfer_of(c);
    const char *data;
    uint32_t n;

    while (c->status == CLIENT_RUNNING && (n = endpoint_peek(c->conn, &data)) != 0) {
        if (t->turn == 0) {
            client_again(c);
            return;
        }
        if (t->phase == TRANSFER_RECEIVE || t->phase == TRANSFER_TAIL)
            take_bytes(c, data, transfer_smaller(n, t->turn));
        else
            take_lines(c, data, transfer_smaller(n, t->turn));
    }
    if (c->status == CLIENT_RUNNING && c->peer_done)
        end_of_stream(c);
}
