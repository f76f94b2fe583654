/* SPDX-License-Identifier: MIT */
/* Mounting: what the platform under the agent can do about file systems. */
#ifndef PLATFORM_MOUNT_H
#define PLATFORM_MOUNT_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Who may have an attempt under way: 0..MOUNT_JOBS-1. The agent's is the connection's number. */
#define MOUNT_JOBS 16

struct mount_request {
    const char *tag;
    const char *path; /* absolute, without ".", ".." and doubled slashes */
    const char *fs_type;
    bool read_only;
    bool (*allowed)(const char *path, size_t n); /* asked about the path without symbolic links */
};

/*
 * Starts a mount, or looks how the one of this owner goes on; never waits. MOTE_ERR_AGAIN: it
 * is under way, call again with the same request. Anything else is its end, and but for MOTE_OK
 * *fault is a text that stays valid until the next call:
 *   MOTE_ERR_INVALID      the resolved path is not allowed; *fault is that path
 *   MOTE_ERR_NOT_FOUND    the mount point can't be made; *fault says why
 *   MOTE_ERR_IO           the mount failed; *fault says how
 *   MOTE_ERR_TIMEOUT      it took too long and was ended; *fault says so
 *   MOTE_ERR_UNSUPPORTED  nothing can be mounted here; *fault says what would be needed
 */
int mount_attempt(int owner, const struct mount_request *request, const char **fault);

/* The one who asked is gone: ends the attempt of this owner, if there is one. */
void mount_abandon(int owner);

#endif
