/* SPDX-License-Identifier: MIT */
/* Health: what runs on behalf of the user, and what follows for the lifecycle. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include "proto/text.h"

/* Programs, or parts of one, that report here: the agents of the health answer. */
#ifndef HEALTH_AGENTS_MAX
#define HEALTH_AGENTS_MAX 4
#endif
/* Bytes of a name (also a session's) and of an error, so that the answer fits STEREOS_REPLY_MAX. */
#define HEALTH_NAME_MAX  24
#define HEALTH_ERROR_MAX 40

/*
 * Reports on an agent; the first report of a name adds it. session: where it runs, or NULL.
 * error: NULL, or why it does not work, which makes the guest degraded; otherwise one that runs
 * makes it healthy. The texts must stay valid. MOTE_ERR_NO_ROOM past HEALTH_AGENTS_MAX,
 * MOTE_ERR_TOO_LARGE past HEALTH_NAME_MAX or HEALTH_ERROR_MAX. MOTE_ERR_INVALID: a name has a
 * byte that is not printable ASCII, or that JSON would escape (", \, <, >, &).
 */
int health_report(const char *name, bool running, const char *session, const char *error);

/* Something besides the agents does not work: why (n bytes from outside), which makes the guest
 * degraded until n is 0. */
void health_trouble(const char *why, size_t n);

#endif
