/* SPDX-License-Identifier: MIT */
#include "platform/linux/console.h"

#include "platform/linux/line.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

#include <stdio.h>

static int console = 1;
static bool is_log; /* the kernel's */

/* Each write is a record. Its level keeps it off the consoles of the kernel, one of which may be
 * the line that we are to leave alone. */
static void write_record(const char *s, size_t n)
{
    char record[320];
    int size = snprintf(record, sizeof record, "<15>%.*s", (int)n, s);

    sys_write(console, record, (size_t)size < sizeof record ? (size_t)size : sizeof record - 1);
}

void platform_write(const char *s, size_t n)
{
    if (is_log) {
        write_record(s, n);
        return;
    }
    while (n > 0) {
        long written = sys_write(console, s, n);
        if (written == -EINTR)
            continue;
        if (written <= 0)
            return; /* nobody can be told */
        s += written;
        n -= (size_t)written;
    }
}

/* A line that is stopped (ctrl-S) would stop us with it. */
static void never_stop(int fd)
{
    struct termios settings;

    if (sys_ioctl(fd, TCGETS, &settings) != 0)
        return;
    settings.c_iflag &= ~(tcflag_t)IXON;
    sys_ioctl(fd, TCSETS, &settings);
}

/* Whether an open file is the terminal that mote.bandsox= has for itself. */
static bool is_line(int fd)
{
    size_t len;
    const char *name = platform_last_option("mote.bandsox", &len);

    return name != NULL && line_is((struct bytes){name, len}, fd);
}

const char *console_open(void)
{
    static const char *const places[] = {"/dev/console", "/dev/kmsg", "/dev/null"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        long fd = sys_open(places[i], O_RDWR | O_NOCTTY, 0);
        if (fd < 0)
            continue;
        if (is_line((int)fd)) {
            sys_close((int)fd);
            is_log = true;
            continue;
        }
        never_stop((int)fd);
        for (int std = 0; std <= 2; std++)
            if (fd != std)
                sys_dup3((int)fd, std, 0);
        if (fd > 2)
            sys_close((int)fd);
        is_log = is_log && i == 1;
        return places[i];
    }
    return NULL;
}

void console_use(int fd)
{
    console = fd;
}

void console_leave_line(void)
{
    if (is_line(console))
        console = -1;
}
