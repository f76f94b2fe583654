/* SPDX-License-Identifier: MIT */
/* From a line to its answer: the table of messages. */
#ifndef AGENT_DISPATCH_H
#define AGENT_DISPATCH_H

#include "proto/text.h"

/*
 * Does what a line asks for and writes the one line of its answer; reply has room for
 * STEREOS_REPLY_MAX bytes. The line may hold anything.
 */
void dispatch_line(const char *line, size_t len, struct out *reply);

/* Writes the answer to a line that was not kept whole; start is what was seen of it. */
void dispatch_refuse(const char *start, size_t len, const char *why, uint64_t limit,
                     const char *unit, struct out *reply);

#endif
