/* SPDX-License-Identifier: MIT */
/* Under a kernel there is one source: it mixes what the machine has. */
#include "drivers/entropy.h"

#include "platform/platform.h"

const char *entropy_start(void)
{
    return "the kernel";
}

int entropy_get(void *buf, size_t n)
{
    return platform_entropy(buf, n);
}
