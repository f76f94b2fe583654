/* SPDX-License-Identifier: MIT */
/* The guest's state as its host sees it, and why it is in it (protocol StereOS, 1.6). */
#ifndef AGENT_LIFECYCLE_H
#define AGENT_LIFECYCLE_H

#include <stdbool.h>
#include <stddef.h>

enum lifecycle_state {
    LIFECYCLE_BOOTING,
    LIFECYCLE_READY,    /* everything started; nothing runs on behalf of the user */
    LIFECYCLE_HEALTHY,  /* and what the user wants to run does */
    LIFECYCLE_DEGRADED, /* something that should run or work does not */
    LIFECYCLE_SHUTDOWN, /* on the way to power-off; there is no way back */
};

/*
 * Goes to a state and tells the console, with the reason. False when the state machine has
 * no such step; going where one is says nothing.
 */
bool lifecycle_enter(enum lifecycle_state state, const char *reason);

/* The same with a reason of n bytes from outside: control characters are shown as '?'. */
bool lifecycle_enter_bytes(enum lifecycle_state state, const char *reason, size_t n);

enum lifecycle_state lifecycle_state(void);

/* The state's name in the protocol. */
const char *lifecycle_name(void);

#endif
