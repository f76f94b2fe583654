/* SPDX-License-Identifier: MIT */
#include "platform/linux/console.h"

#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

static int console = 1;

void platform_write(const char *s, size_t n)
{
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

const char *console_open(void)
{
    static const char *const places[] = {"/dev/console", "/dev/kmsg", "/dev/null"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        long fd = sys_open(places[i], O_RDWR | O_NOCTTY, 0);
        if (fd < 0)
            continue;
        never_stop((int)fd);
        for (int std = 0; std <= 2; std++)
            if (fd != std)
                sys_dup3((int)fd, std, 0);
        if (fd > 2)
            sys_close((int)fd);
        return places[i];
    }
    return NULL;
}

void console_use(int fd)
{
    console = fd;
}
