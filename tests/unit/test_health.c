/* SPDX-License-Identifier: MIT */
/* The bounds of the health answer. What follows for the lifecycle is in test_dispatch.c. */
#include "agent/health.h"
#include "agent/lifecycle.h"
#include "agent/services.h"
#include "tests/unit/unit.h"

/* The first agent of every test: there is no way to take one back. */
#define FIRST "AAAAAAAAAAAAAAAAAAAAAAAA"

static char text[STEREOS_REPLY_MAX];

/* All agents with the longest texts, errors of bytes that are escaped. */
static void test_longest_health_fits(void **state)
{
    static char names[HEALTH_AGENTS_MAX][HEALTH_NAME_MAX + 2], error[HEALTH_ERROR_MAX + 2];
    (void)state;
    memset(error, '<', HEALTH_ERROR_MAX + 1);
    for (int i = 0; i < HEALTH_AGENTS_MAX; i++) {
        memset(names[i], 'A' + i, HEALTH_NAME_MAX + 1);
        assert_int_equal(health_report(names[i], true, NULL, NULL), MOTE_ERR_TOO_LARGE);
        assert_int_equal(health_report("a", true, names[i], NULL), MOTE_ERR_TOO_LARGE);
        names[i][HEALTH_NAME_MAX] = '\0';
        assert_int_equal(health_report(names[i], true, NULL, error), MOTE_ERR_TOO_LARGE);
    }
    error[HEALTH_ERROR_MAX] = '\0';
    for (int i = 0; i < HEALTH_AGENTS_MAX; i++)
        assert_int_equal(health_report(names[i], true, names[i], error), MOTE_OK);
    assert_int_equal(health_report("one more", true, NULL, NULL), MOTE_ERR_NO_ROOM);
    struct out reply = out_to(text, sizeof text);
    assert_true(health_request(&(struct request){.reply = &reply}));
    assert_false(reply.overflow);
    assert_int_equal(text[reply.len - 1], '\n');
}

/* No name takes more bytes in the answer than it has. */
static void test_names_are_plain(void **state)
{
    static const char *const bad[] = {"a\nb", "\x7f", "\"", "a\\", "<", "a>", "&", "\xc3\xa4"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(health_report(bad[i], true, NULL, NULL), MOTE_ERR_INVALID);
        assert_int_equal(health_report("a", true, bad[i], NULL), MOTE_ERR_INVALID);
    }
}

/* Trouble besides the agents outweighs whatever they report, until it is over. */
static void test_trouble(void **state)
{
    (void)state;
    lifecycle_enter(LIFECYCLE_READY, "at the start");
    health_trouble("a \x1b[2J b", 7);
    assert_int_equal(lifecycle_state(), LIFECYCLE_DEGRADED);
    assert_int_equal(health_report(FIRST, true, NULL, NULL), MOTE_OK);
    assert_int_equal(lifecycle_state(), LIFECYCLE_DEGRADED);
    health_trouble("", 0);
    assert_int_equal(lifecycle_state(), LIFECYCLE_HEALTHY);
    health_report(FIRST, false, NULL, "broke");
    health_trouble("", 0);
    assert_int_equal(lifecycle_state(), LIFECYCLE_DEGRADED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_are_plain),
        cmocka_unit_test(test_trouble),
        cmocka_unit_test(test_longest_health_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
