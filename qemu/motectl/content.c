/* SPDX-License-Identifier: MIT */
/*
 * The content of set_config, secrets and keys, at most what fits in one request.
 * Escapes make it longer on the wire: the request itself checks that once more.
 */
#include "qemu/motectl/content.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "proto/stereos.h"

static char buffer[STEREOS_PEER_LINE_MAX + 1]; /* one more byte tells that it is too long */

ssize_t read_some(int fd, char *dst, size_t n)
{
    ssize_t got;

    do {
        got = read(fd, dst, n);
    } while (got < 0 && errno == EINTR);
    return got;
}

static enum status read_all(int fd, const char *name, size_t *len)
{
    *len = 0;
    for (;;) {
        ssize_t got = read_some(fd, buffer + *len, sizeof(buffer) - *len);

        if (got < 0)
            return fail(STATUS_FAILED, "cannot read %s: %s", name, strerror(errno));
        if (got == 0)
            return STATUS_OK;
        *len += (size_t)got;
        if (*len == sizeof(buffer)) {
            return fail(STATUS_FAILED, "%s is too long: a request's limit is %u bytes", name,
                        STEREOS_PEER_LINE_MAX);
        }
    }
}

enum status content_read(const char *file, const char **content, size_t *len)
{
    bool standard = file == NULL || strcmp(file, "-") == 0;
    int fd = standard ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC);
    enum status status;

    if (fd < 0)
        return fail(STATUS_FAILED, "cannot open %s: %s", file, strerror(errno));
    status = read_all(fd, standard ? "standard input" : file, len);
    if (!standard)
        close(fd);
    if (status != STATUS_OK)
        content_wipe();
    *content = buffer;
    return status;
}

void content_wipe(void)
{
    explicit_bzero(buffer, sizeof(buffer));
}
