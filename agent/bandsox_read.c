/* SPDX-License-Identifier: MIT */
/*
 * Reading a file for a Bandsox host: whole in one event or in chunks with their checksum, a window
 * of its lines, or by an upload. An event is written piece by piece, however long it gets.
 */
#include "agent/bandsox_operation.h"
#include "proto/base64.h"

#define WHOLE_MAX 65536 /* bytes of a file that comes in one event, and of a chunk of others */

/* What a piece of a file becomes when its lines are numbered is not longer than a piece. */
#define NUMBER_MAX     22 /* of 2^64 - 1, a tab, and the end of the line before */
#define NUMBERED_PIECE (BANDSOX_PIECE / (NUMBER_MAX + 2))

/* Bytes of a file on their way into an event. Nothing stays here. */
static char piece[BANDSOX_PIECE], ready[BANDSOX_PIECE + 8];

static bandsox_move begin_event, read_piece, end_event, complete, upload_file;

static bool is_kind(const struct file_info *info, uint32_t type)
{
    return (info->mode & FILE_TYPE_MASK) == type;
}

/* Which bytes of a line are wanted, as Go's line scanner has them: a line ends without its "\n"
 * or "\r\n", the last one also without any. Writes what a byte brings to dst. */
static size_t start_line(struct bandsox_reading *r, char *dst)
{
    struct out o = out_to(dst, NUMBER_MAX);

    r->in_line = true;
    r->lines++;
    r->emits = r->lines > r->skip && (r->limit == 0 || r->emitted < r->limit);
    if (!r->emits)
        return 0;
    if (r->emitted++ > 0)
        out_str(&o, "\n");
    if (r->numbers) {
        out_u64(&o, r->lines);
        out_str(&o, "\t");
    }
    return o.len;
}

static size_t window_byte(struct bandsox_reading *r, char c, char *dst)
{
    size_t n = r->in_line ? 0 : start_line(r, dst);

    if (r->owes_cr && c != '\n' && r->emits)
        dst[n++] = '\r';
    r->owes_cr = c == '\r';
    r->in_line = c != '\n';
    if (c != '\n' && c != '\r' && r->emits)
        dst[n++] = c;
    return n;
}

/* What n bytes of the file bring, to dst, which has room for it. */
static size_t filter(struct bandsox_reading *r, const char *src, size_t n, char *dst)
{
    size_t len = 0;

    for (size_t i = 0; i < n; i++) {
        if (r->is_window) {
            len += window_byte(r, src[i], dst + len);
            continue;
        }
        r->lines += src[i] == '\n';
        dst[len++] = src[i];
    }
    return len;
}

/* Of n bytes behind those that were carried, as many as make whole groups of three; the others
 * are carried on. all: there are no more. */
static void write_base64(struct out *o, struct bandsox_reading *r, size_t n, bool all)
{
    size_t whole = all ? n : n - n % 3;

    o->len += base64_encode(o->base + o->len, ready, whole);
    r->carried = (uint8_t)(n - whole);
    memcpy(r->carry, ready + whole, n - whole);
}

/* The next bytes of the file; 0 at the end of what belongs to this event. */
static size_t take_bytes(struct bandsox_reading *r)
{
    uint64_t left = r->chunk_end - r->done;
    size_t n = r->numbers ? NUMBERED_PIECE : BANDSOX_PIECE;
    long got = file_read(r->file, piece, n < left ? n : (size_t)left);

    if (got < 0)
        r->fault = file_fault().why;
    return got > 0 ? (size_t)got : 0;
}

static bool read_piece(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_reading *r = &op->reading;
    struct out o = bandsox_event(op);

    (void)now;
    if (o.overflow || o.cap < base64_size(sizeof ready))
        return false;
    size_t n = take_bytes(r);
    memcpy(ready, r->carry, r->carried);
    size_t len = r->carried + filter(r, piece, n, ready + r->carried);
    write_base64(&o, r, len, n == 0);
    r->done += n;
    if (r->is_chunked)
        br_md5_update(&r->md5, piece, n);
    if (n == 0)
        op->step = end_event;
    return bandsox_say(op, &o, true);
}

static bool begin_event(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_reading *r = &op->reading;
    struct out o = bandsox_event(op);

    (void)now;
    if (r->is_chunked)
        bandsox_begin_chunk(&o, bandsox_id(op));
    else
        bandsox_begin_content(&o, bandsox_id(op));
    if (!bandsox_say(op, &o, true))
        return false;
    r->chunk_end = r->is_chunked ? r->done + WHOLE_MAX : UINT64_MAX;
    op->step = read_piece;
    return true;
}

static void end_reading(struct bandsox_operation *op)
{
    file_close(op->reading.file);
    if (op->reading.fault != NULL)
        bandsox_fail(op, "read %.*s: %s", (int)op->path_len, op->path, op->reading.fault);
    else
        bandsox_finish(op, 0);
}

static bool end_event(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_reading *r = &op->reading;
    struct out o = bandsox_event(op);
    uint64_t begun = r->chunk_end - WHOLE_MAX;

    (void)now;
    if (r->is_chunked)
        bandsox_end_chunk(&o, bandsox_path(op), begun, r->done - begun);
    else
        bandsox_end_content(&o, bandsox_path(op), r->lines + !r->is_window);
    if (!bandsox_say(op, &o, false))
        return false;
    if (!r->is_chunked || r->fault != NULL)
        end_reading(op);
    else
        op->step = r->done == r->chunk_end && r->done < r->size ? begin_event : complete;
    return true;
}

static bool complete(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_reading *r = &op->reading;
    struct out o = bandsox_event(op);
    uint8_t md5[br_md5_SIZE];

    (void)now;
    br_md5_out(&r->md5, md5);
    bandsox_write_complete(&o, bandsox_id(op), bandsox_path(op), md5, r->lines + 1, r->done);
    if (!bandsox_say(op, &o, false))
        return false;
    end_reading(op);
    return true;
}

static bool open_file(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_reading *r = &op->reading;
    struct file_info info;

    r->file = file_open(bandsox_path(op), &info);
    if (bandsox_waits(op, r->file, now))
        return false;
    if (r->file < 0) {
        bandsox_fail_file(op);
        return true;
    }
    r->size = info.size;
    r->is_chunked = !r->is_window && info.size > WHOLE_MAX;
    br_md5_init(&r->md5);
    op->step = begin_event;
    return true;
}

/* By the serial line. */
static void begin_reading(struct bandsox_operation *op)
{
    struct file_info info;

    if (file_stat(bandsox_path(op), &info) != MOTE_OK)
        bandsox_fail(op, "File not found: %.*s", (int)op->path_len, op->path);
    else if (is_kind(&info, FILE_TYPE_DIRECTORY))
        bandsox_fail(op, "Path is a directory: %.*s", (int)op->path_len, op->path);
    else
        op->step = open_file;
}

static bool upload_file(struct bandsox_operation *op, uint64_t now)
{
    const struct transfer_request request = {.kind = TRANSFER_UPLOAD,
                                             .path = bandsox_path(op),
                                             .cmd_id = bandsox_id(op),
                                             .port = op->port};

    return bandsox_upload(op, &request, now, begin_reading);
}

void bandsox_read_file(struct bandsox_operation *op, const struct bandsox_order *r)
{
    struct file_info info;

    op->reading.skip = r->offset;
    op->reading.limit = r->limit;
    op->reading.numbers = r->show_line_numbers;
    op->reading.is_window = r->offset != 0 || r->limit != 0 || r->show_line_numbers;
    if (r->use_vsock && file_stat(bandsox_path(op), &info) == MOTE_OK &&
        is_kind(&info, FILE_TYPE_REGULAR))
        op->step = upload_file;
    else
        begin_reading(op);
}
