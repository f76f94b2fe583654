/* SPDX-License-Identifier: MIT */
/* The one place where mote sleeps. */
#include "platform/linux/events.h"

#include "platform/linux/sys.h"
#include "platform/platform.h"

#define NS_PER_MS   UINT64_C(1000000)
#define WAIT_MAX_MS 3600000 /* early returns are allowed, and an int must hold it */

/* What one call may report; the rest comes with the next. */
#define EVENTS_AT_ONCE 16

static int epoll = -1;
static bool waited; /* in this turn of the loop */

long events_start(void)
{
    long fd = syscall3(__NR_epoll_create1, O_CLOEXEC, 0, 0);

    epoll = (int)fd;
    return fd < 0 ? fd : 0;
}

static long control(int operation, struct watch *w, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = (uintptr_t)w};

    return syscall6(__NR_epoll_ctl, epoll, operation, w->fd, (long)&event, 0, 0);
}

long events_add(struct watch *w, uint32_t events)
{
    return control(EPOLL_CTL_ADD, w, events);
}

long events_change(struct watch *w, uint32_t events)
{
    return control(EPOLL_CTL_MOD, w, events);
}

void events_remove(struct watch *w)
{
    control(EPOLL_CTL_DEL, w, 0);
}

/* Rounded up: waking before the deadline would only make another turn. */
static int milliseconds_until(uint64_t deadline)
{
    uint64_t now = platform_now_ns();

    if (deadline <= now)
        return 0;
    uint64_t ms = (deadline - now - 1) / NS_PER_MS + 1;
    return ms < WAIT_MAX_MS ? (int)ms : WAIT_MAX_MS;
}

static void wait_and_call(int timeout_ms)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    long n = syscall6(__NR_epoll_wait, epoll, (long)events, EVENTS_AT_ONCE, timeout_ms, 0, 0);

    for (long i = 0; i < n; i++) {
        struct watch *w = (struct watch *)(uintptr_t)events[i].data;
        w->ready(w, events[i].events);
    }
}

void platform_wait(uint64_t deadline_ns)
{
    wait_and_call(milliseconds_until(deadline_ns));
    waited = true;
}

void events_turn(void)
{
    if (!waited)
        wait_and_call(0);
    waited = false;
}
