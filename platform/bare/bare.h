/* SPDX-License-Identifier: MIT */
/* What the bare-metal platforms share, and what each machine gives to it. */
#ifndef PLATFORM_BARE_BARE_H
#define PLATFORM_BARE_BARE_H

/* Given by the machine: powers off; tells the VMM the status where there is a way. */
_Noreturn void machine_power_off(int status);

#endif
