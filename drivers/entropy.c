/* SPDX-License-Identifier: MIT */
#include "drivers/entropy.h"

#include "drivers/virtio_rng.h"
#include "platform/platform.h"

#include <string.h>

#define EACH_MAX 64

static struct {
    int (*get)(void *buf, size_t n);
    bool is_there;
} sources[] = {{platform_entropy, false}, {virtio_rng_read, false}};

#define COUNT (sizeof sources / sizeof sources[0])

const char *entropy_start(void)
{
    static const char *const names[] = {NULL, "RDSEED or RDRAND", "virtio-rng",
                                        "RDSEED or RDRAND, virtio-rng"};
    uint8_t probe;

    sources[0].is_there = platform_entropy(&probe, sizeof probe) == MOTE_OK;
    sources[1].is_there = virtio_rng_start() == MOTE_OK;
    return names[sources[0].is_there + 2 * sources[1].is_there];
}

int entropy_get(void *buf, size_t n)
{
    for (size_t i = 0; i < COUNT; i++)
        if (sources[i].is_there && sources[i].get(buf, n) == MOTE_OK)
            return MOTE_OK;
    return MOTE_ERR_NO_ENTROPY;
}

int entropy_each(void (*take)(const void *bytes, size_t n), size_t n)
{
    uint8_t bytes[EACH_MAX];
    int given = 0;

    for (size_t i = 0; i < COUNT; i++) {
        if (!sources[i].is_there || sources[i].get(bytes, n) != MOTE_OK)
            continue;
        take(bytes, n);
        given++;
    }
    explicit_bzero(bytes, sizeof bytes);
    return given;
}
