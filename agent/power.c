/* SPDX-License-Identifier: MIT */
/* Shutdown: only the decision. The loop lets the answer leave before it ends the guest. */
#include "agent/lifecycle.h"
#include "agent/services.h"

#define REASON_DEFAULT "host requested shutdown"

bool shutdown_request(const struct request *r)
{
    char reason[STEREOS_FIELD_MAX];
    size_t n = text_copy(r->payload->shutdown.reason, reason, sizeof reason);

    if (n != 0)
        lifecycle_enter_bytes(LIFECYCLE_SHUTDOWN, reason, n);
    else
        lifecycle_enter(LIFECYCLE_SHUTDOWN, REASON_DEFAULT);
    return true; /* a shutdown is never refused */
}
