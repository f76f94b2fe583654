/* SPDX-License-Identifier: MIT */
/* The end of a service: the guest is somebody else's to power off, and is asked to. */
#include "platform/linux/life.h"

#include "platform/linux/mounts.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/signal.h>

#include <stdio.h>
#include <string.h>

static void ask_init(void)
{
    sys_kill(1, SIGTERM);
}

static void ask_systemd(void)
{
    static const char *const places[] = {"/usr/bin/systemctl", "/bin/systemctl",
                                         "/run/current-system/sw/bin/systemctl"};
    static const char *const words[] = {"systemctl", "poweroff", NULL};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        sys_execve(places[i], words, life_environment()); /* returns only when it can't */
    printf("mote: no systemctl: the guest stays on\n");
}

static void ask_nobody(void)
{
}

static const struct {
    const char *name;
    void (*ask)(void);
} ways[] = {
    {"systemctl", ask_systemd},
    {"signal-init", ask_init},
    {"exit", ask_nobody},
};

/* NULL: nobody said. */
static const char *chosen(void)
{
    size_t len;

    return platform_last_option("mote.poweroff", &len);
}

bool service_can_end(void)
{
    const char *how = chosen();

    for (size_t i = 0; how != NULL && i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(how, ways[i].name) == 0)
            return true;
    if (how != NULL)
        printf("mote: --poweroff %s: systemctl, signal-init or exit\n", how);
    return how == NULL;
}

/* Unless it is told: systemd where that runs, as the real guest does; else only our own end. */
static void power_off(void)
{
    struct statx found;
    const char *how = chosen();

    if (how == NULL)
        how = sys_statx(AT_FDCWD, "/run/systemd/system", 0, &found) == 0 ? "systemctl" : "exit";
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
        if (strcmp(how, ways[i].name) == 0)
            ways[i].ask();
}

void service_end(int status)
{
    if (status == EXIT_OK && platform_end_request() == NULL) {
        mounts_undo();
        power_off();
    }
    sys_exit(status);
}
