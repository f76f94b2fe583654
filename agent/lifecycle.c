/* SPDX-License-Identifier: MIT */
/* The state machine: one row per state, one bit per state that may follow it. */
#include "agent/lifecycle.h"

#include <stdio.h>

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

bool lifecycle_enter(enum lifecycle_state state, const char *reason)
{
    if (state == current || (states[current].next >> state & 1) == 0)
        return state == current;
    current = state;
    printf("mote: %s: %s\n", lifecycle_name(), reason);
    return true;
}

enum lifecycle_state lifecycle_state(void)
{
    return current;
}

const char *lifecycle_name(void)
{
    return states[current].name;
}
