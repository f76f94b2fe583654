/* SPDX-License-Identifier: MIT */
#include "platform/serial.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/events.h"
#include "platform/linux/line.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <asm/ioctls.h>
#include <asm/termbits.h>

#include <stdio.h>

static struct watch line = {.fd = -1};
static bool is_full; /* the last write left something */

static void on_event(struct watch *w, uint32_t events)
{
    (void)w;
    (void)events; /* the loop turns, and the line is read */
}

/* Nobody is there any more, and nobody comes again. */
static void lose(long error)
{
    printf("mote: serial line: %s\n", errno_text(error));
    events_remove(&line);
    sys_close(line.fd);
    line.fd = -1;
}

static long make_raw(int fd)
{
    struct termios settings;
    long result = sys_ioctl(fd, TCGETS, &settings);

    if (result != 0)
        return result;
    settings.c_iflag = IGNBRK;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    settings.c_cflag |= CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return sys_ioctl(fd, TCSETS, &settings);
}

long line_open(struct bytes name)
{
    char path[LINE_PATH_MAX];
    const char *dir = name.n > 0 && name.at[0] == '/' ? "" : "/dev/";
    int n = snprintf(path, sizeof path, "%s%.*s", dir, (int)name.n, name.at);

    if (n >= (int)sizeof path)
        return -ENAMETOOLONG;
    return sys_open(path, O_RDWR | O_NOCTTY | O_NONBLOCK, 0);
}

bool line_is(struct bytes name, int fd)
{
    unsigned theirs = 0, ours = 1;
    long other = line_open(name);
    bool same = other >= 0 && sys_ioctl((int)other, TIOCGDEV, &theirs) == 0 &&
                sys_ioctl(fd, TIOCGDEV, &ours) == 0 && theirs == ours;

    sys_close((int)other);
    return same;
}

static int refuse(long error, int fd)
{
    sys_close(fd);
    printf("mote: serial line: %s\n", errno_text(error));
    return error == -ENOENT || error == -ENXIO || error == -ENODEV ? MOTE_ERR_NOT_FOUND
           : error == -ENOTTY                                      ? MOTE_ERR_UNSUPPORTED
                                                                   : MOTE_ERR_IO;
}

int serial_open(struct bytes name)
{
    long fd = line_open(name);

    if (fd < 0)
        return refuse(fd, -1);
    long result = make_raw((int)fd);
    line = (struct watch){.fd = (int)fd, .ready = on_event};
    if (result == 0)
        result = events_add(&line, EPOLLIN);
    if (result != 0) {
        line.fd = -1;
        return refuse(result, (int)fd);
    }
    return MOTE_OK;
}

size_t serial_read(void *buf, size_t n)
{
    long got = sys_read(line.fd, buf, n);

    if (line.fd >= 0 && got < 0 && got != -EAGAIN && got != -EINTR)
        lose(got);
    return got > 0 ? (size_t)got : 0;
}

size_t serial_write(const void *buf, size_t n)
{
    long put = sys_write(line.fd, buf, n);
    size_t done = put > 0 ? (size_t)put : 0;

    if (line.fd >= 0 && is_full != (done < n)) {
        is_full = done < n;
        events_change(&line, is_full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
    return line.fd >= 0 ? done : n; /* what nobody takes is gone */
}

uint64_t serial_deadline(uint64_t now)
{
    (void)now;
    return UINT64_MAX;
}
