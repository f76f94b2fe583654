/* SPDX-License-Identifier: MIT */
/* One session per connection to the control port: lines in, one answer out for each. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "drivers/endpoint.h"

/* The longest line: its '\n' needs a byte of the window. */
#define SESSION_LINE_MAX (ENDPOINT_WINDOW - 1)

/* A line that is not finished so long after it began holds a connection for nothing. */
#define SESSION_LINE_TIMEOUT_S 60

/* Deals with an event of a connection to the control port. */
void session_event(const struct endpoint_event *event);

/* Lets time pass: answers that were not there yet are asked for, and a line that stays
 * unfinished for too long ends its session. */
void session_tick(uint64_t now);

/* When session_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t session_deadline(void);

#endif
