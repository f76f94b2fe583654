/* SPDX-License-Identifier: MIT */
/* The end of a transfer that is here: a file, and its md5. */
#include "agent/transfer_state.h"

#define FILE_MODE 0644

int transfer_open_source(struct transfer *t)
{
    struct file_info info;

    if (t->ends != &transfer_file)
        return MOTE_OK;
    t->file = file_open(t->name, &info);
    if (t->file < 0)
        return t->file;
    t->size = info.size;
    return MOTE_OK;
}

int transfer_open_sink(struct transfer *t)
{
    if (t->is_open)
        return MOTE_OK;
    t->file = file_create(t->name, t->mode != 0 ? t->mode : FILE_MODE, t->how, true);
    t->is_open = t->file >= 0;
    return t->is_open ? MOTE_OK : t->file;
}

/* Files have no offset: what is read again is opened again. What it has become meanwhile does
 * not matter: as many bytes leave as were announced, with the checksum that was. */
static long read_file(void *arg, uint64_t offset, void *buf, size_t n)
{
    struct transfer *t = arg;

    if (offset == 0 && t->was_read) {
        file_close(t->file);
        t->file = file_open(t->name, NULL);
    }
    t->was_read = true;
    return t->file < 0 ? t->file : file_read(t->file, buf, n);
}

static int write_file(void *arg, uint64_t offset, const void *buf, size_t n)
{
    struct transfer *t = arg;

    (void)offset;
    return file_write(t->file, buf, n);
}

static int commit_file(void *arg)
{
    struct transfer *t = arg;
    int file = t->file;

    t->file = -1;
    return file_commit(file);
}

static void close_file(void *arg)
{
    struct transfer *t = arg;

    file_close(t->file);
    t->file = -1;
}

static const char *file_why(void *arg)
{
    (void)arg;
    return file_fault().why;
}

const struct transfer_ends transfer_file = {read_file, write_file, commit_file, close_file,
                                            file_why};

void transfer_md5_begin(struct transfer *t)
{
    br_md5_init(&t->md5);
    t->has_md5 = true;
}

void transfer_md5_add(struct transfer *t, const void *bytes, size_t n)
{
    if (t->has_md5)
        br_md5_update(&t->md5, bytes, n);
}

void transfer_md5_end(struct transfer *t)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[br_md5_SIZE];

    if (!t->has_md5)
        return;
    br_md5_out(&t->md5, sum);
    for (size_t i = 0; i < sizeof sum; i++) {
        t->checksum[2 * i] = digits[sum[i] >> 4];
        t->checksum[2 * i + 1] = digits[sum[i] & 15];
    }
}
