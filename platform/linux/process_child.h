/* SPDX-License-Identifier: MIT */
/* The way from a forked copy of mote to a program. */
#ifndef PLATFORM_LINUX_PROCESS_CHILD_H
#define PLATFORM_LINUX_PROCESS_CHILD_H

#include "platform/process.h"

/* In the new process: becomes what is asked for; output is its end of the pipe. */
_Noreturn void process_child(const struct process_request *request, int output);

/* The kernel may end it before others again, unlike mote; and it makes files as others do. */
void process_child_be_ordinary(void);

#endif
