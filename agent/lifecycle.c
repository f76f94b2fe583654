/* SPDX-License-Identifier: MIT */
/* The state machine: one row per state, one bit per state that may follow it. */
#include "agent/lifecycle.h"

#include <stdio.h>
#include <string.h>

#define TO(state) (1u << LIFECYCLE_##state)

static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [LIFECYCLE_BOOTING] = {"booting", TO(READY) | TO(SHUTDOWN)},
    [LIFECYCLE_READY] = {"ready", TO(HEALTHY) | TO(DEGRADED) | TO(SHUTDOWN)},
    [LIFECYCLE_HEALTHY] = {"healthy", TO(READY) | TO(DEGRADED) | TO(SHUTDOWN)},
    [LIFECYCLE_DEGRADED] = {"degraded", TO(READY) | TO(HEALTHY) | TO(SHUTDOWN)},
    [LIFECYCLE_SHUTDOWN] = {"shutdown", 0},
};

static enum lifecycle_state current = LIFECYCLE_BOOTING;

bool lifecycle_enter_bytes(enum lifecycle_state state, const char *reason, size_t n)
{
    if (state == current || (states[current].next >> state & 1) == 0)
        return state == current;
    current = state;
    printf("mote: %s: ", lifecycle_name());
    for (size_t i = 0; i < n; i++)
        putchar((unsigned char)reason[i] < ' ' || reason[i] == 0x7f ? '?' : reason[i]);
    printf("\n");
    return true;
}

bool lifecycle_enter(enum lifecycle_state state, const char *reason)
{
    return lifecycle_enter_bytes(state, reason, strlen(reason));
}

enum lifecycle_state lifecycle_state(void)
{
    return current;
}

const char *lifecycle_name(void)
{
    return states[current].name;
}
