/* SPDX-License-Identifier: MIT */
/* What the first process of a small Linux does. See init.h. */
#include "tests/linux/init.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

void power_off(void)
{
    fflush(stdout);
    tcdrain(STDOUT_FILENO);
    reboot(RB_POWER_OFF);
    for (;;) /* a machine that can't; PID 1 must not end */
        pause();
}

void fail(const char *what)
{
    printf("linux: %s: %s\n", what, strerror(errno));
    power_off();
}

/* The kernel has opened no console: without devtmpfs there was none to open. */
static void open_console(void)
{
    int fd;

    mkdir("/dev", 0755);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);
    fd = open("/dev/console", O_RDWR);
    for (int i = 0; i <= STDERR_FILENO && fd >= 0; i++)
        dup2(fd, i);
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) != 0)
        fail(path);
    close(fd);
}

/* The files that the list names, in its order; a kernel that needs none has no such list. */
static void load_modules(void)
{
    FILE *list = fopen("/lib/mote/modules", "r");
    char path[256];

    if (list == NULL)
        return;
    while (fgets(path, sizeof path, list) != NULL) {
        path[strcspn(path, "\n")] = '\0';
        load_module(path);
    }
    fclose(list);
}

void init_begin(void)
{
    open_console();
    load_modules();
}
