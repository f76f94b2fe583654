/* SPDX-License-Identifier: MIT */
/* Structures in answers: of a real TPM, each of their beginnings, and changed in one place. */
#include "proto/tpm2.h"
#include "tests/unit/tpm2_answers.h"
#include "tests/unit/vcom.h"

static const struct tpm2_selection all_sha256 = {TPM_ALG_SHA256, 0xffffff};
static uint32_t pcrs;
static uint8_t values[24 * 32];
static size_t values_n;

/* Reads an answer's parameters, hex, with room for cap bytes of values. */
static bool read_pcrs(const char *hex, const struct tpm2_selection *asked, size_t cap)
{
    struct octets o = unhex(hex);
    struct tpm2_reader r = {o.at, o.at + o.n, false};
    bool good = tpm2_read_pcrs(&r, asked, &pcrs, values, cap, &values_n);

    free(o.at);
    return good;
}

#define PARAMETERS(answer) ((answer) + 20) /* hex digits of a header */

static void test_pcrs(void **state)
{
    static const struct tpm2_selection one = {TPM_ALG_SHA256, 1u << 23};
    static const struct tpm2_selection sha1 = {TPM_ALG_SHA1, 0xffffff};
    struct octets want = unhex("0b0ea3a4088eb2d4b876e93a7ce1179364b7546e02ec9f3f3e009f05d362aad6");
    (void)state;
    assert_true(read_pcrs(PARAMETERS(ANSWER_PCR_READ), &one, 32));
    assert_int_equal(pcrs, 1u << 23);
    assert_int_equal(values_n, 32);
    assert_memory_equal(values, want.at, 32);
    free(want.at);
    assert_true(read_pcrs(PARAMETERS(ANSWER_PCR_READ_ALL), &all_sha256, sizeof values));
    assert_int_equal(pcrs, 0xff);
    assert_int_equal(values_n, 256);
    assert_true(read_pcrs(PARAMETERS(ANSWER_PCR_READ_SHA1), &sha1, sizeof values));
    assert_int_equal(pcrs, 0);
    assert_int_equal(values_n, 0);
}

static void test_pcrs_cut(void **state)
{
    struct octets whole = unhex(PARAMETERS(ANSWER_PCR_READ));
    (void)state;
    for (size_t n = 0; n < whole.n; n++) {
        struct octets o = cut(whole, n);
        struct tpm2_reader r = {o.at, o.at + n, false};
        assert_false(tpm2_read_pcrs(&r, &all_sha256, &pcrs, values, sizeof values, &values_n));
        free(o.at);
    }
    free(whole.at);
}

/* Counter, selection, and how many digests; two bytes of value are of no hash. */
#define BANK(hash, size, bits)                                                                     \
    "00000014"                                                                                     \
    "00000001" hash size bits
#define VALUE                                                                                      \
    "0020"                                                                                         \
    "0b0ea3a4088eb2d4b876e93a7ce1179364b7546e02ec9f3f3e009f05d362aad6"

static void test_pcrs_that_are_nonsense(void **state)
{
    static const struct tpm2_selection low = {TPM_ALG_SHA256, 0xff};
    (void)state;
    assert_true(read_pcrs(BANK("000b", "03", "010000") "00000001" VALUE, &low, 32));
    assert_true(read_pcrs(BANK("000b", "01", "01") "00000001" VALUE, &low, 32));
    assert_true(read_pcrs(BANK("000b", "04", "01000000") "00000001" VALUE, &low, 32));
    assert_true(read_pcrs("00000014"
                          "00000000"
                          "00000000",
                          &low, 0)); /* no bank at all */
    assert_int_equal(pcrs, 0);
    assert_false(read_pcrs("00000014"
                           "00000000",
                           &low, 0)); /* how many digests, none, is missing */
    assert_true(read_pcrs(BANK("0004", "03", "000000") "00000000", &low, 0));
    /* Not asked for; of another bank; of two; that there are not. */
    assert_false(read_pcrs(BANK("000b", "03", "000100") "00000001" VALUE, &low, 32));
    assert_false(read_pcrs(BANK("0004", "03", "010000") "00000001" VALUE, &low, 32));
    assert_false(read_pcrs("00000014"
                           "00000002"
                           "000b03010000"
                           "000403000000"
                           "00000001" VALUE,
                           &low, 32));
    assert_false(read_pcrs(BANK("000b", "04", "01000001") "00000001" VALUE, &all_sha256, 32));
    /* More values than PCRs, or fewer; of another length; no room; something behind. */
    assert_false(read_pcrs(BANK("000b", "03", "010000") "00000002" VALUE VALUE, &low, 64));
    assert_false(read_pcrs(BANK("000b", "03", "030000") "00000001" VALUE, &low, 64));
    assert_false(read_pcrs(BANK("000b", "03", "010000") "ffffffff" VALUE, &low, 64));
    assert_false(read_pcrs(BANK("000b", "03", "010000") "00000001"
                                                        "00020b0e",
                           &low, 32));
    assert_false(read_pcrs(BANK("000b", "03", "010000") "00000001" VALUE, &low, 31));
    assert_false(read_pcrs(BANK("000b", "03", "010000") "00000001" VALUE "00", &low, 32));
}

static bool scheme_of(const void *area, size_t n, struct tpm2_scheme *s)
{
    struct octets exact = cut((struct octets){n, (uint8_t *)(uintptr_t)area}, n);
    bool good = tpm2_read_scheme((struct bytes){(const char *)exact.at, n}, s);

    free(exact.at);
    return good;
}

static void test_schemes(void **state)
{
    uint8_t area[AIK_SIZE], point[ECC_SIZE];
    struct tpm2_scheme s;
    (void)state;
    make_aik(area);
    make_ecc(point);
    assert_true(scheme_of(area, sizeof area, &s));
    assert_false(s.is_null);
    assert_int_equal(s.scheme, TPM_ALG_RSASSA);
    assert_int_equal(s.hash, TPM_ALG_SHA256);
    area[13] = TPM_ALG_RSAPSS;
    area[15] = TPM_ALG_SHA384;
    assert_true(scheme_of(area, sizeof area, &s));
    assert_int_equal(s.scheme, TPM_ALG_RSAPSS);
    assert_int_equal(s.hash, TPM_ALG_SHA384);
    area[13] = TPM_ALG_NULL;
    assert_true(scheme_of(area, sizeof area, &s));
    assert_true(s.is_null);
    assert_int_equal(s.scheme, TPM_ALG_RSASSA);
    assert_int_equal(s.hash, TPM_ALG_SHA256);
    assert_true(scheme_of(point, sizeof point, &s));
    assert_false(s.is_null);
    assert_int_equal(s.scheme, TPM_ALG_ECDSA);
    point[13] = TPM_ALG_NULL;
    assert_true(scheme_of(point, sizeof point, &s));
    assert_true(s.is_null);
    assert_int_equal(s.scheme, TPM_ALG_ECDSA);
}

static void test_keys_that_do_not_sign(void **state)
{
    uint8_t ek[EK_SIZE], area[AIK_SIZE], point[ECC_SIZE];
    struct tpm2_scheme s;
    (void)state;
    make_ek(ek);
    make_aik(area);
    make_ecc(point);
    assert_false(scheme_of(ek, sizeof ek, &s));
    area[13] = TPM_ALG_RSAES;
    assert_false(scheme_of(area, sizeof area, &s));
    area[13] = TPM_ALG_ECDSA; /* of another kind of key */
    assert_false(scheme_of(area, sizeof area, &s));
    area[13] = TPM_ALG_RSASSA;
    area[1] = TPM_ALG_KEYEDHASH;
    assert_false(scheme_of(area, sizeof area, &s));
    point[13] = TPM_ALG_ECDAA;
    assert_false(scheme_of(point, sizeof point, &s));
    make_aik(area);
    for (size_t n = 0; n < 16; n++) /* up to its scheme */
        assert_false(scheme_of(area, n, &s));
}

static bool signature_of(const char *hex, struct tpm2_signature *s, size_t *left)
{
    struct octets o = unhex(hex);
    struct tpm2_reader r = {o.at, o.at + o.n, false};
    bool good = tpm2_read_signature(&r, s);

    *left = (size_t)(r.end - r.at);
    free(o.at);
    return good;
}

static void test_signatures(void **state)
{
    struct tpm2_signature s;
    size_t left;
    (void)state;
    assert_true(signature_of(QUOTE_SIGNATURE, &s, &left));
    assert_int_equal(left, 0);
    assert_int_equal(s.scheme, TPM_ALG_RSASSA);
    assert_int_equal(s.hash, TPM_ALG_SHA256);
    assert_int_equal(s.rsa.n, 256);
    assert_int_equal(s.r.n + s.s.n, 0);
    assert_true(signature_of(ECC_SIGNATURE, &s, &left));
    assert_int_equal(left, 0);
    assert_int_equal(s.scheme, TPM_ALG_ECDSA);
    assert_int_equal(s.hash, TPM_ALG_SHA256);
    assert_int_equal(s.rsa.n, 0);
    assert_int_equal(s.r.n, 32);
    assert_int_equal(s.s.n, 32);
    assert_ptr_equal(s.s.at, s.r.at + 34);
    assert_true(signature_of("0016000c0001aa", &s, &left));
    assert_int_equal(s.scheme, TPM_ALG_RSAPSS);
    assert_false(signature_of("0010000b0001aa", &s, &left));
    assert_false(signature_of("001a000b0001aa0001aa", &s, &left)); /* ECDAA */
}

static void check_signature_cut(const char *hex)
{
    struct octets whole = unhex(hex);
    struct tpm2_signature s;

    for (size_t n = 0; n < whole.n; n++) {
        struct octets o = cut(whole, n);
        struct tpm2_reader r = {o.at, o.at + n, false};
        assert_false(tpm2_read_signature(&r, &s));
        free(o.at);
    }
    free(whole.at);
}

static void test_signatures_cut(void **state)
{
    (void)state;
    check_signature_cut(QUOTE_SIGNATURE);
    check_signature_cut(ECC_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pcrs),
        cmocka_unit_test(test_pcrs_cut),
        cmocka_unit_test(test_pcrs_that_are_nonsense),
        cmocka_unit_test(test_schemes),
        cmocka_unit_test(test_keys_that_do_not_sign),
        cmocka_unit_test(test_signatures),
        cmocka_unit_test(test_signatures_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
