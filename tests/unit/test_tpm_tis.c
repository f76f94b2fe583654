/* SPDX-License-Identifier: MIT */
/* TIS: commands as they should be, localities, and a status that stays what it is. */
#include "tests/unit/tpm_tis.h"

/* --- commands as they should be --- */

static void test_command_and_answer(void **state)
{
    (void)state;
    expect_command(100);
    assert_true(last_took < 2 * M.time);
    expect_command(101);
    assert_int_equal(M.retries, 0);
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {10, 11, 12, 13, 14, 63, 64, 65, 66, 74, 75, 1024, 2047, 2048};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        answer(sizes[i], (uint32_t)sizes[i]);
        expect_command(sizes[i]);
    }
}

static void test_burst_counts(void **state)
{
    static const uint32_t bursts[] = {1, 2, 3, 5, 10, 63, 64, 65, 4096, 65535};
    (void)state;
    for (size_t i = 0; i < sizeof bursts / sizeof bursts[0]; i++) {
        M.burst = bursts[i];
        expect_command(200);
    }
}

/* It grows with the time that was waited, and a slow TPM is not asked a thousand times. */
static void test_looks_become_rare(void **state)
{
    (void)state;
    M.time = 40 * US;
    expect_command(20);
    assert_true(last_took < 500 * US);
    M.time = 5 * SECOND;
    expect_command(20);
    assert_true(looks < 1100);
    assert_true(last_took < M.time + 10 * MS);
}

static void test_no_such_command(void **state)
{
    (void)state;
    assert_int_equal(tpm_start(buffer, 9, SECOND), MOTE_ERR_INVALID);
    assert_int_equal(tpm_start(buffer, TPM_BUFFER_SIZE + 1, SECOND), MOTE_ERR_INVALID);
    assert_int_not_equal(tpm_poll(), MOTE_ERR_AGAIN);
    expect_command(20);
}

/* --- localities --- */

static void test_locality_of_the_firmware(void **state)
{
    (void)state;
    M.is_active = true; /* the model takes no request then */
    expect_command(20);
}

static void test_locality_comes_late(void **state)
{
    (void)state;
    M.granted_at = fake_now + SECOND;
    expect_command(20);
}

static void test_locality_never_comes(void **state)
{
    (void)state;
    M.granted_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not grant locality 0");
    M.granted_at = 0;
    expect_command(20);
}

/* --- a status that stays what it is --- */

static void test_never_ready(void **state)
{
    (void)state;
    M.ready_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT,
                 "it does not get ready for a command: it is in failure");
    assert_true(last_took < 5 * SECOND);
    M.ready_at = 0;
    expect_command(20);
}

static void test_ready_late(void **state)
{
    (void)state;
    M.ready_at = fake_now + SECOND;
    expect_command(20);
}

static void test_burst_count_of_zero_for_a_while(void **state)
{
    (void)state;
    M.burst_at = fake_now + SECOND;
    expect_command(20);
}

static void test_burst_count_of_zero(void **state)
{
    (void)state;
    M.burst_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it takes no more of a command");
    M.burst_at = 0;
    expect_command(20);
}

static void test_last_byte_is_not_taken(void **state)
{
    (void)state;
    M.stalls_at = 19;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not take the last byte of a command");
    expect_command(30);
}

static void test_answer_that_stalls(void **state)
{
    (void)state;
    make_message(buffer, 20, 20);
    assert_int_equal(tpm_start(buffer, 20, fake_now + 10 * SECOND), MOTE_OK);
    while (M.state != EXECUTES)
        assert_int_equal(tpm_poll(), MOTE_ERR_AGAIN);
    M.burst = 0;
    expect_fault(poll_until_end(fake_now + 10 * SECOND), MOTE_ERR_TIMEOUT,
                 "it gives no more of its answer");
    tpm_finish();
    M.burst = 32;
    expect_command(20);
}

static void test_status_never_valid(void **state)
{
    (void)state;
    M.valid_at = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it does not take the last byte of a command");
    M.valid_at = fake_now + SECOND;
    expect_command(20);
}

static void test_expects_less(void **state)
{
    (void)state;
    M.expects = 15;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it does not expect the last byte of a command");
    M.expects = 0;
    expect_command(20);
}

static void test_expects_more(void **state)
{
    (void)state;
    M.expects = 21;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it expects more than the whole command");
    M.expects = 0;
    expect_command(20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_command_and_answer, set_up),
        cmocka_unit_test_setup(test_sizes, set_up),
        cmocka_unit_test_setup(test_burst_counts, set_up),
        cmocka_unit_test_setup(test_looks_become_rare, set_up),
        cmocka_unit_test_setup(test_no_such_command, set_up),
        cmocka_unit_test_setup(test_locality_of_the_firmware, set_up),
        cmocka_unit_test_setup(test_locality_comes_late, set_up),
        cmocka_unit_test_setup(test_locality_never_comes, set_up),
        cmocka_unit_test_setup(test_never_ready, set_up),
        cmocka_unit_test_setup(test_ready_late, set_up),
        cmocka_unit_test_setup(test_burst_count_of_zero_for_a_while, set_up),
        cmocka_unit_test_setup(test_burst_count_of_zero, set_up),
        cmocka_unit_test_setup(test_last_byte_is_not_taken, set_up),
        cmocka_unit_test_setup(test_answer_that_stalls, set_up),
        cmocka_unit_test_setup(test_status_never_valid, set_up),
        cmocka_unit_test_setup(test_expects_less, set_up),
        cmocka_unit_test_setup(test_expects_more, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
