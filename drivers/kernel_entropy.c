/* SPDX-License-Identifier: MIT */
/* Under a kernel there is one source: it mixes what the machine has, which may come late. */
#include "drivers/entropy.h"

#include "platform/platform.h"

#include <string.h>

#define EACH_MAX 64

const char *entropy_start(void)
{
    uint8_t probe;

    return platform_entropy(&probe, sizeof probe) == MOTE_OK ? "the kernel" : NULL;
}

int entropy_get(void *buf, size_t n)
{
    return platform_entropy(buf, n);
}

int entropy_each(void (*take)(const void *bytes, size_t n), size_t n)
{
    uint8_t bytes[EACH_MAX];
    int result = entropy_get(bytes, n);

    if (result == MOTE_OK)
        take(bytes, n);
    explicit_bzero(bytes, sizeof bytes);
    return result == MOTE_OK;
}
