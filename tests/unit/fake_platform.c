/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_platform.h"

#include "platform/platform.h"

const char platform_name[] = "fake platform";

uint64_t fake_now;

const char *fake_date;

const char *platform_date(void)
{
    return fake_date;
}

uint64_t platform_now_ns(void)
{
    return fake_now;
}
