/* SPDX-License-Identifier: MIT */
#include "platform/linux/mounts.h"

#include "platform/linux/children.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/mount_child.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_S   UINT64_C(1000000000)
#define UNMOUNT_NS (2 * NS_PER_S)  /* for each try */
#define UNDO_NS    (10 * NS_PER_S) /* for all mounts; none is begun behind that */
#define SYNC_NS    (5 * NS_PER_S)

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

static int hide(const void *path)
{
    return (int)-sys_umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static int unmount(const void *path)
{
    return (int)-sys_umount2(path, UMOUNT_NOFOLLOW);
}

static int write_back(const void *nothing)
{
    (void)nothing;
    sys_sync();
    return 0;
}

static void undo(const char *path)
{
    long result = children_apart(unmount, path, UNMOUNT_NS);

    if (result == 0 || result == EINVAL) /* somebody in the guest was faster */
        return;
    long hidden = children_apart(hide, path, UNMOUNT_NS);
    printf("mote: unmount %s: %s%s\n", path, errno_text(result),
           hidden == 0 ? "; it is hidden" : "");
}

void mounts_undo(void)
{
    uint64_t deadline = platform_now_ns() + UNDO_NS;

    for (; count > 0 && platform_now_ns() < deadline; count--)
        undo(paths[count - 1]);
    if (count > 0)
        printf("mote: unmount: no time left for %zu more\n", count);
    count = 0;
    if (children_apart(write_back, NULL, SYNC_NS) != 0)
        printf("mote: a file system does not take what was written to it; it is left behind\n");
}
