/* SPDX-License-Identifier: MIT */
/*
 * Programs: started, ended, listened to. Where there are none, nothing of this is linked.
 * Nothing here waits; what has happened shows after platform_wait() has returned.
 */
#ifndef PLATFORM_PROCESS_H
#define PLATFORM_PROCESS_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>

/* They have numbers, 0..PROCESSES_MAX-1, that the caller chooses. */
#define PROCESSES_MAX 16

/* Variables that a request may have; those behind them are left out. */
#define PROCESS_ENV_MAX 128

/* Exit statuses that shells give to a command that could not be run. */
#define PROCESS_CANNOT_RUN 126
#define PROCESS_NOT_FOUND  127

struct process_request {
    const char *const *command; /* a program, by path or looked up in PATH, and its arguments */
    const char *const *env;     /* NAME=VALUE: besides, or instead of, PATH, HOME and TERM */
    const char *dir;            /* where it runs; NULL: / */
    const char *user;           /* a name, or UID[:GID]; NULL: as mote itself */
};

/*
 * Starts process n, which must not run; both lists of the request end with NULL. It gets a
 * session of its own, nothing to read, and a pipe to write to; who reads the pipe of the one
 * that was n before is gone. What keeps it from running is said through its output, and then
 * it ends with PROCESS_NOT_FOUND or PROCESS_CANNOT_RUN. MOTE_ERR_IO: there can be no other
 * process now; *fault is the system's text.
 */
int process_start(unsigned n, const struct process_request *request, const char **fault);

/* Its id; 0 when it does not run. */
int process_pid(unsigned n);

/*
 * Reads up to cap bytes of what it, or what it left behind, has written. 0: nothing now.
 * MOTE_ERR_NOT_FOUND: nothing any more, as nobody can write.
 */
int process_read(unsigned n, char *dst, size_t cap);

/* Whether it has ended and all that it wrote has been read; *status: its exit status, or 128 +
 * the signal that ended it. */
bool process_ended(unsigned n, int *status);

/* Asks it and all of its session's process group to end, or ends them; also what is left of the
 * group when it has ended itself. */
void process_signal(unsigned n, bool kill);

/* Whether it or anything of its group is left. */
bool process_left(unsigned n);

#endif
