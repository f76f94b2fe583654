/* SPDX-License-Identifier: MIT */
/* Dates of HTTP, beside those of the C library. */
#include "platform/linux/date.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

#include <time.h>

static void assert_date(time_t when)
{
    char text[DATE_SIZE], expected[DATE_SIZE];
    struct tm t;

    date_write((uint64_t)when, text);
    assert_int_equal(
        strftime(expected, sizeof expected, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&when, &t)),
        DATE_SIZE - 1);
    assert_string_equal(text, expected);
}

static void test_every_day(void **state)
{
    const time_t end = 253402300800; /* of the year 9999 */
    (void)state;
    /* The calendar repeats itself every 400 years. */
    for (time_t when = 0; when < end; when += when < 16725225600 ? 86400 : 31 * 86400) {
        assert_date(when);
        assert_date(when + 86399);
    }
    assert_date(end - 1);
}

static void test_every_second_of_a_day(void **state)
{
    (void)state;
    for (time_t when = 1795163249; when < 1795163249 + 86400; when++)
        assert_date(when);
}

static void test_now(void **state)
{
    char before[DATE_SIZE], after[DATE_SIZE];
    (void)state;
    date_write((uint64_t)time(NULL), before);
    const char *now = platform_date();
    date_write((uint64_t)time(NULL) + 1, after); /* the kernel's two clocks differ by a tick */
    assert_true(strcmp(now, before) == 0 || strcmp(now, after) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_day),
        cmocka_unit_test(test_every_second_of_a_day),
        cmocka_unit_test(test_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
