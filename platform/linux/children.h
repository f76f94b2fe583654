/* SPDX-License-Identifier: MIT */
/*
 * Processes below us: those that we started, and, as PID 1, every orphan. All are reaped; who
 * started one is told how it ended.
 */
#ifndef PLATFORM_LINUX_CHILDREN_H
#define PLATFORM_LINUX_CHILDREN_H

#include <stdbool.h>
#include <stdint.h>

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

/* Takes the status of everything that has ended; whether any process is left below us. */
bool children_left(void);

/*
 * Does what may hang in a process of its own, and waits for it; not for use in the loop. What
 * work returns (0..127), -errno, or -ETIMEDOUT when patience_ns was over: then it was killed,
 * which not everything that hangs can be.
 */
long children_apart(int (*work)(const void *argument), const void *argument, uint64_t patience_ns);

/* Lets some milliseconds pass; not for use in the loop. */
void children_nap(void);

/* A wait status as shells have it: the exit code, or 128 + the signal. */
int children_exit_code(int wait_status);

#endif
