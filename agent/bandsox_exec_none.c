/* SPDX-License-Identifier: MIT */
/* Commands of a Bandsox host where there are no programs. */
#include "agent/bandsox_operation.h"

void bandsox_exec(struct bandsox_operation *op, const struct bandsox_order *r)
{
    (void)r;
    bandsox_fail(op, "there are no programs on bare metal: that needs mote on Linux");
}

const char *bandsox_input(const struct bandsox_order *r)
{
    (void)r;
    return "Session not found";
}

void bandsox_resize(const struct bandsox_order *r)
{
    (void)r; /* of a session that there is not */
}

void bandsox_kill(const struct bandsox_order *r)
{
    (void)r;
}

void bandsox_end_all(void)
{
}
