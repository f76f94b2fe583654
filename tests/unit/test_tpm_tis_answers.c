/* SPDX-License-Identifier: MIT */
/* TIS: answers that don't come, that are nonsense, and a TPM that is not there. */
#include "tests/unit/tpm_tis.h"

/* --- no answer --- */

/* The command is left alone (the model takes no cancel), and the next one waits for it. */
static void test_no_answer_in_time(void **state)
{
    (void)state;
    M.time = 3 * SECOND;
    expect_fault(run_for(20, SECOND), MOTE_ERR_TIMEOUT, "it did not answer in time");
    assert_true(last_took < SECOND + 10 * MS);
    M.time = MS;
    expect_command(30);
    assert_true(last_took < 3 * SECOND);
}

static void test_never_an_answer(void **state)
{
    (void)state;
    M.time = NEVER;
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it did not answer in time");
    expect_fault(run(20), MOTE_ERR_TIMEOUT, "it is busy: it still executes a command before");
    assert_int_equal(M.commands, 1);
    M.executed_at = fake_now;
    M.time = MS;
    expect_command(20);
}

static void test_command_is_forgotten(void **state)
{
    (void)state;
    M.forgets = true;
    expect_fault(run(20), MOTE_ERR_BROKEN, "it has forgotten the command");
    M.forgets = false;
    expect_command(20);
}

/* Its owner wants it no more, in any phase. */
static void test_given_up(void **state)
{
    (void)state;
    M.burst = 1;
    for (unsigned polls = 0; polls < 40; polls++) {
        make_message(buffer, 64, 64);
        assert_int_equal(tpm_start(buffer, 64, fake_now + SECOND), MOTE_OK);
        for (unsigned i = 0; i < polls; i++)
            assert_int_equal(tpm_poll(), MOTE_ERR_AGAIN);
        tpm_finish();
        expect_command(64);
    }
}

/* --- answers that are nonsense --- */

static void test_sizes_of_nonsense(void **state)
{
    (void)state;
    answer(200, 9);
    expect_fault(run(20), MOTE_ERR_BROKEN, "it says that its answer has 9 bytes");
    answer(200, 0);
    assert_int_equal(run(20), MOTE_ERR_BROKEN);
    answer(4000, TPM_BUFFER_SIZE + 1);
    expect_fault(run(20), MOTE_ERR_TOO_LARGE, "its answer has 2049 bytes, more than 2048");
    answer(4000, UINT32_MAX);
    assert_int_equal(run(20), MOTE_ERR_TOO_LARGE);
    answer(10, 10);
    expect_command(20);
}

static void test_short_answer_is_asked_for_again(void **state)
{
    (void)state;
    M.cut = 1;
    expect_command(20);
    assert_int_equal(M.retries, 1);
}

static void test_short_answers(void **state)
{
    (void)state;
    M.cut = 2;
    expect_fault(run(20), MOTE_ERR_BROKEN, "its answer is shorter than its header says");
    M.cut = 0;
    expect_command(20);
}

static void test_long_answer_is_asked_for_again(void **state)
{
    (void)state;
    M.too_long = 1;
    expect_command(20);
    assert_int_equal(M.retries, 1);
}

/* Data is available for ever. */
static void test_long_answers(void **state)
{
    (void)state;
    M.too_long = 2;
    expect_fault(run(20), MOTE_ERR_BROKEN, "its answer is longer than its header says");
    M.too_long = 0;
    expect_command(20);
}

/* --- where there is none --- */

static void test_vanishes(void **state)
{
    (void)state;
    expect_command(20);
    uint32_t all = accesses;
    for (uint32_t at = 3; at < all; at++) {
        set_up(state);
        vanishes_at = at;
        int result = run(20);
        assert_true(result == MOTE_ERR_BROKEN || result == MOTE_ERR_TOO_LARGE ||
                    (at == all - 1 && result == 200));
        expect_fault(run(20), MOTE_ERR_BROKEN, "its registers are all ones: it is gone");
        vanishes_at = UINT32_MAX;
        M.executed_at = 0;
        expect_command(20);
    }
}

static void test_interfaces(void **state)
{
    static const struct {
        uint32_t id, vendor;
        const char *name;
    } rows[] = {
        {0x00082100, 0x00011014, "tis"}, /* behind SeaBIOS */
        {ONES, 0x00011014, "tis"},       /* TIS 1.3 has no such register */
        {ONES, ONES, NULL},              /* nothing */
        {0, 0, NULL},                    /* memory */
        {0x00002100, 0xffff, NULL},
        {0x00002102, 0x00011014, NULL}, /* reserved */
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        M.interface_id = rows[i].id;
        M.did_vid = rows[i].vendor;
        const char *name = tpm_open();
        if (rows[i].name != NULL)
            assert_string_equal(name, rows[i].name);
        else
            assert_null(name);
    }
    assert_string_equal(tpm_fault(), "there is none at 0xfed40000");
    assert_int_equal(tpm_start(buffer, 20, SECOND), MOTE_ERR_NOT_FOUND);
}

static void test_no_place(void **state)
{
    (void)state;
    is_mapped = false;
    assert_null(tpm_open());
    assert_string_equal(tpm_fault(), "there is none at 0xfed40000");
    place = (struct platform_tpm){.start_method = 2};
    assert_null(tpm_open());
    assert_string_equal(tpm_fault(), "TPM2 table: start method 2 is not supported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_no_answer_in_time, set_up),
        cmocka_unit_test_setup(test_never_an_answer, set_up),
        cmocka_unit_test_setup(test_command_is_forgotten, set_up),
        cmocka_unit_test_setup(test_given_up, set_up),
        cmocka_unit_test_setup(test_sizes_of_nonsense, set_up),
        cmocka_unit_test_setup(test_short_answer_is_asked_for_again, set_up),
        cmocka_unit_test_setup(test_short_answers, set_up),
        cmocka_unit_test_setup(test_long_answer_is_asked_for_again, set_up),
        cmocka_unit_test_setup(test_long_answers, set_up),
        cmocka_unit_test_setup(test_vanishes, set_up),
        cmocka_unit_test_setup(test_interfaces, set_up),
        cmocka_unit_test_setup(test_no_place, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
