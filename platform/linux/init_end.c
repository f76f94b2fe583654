/* SPDX-License-Identifier: MIT */
/*
 * How the first process ends: it must never return, which would be a kernel panic. Whatever
 * hangs on the way has a deadline; the last word on the console is always EXIT: STATUS=n.
 */
#include "platform/linux/life.h"

#include "platform/linux/children.h"
#include "platform/linux/mounts.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/reboot.h>
#include <linux/signal.h>

#include <stdio.h>

#define DEBUG_EXIT_PORT 0xf4
/* As on bare metal: keeps status 0 apart from a plain 0. QEMU ends with 2v+1. */
#define DEBUG_EXIT_BIAS 0x10u

#define NS_PER_S UINT64_C(1000000000)
#define GRACE_NS (1 * NS_PER_S) /* for processes that no workload knows of */
#define KILL_NS  (1 * NS_PER_S)

static void end_processes(int signal, uint64_t patience)
{
    uint64_t deadline = platform_now_ns() + patience;

    sys_kill(-1, signal);
    while (children_left() && platform_now_ns() < deadline)
        children_nap();
}

/* A port that nobody answers reads all ones; the device reads zero. */
static void debug_exit(int status)
{
    uint32_t value;

    if (sys_ioperm(DEBUG_EXIT_PORT, 4, 1) != 0)
        return;
    __asm__ volatile("inl %w1, %0" : "=a"(value) : "Nd"(DEBUG_EXIT_PORT));
    if (value == 0)
        __asm__ volatile("outl %0, %w1"
                         :
                         : "a"(((uint32_t)status + DEBUG_EXIT_BIAS) & 0x7f), "Nd"(DEBUG_EXIT_PORT));
}

/* Where there is no ACPI the kernel would only halt, and so it would where only a reset by the
 * keyboard controller ends the VMM, which reboot=k on the command line tells (Firecracker). */
static unsigned power_off_command(void)
{
    struct statx found;
    size_t len;
    const char *way = platform_last_option("reboot", &len);

    if (sys_statx(AT_FDCWD, "/sys/firmware/acpi/tables", 0, &found) == 0 &&
        (way == NULL || *way != 'k'))
        return LINUX_REBOOT_CMD_POWER_OFF;
    return LINUX_REBOOT_CMD_RESTART;
}

void init_end(int status)
{
    end_processes(SIGTERM, GRACE_NS);
    end_processes(SIGKILL, KILL_NS);
    mounts_undo();
    printf("EXIT: STATUS=%d\n", status);
    debug_exit(status);
    sys_reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, power_off_command());
    sys_reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_RESTART);
    for (;;)
        children_nap();
}
