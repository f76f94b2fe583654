/* SPDX-License-Identifier: MIT */
#include "platform/linux/files.h"

#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <string.h>

/* One for each directory, so that what an end in the middle of a write left behind goes with the
 * next. No name of a secret begins with a dot. */
#define TEMPORARY ".mote.tmp"

#define LOCK_HELD (-EAGAIN)
#define ZEROS     512 /* bytes at once */

/* S_IFMT and S_IFREG, which the kernel's header leaves to some C libraries. */
#define TYPE_MASK    0170000u
#define TYPE_REGULAR 0100000u

/* As getdents64 gives them. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

const char *files_option(const char *key, const char *otherwise)
{
    size_t len;
    const char *path = platform_last_option(key, &len);

    return path != NULL ? path : otherwise;
}

long files_make_directories(const char *path, unsigned mode)
{
    char part[FILES_MADE_MAX];
    size_t n = strlen(path);
    long result = 0;

    if (n >= sizeof part)
        return -ENAMETOOLONG;
    long mask = sys_umask(0);
    for (size_t i = 1; i <= n && result == 0; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        result = sys_mkdirat(AT_FDCWD, part, i == n ? mode : 0755);
        result = result == -EEXIST ? 0 : result;
    }
    sys_umask((unsigned)mask);
    return result;
}

long files_open_directory(const char *path, unsigned mode)
{
    long fd = sys_open(path, O_RDONLY | O_DIRECTORY, 0);

    if (fd != -ENOENT)
        return fd;
    long result =
        strlen(path) < FILES_PATH_MAX ? files_make_directories(path, mode) : -ENAMETOOLONG;
    return result != 0 ? result : sys_open(path, O_RDONLY | O_DIRECTORY, 0);
}

long files_dress(int fd, unsigned mode, unsigned uid, unsigned gid, const char **step)
{
    struct statx now;
    long result = sys_statx(fd, "", AT_EMPTY_PATH, &now);

    *step = "chown";
    if (result == 0 && uid != FILES_OURS && (now.stx_uid != uid || now.stx_gid != gid))
        result = sys_fchown(fd, uid, gid);
    if (result != 0 || (now.stx_mode & 07777u) == mode)
        return result;
    *step = "chmod";
    return sys_fchmod(fd, mode);
}

/* Nobody but us, should two of us have the same directory; where locks are unknown, nobody asks. */
static long open_temporary(int directory)
{
    if (syscall3(__NR_flock, directory, LOCK_EX | LOCK_NB, 0) == LOCK_HELD)
        return LOCK_HELD;
    sys_unlinkat(directory, TEMPORARY, 0);
    return sys_openat(directory, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

long files_write(int fd, const char *data, size_t n)
{
    while (n > 0) {
        long written = sys_write(fd, data, n);
        if (written <= 0)
            return written < 0 ? written : -EIO;
        data += written;
        n -= (size_t)written;
    }
    return 0;
}

/* Those who have the file open see zeros from now on. */
static long overwrite(int fd)
{
    static const char zeros[ZEROS];
    struct statx file;
    long result = sys_statx(fd, "", AT_EMPTY_PATH, &file);

    for (uint64_t at = 0; result == 0 && at < file.stx_size;) {
        uint64_t n = file.stx_size - at < ZEROS ? file.stx_size - at : ZEROS;
        long written = sys_pwrite(fd, zeros, n, (long)at);
        if (written <= 0)
            return written < 0 ? written : -EIO;
        at += (uint64_t)written;
    }
    return result;
}

/*
 * The pages of the file that is replaced can't be overwritten: a reader may have it open. They
 * are free when the last reader is done; with init_on_free=1 the kernel clears them then.
 */
long files_replace(const struct file *f, const void *data, size_t n, const char **step)
{
    *step = "open";
    long fd = open_temporary(f->directory);
    if (fd < 0)
        return fd;
    *step = "write";
    long result = files_write((int)fd, data, n);
    if (result == 0)
        result = files_dress((int)fd, f->mode, f->uid, f->gid, step);
    if (result == 0) {
        *step = "rename";
        result = sys_renameat(f->directory, TEMPORARY, f->directory, f->name);
    }
    if (result != 0) {
        sys_unlinkat(f->directory, TEMPORARY, 0);
        overwrite((int)fd);
    }
    sys_close((int)fd);
    return result;
}

bool files_is_regular(const struct statx *file)
{
    return (file->stx_mode & TYPE_MASK) == TYPE_REGULAR;
}

/* Anything but a regular file is none; a FIFO must not stop us. */
static long open_regular(int directory, const char *name, int how, struct statx *file)
{
    long fd = sys_openat(directory, name, how | O_NOFOLLOW | O_NONBLOCK, 0);

    if (fd == -ELOOP || fd == -EISDIR || fd == -ENXIO)
        return -ENOENT;
    if (fd < 0)
        return fd;
    if (sys_statx((int)fd, "", AT_EMPTY_PATH, file) == 0 && files_is_regular(file))
        return fd;
    sys_close((int)fd);
    return -ENOENT;
}

long files_destroy(int directory, const char *name)
{
    struct statx file;
    long fd = open_regular(directory, name, O_WRONLY, &file);

    /* Its mode may keep its owner out; root would not have noticed. */
    if (fd == -EACCES && syscall3(__NR_fchmodat, directory, (long)name, 0600) == 0)
        fd = open_regular(directory, name, O_WRONLY, &file);
    if (fd < 0)
        return fd;
    long result = sys_unlinkat(directory, name, 0);
    if (result == 0)
        result = overwrite((int)fd);
    sys_close((int)fd);
    return result;
}

static long read_all(int fd, char *buf, size_t n)
{
    size_t used = 0;

    while (used < n) {
        long got = sys_read(fd, buf + used, n - used);
        if (got < 0)
            explicit_bzero(buf, used);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        used += (size_t)got;
    }
    return (long)used;
}

long files_read(int directory, const char *name, void *buf, size_t room, uint32_t *mode)
{
    struct statx file;
    long fd = open_regular(directory, name, O_RDONLY, &file);

    if (fd < 0)
        return fd;
    long result = file.stx_size > room ? -EFBIG : read_all((int)fd, buf, file.stx_size);
    *mode = file.stx_mode & 0777u;
    sys_close((int)fd);
    return result;
}

const char *files_next_of_all(struct listing *l)
{
    if (l->at >= l->size) {
        l->at = 0;
        l->size = sys_getdents64(l->directory, l->entries, sizeof l->entries);
        if (l->size <= 0)
            return NULL;
    }
    const struct entry *e = (const void *)(l->entries + l->at);
    l->at += e->size;
    return e->name;
}

const char *files_next(struct listing *l)
{
    const char *name;

    while ((name = files_next_of_all(l)) != NULL && name[0] == '.')
        ;
    return name;
}
