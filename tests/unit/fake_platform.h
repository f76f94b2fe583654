/* SPDX-License-Identifier: MIT */
/* What of the platform the unit tests need: a clock that stands until a test moves it. */
#ifndef TESTS_UNIT_FAKE_PLATFORM_H
#define TESTS_UNIT_FAKE_PLATFORM_H

#include <stdint.h>

/* What platform_now_ns() returns. */
extern uint64_t fake_now;

/* What platform_date() returns; NULL at first. */
extern const char *fake_date;

#endif
