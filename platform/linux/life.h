/* SPDX-License-Identifier: MIT */
/*
 * The three lives of the one program: the guest's first process, a service, a tool. Each begins
 * in its own way and ends in its own; the agent between cannot tell which it is.
 */
#ifndef PLATFORM_LINUX_LIFE_H
#define PLATFORM_LINUX_LIFE_H

#include <stdbool.h>

/* Chooses by the process id and the arguments (NULL ends them; the first is our name) and runs.
 * vdso: AT_SYSINFO_EHDR, or NULL. */
_Noreturn void life_run(char **arguments, const char *const *environment, const void *vdso);

/* Whether we are the first process. */
bool life_is_init(void);

/* What we were started with; NULL ends it. */
const char *const *life_environment(void);

/* PID 1: makes of a bare kernel a system that programs can run in, as far as it goes; what does
 * not go is said. */
void init_begin(void);

/* PID 1: ends every process, syncs, says the status and ends the machine. */
_Noreturn void init_end(int status);

/* Service: whether --poweroff names a way; says it if not. */
bool service_can_end(void);

/* Service: power-off for a host that asked for it, by --poweroff; then the end of the process. */
_Noreturn void service_end(int status);

/* Tool: prints help, or runs the verb that the arguments name, the first of which is our name; its
 * exit status, or -1 when they name none. */
int tool_run(char *const *arguments);

#endif
