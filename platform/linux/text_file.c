/* SPDX-License-Identifier: MIT */
#include "platform/text_file.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/sys.h"

/* Bytes read until the end or cap of them, or -errno. */
static long read_all(int fd, char *dst, size_t cap)
{
    size_t used = 0;
    long n;

    while (used < cap && (n = sys_read(fd, dst + used, cap - used)) != 0) {
        if (n < 0)
            return n;
        used += (size_t)n;
    }
    return (long)used;
}

/* A pipe in the place of the file can't make us wait. */
int text_file_read(const char *path, char *dst, size_t cap, const char **fault)
{
    char more;
    long fd = sys_open(path, O_RDONLY | O_NONBLOCK, 0);
    long n = fd < 0 ? fd : read_all((int)fd, dst, cap);

    if (n == (long)cap && sys_read((int)fd, &more, 1) == 1)
        n = -EFBIG;
    sys_close((int)fd);
    if (n >= 0)
        return (int)n;
    *fault = errno_text(n);
    return n == -ENOENT ? MOTE_ERR_NOT_FOUND : n == -EFBIG ? MOTE_ERR_TOO_LARGE : MOTE_ERR_IO;
}
