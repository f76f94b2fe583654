/* SPDX-License-Identifier: MIT */
/* What was mounted for the host, to be undone at the end. */
#ifndef PLATFORM_LINUX_MOUNTS_H
#define PLATFORM_LINUX_MOUNTS_H

#include <stddef.h>

#define MOUNTS_MAX 32 /* a host shares a handful of folders */

/* How many there are. */
size_t mounts_count(void);

/* Remembers one more; there must be room. */
void mounts_add(const char *path);

/* Unmounts all of them, the last first. One that is in use, or does not answer within 2 s, is
 * hidden instead (MNT_DETACH), and that is said; after 10 s the rest is left as it is. Then writes
 * back what every file system still has in memory, with a deadline, too. */
void mounts_undo(void);

#endif
