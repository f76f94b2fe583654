/* SPDX-License-Identifier: MIT */
/* No application: the agent alone. */
#include "agent/app.h"

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
