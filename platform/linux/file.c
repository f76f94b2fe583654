/* SPDX-License-Identifier: MIT */
/* The guest's files as the kernel has them. */
#include "platform/file.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/files.h"
#include "platform/linux/replacement.h"
#include "platform/linux/sys.h"

#include <string.h>

#define PERMISSIONS 07777u

static struct opened {
    enum { FREE, READ, WRITE, REPLACE, LIST } use;
    bool broken; /* a write failed */
    int fd;
    union {
        struct replacement new;
        struct listing list;
    };
} opened[FILES_MAX];

static char file_path[FILE_PATH_MAX + 1];
static struct file_fault fault = {"open", ""};

int file_refuse(int result, const char *step, const char *why)
{
    fault = (struct file_fault){step, why};
    return result;
}

int file_fail(const char *step, long error)
{
    static const struct {
        long error;
        int result;
    } results[] = {
        {-ENOENT, MOTE_ERR_NOT_FOUND},    {-ENOSPC, MOTE_ERR_NO_ROOM},
        {-EDQUOT, MOTE_ERR_NO_ROOM},      {-EFBIG, MOTE_ERR_NO_ROOM},
        {-EMFILE, MOTE_ERR_NO_RESOURCES}, {-ENFILE, MOTE_ERR_NO_RESOURCES},
        {-EINVAL, MOTE_ERR_INVALID},      {-ENAMETOOLONG, MOTE_ERR_INVALID},
        {-EISDIR, MOTE_ERR_UNSUPPORTED},  {-ENXIO, MOTE_ERR_UNSUPPORTED},
    };
    int result = MOTE_ERR_IO;

    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        if (results[i].error == error)
            result = results[i].result;
    return file_refuse(result, step, errno_text(error));
}

struct file_fault file_fault(void)
{
    return fault;
}

/* Puts the path where the kernel can read it. */
static long take_path(struct bytes path)
{
    if (path.n > FILE_PATH_MAX)
        return -ENAMETOOLONG;
    if (path.n > 0 && memchr(path.at, '\0', path.n) != NULL)
        return -EINVAL;
    if (path.n > 0)
        memcpy(file_path, path.at, path.n);
    file_path[path.n] = '\0';
    return 0;
}

/* A number that is free, with the path taken. */
static int new_number(struct bytes path)
{
    long result = take_path(path);

    if (result != 0)
        return file_fail("open", result);
    for (int i = 0; i < FILES_MAX; i++)
        if (opened[i].use == FREE)
            return i;
    return file_fail("open", -EMFILE);
}

static struct opened *find(int file, unsigned use)
{
    if (file < 0 || file >= FILES_MAX || opened[file].use != use)
        return NULL;
    return &opened[file];
}

static struct file_info info_of(const struct statx *found)
{
    return (struct file_info){.size = found->stx_size,
                              .mode = found->stx_mode,
                              .mtime = (uint64_t)found->stx_mtime.tv_sec};
}

/* That a descriptor is of a regular file. It is closed otherwise. */
static int check_regular(int fd, struct file_info *info)
{
    struct statx found;
    long result = sys_statx(fd, "", AT_EMPTY_PATH, &found);

    if (result == 0 && files_is_regular(&found)) {
        *info = info_of(&found);
        return MOTE_OK;
    }
    sys_close(fd);
    if (result != 0)
        return file_fail("stat", result);
    if ((found.stx_mode & FILE_TYPE_MASK) == FILE_TYPE_DIRECTORY)
        return file_fail("open", -EISDIR);
    return file_refuse(MOTE_ERR_UNSUPPORTED, "open", "not a regular file");
}

/* A FIFO must not stop us, nor a terminal become ours. */
static int open_plain(int file, unsigned use, int flags, uint32_t mode, struct file_info *info)
{
    struct file_info unwanted;
    long mask = sys_umask(0);
    long fd = sys_open(file_path, flags | O_NONBLOCK | O_NOCTTY, mode);
    sys_umask((unsigned)mask);

    if (fd < 0)
        return file_fail("open", fd);
    int result = check_regular((int)fd, info != NULL ? info : &unwanted);
    if (result != MOTE_OK)
        return result;
    opened[file] = (struct opened){.use = use, .fd = (int)fd};
    return file;
}

int file_open(struct bytes path, struct file_info *info)
{
    int file = new_number(path);

    return file < 0 ? file : open_plain(file, READ, O_RDONLY, 0, info);
}

static int create_new(int file, uint32_t mode, bool parents)
{
    struct opened *o = &opened[file];
    int fd = replacement_begin(&o->new, file_path, mode, parents);

    if (fd < 0)
        return fd;
    o->fd = fd;
    o->broken = false;
    o->use = REPLACE;
    return file;
}

/* Those of the path that was taken, which stays. */
static int make_parents(void)
{
    char *slash = strrchr(file_path, '/');

    if (slash == NULL || slash == file_path)
        return MOTE_OK;
    *slash = '\0';
    int fd = replacement_open_directory(file_path, true);
    *slash = '/';
    sys_close(fd);
    return fd < 0 ? fd : MOTE_OK;
}

int file_create(struct bytes path, uint32_t mode, enum file_how how, bool parents)
{
    int file = new_number(path);

    if (file < 0)
        return file;
    if (how == FILE_REPLACE)
        return create_new(file, mode & PERMISSIONS, parents);
    int result = parents ? make_parents() : MOTE_OK;
    if (result != MOTE_OK)
        return result;
    int flags = O_WRONLY | O_CREAT | (how == FILE_TRUNCATE ? O_TRUNC : O_APPEND);
    return open_plain(file, WRITE, flags, mode & PERMISSIONS, NULL);
}

long file_read(int file, void *buf, size_t n)
{
    const struct opened *o = find(file, READ);
    long got = o != NULL ? sys_read(o->fd, buf, n) : -EBADF;

    return got < 0 ? file_fail("read", got) : got;
}

static struct opened *find_written(int file)
{
    struct opened *o = find(file, WRITE);

    return o != NULL ? o : find(file, REPLACE);
}

int file_write(int file, const void *buf, size_t n)
{
    struct opened *o = find_written(file);
    long result = o != NULL && !o->broken ? files_write(o->fd, buf, n) : -EBADF;

    if (result == 0)
        return MOTE_OK;
    if (o != NULL)
        o->broken = true;
    return file_fail("write", result);
}

int file_commit(int file)
{
    struct opened *o = find_written(file);

    if (o == NULL || o->broken) {
        file_close(file);
        return file_fail("write", -EBADF);
    }
    int result = o->use == REPLACE ? replacement_commit(&o->new, o->fd) : MOTE_OK;
    long closed = sys_close(o->fd); /* where the server of a file system may say no */
    o->use = FREE;
    return result == MOTE_OK && closed != 0 ? file_fail("close", closed) : result;
}

void file_close(int file)
{
    if (file < 0 || file >= FILES_MAX || opened[file].use == FREE)
        return;
    struct opened *o = &opened[file];
    if (o->use == REPLACE)
        replacement_drop(&o->new);
    sys_close(o->fd);
    o->use = FREE;
}

int file_stat(struct bytes path, struct file_info *info)
{
    struct statx found;
    long result = take_path(path);

    if (result == 0)
        result = sys_statx(AT_FDCWD, file_path, 0, &found);
    if (result != 0)
        return file_fail("stat", result);
    *info = info_of(&found);
    return MOTE_OK;
}

int file_list(struct bytes path)
{
    int list = new_number(path);

    if (list < 0)
        return list;
    long fd = sys_open(file_path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return file_fail("open", fd);
    opened[list].use = LIST;
    opened[list].fd = opened[list].list.directory = (int)fd;
    opened[list].list.size = opened[list].list.at = 0;
    return list;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A name that is gone meanwhile is passed over. */
int file_next(int list, struct file_entry *entry)
{
    struct opened *o = find(list, LIST);
    struct statx found;
    const char *name;

    if (o == NULL)
        return file_fail("readdirent", -EBADF);
    while ((name = files_next_of_all(&o->list)) != NULL)
        if (!is_dots(name) && sys_statx(o->fd, name, AT_SYMLINK_NOFOLLOW, &found) == 0) {
            entry->info = info_of(&found);
            entry->name_len = strlen(name);
            memcpy(entry->name, name, entry->name_len + 1);
            return 1;
        }
    return o->list.size < 0 ? file_fail("readdirent", o->list.size) : 0;
}
