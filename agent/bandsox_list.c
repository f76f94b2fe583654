/* SPDX-License-Identifier: MIT */
/* What a Bandsox host wants to know of a directory, or of one file. */
#include "agent/bandsox_operation.h"

/* Room that an entry takes: every byte of its name may be escaped. */
#define ENTRY_ROOM (FILE_ENTRY_MAX * 6 + 128)

static bandsox_move begin_list, list_entry, end_list, upload_list, open_list, measure_list;

static struct bandsox_file file_of(const struct file_entry *entry)
{
    return (struct bandsox_file){.name = {entry->name, entry->name_len},
                                 .size = entry->info.size,
                                 .mtime = entry->info.mtime,
                                 .mode = entry->info.mode};
}

static bool begin_list(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_begin_list(&o, bandsox_id(op));
    if (!bandsox_say(op, &o, true))
        return false;
    op->step = list_entry;
    return true;
}

static bool list_entry(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_listing *l = &op->listing;
    struct out o = bandsox_event(op);

    (void)now;
    if (o.overflow || o.cap < ENTRY_ROOM)
        return false;
    if (file_next(l->list, &l->entry) != 1) {
        op->step = end_list;
        return true;
    }
    const struct bandsox_file file = file_of(&l->entry);
    bandsox_write_file(&o, l->count++ == 0, &file);
    return bandsox_say(op, &o, true);
}

static bool end_list(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);

    (void)now;
    bandsox_end_list(&o, bandsox_path(op));
    if (!bandsox_say(op, &o, false))
        return false;
    file_close(op->listing.list);
    bandsox_finish(op, 0);
    return true;
}

static bool open_list(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_listing *l = &op->listing;

    *l = (struct bandsox_listing){.list = file_list(bandsox_path(op))};
    if (bandsox_waits(op, l->list, now))
        return false;
    if (l->list < 0)
        bandsox_fail_file(op);
    else
        op->step = begin_list;
    return true;
}

static void begin_listing(struct bandsox_operation *op)
{
    op->step = open_list;
}

/* The part of an upload that is under way, as text. */
static struct out write_part(const struct bandsox_operation *op)
{
    static char
        text[(BANDSOX_PATH_MAX > FILE_ENTRY_MAX ? BANDSOX_PATH_MAX : FILE_ENTRY_MAX) * 6 + 128];
    const struct bandsox_listing *l = &op->listing;
    const struct bandsox_file file = file_of(&l->entry);
    struct out o = out_to(text, sizeof text);

    if (l->part == LISTING_HEAD)
        bandsox_begin_list_upload(&o, bandsox_path(op));
    else if (l->part == LISTING_ENTRY)
        bandsox_write_file(&o, l->count == 1, &file);
    else if (l->part == LISTING_TAIL)
        bandsox_end_list_upload(&o);
    else
        out_str(&o, " ");
    return o;
}

/* Behind a part of n bytes. What came into the directory since it was measured is left out. */
static void next_part(struct bandsox_operation *op, size_t n)
{
    struct bandsox_listing *l = &op->listing;

    l->given += n;
    l->at = 0;
    if (l->part >= LISTING_TAIL) {
        l->part = LISTING_BLANK;
        return;
    }
    l->part = LISTING_ENTRY;
    l->count++;
    if (file_next(l->list, &l->entry) != 1 || l->given + write_part(op).len + 2 > l->size)
        l->part = LISTING_TAIL;
}

static int begin_parts(struct bandsox_operation *op, uint64_t size)
{
    struct bandsox_listing *l = &op->listing;

    *l = (struct bandsox_listing){.size = size, .list = file_list(bandsox_path(op))};
    return l->list;
}

/* Where a directory has become shorter, blanks follow the list: to JSON they are nothing. */
static long read_parts(void *arg, uint64_t offset, void *buf, size_t n)
{
    struct bandsox_operation *op = arg;
    struct bandsox_listing *l = &op->listing;
    size_t done = 0;

    if (offset == 0) {
        file_close(l->list);
        if (begin_parts(op, l->size) < 0)
            return l->list;
    }
    while (done < n) {
        struct out part = write_part(op);
        size_t take = part.len - l->at < n - done ? part.len - l->at : n - done;
        memcpy((char *)buf + done, part.base + l->at, take);
        done += take;
        l->at += take;
        if (l->at == part.len)
            next_part(op, part.len);
    }
    return (long)done;
}

static void close_parts(void *arg)
{
    struct bandsox_operation *op = arg;

    file_close(op->listing.list);
    op->listing.list = -1;
}

static const char *fault_of_parts(void *arg)
{
    (void)arg;
    return file_fault().why;
}

static bool upload_list(struct bandsox_operation *op, uint64_t now)
{
    static const struct transfer_ends ends = {
        .read = read_parts, .close = close_parts, .fault = fault_of_parts};
    const struct transfer_request request = {.kind = TRANSFER_UPLOAD,
                                             .path = {"<bytes>", 7},
                                             .cmd_id = bandsox_id(op),
                                             .port = op->port,
                                             .ends = &ends,
                                             .arg = op,
                                             .size = op->listing.size};

    return bandsox_upload(op, &request, now, begin_listing);
}

/* Goes through all of it once, for its size. */
static bool measure_list(struct bandsox_operation *op, uint64_t now)
{
    struct bandsox_listing *l = &op->listing;

    if (bandsox_waits(op, begin_parts(op, UINT64_MAX), now))
        return false;
    if (l->list < 0) {
        bandsox_fail_file(op);
        return true;
    }
    while (l->part != LISTING_BLANK)
        next_part(op, write_part(op).len);
    l->size = l->given;
    close_parts(op);
    op->step = upload_list;
    return true;
}

void bandsox_list_dir(struct bandsox_operation *op, const struct bandsox_order *r)
{
    op->step = r->use_vsock ? measure_list : open_list;
}

static bool say_info(struct bandsox_operation *op, uint64_t now)
{
    struct out o = bandsox_event(op);
    const struct bandsox_file file = {
        .size = op->info.size, .mtime = op->info.mtime, .mode = op->info.mode};

    (void)now;
    bandsox_write_info(&o, bandsox_id(op), &file);
    if (!bandsox_say(op, &o, false))
        return false;
    bandsox_finish(op, 0);
    return true;
}

void bandsox_file_info(struct bandsox_operation *op, const struct bandsox_order *r)
{
    (void)r;
    if (file_stat(bandsox_path(op), &op->info) != MOTE_OK)
        bandsox_fail(op, "Path not found: %.*s", (int)op->path_len, op->path);
    else
        op->step = say_info;
}
