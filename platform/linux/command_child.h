/* SPDX-License-Identifier: MIT */
/* The way from a forked copy of mote to a command's shell. */
#ifndef PLATFORM_LINUX_COMMAND_CHILD_H
#define PLATFORM_LINUX_COMMAND_CHILD_H

#include "platform/command.h"

/* Which shell runs it. */
const char *command_child_shell(const struct command_request *request);

/* In the new process: becomes the shell, whose standard files are these. */
_Noreturn void command_child(const struct command_request *request, const int files[3]);

#endif
