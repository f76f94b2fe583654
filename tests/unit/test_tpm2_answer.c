/* SPDX-License-Identifier: MIT */
/* Answers: real ones, each of their beginnings, and sizes, tags and sessions that lie. */
#include "proto/tpm2.h"
#include "tests/unit/tpm2_answers.h"

static struct tpm2_answer a;

/* What is wrong with an answer; NULL: nothing. */
static const char *wrong(enum tpm_cc cc, struct octets answer)
{
    const char *rule = NULL;
    bool good = tpm2_read_answer(cc, answer.at, answer.n, &a, &rule);

    assert_int_equal(good, rule == NULL);
    return rule;
}

static const char *wrong_hex(enum tpm_cc cc, const char *hex)
{
    struct octets answer = unhex(hex);
    const char *rule = wrong(cc, answer);

    free(answer.at);
    return rule;
}

/* A copy of an answer as if it were n bytes long, also by its own words. */
static struct octets shorter(struct octets answer, size_t n)
{
    struct octets o = cut(answer, n);

    if (n >= 6) {
        o.at[4] = (uint8_t)(n >> 8);
        o.at[5] = (uint8_t)n;
    }
    return o;
}

static const struct {
    enum tpm_cc cc;
    const char *hex;
    uint32_t handle;
    size_t parameters_at, parameters; /* bytes of the answer */
    bool has_sessions;
} answers[] = {
    {TPM_CC_GET_RANDOM, ANSWER_RANDOM, 0, 10, 34, false},
    {TPM_CC_PCR_READ, ANSWER_PCR_READ, 0, 10, 52, false},
    {TPM_CC_START_AUTH_SESSION, ANSWER_SESSION, 0x03000000, 14, 18, false},
    {TPM_CC_LOAD, ANSWER_LOAD, 0x80000001, 18, 36, true},
    {TPM_CC_ACTIVATE_CREDENTIAL, ANSWER_ACTIVATE, 0, 14, 8, true},
    {TPM_CC_CERTIFY, ANSWER_CERTIFY, 0, 14, 405, true},
    {TPM_CC_PCR_EXTEND, ANSWER_EXTEND, 0, 14, 0, true},
    {TPM_CC_SELF_TEST, "80010000000a00000000", 0, 10, 0, false},
};
#define ANSWERS (sizeof answers / sizeof answers[0])

static void test_real_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct octets answer = unhex(answers[i].hex);
        assert_null(wrong(answers[i].cc, answer));
        assert_int_equal(a.rc, TPM_RC_SUCCESS);
        assert_int_equal(a.handle, answers[i].handle);
        assert_ptr_equal(a.parameters.at, answer.at + answers[i].parameters_at);
        assert_ptr_equal(a.parameters.end, a.parameters.at + answers[i].parameters);
        assert_false(a.parameters.bad);
        free(answer.at);
    }
}

static void test_each_beginning(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct octets answer = unhex(answers[i].hex);
        for (size_t n = 0; n < answer.n; n++) {
            struct octets some = cut(answer, n);
            assert_string_equal(wrong(answers[i].cc, some), n < TPM2_HEADER_SIZE
                                                                ? "it is shorter than a header"
                                                                : "its size is not what it says");
            free(some.at);
        }
        free(answer.at);
    }
}

/* The size is right, but bytes are not there: of an answer without sessions, those of its
 * parameters are missed by who reads these. */
static void test_each_beginning_with_its_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < ANSWERS; i++) {
        struct octets answer = unhex(answers[i].hex);
        for (size_t n = TPM2_HEADER_SIZE; n < answer.n; n++) {
            struct octets some = shorter(answer, n);
            bool good = !answers[i].has_sessions && n >= answers[i].parameters_at;
            assert_int_equal(wrong(answers[i].cc, some) == NULL, good);
            if (good)
                assert_ptr_equal(a.parameters.end, some.at + n);
            free(some.at);
        }
        free(answer.at);
    }
}

static void test_sizes_that_lie(void **state)
{
    (void)state;
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "80010000000b00000000"),
                        "its size is not what it says");
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "80010000000900000000"),
                        "its size is not what it says");
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "8001ffffffff00000000"),
                        "its size is not what it says");
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "80010000000a0000000000"),
                        "its size is not what it says");
    assert_string_equal(wrong_hex(TPM_CC_START_AUTH_SESSION, "80010000000d00000000030000"),
                        "it ends before its handle");
}

/* PCR_Extend has one authorization and no parameters. */
static void test_parameter_sizes_that_lie(void **state)
{
    (void)state;
    assert_null(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001300000000000000000000010000"));
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001300000000000000060000010000"),
                        "its parameters pass its end");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001300000000ffffffff0000010000"),
                        "its parameters pass its end");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001300000000000000010000010000"),
                        "its sessions are not its command's");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000000d00000000000000"),
                        "its parameters pass its end");
}

static void test_sessions_that_are_not_the_command_s(void **state)
{
    (void)state;
    /* With a nonce and an HMAC, as a session of a policy has them. */
    assert_null(wrong_hex(TPM_CC_UNSEAL, "80020000001e0000000000000003000161"
                                         "00056e6f6e636501"
                                         "0003010203"));
    assert_int_equal(a.parameters.end - a.parameters.at, 3);
    /* None, two, one that is cut, one with something behind it. */
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000000e0000000000000000"),
                        "its sessions are not its command's");
    assert_string_equal(
        wrong_hex(TPM_CC_PCR_EXTEND, "800200000018000000000000000000000100000000010000"),
        "its sessions are not its command's");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001300000000000000000000010001"),
                        "its sessions are not its command's");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80020000001400000000000000000000010000ff"),
                        "its sessions are not its command's");
    /* Certify has two. */
    assert_string_equal(wrong_hex(TPM_CC_CERTIFY, "80020000001300000000000000000000010000"),
                        "its sessions are not its command's");
}

static void test_tags(void **state)
{
    (void)state;
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "80020000000a00000000"),
                        "its tag is not its command's");
    assert_string_equal(wrong_hex(TPM_CC_SELF_TEST, "80000000000a00000000"),
                        "its tag is not its command's");
    assert_string_equal(wrong_hex(TPM_CC_PCR_EXTEND, "80010000001300000000000000000000010000"),
                        "its tag is not its command's");
    assert_string_equal(wrong_hex(TPM_CC_GET_RANDOM, "00c40000000a0000001e"), /* TPM 1.2 */
                        "it tells an error, but is no error's answer");
    assert_string_equal(wrong_hex((enum tpm_cc)0x126, "80010000000a00000000"),
                        "its command is not known");
}

static void test_errors(void **state)
{
    (void)state;
    assert_null(wrong_hex(TPM_CC_QUOTE, "80010000000a0000018b"));
    assert_int_equal(a.rc, 0x18b);
    assert_int_equal(a.handle, 0);
    assert_true(a.parameters.at == a.parameters.end);
    assert_null(wrong_hex(TPM_CC_LOAD, "80010000000affffffff"));
    assert_int_equal(a.rc, UINT32_MAX);
    assert_string_equal(wrong_hex(TPM_CC_QUOTE, "80010000000b0000018b00"),
                        "it tells an error, but is no error's answer");
    assert_string_equal(wrong_hex(TPM_CC_QUOTE, "80020000000a0000018b"),
                        "it tells an error, but is no error's answer");
}

static void test_size_and_code_of_a_header(void **state)
{
    static const uint8_t header[] = {0x80, 0x01, 0x12, 0x34, 0x56, 0x78, 0, 0, 0x01, 0x7b};
    (void)state;
    for (size_t n = 0; n < sizeof header; n++)
        assert_int_equal(tpm2_size(header, n), 0);
    assert_int_equal(tpm2_size(header, sizeof header), 0x12345678);
    assert_int_equal(tpm2_size(header, 4096), 0x12345678);
    assert_int_equal(tpm2_command_code(header), TPM_CC_GET_RANDOM);
}

static void test_reader(void **state)
{
    struct octets all = unhex("0102030405060708090a0b0c0d0e0f0003aabbcc");
    struct tpm2_reader r = {all.at, all.at + all.n, false};
    (void)state;
    assert_int_equal(tpm2_u8(&r), 1);
    assert_int_equal(tpm2_u16(&r), 0x0203);
    assert_int_equal(tpm2_u32(&r), 0x04050607);
    assert_true(tpm2_u64(&r) == 0x08090a0b0c0d0e0f);
    struct bytes b = tpm2_2b(&r);
    assert_int_equal(b.n, 3);
    assert_ptr_equal(b.at, all.at + 17);
    assert_false(r.bad);
    assert_ptr_equal(r.at, r.end);
    assert_int_equal(tpm2_bytes(&r, 0).n, 0);
    assert_false(r.bad);
    free(all.at);
}

/* What does not fit makes it bad, whatever comes then. */
static void test_reader_at_its_end(void **state)
{
    struct octets all = unhex("000401020304");
    struct tpm2_reader r = {all.at, all.at + 5, false};
    (void)state;
    assert_int_equal(tpm2_2b(&r).n, 0);
    assert_true(r.bad);
    assert_int_equal(tpm2_u8(&r), 0);
    assert_int_equal(tpm2_bytes(&r, 0).n, 0);
    assert_null(tpm2_bytes(&r, 0).at);
    r = (struct tpm2_reader){all.at, all.at + 1, false};
    assert_int_equal(tpm2_2b(&r).n, 0);
    assert_true(r.bad);
    r = (struct tpm2_reader){all.at, all.at + all.n, false};
    assert_true(tpm2_u64(&r) == 0);
    assert_true(r.bad);
    assert_ptr_equal(r.at, all.at);
    r = (struct tpm2_reader){all.at, all.at + all.n, false};
    assert_int_equal(tpm2_bytes(&r, SIZE_MAX).n, 0);
    assert_true(r.bad);
    free(all.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_answers),
        cmocka_unit_test(test_each_beginning),
        cmocka_unit_test(test_each_beginning_with_its_size),
        cmocka_unit_test(test_sizes_that_lie),
        cmocka_unit_test(test_parameter_sizes_that_lie),
        cmocka_unit_test(test_sessions_that_are_not_the_command_s),
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_size_and_code_of_a_header),
        cmocka_unit_test(test_reader),
        cmocka_unit_test(test_reader_at_its_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
