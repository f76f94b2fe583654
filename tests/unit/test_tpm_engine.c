/* SPDX-License-Identifier: MIT */
/*
 * The engine of the TPM's operations: who has it when, what is sent again and how long, and how it
 * begins and ends.
 */
#include "tests/unit/tpm_engine.h"

/* -- one that goes well */

static void test_operation(void **state)
{
    struct tpm_op *op = begin(0, &two_randoms);

    (void)state;
    assert_non_null(op);
    assert_ptr_equal(tpm_find(0), op);
    assert_null(tpm_find(1));
    assert_true(tpm_deadline() <= fake_now);
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .polls = 1, BYTES(random_bytes)});
    expect_randoms(1);
    tick();
    assert_int_equal(op->status, TPM_RUNNING);
    assert_true(tpm_deadline() == fake_now + MS); /* as the transport says */
    tick();
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(taken, 2);
    assert_memory_equal(op->out.a.at, random_bytes + 2, op->out.a.n);
    assert_int_equal((uintptr_t)op->out.a.at % 8, 0);
    assert_memory_equal(op->in.a.at, "private", 7);
    assert_memory_equal(op->in.b.at, "public", 6);
    assert_true(fake_tpm_is_wiped());
    assert_true(tpm_deadline() == UINT64_MAX);
    tpm_free(op);
    for (size_t i = 0; i < sizeof *op; i++)
        assert_int_equal(((uint8_t *)op)[i], 0);
}

static void test_everything(void **state)
{
    (void)state;
    lose_power();
    fake_tpm_expect(all_answers, ALL);
    struct tpm_op *op = begin(0, &everything);
    settle();
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->session, SESSION);
    assert_int_equal(op->key[0].handle, TRANSIENT);
    assert_int_equal(op->key[1].handle, TRANSIENT + 1);
    assert_true(op->key[1].is_transient);
    assert_int_equal(fake_tpm_commands, ALL);
    assert_int_equal(fake_tpm_loaded(), 0);
    free_op(0);
}

/* -- who has it when */

static void test_queue(void **state)
{
    struct tpm_op *op = begin(4, &two_randoms);

    (void)state;
    assert_non_null(op);
    for (int again = 0; again < 2; again++)
        for (int owner = 5; owner < 8; owner++) {
            assert_null(begin(owner, &two_randoms));
            assert_string_equal(error, "");
        }
    expect_randoms(2);
    settle();
    assert_null(begin(5, &two_randoms)); /* until the owner has what it wanted */
    tpm_free(op);
    assert_int_equal(tpm_deadline(), 0); /* so that the loop asks those who wait */
    assert_null(begin(9, &two_randoms));
    assert_null(begin(6, &two_randoms));
    tpm_abandon(5);
    assert_null(begin(7, &two_randoms));
    assert_non_null(begin(6, &two_randoms));
    assert_null(begin(5, &two_randoms)); /* now the last */
    tpm_abandon(6);
    settle();
    tick();
    for (int owner = 7; owner != 0; owner = owner == 7 ? 9 : owner == 9 ? 5 : 0) {
        assert_non_null(begin(owner, &two_randoms));
        expect_randoms(2);
        settle();
        tpm_free(tpm_find(owner));
    }
    assert_true(tpm_deadline() == UINT64_MAX);
}

static void test_measuring_comes_first(void **state)
{
    (void)state;
    assert_null(tpm_find(0));
    owes = true;
    assert_int_equal(tpm_deadline(), 0);
    assert_null(begin(0, &two_randoms));
    assert_non_null(begin(TPM_OWNER_MEASURE, &two_randoms));
    owes = false;
    expect_randoms(2);
    settle();
    assert_null(begin(0, &two_randoms));
    tpm_free(tpm_find(TPM_OWNER_MEASURE));
    assert_non_null(begin(0, &two_randoms));
    free_op(0);
}

/* -- owners that leave */

/* Each command is left once while it is under way, and once while the TPM wants it again. */
static void leave_at(size_t at, uint32_t rc)
{
    struct fake_tpm_answer answers[ALL];

    memcpy(answers, all_answers, sizeof answers);
    lose_power();
    fake_tpm_expect(answers, at);
    if (rc != 0)
        expect_rc(answers[at].code, rc);
    else
        answers[at].polls = 1;
    if (rc == 0 || at >= FIRST_FLUSH)
        fake_tpm_expect(answers + at, 1);
    begin(0, &everything);
    tick();
    assert_int_equal(fake_tpm_commands, at + 1);
    tpm_abandon(0);
    assert_null(tpm_find(0));
    assert_null(begin(1, &two_randoms)); /* it cleans up for nobody */
    settle();
    tick();
    assert_int_equal(fake_tpm_loaded(), 0);
    assert_int_equal(fake_tpm_expected(), 0);
    expect_randoms(2);
    assert_non_null(begin(1, &two_randoms));
    settle();
    assert_int_equal(tpm_find(1)->status, TPM_DONE);
    free_op(1);
}

static void test_leaving(void **state)
{
    (void)state;
    for (size_t at = 0; at < ALL; at++) {
        leave_at(at, 0);
        leave_at(at, TPM_RC_RETRY);
    }
    begin(0, &everything); /* and before any */
    free_op(0);
}

/* -- commands that the TPM wants again */

static void test_retries(void **state)
{
    static const uint32_t codes[] = {TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING};

    (void)state;
    for (size_t i = 0; i < LENGTH(codes); i++) {
        uint64_t pause = 10 * MS;
        struct tpm_op *op = begin(0, &two_randoms);
        asked = 0;
        for (int again = 0; again < 9; again++)
            expect_rc(TPM_CC_GET_RANDOM, codes[i]);
        expect_randoms(2);
        for (size_t again = 0; again < 9; again++) {
            tick();
            assert_int_equal(asked, again + 1);
            assert_true(tpm_deadline() == fake_now + pause);
            fake_now += pause - 1;
            tick();
            assert_int_equal(asked, again + 1);
            fake_now += 1;
            pause = 2 * pause < S ? 2 * pause : S;
        }
        tick();
        assert_int_equal(op->status, TPM_DONE);
        free_op(0);
    }
}

/* It may say so until the command's deadline. */
static void test_retries_end(void **state)
{
    uint64_t begun = fake_now;

    (void)state;
    for (int i = 0; i < 40; i++)
        expect_rc(TPM_CC_GET_RANDOM, TPM_RC_RETRY);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_REFUSED, "tpm: GetRandom: TPM_RC_RETRY (0x922)");
    assert_int_equal(tpm_find(0)->rc, TPM_RC_RETRY);
    assert_in_range(fake_now - begun, 18 * S, 20 * S);
    fake_tpm_reset();
    free_op(0);
}

static void test_self_test(void **state)
{
    (void)state;
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, TPM_RC_TESTING);
    expect_rc(TPM_CC_SELF_TEST, 0);
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    free_op(0);
}

/* One that is never content with its test. */
static void test_self_test_in_vain(void **state)
{
    (void)state;
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, 0);
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_REFUSED, "tpm: GetRandom: TPM_RC_NEEDS_TEST (0x153)");
    free_op(0);
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, TPM_RC_FAILURE);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: SelfTest: the TPM is in failure mode");
    free_op(0);
    expect_rc(TPM_CC_SELF_TEST, 0); /* it is owed still */
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    free_op(0);
}

/* -- none at all, and the option */

static void test_no_tpm(void **state)
{
    (void)state;
    fake_tpm_path = NULL;
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_null(tpm_interface());
    assert_null(begin(0, &two_randoms));
    assert_string_equal(error, "tpm: there is no TPM: open fake: no such file");
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_false(tpm_is_busy());
    tick();
    assert_int_equal(fake_tpm_commands, 0);
}

/* What goes on is broken off and cleaned up first, whoever waits is not served. */
static void test_end(void **state)
{
    (void)state;
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .polls = 3, BYTES(random_bytes)});
    expect((struct fake_tpm_answer){.code = TPM_CC_SHUTDOWN});
    begin(0, &two_randoms);
    tick();
    begin(1, &two_randoms);
    for (int i = 0; i < 10 && !tpm_end_use(); i++)
        tick();
    assert_true(tpm_end_use());
    assert_int_equal(fake_tpm_expected(), 0);
    assert_null(tpm_find(1));
    size_t commands = fake_tpm_commands;
    tick();
    assert_int_equal(fake_tpm_commands, commands); /* once */
}

static void test_option(void **state)
{
    static const char *const bad[] = {"", "none", "transien", "transients", "persistent "};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        keys_option = bad[i];
        assert_int_equal(tpm_begin_use(), MOTE_ERR_INVALID);
    }
    keys_option = "persistent";
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_true(tpm_keeps_keys());
    keys_option = "transient";
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_false(tpm_keeps_keys());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_operation, start),
        cmocka_unit_test_setup(test_everything, start),
        cmocka_unit_test_setup(test_queue, start),
        cmocka_unit_test_setup(test_measuring_comes_first, start),
        cmocka_unit_test_setup(test_leaving, start),
        cmocka_unit_test_setup(test_retries, start),
        cmocka_unit_test_setup(test_retries_end, start),
        cmocka_unit_test_setup(test_self_test, start),
        cmocka_unit_test_setup(test_self_test_in_vain, start),
        cmocka_unit_test_setup(test_no_tpm, start),
        cmocka_unit_test_setup(test_option, start),
        cmocka_unit_test_setup(test_end, start), /* it can't be begun again */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
