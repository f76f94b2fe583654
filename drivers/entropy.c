/* SPDX-License-Identifier: MIT */
/* Which source of entropy serves. There is no mixing: the first that works does. */
#include "drivers/entropy.h"

#include "drivers/virtio_rng.h"
#include "platform/platform.h"

static int (*source)(void *buf, size_t n);

const char *entropy_start(void)
{
    uint8_t probe;

    if (platform_entropy(&probe, sizeof probe) == MOTE_OK) {
        source = platform_entropy;
        return "RDSEED or RDRAND";
    }
    if (virtio_rng_start() == MOTE_OK) {
        source = virtio_rng_read;
        return "virtio-rng";
    }
    return NULL;
}

int entropy_get(void *buf, size_t n)
{
    return source != NULL ? source(buf, n) : MOTE_ERR_NO_ENTROPY;
}
