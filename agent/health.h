/* SPDX-License-Identifier: MIT */
/* Health: what runs on behalf of the user, and what follows for the lifecycle. */
#ifndef AGENT_HEALTH_H
#define AGENT_HEALTH_H

#include "proto/text.h"

/* Programs, or parts of one, that report here: the agents of the health answer. */
#define HEALTH_AGENTS_MAX 4
/* Bytes of a name and of an error, so that the answer fits STEREOS_REPLY_MAX. */
#define HEALTH_NAME_MAX  24
#define HEALTH_ERROR_MAX 40

/*
 * Reports on an agent; the first report of a name adds it. error: NULL, or why it does
 * not work, which makes the guest degraded; otherwise one that runs makes it healthy.
 * name and error must stay valid. MOTE_ERR_NO_ROOM past HEALTH_AGENTS_MAX, MOTE_ERR_TOO_LARGE
 * past HEALTH_NAME_MAX or HEALTH_ERROR_MAX.
 */
int health_report(const char *name, bool running, const char *error);

/* Writes the answer to get_health. */
void health_answer(struct out *reply);

#endif
