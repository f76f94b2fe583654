/* SPDX-License-Identifier: MIT */
/* The standard streams of a tool. */
#include "platform/tool.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/sys.h"
#include "platform/text_file.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

#include <string.h>

#define STANDARD_INPUT 0

static const char *fault;

const char *tool_fault(void)
{
    return fault;
}

bool tool_write(enum tool_stream stream, const char *s, size_t n)
{
    while (n > 0) {
        long written = sys_write(stream, s, n);
        if (written == -EINTR)
            continue;
        if (written < 0) {
            fault = errno_text(written);
            return false;
        }
        s += written;
        n -= (size_t)written;
    }
    return true;
}

bool tool_is_terminal(enum tool_stream stream)
{
    struct termios settings;

    return sys_ioctl(stream, TCGETS, &settings) == 0;
}

/* Its bytes until the end; one more than cap is enough to know. */
static long read_input(char *dst, size_t cap)
{
    size_t used = 0;
    char more;

    for (;;) {
        bool is_full = used == cap;
        long n = sys_read(STANDARD_INPUT, is_full ? &more : dst + used, is_full ? 1 : cap - used);
        if (n == -EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? n : (long)used;
        if (is_full)
            return -EFBIG;
        used += (size_t)n;
    }
}

int tool_read(const char *path, char *dst, size_t cap)
{
    if (strcmp(path, "-") != 0)
        return text_file_read(path, dst, cap, &fault);
    long n = read_input(dst, cap);
    if (n >= 0)
        return (int)n;
    fault = errno_text(n);
    return n == -EFBIG ? MOTE_ERR_TOO_LARGE : MOTE_ERR_IO;
}

/* A line that is stopped (ctrl-S) shall not stop us. */
void tool_tell(const char *path, const char *s, size_t n)
{
    long fd = sys_open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK, 0);

    if (fd < 0)
        return;
    sys_write((int)fd, s, n);
    sys_close((int)fd);
}
