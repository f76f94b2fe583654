/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_host.h"

#include "tests/unit/unit.h"

#include <stdio.h>

struct host_conn host[HOST_CONNS];
int host_connect_result, host_connects;

struct fake_file fake_files[FAKE_FILES];
int fake_file_opens;
size_t fake_file_room;
bool fake_file_stuck;
enum file_how fake_file_how;
uint32_t fake_file_mode;

static struct {
    bool used, writes;
    enum file_how how;
    struct fake_file *file; /* that is read, or comes to be */
    size_t at;
    char name[64];
    char *bytes; /* FILE_REPLACE */
} opened[FILES_MAX];
static char replacements[FILES_MAX][HOST_MEMORY];

void host_reset(void)
{
    for (int i = 0; i < HOST_CONNS; i++)
        host[i] = (struct host_conn){.room = SIZE_MAX};
    memset(fake_files, 0, sizeof fake_files);
    memset(opened, 0, sizeof opened);
    host_connect_result = host_connects = fake_file_opens = 0;
    fake_file_room = SIZE_MAX;
    fake_file_stuck = false;
}

/* --- the endpoint --- */

int endpoint_connect(uint64_t cid, uint32_t port)
{
    assert_true(cid == ENDPOINT_CID_HOST);
    host_connects++;
    if (host_connect_result != 0)
        return host_connect_result;
    for (int i = 0; i < HOST_CONNS; i++)
        if (!host[i].is_open) {
            host[i].is_open = true;
            host[i].port = port;
            host[i].said_len = host[i].heard_len = 0;
            host[i].room = SIZE_MAX;
            return i;
        }
    return MOTE_ERR_NO_RESOURCES;
}

uint32_t endpoint_peek(int conn, const char **data)
{
    assert_true(host[conn].is_open);
    *data = host[conn].said;
    return (uint32_t)host[conn].said_len;
}

void endpoint_consume(int conn, uint32_t n)
{
    struct host_conn *h = &host[conn];

    assert_true(h->is_open && n <= h->said_len);
    memmove(h->said, h->said + n, h->said_len - n);
    h->said_len -= n;
}

uint32_t endpoint_reserve(int conn, uint32_t least, char **space)
{
    struct host_conn *h = &host[conn];
    size_t room = ENDPOINT_SEND_BUFFER < h->room ? ENDPOINT_SEND_BUFFER : h->room;

    assert_true(h->is_open && least <= ENDPOINT_SEND_BUFFER);
    *space = h->heard + h->heard_len;
    return room < least ? 0 : (uint32_t)room;
}

void endpoint_send(int conn, uint32_t n)
{
    struct host_conn *h = &host[conn];

    assert_true(h->is_open && n <= h->room);
    h->heard_len += n;
    h->room -= h->room != SIZE_MAX ? n : 0;
}

void endpoint_close(int conn)
{
    assert_true(host[conn].is_open);
    host[conn].is_open = false;
    host[conn].closes++;
}

void endpoint_abort(int conn)
{
    assert_true(host[conn].is_open);
    host[conn].is_open = false;
    host[conn].aborts++;
}

/* --- files --- */

struct fake_file *fake_file(const char *name)
{
    for (int i = 0; i < FAKE_FILES; i++)
        if (fake_files[i].name[0] != '\0' && strcmp(fake_files[i].name, name) == 0)
            return &fake_files[i];
    return NULL;
}

struct fake_file *fake_file_make(const char *name, const void *bytes, size_t n)
{
    struct fake_file *f = fake_file(name);

    for (int i = 0; f == NULL; i++)
        f = fake_files[i].name[0] == '\0' ? &fake_files[i] : NULL;
    snprintf(f->name, sizeof f->name, "%s", name);
    memcpy(f->bytes, bytes, n);
    f->len = n;
    return f;
}

static int take_number(struct bytes path)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (!opened[i].used) {
            opened[i].used = true;
            opened[i].at = 0;
            snprintf(opened[i].name, sizeof opened[i].name, "%.*s", (int)path.n, path.at);
            opened[i].file = fake_file(opened[i].name);
            fake_file_opens++;
            return i;
        }
    return MOTE_ERR_NO_RESOURCES;
}

int file_open(struct bytes path, struct file_info *info)
{
    int n = take_number(path);

    if (opened[n].file == NULL) {
        file_close(n);
        return MOTE_ERR_NOT_FOUND;
    }
    opened[n].writes = false;
    if (info != NULL)
        *info = (struct file_info){.size = opened[n].file->len};
    return n;
}

int file_create(struct bytes path, uint32_t mode, enum file_how how, bool parents)
{
    assert_true(parents);
    fake_file_mode = mode;
    fake_file_how = how;
    if (fake_file_room == 0)
        return MOTE_ERR_NO_ROOM;
    int n = take_number(path);
    opened[n].writes = true;
    opened[n].how = how;
    opened[n].bytes = replacements[n];
    if (how != FILE_REPLACE) {
        if (opened[n].file == NULL)
            opened[n].file = fake_file_make(opened[n].name, "", 0);
        opened[n].at = how == FILE_APPEND ? opened[n].file->len : 0;
        opened[n].file->len = opened[n].at;
        opened[n].bytes = opened[n].file->bytes;
    }
    return n;
}

long file_read(int file, void *buf, size_t n)
{
    const struct fake_file *f = opened[file].file;

    assert_true(opened[file].used && !opened[file].writes);
    if (fake_file_stuck)
        return MOTE_ERR_IO;
    size_t left = opened[file].at < f->len ? f->len - opened[file].at : 0;
    n = n < left ? n : left;
    memcpy(buf, f->bytes + opened[file].at, n);
    opened[file].at += n;
    return (long)n;
}

int file_write(int file, const void *buf, size_t n)
{
    assert_true(opened[file].used && opened[file].writes && opened[file].at + n <= HOST_MEMORY);
    if (opened[file].at + n > fake_file_room)
        return MOTE_ERR_NO_ROOM;
    memcpy(opened[file].bytes + opened[file].at, buf, n);
    opened[file].at += n;
    if (opened[file].how != FILE_REPLACE)
        opened[file].file->len = opened[file].at;
    return MOTE_OK;
}

int file_commit(int file)
{
    assert_true(opened[file].used && opened[file].writes);
    if (!fake_file_stuck && opened[file].how == FILE_REPLACE)
        fake_file_make(opened[file].name, opened[file].bytes, opened[file].at);
    file_close(file);
    return fake_file_stuck ? MOTE_ERR_IO : MOTE_OK;
}

void file_close(int file)
{
    if (file < 0)
        return;
    assert_true(opened[file].used);
    opened[file].used = false;
    fake_file_opens--;
}

struct file_fault file_fault(void)
{
    return (struct file_fault){"step", "the reason"};
}
