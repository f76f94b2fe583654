/* SPDX-License-Identifier: MIT */
/*
 * Code that is linked with the agent: a guest of one's own. Exactly one file of the link
 * defines these two; agent/app_none.c does nothing. Both run in the agent's loop and must
 * return within a few milliseconds. See health_report() and store_get() for what it may call.
 */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include <stdint.h>

/* Called once, when the agent is ready. */
void app_start(void);

/* Called in every turn of the loop; returns when it must be called again at the latest
 * (platform_now_ns() time; UINT64_MAX: whenever). */
uint64_t app_poll(uint64_t now);

#endif
