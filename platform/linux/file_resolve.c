/* SPDX-License-Identifier: MIT */
/* The kernel follows the links; where it came to, it tells of an open directory. */
#include "platform/file.h"

#include "platform/linux/sys.h"

#include <stdio.h>
#include <string.h>

/* Opens the deepest directory above the last name of path that is there; *n is how much of path
 * leads to it. The fd or -errno. */
static long open_existing(const char *path, size_t *n)
{
    char part[FILE_PATH_MAX + 1];

    memcpy(part, path, *n);
    for (;;) {
        while (*n != 0 && path[--*n] != '/')
            ;
        part[*n] = '\0';
        long fd = sys_open(*n != 0 ? part : "/", O_PATH | O_DIRECTORY, 0);
        if (fd != -ENOENT || *n == 0)
            return fd;
    }
}

long file_resolve(struct bytes path, char *real, size_t cap)
{
    char link[sizeof "/proc/self/fd/-2147483648"];
    size_t n = path.n;

    if (n == 0 || n > FILE_PATH_MAX || path.at[0] != '/')
        return MOTE_ERR_INVALID;
    long fd = open_existing(path.at, &n);
    if (fd < 0)
        return MOTE_ERR_NOT_FOUND;
    snprintf(link, sizeof link, "/proc/self/fd/%d", (int)fd);
    long len = syscall3(__NR_readlink, (long)link, (long)real, (long)cap);
    sys_close((int)fd);
    if (len <= 0 || real[0] != '/')
        return MOTE_ERR_IO;
    len -= len == 1; /* the root's slash is that of the rest */
    if ((size_t)len + path.n - n > cap)
        return MOTE_ERR_INVALID;
    memcpy(real + len, path.at + n, path.n - n);
    return len + (long)(path.n - n);
}
