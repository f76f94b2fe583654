/* SPDX-License-Identifier: MIT */
#include "platform/linux/command_child.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/life.h"
#include "platform/linux/process_child.h"
#include "platform/linux/sys.h"
#include "platform/process.h"

#include <asm/ioctls.h>

#include <stdio.h>
#include <string.h>

#define SHELL "/bin/sh"

/* A request's, mote's own, the size of a terminal, and defaults. */
#define OWN_MAX 256
#define ENV_MAX (COMMAND_ENV_MAX + OWN_MAX + 8)

/* What a first process may lack: the kernel gives it HOME and TERM at most. */
static const char *const defaults[] = {
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/", "TERM=linux"};

static const char *env[ENV_MAX + 1];
static size_t env_count;

const char *command_child_shell(const struct command_request *request)
{
    const char *const *e = life_environment();

    for (; request->is_terminal && e != NULL && *e != NULL; e++)
        if (strncmp(*e, "SHELL=", 6) == 0 && (*e)[6] != '\0')
            return *e + 6;
    return SHELL;
}

/* Appends an entry, unless what is there already has its name. */
static void add(const char *entry)
{
    size_t n = strcspn(entry, "=") + 1;

    for (size_t i = 0; i < env_count; i++)
        if (strncmp(env[i], entry, n) == 0)
            return;
    if (env_count < ENV_MAX)
        env[env_count++] = entry;
}

static void make_environment(const struct command_request *r)
{
    static char cols[24], rows[24];
    const char *const *own = life_environment();

    snprintf(cols, sizeof cols, "COLUMNS=%u", (unsigned)r->cols);
    snprintf(rows, sizeof rows, "LINES=%u", (unsigned)r->rows);
    if (r->is_terminal) {
        add(cols);
        add(rows);
    }
    for (const char *const *e = r->env; *e != NULL; e++)
        add(*e);
    for (size_t i = 0; own != NULL && own[i] != NULL && i < OWN_MAX; i++)
        add(own[i]);
    for (size_t i = 0; i < sizeof defaults / sizeof defaults[0]; i++)
        add(defaults[i]);
}

/* Moved out of the way first: one of them may be what another is to become. */
static void connect(const int files[3])
{
    long moved[3];

    for (int i = 0; i < 3; i++)
        moved[i] = sys_fcntl(files[i], F_DUPFD, 3);
    for (int i = 0; i < 3; i++)
        sys_dup3((int)moved[i], i, 0);
    syscall3(__NR_close_range, 3, (long)~0u, 0);
}

void command_child(const struct command_request *r, const int files[3])
{
    const char *shell = command_child_shell(r);
    const char *const words[] = {shell, "-c", r->text, NULL};

    sys_setsid();
    connect(files);
    if (r->is_terminal)
        sys_ioctl(0, TIOCSCTTY, NULL);
    process_child_be_ordinary();
    make_environment(r);
    const char *why = errno_text(sys_execve(shell, words, env));
    sys_write(2, why, strlen(why));
    sys_exit(PROCESS_CANNOT_RUN);
}
