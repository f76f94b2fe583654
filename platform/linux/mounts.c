/* SPDX-License-Identifier: MIT */
#include "platform/linux/mounts.h"

#include "platform/linux/children.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/mount_child.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/signal.h>

#include <stdio.h>
#include <string.h>

#ifndef UNMOUNT_NS
#define UNMOUNT_NS UINT64_C(2000000000)
#endif

#define MNT_DETACH      2
#define UMOUNT_NOFOLLOW 8

static char paths[MOUNTS_MAX][MOUNT_PATH_MAX];
static size_t count;

size_t mounts_count(void)
{
    return count;
}

void mounts_add(const char *path)
{
    if (count < MOUNTS_MAX)
        strcpy(paths[count++], path);
}

static void nap(void)
{
    const struct __kernel_timespec time = {.tv_nsec = 5000000};

    sys_nanosleep(&time);
}

/* In a process of its own, which may hang. 0 or -errno, -ETIMEDOUT when it did. */
static long unmount(const char *path, int flags)
{
    uint64_t deadline = platform_now_ns() + UNMOUNT_NS;
    long pid = sys_fork(), ended;
    int status;

    if (pid < 0)
        return pid;
    if (pid == 0)
        sys_exit((int)-sys_umount2(path, flags | UMOUNT_NOFOLLOW));
    while ((ended = sys_wait4((int)pid, &status, WNOHANG)) == 0 && platform_now_ns() < deadline)
        nap();
    if (ended == pid)
        return -children_exit_code(status);
    sys_kill((int)pid, SIGKILL);
    return -ETIMEDOUT;
}

void mounts_undo(void)
{
    while (count > 0) {
        const char *path = paths[--count];
        long result = unmount(path, 0);
        if (result == 0)
            continue;
        long hidden = unmount(path, MNT_DETACH);
        printf("mote: unmount %s: %s%s\n", path, errno_text(result),
               hidden == 0 ? "; it is hidden" : "");
    }
}
