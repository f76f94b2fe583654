/* SPDX-License-Identifier: MIT */
#include "platform/linux/mounts.h"

#include "platform/linux/children.h"
#include "platform/linux/errno_text.h"
#include "platform/linux/mount_child.h"
#include "platform/linux/sys.h"

#include <stdio.h>
#include <string.h>

#ifndef UNMOUNT_NS
#define UNMOUNT_NS UINT64_C(2000000000)
#endif

#define SYNC_NS UINT64_C(5000000000)

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

void mounts_undo(void)
{
    while (count > 0) {
        const char *path = paths[--count];
        long result = children_apart(unmount, path, UNMOUNT_NS);
        if (result == 0)
            continue;
        long hidden = children_apart(hide, path, UNMOUNT_NS);
        printf("mote: unmount %s: %s%s\n", path, errno_text(result),
               hidden == 0 ? "; it is hidden" : "");
    }
    if (children_apart(write_back, NULL, SYNC_NS) != 0)
        printf("mote: a file system does not take what was written to it; it is left behind\n");
}
