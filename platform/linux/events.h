/* SPDX-License-Identifier: MIT */
/* What platform_wait() waits for: file descriptors, each with a function to call. */
#ifndef PLATFORM_LINUX_EVENTS_H
#define PLATFORM_LINUX_EVENTS_H

#include <linux/eventpoll.h>

#include <stdint.h>

/* One file descriptor; the caller's, who keeps it while it is watched. */
struct watch {
    int fd;
    /* Called by platform_wait() with EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR: level-
     * triggered. It may change or remove its own watch and add others; a watch that it removes
     * beside its own must not be freed for use by another fd before the next turn. */
    void (*ready)(struct watch *w, uint32_t events);
};

/* Makes the epoll instance. 0 or -errno. Once. */
long events_start(void);

/* Begins to watch, changes what is watched for, ends it (before the fd is closed).
 * events: EPOLLIN and so on, 0: only errors. 0 or -errno. */
long events_add(struct watch *w, uint32_t events);
long events_change(struct watch *w, uint32_t events);
void events_remove(struct watch *w);

/* To be called once a turn of the loop: takes what has come if platform_wait() was not called
 * since, so that a loop which finds no time to sleep still hears of everything. */
void events_turn(void);

#endif
