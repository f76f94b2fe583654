/* SPDX-License-Identifier: MIT */
/* What becomes of a recipe when the TPM says no, or answers nonsense: in each place of each of its
 * answers. Nothing stays in the TPM, whatever it was. */
#include "tests/unit/tpm_play.h"

/* Whole answers that no TPM gives: fewer or more than was asked, in another order, and none. */
static void test_nonsense(void **state)
{
    static const struct {
        const struct script *script;
        size_t at; /* of its answers */
        struct fake_tpm_answer answer;
    } cases[] = {
        {&random_bytes, 0, ANSWER(TPM_CC_GET_RANDOM, "\0\0")},
        {&random_bytes, 1, ANSWER(TPM_CC_GET_RANDOM, "\0\4ndom")},
        {&nv_read, 1, ANSWER(TPM_CC_NV_READ, "\0\6cert!!")},
        {&pcr_read, 1, ANSWER(TPM_CC_PCR_READ, PCRS_NONE)},
        {&pcr_read, 2, ANSWER(TPM_CC_PCR_READ, PCRS_LOW)},
        {&certify, 2, ANSWER(TPM_CC_CERTIFY, ATTEST SIGNATURE "!")},
        {&certify, 2, ANSWER(TPM_CC_CERTIFY, "\0\0" SIGNATURE)},
        {&activate, 2, ANSWER(TPM_CC_START_AUTH_SESSION, "\0\0\0\0\0\4NONC")},
        {&unseal, 1, ANSWER(TPM_CC_LOAD, NAME)},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct script s = *cases[i].script;
        s.answers[cases[i].at] = cases[i].answer;
        s.answers[cases[i].at + 1].code = 0;
        assert_int_equal(run(&s)->status, TPM_FAILED);
        end();
    }
}

static void test_pcrs_in_disorder(void **state)
{
    struct script s = pcr_read;

    (void)state;
    s.answers[1] = pcr_read.answers[2];
    s.answers[2] = pcr_read.answers[1];
    assert_int_equal(run(&s)->status, TPM_FAILED);
    end();
}

/* -- each answer of each script, and something is wrong with it */

static struct fake_tpm_answer answers[SCRIPT_MAX];

/* It says no: it ends there, and the TPM is asked nothing else. */
static void play_refusals(const struct script *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fake_tpm_answer good = answers[i];
        answers[i] = (struct fake_tpm_answer)REFUSAL(good.code, TPM_RC_LOCKOUT);
        assert_int_equal(run_answers(s, answers, i + 1)->status, TPM_REFUSED);
        end();
        answers[i] = good;
    }
}

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++)
        play_refusals(scripts[i], answers_of(scripts[i], answers));
}

/* Whether nothing of the answer is of interest. */
static bool is_unread(const struct fake_tpm_answer *a)
{
    return a->n == 0 || a->code == TPM_CC_POLICY_SECRET || a->code == TPM_CC_START_AUTH_SESSION ||
           a->code == TPM_CC_LOAD;
}

/* What of an answer is read: nothing behind the two areas that Create makes, and not the name that
 * is the last of others. */
static size_t read_of(const struct fake_tpm_answer *a)
{
    if (a->code == TPM_CC_CREATE)
        return sizeof "\0\7PRIVATE\0\6PUBLIC" - 1;
    return a->code == TPM_CC_READ_PUBLIC || a->code == TPM_CC_NV_READ_PUBLIC
               ? a->n - (sizeof NAME - 1)
               : a->n;
}

/* It ends too early, wherever. */
static void play_short(const struct script *s, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct fake_tpm_answer good = answers[i];
        size_t n = read_of(&good);
        while (!is_unread(&good) && n-- > 0) {
            answers[i].n = n;
            assert_int_equal(run_answers(s, answers, i + 1)->status, TPM_FAILED);
            end();
        }
        answers[i] = good;
    }
}

static void test_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++)
        play_short(scripts[i], answers_of(scripts[i], answers));
}

/* Each byte, in turn, is another: whatever comes of it, it comes to an end. What is then asked, and
 * was not before, the TPM refuses. */
static void play_changed(const struct script *s, size_t count)
{
    static const uint8_t masks[] = {0x01, 0x80, 0xff};
    uint8_t bytes[1024];

    for (size_t i = 0; i < count; i++) {
        const struct fake_tpm_answer good = answers[i];
        memcpy(bytes, good.parameters, good.n);
        answers[i].parameters = bytes;
        for (size_t at = 0; at < good.n * sizeof masks; at++) {
            bytes[at / sizeof masks] ^= masks[at % sizeof masks];
            fake_tpm_refuses = true;
            run_answers(s, answers, count);
            end();
            bytes[at / sizeof masks] ^= masks[at % sizeof masks];
        }
        answers[i] = good;
    }
}

static void test_changed(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scripts); i++)
        play_changed(scripts[i], answers_of(scripts[i], answers));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense), cmocka_unit_test(test_pcrs_in_disorder),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_short),
        cmocka_unit_test(test_changed),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
