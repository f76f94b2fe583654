/* SPDX-License-Identifier: MIT */
/* What a mount takes that may hang: all of it is done in a process of its own. */
#ifndef PLATFORM_LINUX_MOUNT_CHILD_H
#define PLATFORM_LINUX_MOUNT_CHILD_H

#include "platform/mount.h"

#define MOUNT_PATH_MAX 256 /* a path without symbolic links, with its NUL */

/* What the process says before it ends: as mount_attempt() does; with MOTE_OK the text is the path
 * without symbolic links. */
struct mount_answer {
    int result;
    char text[MOUNT_PATH_MAX + 64];
};

/* Mounts, and tells fd how that went. Every other fd above the standard ones is closed. */
_Noreturn void mount_child(const struct mount_request *r, int fd);

#endif
