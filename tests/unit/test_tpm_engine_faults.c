/* SPDX-License-Identifier: MIT */
/* The engine of the TPM's operations over a TPM that fails: nothing stays in it all the same. */
#include "tests/unit/tpm_engine.h"

/* -- a TPM that was switched off and on */

/* What it had loaded is gone, and is not flushed: it would be somebody else's. */
static void test_reset_in_the_middle(void **state)
{
    uint32_t resets = tpm_resets();

    (void)state;
    fake_tpm_expect(all_answers + 1, 6);
    expect_rc(TPM_CC_UNSEAL, TPM_RC_INITIALIZE);
    begin(0, &everything);
    settle();
    assert_error(TPM_FAILED, "tpm: everything: the TPM was reset in the middle of it");
    assert_int_equal(tpm_resets(), resets + 1);
    assert_int_equal(fake_tpm_commands, 7);
    fake_tpm_reset();
    free_op(0);
    expect_rc(TPM_CC_STARTUP, TPM_RC_INITIALIZE); /* somebody else was faster */
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(tpm_resets(), resets + 1);
    free_op(0);
}

static void test_reset_while_flushing(void **state)
{
    uint32_t resets = tpm_resets();

    (void)state;
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    expect_rc(TPM_CC_FLUSH_CONTEXT, TPM_RC_INITIALIZE);
    begin(0, &everything);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(tpm_resets(), resets + 1);
    assert_int_equal(fake_tpm_commands, FIRST_FLUSH);
    fake_tpm_reset();
    free_op(0);
}

static void test_start_fails(void **state)
{
    static const struct {
        uint32_t rc;
        enum tpm_op_status status;
        const char *error;
    } cases[] = {
        {TPM_RC_FAILURE, TPM_FAILED, "tpm: Startup: the TPM is in failure mode"},
        {0x1c4, TPM_REFUSED, "tpm: Startup: TPM_RC_VALUE of parameter 1 (0x1c4)"},
        {TPM_RC_CANCELED, TPM_REFUSED, "tpm: Startup: TPM_RC_CANCELED (0x909)"},
    };

    (void)state;
    lose_power();
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_rc(TPM_CC_STARTUP, cases[i].rc);
        begin(0, &two_randoms);
        settle();
        assert_error(cases[i].status, cases[i].error);
        free_op(0);
    }
}

/* -- failures, at each command */

static void fail_at(size_t at, struct fake_tpm_answer answer, enum tpm_op_status status,
                    const char *why)
{
    char text[256];

    lose_power();
    fake_tpm_expect(all_answers, at);
    answer.code = all_answers[at].code;
    expect(answer);
    begin(0, &everything);
    settle();
    strcpy(text, "tpm: ");
    strcat(text, tpm2_command_name(answer.code));
    strcat(text, ": ");
    strcat(text, why);
    assert_error(status, text);
    assert_true(fake_tpm_is_wiped());
    free_op(0);
}

static void test_failures(void **state)
{
    static const uint8_t short_answer[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0};

    (void)state;
    for (size_t at = 0; at < FIRST_FLUSH; at++) {
        fail_at(at, (struct fake_tpm_answer){.error = MOTE_ERR_BROKEN}, TPM_FAILED,
                "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.error = MOTE_ERR_IO, .is_start_error = true},
                TPM_FAILED, "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.polls = FAKE_TPM_NEVER}, TPM_FAILED,
                "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.rc = 0x921}, TPM_REFUSED,
                "TPM_RC_LOCKOUT (0x921): too many wrong passwords");
        fail_at(at, (struct fake_tpm_answer){.rc = TPM_RC_FAILURE}, TPM_FAILED,
                "the TPM is in failure mode");
        fail_at(at, (struct fake_tpm_answer){BYTES(short_answer), .is_raw = true}, TPM_FAILED,
                "its answer is nonsense: its size is not what it says");
    }
}

/* The key of RSA may take three minutes, others have 20 s. */
static void test_deadlines(void **state)
{
    static const struct {
        size_t at;
        uint64_t s;
    } cases[] = {{1, 20}, {2, 180}, {5, 20}, {7, 20}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t begun = fake_now;
        fail_at(cases[i].at, (struct fake_tpm_answer){.polls = FAKE_TPM_NEVER}, TPM_FAILED,
                "what the fake says");
        assert_in_range(fake_now - begun, cases[i].s * S, cases[i].s * S + MS);
    }
}

/* An answer that ends too early, whatever its step makes of it; and a step that gives none. */
static void test_short_parameters(void **state)
{
    (void)state;
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .parameters = random_bytes, .n = 5});
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: GetRandom: its answer is nonsense");
    free_op(0);
}

static void test_steps_fail(void **state)
{
    (void)state;
    fails_at_ask = true;
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: two: not today");
    free_op(0);
    fails_at_ask = false;
    asks_too_much = true;
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: two: too much for a command: limit is 2048 bytes");
    free_op(0);
}

static void test_room(void **state)
{
    static char much[TPM_DATA_MAX];
    struct tpm_input in = {.a = {much, TPM_DATA_MAX - 10}, .b = {much, 10}};
    struct out o = out_to(error, sizeof error - 1);
    struct tpm_op *op = tpm_begin(0, &two_randoms, &in, &o);

    (void)state;
    assert_non_null(op);
    assert_int_equal(op->status, TPM_RUNNING);
    assert_null(tpm_room(op, 1));
    settle();
    assert_error(TPM_FAILED, "tpm: two: too much data: limit is 2048 bytes");
    free_op(0);
    in.b.n = 11;
    assert_null(tpm_begin(0, &two_randoms, &in, &o));
    error[o.len] = '\0';
    assert_string_equal(error, "tpm: two: input too long: limit is 2048 bytes");
    in.a.n = SIZE_MAX;
    assert_null(tpm_begin(0, &two_randoms, &in, &o));
    assert_true(tpm_deadline() == UINT64_MAX); /* it is not in the queue */
}

/* -- what can't be flushed */

static void begin_unflushable(struct fake_tpm_answer answer)
{
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    answer.code = TPM_CC_FLUSH_CONTEXT;
    expect(answer);
    begin(0, &everything);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(fake_tpm_loaded(), 1);
    tpm_abandon(0);
}

/* No answer: it is tried again in front of the next operation. */
static void test_flush_without_answer(void **state)
{
    (void)state;
    begin_unflushable((struct fake_tpm_answer){.polls = FAKE_TPM_NEVER});
    expect((struct fake_tpm_answer){.code = TPM_CC_FLUSH_CONTEXT, .error = MOTE_ERR_BROKEN});
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    free_op(0); /* it was flushed at the second attempt, behind it */
}

static void test_flush_of_a_busy_tpm(void **state)
{
    struct fake_tpm_answer busy = {.code = TPM_CC_FLUSH_CONTEXT, .rc = TPM_RC_RETRY};

    (void)state;
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    for (int i = 0; i < 11; i++) /* 5 s */
        expect(busy);
    begin(0, &everything);
    settle();
    assert_int_equal(fake_tpm_loaded(), 1);
    tpm_abandon(0);
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    free_op(0);
}

/* It says that there is no such handle: then that is so. */
static void test_flush_refused(void **state)
{
    (void)state;
    begin_unflushable((struct fake_tpm_answer){.rc = 0x1cb});
    fake_tpm_reset();
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(fake_tpm_commands, 2);
    free_op(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_reset_in_the_middle, start),
        cmocka_unit_test_setup(test_reset_while_flushing, start),
        cmocka_unit_test_setup(test_start_fails, start),
        cmocka_unit_test_setup(test_failures, start),
        cmocka_unit_test_setup(test_deadlines, start),
        cmocka_unit_test_setup(test_short_parameters, start),
        cmocka_unit_test_setup(test_steps_fail, start),
        cmocka_unit_test_setup(test_room, start),
        cmocka_unit_test_setup(test_flush_without_answer, start),
        cmocka_unit_test_setup(test_flush_of_a_busy_tpm, start),
        cmocka_unit_test_setup(test_flush_refused, start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
