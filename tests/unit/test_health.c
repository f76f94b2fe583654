/* SPDX-License-Identifier: MIT */
/* The bounds of the health answer. What follows for the lifecycle is in test_dispatch.c. */
#include "agent/health.h"
#include "platform/error.h"
#include "proto/stereos.h"
#include "tests/unit/unit.h"

static char text[STEREOS_REPLY_MAX];

/* Four agents with the longest texts, every byte of which is escaped. */
static void test_longest_health_fits(void **state)
{
    static char names[HEALTH_AGENTS_MAX][HEALTH_NAME_MAX + 2], error[HEALTH_ERROR_MAX + 2];
    (void)state;
    memset(error, '<', HEALTH_ERROR_MAX + 1);
    for (int i = 0; i < HEALTH_AGENTS_MAX; i++) {
        memset(names[i], '\1' + i, HEALTH_NAME_MAX + 1);
        assert_int_equal(health_report(names[i], true, NULL), MOTE_ERR_TOO_LARGE);
        names[i][HEALTH_NAME_MAX] = '\0';
        assert_int_equal(health_report(names[i], true, error), MOTE_ERR_TOO_LARGE);
    }
    error[HEALTH_ERROR_MAX] = '\0';
    for (int i = 0; i < HEALTH_AGENTS_MAX; i++)
        assert_int_equal(health_report(names[i], true, error), MOTE_OK);
    assert_int_equal(health_report("one more", true, NULL), MOTE_ERR_NO_ROOM);
    struct out reply = out_to(text, sizeof text);
    health_answer(&reply);
    assert_false(reply.overflow);
    assert_int_equal(text[reply.len - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_health_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
