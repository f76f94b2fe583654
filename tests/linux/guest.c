/* SPDX-License-Identifier: MIT */
/*
 * A Linux guest as small as it gets: PID 1 of an initramfs (see qemu/initramfs.py) that serves a
 * few ports over AF_VSOCK. The host's programs are tested with it, and mote is measured against it,
 * so it does what it does without a detour. Kernel command line:
 *
 *   guest.connect=PORT[,COUNT]   connects to the host's PORT so many times, and echoes
 */
#include "tests/linux/guest.h"
#include "tests/linux/init.h"

#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

static void connect_as_told(void)
{
    char line[4096] = "";
    unsigned port, count = 1;
    const char *option;
    FILE *file;

    mkdir("/proc", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    file = fopen("/proc/cmdline", "r");
    if (file == NULL)
        return;
    if (fgets(line, sizeof line, file) != NULL &&
        (option = strstr(line, "guest.connect=")) != NULL &&
        sscanf(option, "guest.connect=%u,%u", &port, &count) >= 1)
        serve_connect(port, count);
    fclose(file);
}

int main(void)
{
    init_begin();
    services_init();
    serve_listen();
    printf("linux: ready\n");
    connect_as_told();
    serve_run();
}
