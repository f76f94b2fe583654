/* SPDX-License-Identifier: MIT */
/* No application: the agent alone. */
#include "agent/app.h"
#include "platform/platform.h"

const struct message app_messages[1]; /* there is none, but an array can't be empty */
const size_t app_message_count = 0;

void app_start(void)
{
}

uint64_t app_poll(uint64_t now)
{
    (void)now;
    return UINT64_MAX;
}

void app_event(const struct endpoint_event *event)
{
    (void)event; /* it opened nothing */
}

bool app_stopped(void)
{
    return true;
}

int app_status(void)
{
    return EXIT_OK;
}
