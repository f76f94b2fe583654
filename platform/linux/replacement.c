/* SPDX-License-Identifier: MIT */
#include "platform/linux/replacement.h"

#include "platform/linux/files.h"
#include "platform/linux/sys.h"

#include <stdio.h>
#include <string.h>

#define TRIES        100 /* others may use the directory, and have our names */
#define PARENTS_MODE 0755u

/* Cuts the last name off the path: what is left is its directory. */
static long split(char *path, char *name)
{
    char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;

    if (path[0] == '\0')
        return -ENOENT;
    if (last[0] == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
        return -EISDIR;
    if (strlen(last) >= FILE_ENTRY_MAX)
        return -ENAMETOOLONG;
    strcpy(name, last);
    path[last - path] = '\0';
    return 0;
}

int replacement_open_directory(const char *path, bool make)
{
    path = path[0] != '\0' ? path : ".";
    long fd = sys_open(path, O_PATH | O_DIRECTORY, 0);

    if (fd != -ENOENT || !make)
        return fd < 0 ? file_fail("open", fd) : (int)fd;
    long result = files_make_directories(path, PARENTS_MODE);
    if (result != 0)
        return file_fail("mkdir", result);
    fd = sys_open(path, O_PATH | O_DIRECTORY, 0);
    return fd < 0 ? file_fail("open", fd) : (int)fd;
}

/* A directory can't be replaced; a device or a FIFO could, and would be missed. */
static int check_replaceable(const struct replacement *r)
{
    struct statx found;
    long result = sys_statx(r->directory, r->name, AT_SYMLINK_NOFOLLOW, &found);
    unsigned type = result == 0 ? found.stx_mode & FILE_TYPE_MASK : 0;

    if (result != 0)
        return result == -ENOENT ? MOTE_OK : file_fail("open", result);
    if (type == FILE_TYPE_DIRECTORY)
        return file_fail("open", -EISDIR);
    if (type == FILE_TYPE_REGULAR || type == FILE_TYPE_LINK)
        return MOTE_OK;
    return file_refuse(MOTE_ERR_UNSUPPORTED, "open", "not a regular file");
}

/* Under a name that nobody has. */
static int open_temporary(struct replacement *r)
{
    static unsigned serial;
    long fd = -EEXIST;

    for (int i = 0; i < TRIES && fd == -EEXIST; i++) {
        snprintf(r->temporary, sizeof r->temporary, ".mote.%ld.%u.tmp", sys_getpid(), serial++);
        fd = sys_openat(r->directory, r->temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    }
    return fd < 0 ? file_fail("open", fd) : (int)fd;
}

int replacement_begin(struct replacement *r, char *path, uint32_t mode, bool parents)
{
    long result = split(path, r->name);

    if (result != 0)
        return file_fail("open", result);
    r->mode = mode;
    r->directory = replacement_open_directory(path, parents);
    if (r->directory < 0)
        return r->directory;
    int fd = check_replaceable(r);
    if (fd == MOTE_OK)
        fd = open_temporary(r);
    if (fd < 0)
        sys_close(r->directory);
    return fd;
}

int replacement_commit(const struct replacement *r, int fd)
{
    const char *step = "chmod";
    long result = sys_fchmod(fd, r->mode);

    if (result == 0) {
        step = "rename";
        result = sys_renameat(r->directory, r->temporary, r->directory, r->name);
    }
    if (result != 0) {
        replacement_drop(r);
        return file_fail(step, result);
    }
    sys_close(r->directory);
    return MOTE_OK;
}

void replacement_drop(const struct replacement *r)
{
    sys_unlinkat(r->directory, r->temporary, 0);
    sys_close(r->directory);
}
