/* SPDX-License-Identifier: MIT */
/* Digits alone: who is served and who is told must never be a matter of guessing. */
#include "agent/number.h"

bool number_parse(const char *s, size_t n, uint32_t *value)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (uint64_t)(s[i] - '0');
        if (v > UINT32_MAX)
            return false;
    }
    *value = (uint32_t)v;
    return n != 0;
}
