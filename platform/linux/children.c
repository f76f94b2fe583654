/* SPDX-License-Identifier: MIT */
#include "platform/linux/children.h"

#include "platform/linux/signals.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/signal.h>

#include <stddef.h>

static struct child *running;

long children_fork(struct child *child)
{
    long pid = sys_fork();

    if (pid == 0)
        signals_reset();
    if (pid <= 0)
        return pid;
    child->pid = (int)pid;
    child->next = running;
    running = child;
    return pid;
}

static void tell(int pid, int status)
{
    for (struct child **at = &running; *at != NULL; at = &(*at)->next) {
        struct child *child = *at;
        if (child->pid != pid)
            continue;
        *at = child->next;
        child->pid = 0;
        child->ended(child, status);
        return;
    }
}

bool children_reap(unsigned n)
{
    for (; n > 0; n--) {
        int status;
        long pid = sys_wait4(-1, &status, WNOHANG);
        if (pid <= 0 && pid != -EINTR)
            return false;
        if (pid > 0)
            tell((int)pid, status);
    }
    return true;
}

bool children_left(void)
{
    int status;
    long pid;

    while ((pid = sys_wait4(-1, &status, WNOHANG)) > 0)
        tell((int)pid, status);
    return pid != -ECHILD;
}

void children_nap(void)
{
    const struct __kernel_timespec time = {.tv_nsec = 5000000};

    sys_nanosleep(&time);
}

long children_apart(int (*work)(const void *), const void *argument, uint64_t patience_ns)
{
    uint64_t deadline = platform_now_ns() + patience_ns;
    long pid = sys_fork(), ended;
    int status;

    if (pid < 0)
        return pid;
    if (pid == 0)
        sys_exit(work(argument));
    while ((ended = sys_wait4((int)pid, &status, WNOHANG)) == 0 && platform_now_ns() < deadline)
        children_nap();
    if (ended == pid)
        return children_exit_code(status);
    sys_kill((int)pid, SIGKILL);
    return -ETIMEDOUT;
}

int children_exit_code(int wait_status)
{
    int signal = wait_status & 0x7f;

    return signal != 0 ? 128 + signal : wait_status >> 8 & 0xff;
}
