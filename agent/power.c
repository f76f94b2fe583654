/* SPDX-License-Identifier: MIT */
/* Shutdown: only the decision. The loop lets the answer leave before it ends the guest. */
#include "agent/lifecycle.h"
#include "agent/services.h"

#define REASON_DEFAULT "host requested shutdown"

void shutdown_request(const union stereos_payload *p, struct out *error)
{
    char reason[STEREOS_FIELD_MAX + 1];
    size_t n = text_copy(p->shutdown.reason, reason, sizeof reason - 1);

    (void)error; /* a shutdown is never refused */
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)reason[i] < ' ' || reason[i] == 0x7f) /* it goes to the console */
            reason[i] = '?';
    reason[n] = '\0';
    lifecycle_enter(LIFECYCLE_SHUTDOWN, n != 0 ? reason : REASON_DEFAULT);
}
