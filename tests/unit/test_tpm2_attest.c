/* SPDX-License-Identifier: MIT */
/* Attestations: of a real TPM, each of their beginnings, and changed in one place. */
#include "proto/tpm2.h"
#include "tests/unit/tpm2_answers.h"

static struct tpm2_attest a;

/* What is wrong with one; NULL: nothing. */
static const char *wrong(struct octets o)
{
    const char *rule = NULL;
    bool good = tpm2_read_attest((struct bytes){(const char *)o.at, o.n}, &a, &rule);

    assert_int_equal(good, rule == NULL);
    return rule;
}

static void check(struct bytes b, const char *hex)
{
    struct octets want = unhex(hex);

    assert_int_equal(b.n, want.n);
    assert_memory_equal(b.at, want.at, want.n);
    free(want.at);
}

static void test_quote(void **state)
{
    struct octets o = unhex(QUOTE_ATTEST);
    (void)state;
    assert_null(wrong(o));
    assert_int_equal(a.type, TPM_ST_ATTEST_QUOTE);
    assert_int_equal(a.signer.n, 34);
    check(a.extra, "00112233445566778899aabbccddeeff");
    assert_true(a.clock == 0x9ce);
    assert_int_equal(a.reset_count, 0x8acecd2b);
    assert_int_equal(a.restart_count, 0xab31489f);
    assert_false(a.is_safe);
    assert_true(a.firmware == 0xd53ba20ab0f018e1);
    assert_int_equal(a.pcrs.hash, TPM_ALG_SHA256);
    assert_int_equal(a.pcrs.pcrs, 1u << 0 | 1u << 7 | 1u << 23);
    check(a.digest, "b796eaa01abb402ba3aed83c8f5faec77cf55f1d47a19fc3c2d46d2b2afb52da");
    free(o.at);
}

static void test_certified_key(void **state)
{
    struct octets o = unhex(CERTIFY_ATTEST);
    (void)state;
    assert_null(wrong(o));
    assert_int_equal(a.type, TPM_ST_ATTEST_CERTIFY);
    check(a.extra, "00ff55aa");
    assert_int_equal(a.pcrs.pcrs, 0);
    assert_int_equal(a.digest.n, 0);
    free(o.at);
}

static void test_each_beginning(void **state)
{
    struct octets whole = unhex(QUOTE_ATTEST);
    (void)state;
    for (size_t n = 0; n < whole.n; n++) {
        struct octets o = cut(whole, n);
        assert_string_equal(wrong(o), n < 4 ? "it was not made by a TPM" : "it ends too early");
        free(o.at);
    }
    free(whole.at);
    whole = unhex(CERTIFY_ATTEST);
    for (size_t n = 4; n < whole.n - 72; n++) { /* up to what only this kind has */
        struct octets o = cut(whole, n);
        assert_string_equal(wrong(o), "it ends too early");
        free(o.at);
    }
    free(whole.at);
}

/* A quote of other bytes in the place of its selection, of 10 bytes. */
static const char *with_selection(const char *hex)
{
    struct octets o = unhex(QUOTE_ATTEST), selection = unhex(hex);

    assert_int_equal(selection.n, 10);
    memcpy(o.at + o.n - 34 - 10, selection.at, 10);
    const char *rule = wrong(o);
    free(selection.at);
    free(o.at);
    return rule;
}

static void test_nothing(void **state)
{
    const char *rule;
    (void)state;
    assert_false(tpm2_read_attest((struct bytes){NULL, 0}, &a, &rule));
}

static void test_selections(void **state)
{
    (void)state;
    assert_null(with_selection("00000001"
                               "000c"
                               "03"
                               "020000"));
    assert_int_equal(a.pcrs.hash, TPM_ALG_SHA384);
    assert_int_equal(a.pcrs.pcrs, 2);
    assert_string_equal(with_selection("00000002"
                                       "000b"
                                       "03"
                                       "020000"),
                        "it quotes other PCRs than those of one bank");
    assert_string_equal(with_selection("ffffffff"
                                       "000b"
                                       "03"
                                       "020000"),
                        "it quotes other PCRs than those of one bank");
    assert_string_equal(with_selection("00000001"
                                       "000b"
                                       "ff"
                                       "020000"),
                        "it ends too early");
}

static void test_what_is_none(void **state)
{
    struct octets o = unhex(QUOTE_ATTEST);
    struct octets more = {o.n + 1, calloc(1, o.n + 1)};
    (void)state;
    memcpy(more.at, o.at, o.n);
    assert_string_equal(wrong(more), "there are bytes behind its end");
    o.at[0] ^= 1;
    assert_string_equal(wrong(o), "it was not made by a TPM");
    free(o.at);
    free(more.at);
}

/* Of no PCRs at all. */
static void test_an_empty_quote(void **state)
{
    struct octets o = unhex("ff544347"
                            "8018"
                            "0000"
                            "0000"
                            "0000000000000001"
                            "00000002"
                            "00000003"
                            "01"
                            "0000000000000004"
                            "00000000"
                            "0000");
    (void)state;
    assert_null(wrong(o));
    assert_true(a.is_safe);
    assert_int_equal(a.pcrs.hash, 0);
    assert_int_equal(a.digest.n, 0);
    free(o.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quote),          cmocka_unit_test(test_certified_key),
        cmocka_unit_test(test_each_beginning), cmocka_unit_test(test_selections),
        cmocka_unit_test(test_what_is_none),   cmocka_unit_test(test_an_empty_quote),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
