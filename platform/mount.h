/* SPDX-License-Identifier: MIT */
/* Mounting: what the platform under the agent can do about file systems. */
#ifndef PLATFORM_MOUNT_H
#define PLATFORM_MOUNT_H

/* Why nothing can be mounted here, and what would be needed. */
const char *platform_mount_refusal(void);

#endif
