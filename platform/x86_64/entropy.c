/* SPDX-License-Identifier: MIT */
/*
 * Entropy from the processor: RDSEED, else RDRAND. Intel's guide asks for ten tries
 * of RDRAND before it is given up; RDSEED may be drained by others and gets more.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#include <string.h>

#define TRIES 100

static bool has_rdseed(void)
{
    return cpuid(0, 0).eax >= 7 && (cpuid(7, 0).ebx >> 18 & 1) != 0;
}

static bool has_rdrand(void)
{
    return (cpuid(1, 0).ecx >> 30 & 1) != 0;
}

static bool rdseed(uint64_t *v)
{
    bool ok;
    __asm__ volatile("rdseed %0" : "=r"(*v), "=@ccc"(ok));
    return ok;
}

static bool rdrand(uint64_t *v)
{
    bool ok;
    __asm__ volatile("rdrand %0" : "=r"(*v), "=@ccc"(ok));
    return ok;
}

static bool draw(bool (*source)(uint64_t *v), uint64_t *v)
{
    for (int i = 0; i < TRIES; i++)
        if (source(v))
            return true;
    return false;
}

int platform_entropy(void *buf, size_t n)
{
    bool seed = has_rdseed(), rand = has_rdrand();
    uint64_t v = 0;

    for (size_t at = 0; at < n; at += sizeof v) {
        if (!(seed && draw(rdseed, &v)) && !(rand && draw(rdrand, &v)))
            return MOTE_ERR_NO_ENTROPY;
        memcpy((uint8_t *)buf + at, &v, n - at < sizeof v ? n - at : sizeof v);
    }
    explicit_bzero(&v, sizeof v);
    return MOTE_OK;
}
