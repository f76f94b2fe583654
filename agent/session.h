/* SPDX-License-Identifier: MIT */
/* One session per connection to the control port: lines in, one answer out for each. */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "drivers/endpoint.h"

/* Deals with an event of a connection to the control port. */
void session_event(const struct endpoint_event *event);

/* Lets time pass: a line that stays unfinished for too long ends its session. */
void session_tick(uint64_t now);

/* When session_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t session_deadline(void);

#endif
