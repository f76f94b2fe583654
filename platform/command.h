/* SPDX-License-Identifier: MIT */
/*
 * Commands that somebody outside runs in the guest and talks to, unlike the workloads of
 * platform/process.h, which run by themselves. Where there are no programs, nothing of this is
 * linked. Nothing here waits; what has happened shows after platform_wait() has returned.
 */
#ifndef PLATFORM_COMMAND_H
#define PLATFORM_COMMAND_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* They have numbers, 0..COMMANDS_MAX-1, that the caller chooses. */
#define COMMANDS_MAX 16

/* Variables that a request may have. */
#define COMMAND_ENV_MAX 128

/* The longest command, and the longest variable, that the kernel takes. */
#define COMMAND_TEXT_MAX 131071

enum command_stream { COMMAND_OUTPUT, COMMAND_ERROR };

struct command_request {
    const char *text;       /* what the shell is given */
    const char *const *env; /* NAME=VALUE, besides or instead of mote's own; NULL-terminated */
    bool has_input;         /* else it reads /dev/null */
    bool is_terminal;       /* all three of its files are one, of so many columns and rows; the
                             * shell is that of SHELL */
    uint16_t cols, rows;
};

/*
 * Runs a command by the shell, as number n, which must be free. It has a session of its own and
 * mote's directory. MOTE_ERR_IO: it can't be run; *fault is the system's text, as Go has it.
 */
int command_start(unsigned n, const struct command_request *request, const char **fault);

int command_pid(unsigned n);

/* Reads up to cap bytes of an output. 0: nothing now. MOTE_ERR_NOT_FOUND: nothing any more, as
 * nobody can write; of a terminal all comes as COMMAND_OUTPUT. */
long command_read(unsigned n, enum command_stream stream, void *buf, size_t cap);

/* Whether it has ended; *status is its exit status, -1 when a signal has ended it. */
bool command_ended(unsigned n, int *status);

/* Whether all was read that it had written when it ended. What it left behind may write on. */
bool command_is_read(unsigned n);

/* Writes to its input: how many bytes went; 0: none now; MOTE_ERR_IO: *fault says why. */
long command_write(unsigned n, const void *buf, size_t size, const char **fault);

/* Of a terminal. */
void command_resize(unsigned n, uint16_t cols, uint16_t rows);

/* Asks it alone to end, or ends it. Nothing happens to one that has ended. */
void command_signal(unsigned n, bool kill);

/* Ends it and its process group, if they are left. */
void command_end(unsigned n);

/* Keeps bytes of an output, outside of mote, behind those that it has; MOTE_ERR_IO. */
int command_keep(unsigned n, enum command_stream stream, const void *buf, size_t size);

/* Reads what is kept, at an offset: how many bytes, 0: there are no more. */
long command_kept(unsigned n, enum command_stream stream, uint64_t offset, void *buf, size_t size);

/* Forgets it; the number is free. One that runs goes on, and nobody hears it. */
void command_free(unsigned n);

#endif
