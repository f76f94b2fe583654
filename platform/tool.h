/* SPDX-License-Identifier: MIT */
/*
 * mote as a tool that somebody in the guest runs: the seam between the platform, which finds the
 * verb and lends it its standard streams, and the agent, whose verbs are a table. Only platforms
 * with programs have it.
 *
 * A verb begins with a working platform_wait() and platform_option(), and printf() goes to the
 * standard error. No signal is taken over: Ctrl-C ends it.
 */
#ifndef PLATFORM_TOOL_H
#define PLATFORM_TOOL_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>

/* The words are wrong, as is custom; 0 and 1 are EXIT_OK and EXIT_FAILED. */
#define EXIT_USAGE 2

struct tool_verb {
    const char *name;
    const char *words;              /* behind the name, in mote's help */
    const char *help;               /* one line of it */
    bool is_link;                   /* a program whose own name is the verb's is the verb, too */
    int (*run)(char *const *words); /* those behind the verb, NULL ends them; the exit status */
};

/* The agent's verbs; one without a name ends them. */
extern const struct tool_verb tool_verbs[];

enum tool_stream { TOOL_OUT = 1, TOOL_ERR = 2 };

/* Writes all n bytes, waiting for whoever reads them. False: nobody can be told; tool_fault()
 * says why. */
bool tool_write(enum tool_stream stream, const char *s, size_t n);

/* Whether a person looks at the stream. */
bool tool_is_terminal(enum tool_stream stream);

/* Reads the file at path, or for "-" the standard input, to its end: cap bytes at most. How many,
 * or MOTE_ERR_NOT_FOUND, _TOO_LARGE, _IO; tool_fault() says why. */
int tool_read(const char *path, char *dst, size_t cap);

/* Writes to a terminal of the guest at path, what it takes without waiting; no matter if there is
 * none. */
void tool_tell(const char *path, const char *s, size_t n);

/* Why the last tool_write() or tool_read() failed, in the system's words. */
const char *tool_fault(void);

#endif
