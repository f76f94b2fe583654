/* SPDX-License-Identifier: MIT */
/* Bare metal has no file system to mount on. */
#include "platform/mount.h"

const char *platform_mount_refusal(void)
{
    return "bare metal has no file system: mounting needs mote as PID 1 of a Linux kernel with "
           "virtiofs or 9p";
}
