/* SPDX-License-Identifier: MIT */
#include "platform/linux/children.h"

#include "platform/linux/signals.h"
#include "platform/linux/sys.h"

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
    long pid = sys_wait4(-1, &status, WNOHANG);

    if (pid > 0)
        tell((int)pid, status);
    return pid != -ECHILD;
}

int children_exit_code(int wait_status)
{
    int signal = wait_status & 0x7f;

    return signal != 0 ? 128 + signal : wait_status >> 8 & 0xff;
}
