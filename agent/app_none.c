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
