/* SPDX-License-Identifier: MIT */
/*
 * Code that is linked with the agent: a guest of one's own. Exactly one file of the link
 * defines these; agent/app_none.c does nothing. All run in the agent's loop and must return
 * within a few milliseconds. They may use the endpoint (but for the control port), the
 * store, health_report(), and clients: hostos_begin(), vcom_begin(), transfer_begin().
 */
#ifndef AGENT_APP_H
#define AGENT_APP_H

#include "agent/dispatch.h"
#include "drivers/endpoint.h"

#include <stdint.h>

/* Messages of the application's own on the control port; a type that the agent has stays its. */
extern const struct message app_messages[];
extern const size_t app_message_count;

/* Called once, when the agent is ready. */
void app_start(void);

/* Called in every turn of the loop; returns when it must be called again at the latest
 * (platform_now_ns() time; UINT64_MAX: whenever): at once when it has just asked for the
 * shutdown, or app_stopped() would answer otherwise than it did. */
uint64_t app_poll(uint64_t now);

/* An event of a connection that is not the control port's: one that the application opened,
 * or one to a port that it listens on; and ENDPOINT_TRANSPORT_RESET. */
void app_event(const struct endpoint_event *event);

/* Asked only on the way to power-off (LIFECYCLE_SHUTDOWN): false while the application has
 * something to finish. Until then app_poll() is called and requests are answered. */
bool app_stopped(void);

/* The guest's exit status, as far as the application decides it: asked when it has stopped. */
int app_status(void);

#endif
