/* SPDX-License-Identifier: MIT */
/*
 * Files of a guest without a file system: blobs of the store under the paths as they are. An open
 * file is the number of a blob, and how far it was read.
 */
#include "platform/file.h"

#include "platform/bare/blob.h"

#include <string.h>

#define LISTS_MAX 2 /* of the open files; each keeps a path */

static struct opened {
    enum { FREE, READ, WRITE, REPLACE, LIST } use;
    bool broken; /* a write failed */
    int blob;    /* that is read or written; the last one that was listed */
    uint32_t at; /* bytes that were read; the list */
} opened[FILES_MAX];

/* The directories that are listed: without the slashes around them. */
static struct list {
    bool used;
    uint8_t len;
    char path[STORE_NAME_MAX];
} lists[LISTS_MAX];

static struct file_fault fault = {"open", ""};

static int fail(int result, const char *step)
{
    fault = (struct file_fault){step, "no such file or directory"};
    if (result == MOTE_ERR_NO_ROOM || result == MOTE_ERR_INVALID)
        fault.why = store_fault().why;
    if (result == MOTE_ERR_NO_RESOURCES)
        fault.why = "too many open files";
    if (result == MOTE_ERR_UNSUPPORTED)
        fault.why = "is a directory";
    if (result == MOTE_ERR_IO)
        fault.why = "bad file descriptor";
    return result;
}

struct file_fault file_fault(void)
{
    return fault;
}

static struct opened *find(int file, unsigned use)
{
    if (file < 0 || file >= FILES_MAX || opened[file].use != use)
        return NULL;
    return &opened[file];
}

static int new_number(unsigned use, int blob)
{
    for (int i = 0; i < FILES_MAX; i++)
        if (opened[i].use == FREE) {
            opened[i] = (struct opened){.use = use, .blob = blob};
            return i;
        }
    return MOTE_ERR_NO_RESOURCES;
}

static struct bytes trim_slashes(struct bytes path)
{
    for (; path.n > 0 && path.at[0] == '/'; path.n--)
        path.at++;
    while (path.n > 0 && path.at[path.n - 1] == '/')
        path.n--;
    return path;
}

/* The part of a blob's name that is behind a directory; false: the blob is not in there. */
static bool is_below(struct bytes directory, const struct store_name *blob, struct bytes *rest)
{
    struct bytes name = trim_slashes((struct bytes){blob->name, blob->len});

    if (directory.n > 0) {
        if (name.n <= directory.n || memcmp(name.at, directory.at, directory.n) != 0 ||
            name.at[directory.n] != '/')
            return false;
        name.at += directory.n;
        name.n -= directory.n;
    }
    *rest = trim_slashes(name);
    return rest->n > 0;
}

/* The root is always there. */
static bool is_directory(struct bytes path)
{
    struct bytes directory = trim_slashes(path), rest;
    struct store_name blob;
    int id = 0;

    if (directory.n == 0)
        return true;
    while ((id = blob_next(STORE_FILE, id, &blob)) > 0)
        if (is_below(directory, &blob, &rest))
            return true;
    return false;
}

static struct file_info info_of(size_t size, uint32_t mode)
{
    return (struct file_info){.size = size, .mode = FILE_TYPE_REGULAR | mode};
}

static const struct file_info directory_info = {.mode = FILE_TYPE_DIRECTORY | 0755};

int file_stat(struct bytes path, struct file_info *info)
{
    struct store_blob blob;

    if (store_get(STORE_FILE, path.at, path.n, &blob) == MOTE_OK) {
        *info = info_of(blob.size, blob.mode);
        return MOTE_OK;
    }
    *info = directory_info;
    return is_directory(path) ? MOTE_OK : fail(MOTE_ERR_NOT_FOUND, "stat");
}

int file_open(struct bytes path, struct file_info *info)
{
    int blob = blob_find(STORE_FILE, path.at, path.n);

    if (blob < 0)
        return fail(is_directory(path) ? MOTE_ERR_UNSUPPORTED : blob, "open");
    if (info != NULL)
        file_stat(path, info);
    int file = new_number(READ, blob);
    return file >= 0 ? file : fail(file, "open");
}

/* The blob to write in place, which is there from now on. */
static int open_in_place(struct bytes path, uint32_t mode, enum file_how how)
{
    int blob = blob_find(STORE_FILE, path.at, path.n);

    if (blob > 0 && how == FILE_TRUNCATE)
        blob_truncate(blob);
    if (blob > 0)
        return blob;
    blob = blob_new(STORE_FILE, path.at, path.n, mode);
    if (blob > 0)
        blob_show(blob);
    return blob;
}

/* There are no directories that could be missing. */
int file_create(struct bytes path, uint32_t mode, enum file_how how, bool parents)
{
    unsigned use = how == FILE_REPLACE ? REPLACE : WRITE;
    int file = new_number(use, 0);

    (void)parents;
    if (file < 0)
        return fail(file, "open");
    opened[file].use = FREE; /* until there is a blob */
    if (is_directory(path) || path.at[path.n - 1] == '/')
        return fail(MOTE_ERR_UNSUPPORTED, "open");
    int blob = how == FILE_REPLACE ? blob_new(STORE_FILE, path.at, path.n, mode & 07777u)
                                   : open_in_place(path, mode & 07777u, how);
    if (blob < 0)
        return fail(blob, "open");
    opened[file].blob = blob;
    opened[file].use = use;
    return file;
}

long file_read(int file, void *buf, size_t n)
{
    struct opened *o = find(file, READ);
    struct store_blob blob;

    if (o == NULL)
        return fail(MOTE_ERR_IO, "read");
    if (blob_get(o->blob, &blob) != MOTE_OK)
        return fail(MOTE_ERR_NOT_FOUND, "read");
    size_t left = o->at < blob.size ? blob.size - o->at : 0;
    n = n < left ? n : left;
    if (n > 0)
        memcpy(buf, (const char *)blob.data + o->at, n);
    o->at += (uint32_t)n;
    return (long)n;
}

static struct opened *find_written(int file)
{
    struct opened *o = find(file, WRITE);

    return o != NULL ? o : find(file, REPLACE);
}

int file_write(int file, const void *buf, size_t n)
{
    struct opened *o = find_written(file);
    int result = o != NULL && !o->broken ? blob_append(o->blob, buf, n) : MOTE_ERR_IO;

    if (result == MOTE_OK)
        return MOTE_OK;
    if (o != NULL)
        o->broken = true;
    return fail(result, "write");
}

int file_commit(int file)
{
    struct opened *o = find_written(file);

    if (o == NULL || o->broken) {
        file_close(file);
        return fail(MOTE_ERR_IO, "write");
    }
    int result = blob_show(o->blob); /* what is written in place is shown already */
    o->use = FREE;
    return result == MOTE_OK ? MOTE_OK : fail(result, "rename");
}

void file_close(int file)
{
    if (file < 0 || file >= FILES_MAX)
        return;
    struct opened *o = &opened[file];
    if (o->use == REPLACE)
        blob_drop(o->blob);
    if (o->use == LIST)
        lists[o->at].used = false;
    o->use = FREE;
}

/* A list that is free takes the path; -1: there is none. */
static int take_list(struct bytes directory)
{
    for (int i = 0; i < LISTS_MAX; i++)
        if (!lists[i].used) {
            lists[i].used = true;
            lists[i].len = (uint8_t)directory.n;
            memcpy(lists[i].path, directory.at, directory.n);
            return i;
        }
    return -1;
}

int file_list(struct bytes path)
{
    struct bytes directory = trim_slashes(path);

    if (directory.n > STORE_NAME_MAX || !is_directory(path))
        return fail(MOTE_ERR_NOT_FOUND, "open");
    int list = take_list(directory);
    int file = list >= 0 ? new_number(LIST, 0) : MOTE_ERR_NO_RESOURCES;
    if (file < 0) {
        if (list >= 0)
            lists[list].used = false;
        return fail(file, "open");
    }
    opened[file].at = (uint32_t)list;
    return file;
}

/* The first name of what is left of a path. */
static struct bytes first_name(struct bytes rest)
{
    const char *slash = memchr(rest.at, '/', rest.n);

    return (struct bytes){rest.at, slash != NULL ? (size_t)(slash - rest.at) : rest.n};
}

/* Whether a blob in front of another one in the store has the same directory below this one. */
static bool was_listed(struct bytes directory, struct bytes name, int until)
{
    struct store_name blob;
    struct bytes rest;
    int id = 0;

    while ((id = blob_next(STORE_FILE, id, &blob)) > 0 && id < until)
        if (is_below(directory, &blob, &rest) && rest.n > name.n && rest.at[name.n] == '/' &&
            memcmp(rest.at, name.at, name.n) == 0)
            return true;
    return false;
}

static void describe(struct bytes name, struct file_info info, struct file_entry *entry)
{
    entry->info = info;
    entry->name_len = name.n;
    memcpy(entry->name, name.at, name.n);
    entry->name[name.n] = '\0';
}

int file_next(int list, struct file_entry *entry)
{
    struct opened *o = find(list, LIST);
    struct store_name blob;
    struct bytes rest;

    if (o == NULL)
        return fail(MOTE_ERR_IO, "readdirent");
    const struct list *l = &lists[o->at];
    const struct bytes directory = {l->path, l->len};
    for (int id; (id = blob_next(STORE_FILE, o->blob, &blob)) > 0;) {
        o->blob = id;
        if (!is_below(directory, &blob, &rest))
            continue;
        struct bytes name = first_name(rest);
        bool is_file = name.n == rest.n;
        if (!is_file && was_listed(directory, name, id))
            continue;
        describe(name, is_file ? info_of(blob.size, blob.mode) : directory_info, entry);
        return 1;
    }
    return 0;
}

long file_resolve(struct bytes path, char *real, size_t cap)
{
    (void)path, (void)real, (void)cap;
    return 0;
}
