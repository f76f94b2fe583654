/* SPDX-License-Identifier: MIT */
/* Bare metal has no file system to mount on. */
#include "platform/mount.h"

int mount_attempt(int owner, const struct mount_request *request, const char **fault)
{
    (void)owner;
    (void)request;
    *fault = "bare metal has no file system: mounting needs mote as PID 1 of a Linux kernel with "
             "virtiofs or 9p";
    return MOTE_ERR_UNSUPPORTED;
}

void mount_abandon(int owner)
{
    (void)owner; /* nothing is ever under way */
}
