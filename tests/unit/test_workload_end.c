/* SPDX-License-Identifier: MIT */
/* The end: the guest that ends with a workload, and workloads that end with the guest. */
#include "tests/unit/workloads.h"

static void test_exit_ends_the_guest(void **state)
{
    (void)state;
    begin("mote.run=name=run exit=yes x", "mote.run=y");
    end(0, 7);
    assert_true(at(1 * S) == 0); /* at once */
    assert_string_equal(state_name(), "shutdown");
    assert_false(app_stopped());
    assert_int_equal(fakes[1].terms, 1);
    assert_true(at(1 * S) == 0);
    assert_true(app_stopped());
    assert_int_equal(app_status(), 7);
}

static void test_exit_after_success(void **state)
{
    (void)state;
    begin("mote.run=exit=yes x", NULL);
    end(0, 0);
    at(1 * S);
    assert_string_equal(state_name(), "shutdown");
    assert_true(app_stopped());
    assert_int_equal(app_status(), 0);
}

/* Only its end for good counts. */
static void test_exit_with_restarts(void **state)
{
    (void)state;
    begin("mote.run=exit=yes restart=on-failure budget=1 x", NULL);
    end(0, 7);
    at(0);
    assert_string_equal(state_name(), "degraded");
    at(1 * S);
    assert_string_equal(state_name(), "healthy");
    end(0, 8);
    at(1 * S);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(app_status(), 8);
}

/* The first one decides, and nothing that ends after it. */
static void test_exit_of_two(void **state)
{
    (void)state;
    begin("mote.run=exit=yes x", "mote.run=exit=yes y");
    end(0, 7);
    end(1, 8);
    at(1 * S);
    assert_int_equal(app_status(), 7);
}

/* A guest that was to end with its status would wait for ever. */
static void test_exit_of_a_wrong_line(void **state)
{
    (void)state;
    begin("mote.run=exit=yes foo=1 x", NULL);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(fakes[0].starts, 0);
    assert_true(app_stopped());
    assert_int_equal(app_status(), PROCESS_CANNOT_RUN);
}

static void test_exit_of_one_that_cannot_start(void **state)
{
    (void)state;
    start_fault = "cannot allocate memory";
    begin("mote.run=exit=yes x", NULL);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(app_status(), PROCESS_CANNOT_RUN);
}

static void test_stop_of_nothing(void **state)
{
    (void)state;
    begin(NULL, NULL);
    assert_true(at(1) == NONE);
    assert_string_equal(state_name(), "ready");
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_true(app_stopped());
    assert_int_equal(app_status(), 0);
}

/* What the host ends is no failure of the guest's; nothing is started any more. */
static void test_stop_when_asked(void **state)
{
    (void)state;
    begin("mote.run=exit=yes restart=always x", "mote.run=restart=always y");
    end(1, 1);
    at(1 * S);
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_true(at(1 * S) == 0);
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    at(9 * S);
    assert_true(app_stopped());
    assert_int_equal(fakes[0].starts, 1);
    assert_int_equal(fakes[1].starts, 1);
    assert_int_equal(fakes[0].kills, 0);
    assert_int_equal(app_status(), 0);
}

static void test_grace(void **state)
{
    (void)state;
    begin("mote.run=x", NULL);
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    fake_now = 1 * S;
    assert_false(app_stopped());
    assert_true(at(2 * S) == 4 * S);
    fake_now = 6 * S - 1;
    assert_false(app_stopped());
    assert_int_equal(fakes[0].kills, 0);
    fake_now = 6 * S;
    assert_false(app_stopped());
    assert_int_equal(fakes[0].kills, 1);
    assert_true(at(6 * S) == 0);
    assert_true(app_stopped());
}

static void test_grace_of_a_second(void **state)
{
    (void)state;
    begin("mote.run=x", "mote.grace=1");
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_true(at(0) == 1 * S);
}

/* One that runs, and what another left; a third has ended. */
static void test_what_never_ends_is_left_behind(void **state)
{
    (void)state;
    options[2] = "mote.run=z";
    begin("mote.run=x", "mote.run=y");
    end(1, 0);
    end(2, 0);
    fakes[1].group = true;
    at(0);
    fakes[0].ignores_term = fakes[0].ignores_kill = fakes[1].ignores_kill = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    fake_now = 5 * S;
    assert_false(app_stopped());
    assert_true(at(5 * S) == 2 * S);
    fake_now = 7 * S;
    assert_true(app_stopped());
    assert_true(app_stopped());
    assert_true(at(8 * S) == NONE);
}

static void test_grace_of_zero(void **state)
{
    (void)state;
    options[2] = "mote.grace=0";
    begin("mote.run=x", "mote.run=y");
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    assert_int_equal(fakes[0].kills, 1);
}

static void test_grace_that_is_no_number(void **state)
{
    static const char *const values[] = {"mote.grace=123456789012345678", "mote.grace=1s"};

    for (size_t i = 0; i < 2; i++) {
        reset(state);
        begin("mote.run=x", values[i]);
        fakes[0].ignores_term = true;
        lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
        assert_false(app_stopped());
        assert_true(at(0) == 5 * S);
    }
}

/* Also what a leader that has ended left in its group. */
static void test_stop_of_a_group(void **state)
{
    (void)state;
    begin("mote.run=x", NULL);
    end(0, 0);
    fakes[0].group = true;
    at(1 * S);
    assert_string_equal(state_name(), "ready");
    fakes[0].ignores_kill = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    fakes[0].group = false;
    assert_true(at(2 * S) == 0);
    assert_true(app_stopped());
    assert_int_equal(fakes[0].kills, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exit_ends_the_guest),
        TEST(test_exit_after_success),
        TEST(test_exit_with_restarts),
        TEST(test_exit_of_two),
        TEST(test_exit_of_a_wrong_line),
        TEST(test_exit_of_one_that_cannot_start),
        TEST(test_stop_of_nothing),
        TEST(test_stop_when_asked),
        TEST(test_grace),
        TEST(test_grace_of_a_second),
        TEST(test_what_never_ends_is_left_behind),
        TEST(test_grace_of_zero),
        TEST(test_grace_that_is_no_number),
        TEST(test_stop_of_a_group),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
