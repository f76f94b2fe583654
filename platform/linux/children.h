/* SPDX-License-Identifier: MIT */
/*
 * Processes below us: those that we started, and, as PID 1, every orphan. All are reaped; who
 * started one is told how it ended.
 */
#ifndef PLATFORM_LINUX_CHILDREN_H
#define PLATFORM_LINUX_CHILDREN_H

#include <stdbool.h>

/* A process that somebody waits for; the caller's, who keeps it until it has ended. */
struct child {
    int pid; /* 0: none runs */
    /* Called once, in platform_wait(): wait_status as wait(2) gives it; pid is 0 already. */
    void (*ended)(struct child *child, int wait_status);
    struct child *next;
};

/* Forks. 0 in the new process, whose signals are as a program expects them and which must
 * end with sys_exit() or execve; its pid here; or -errno. */
long children_fork(struct child *child);

/* Takes the status of everything that has ended; n at most, and says whether there may be more. */
bool children_reap(unsigned n);

/* Whether any process is left below us that has not been waited for. */
bool children_left(void);

/* A wait status as shells have it: the exit code, or 128 + the signal. */
int children_exit_code(int wait_status);

#endif
