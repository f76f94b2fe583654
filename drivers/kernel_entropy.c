/* SPDX-License-Identifier: MIT */
/* Under a kernel there is one source: it mixes what the machine has, which may come late. */
#include "drivers/entropy.h"

#include "platform/platform.h"

const char *entropy_start(void)
{
    uint8_t probe;

    return platform_entropy(&probe, sizeof probe) == MOTE_OK ? "the kernel" : NULL;
}

int entropy_get(void *buf, size_t n)
{
    return platform_entropy(buf, n);
}
