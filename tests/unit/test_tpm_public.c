/* SPDX-License-Identifier: MIT */
/* Public areas of keys as TPMs have them, and with each of their lengths wrong. */
#include "proto/tpm_public.h"
#include "tests/unit/unit.h"
#include "tests/unit/vcom.h"

#include <stdlib.h>

static uint8_t ek[EK_SIZE], aik[AIK_SIZE], ecc[ECC_SIZE];
static struct tpm_public p;

static int begin(void **state)
{
    (void)state;
    make_ek(ek);
    make_aik(aik);
    make_ecc(ecc);
    return 0;
}

/* What is wrong with an area; NULL: nothing. Memory is exact, so that a byte too much is seen. */
static const char *wrong(const void *area, size_t n)
{
    const char *rule = NULL;
    void *copy = malloc(n != 0 ? n : 1);

    assert_non_null(copy);
    memcpy(copy, area, n);
    bool good = tpm_public_read(copy, n, &p, &rule);
    free(copy);
    assert_int_equal(good, rule == NULL);
    return rule;
}

static void test_the_keys_of_a_host(void **state)
{
    (void)state;
    assert_null(wrong(ek, sizeof ek));
    assert_int_equal(p.type, TPM_ALG_RSA);
    assert_int_equal(p.name_alg, TPM_ALG_SHA256);
    assert_int_equal(p.attributes, 0x000300b2);
    assert_int_equal(p.policy.n, 32);
    assert_int_equal(p.size, 2048);
    assert_int_equal(p.modulus.n, 256);
    assert_int_equal(p.x.n, 0);
    assert_null(wrong(aik, sizeof aik));
    assert_int_equal(p.attributes, 0x00050472);
    assert_int_equal(p.policy.n, 0);
    assert_null(wrong(ecc, sizeof ecc));
    assert_int_equal(p.type, TPM_ALG_ECC);
    assert_int_equal(p.size, 3);
    assert_int_equal(p.modulus.n, 0);
    assert_int_equal(p.x.n, 32);
    assert_int_equal(p.y.n, 32);
}

static void test_what_is_read_lies_in_the_area(void **state)
{
    const char *rule = NULL;
    (void)state;
    assert_true(tpm_public_read(ek, sizeof ek, &p, &rule));
    assert_ptr_equal(p.policy.at, ek + 10);
    assert_ptr_equal(p.modulus.at, ek + 58);
    assert_true(tpm_public_read(ecc, sizeof ecc, &p, &rule));
    assert_ptr_equal(p.x.at, ecc + 22);
    assert_ptr_equal(p.y.at, ecc + 56);
}

static void test_every_length_but_the_right_one(void **state)
{
    uint8_t more[EK_SIZE + 1];
    (void)state;
    for (size_t n = 0; n < sizeof ek; n++)
        assert_string_equal(wrong(ek, n), "it ends too early");
    for (size_t n = 0; n < sizeof ecc; n++)
        assert_string_equal(wrong(ecc, n), "it ends too early");
    memcpy(more, ek, sizeof ek);
    more[sizeof ek] = 0;
    assert_string_equal(wrong(more, sizeof more), "there are bytes behind its end");
    memcpy(more + 1, ek, sizeof ek); /* a TPM2B_PUBLIC would begin with its size */
    more[0] = 1;
    assert_non_null(wrong(more, sizeof more));
}

static void test_fields_that_no_key_has(void **state)
{
    static const struct {
        size_t at;
        uint8_t byte;
        const char *why;
    } of_ek[] = {
        {1, 0x08, "its type is neither RSA nor ECC"}, /* KEYEDHASH */
        {1, 0x25, "its type is neither RSA nor ECC"}, /* SYMCIPHER */
        {3, 0x10, "its nameAlg is no hash"},
        {3, 0x0c, "its authPolicy is not of its nameAlg's size"},
        {8, 0xff, "it ends too early"},
        {9, 31, "its authPolicy is not of its nameAlg's size"},
        {50, 0x03, "its RSA key has a size that no TPM knows"},
        {50, 0x40, "its modulus is not of its key's size"},
        {50, 0x41, "its RSA key has a size that no TPM knows"},
        {50, 0x00, "its RSA key has a size that no TPM knows"},
        {56, 0x00, "its modulus is not of its key's size"}, /* it lies behind the end now */
        {56, 0x02, "it ends too early"},
        {57, 0xff, "it ends too early"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof of_ek / sizeof of_ek[0]; i++) {
        make_ek(ek);
        ek[of_ek[i].at] = of_ek[i].byte;
        assert_string_equal(wrong(ek, sizeof ek), of_ek[i].why);
    }
}

/* A hash is missing, or a count, or the details of an algorithm: all else moves. */
static void test_schemes(void **state)
{
    uint8_t area[ECC_SIZE + 4];
    (void)state;
    memcpy(area, ecc, 16); /* ECDAA has a count behind its hash */
    area[13] = 0x1a;
    area[16] = 0;
    area[17] = 1;
    memcpy(area + 18, ecc + 16, ECC_SIZE - 16);
    assert_null(wrong(area, ECC_SIZE + 2));
    assert_int_equal(p.size, 3);
    memcpy(area, ecc, 20); /* KDF1_SP800_56A with SHA-256 */
    area[19] = 0x20;
    area[20] = 0;
    area[21] = 0x0b;
    memcpy(area + 22, ecc + 20, ECC_SIZE - 20);
    assert_null(wrong(area, ECC_SIZE + 2));
    uint8_t rsaes[AIK_SIZE - 2];
    memcpy(rsaes, aik, 14); /* RSAES has no hash */
    rsaes[13] = 0x15;
    memcpy(rsaes + 14, aik + 16, AIK_SIZE - 16);
    assert_null(wrong(rsaes, sizeof rsaes));
    assert_int_equal(p.size, 2048);
}

static void test_points(void **state)
{
    static const struct {
        uint8_t x, y;
        bool good;
    } sizes[] = {{32, 32, true}, {1, 31, true},  {66, 66, true},  {80, 80, true},
                 {0, 32, false}, {32, 0, false}, {81, 32, false}, {32, 81, false}};
    uint8_t area[20 + 2 * 100] = {0};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        memcpy(area, ecc, 20);
        memset(area + 20, 0, sizeof area - 20);
        area[21] = sizes[i].x;
        area[23 + sizes[i].x] = sizes[i].y;
        const char *rule = wrong(area, 24u + sizes[i].x + sizes[i].y);
        assert_int_equal(rule == NULL, sizes[i].good);
        if (rule != NULL)
            assert_string_equal(rule, "its point is of no curve's size");
    }
}

static void test_hashes(void **state)
{
    static const struct {
        uint8_t alg, size;
    } hashes[] = {{0x04, 20}, {0x0b, 32}, {0x0c, 48}, {0x0d, 64},
                  {0x12, 32}, {0x27, 32}, {0x28, 48}, {0x29, 64}};
    uint8_t area[ECC_SIZE + 64];
    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        memcpy(area, ecc, 10);
        area[3] = hashes[i].alg;
        area[9] = hashes[i].size;
        memset(area + 10, 7, hashes[i].size);
        memcpy(area + 10 + hashes[i].size, ecc + 10, ECC_SIZE - 10);
        assert_null(wrong(area, ECC_SIZE + (size_t)hashes[i].size));
        assert_int_equal(p.policy.n, hashes[i].size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_keys_of_a_host, begin),
        cmocka_unit_test_setup(test_what_is_read_lies_in_the_area, begin),
        cmocka_unit_test_setup(test_every_length_but_the_right_one, begin),
        cmocka_unit_test_setup(test_fields_that_no_key_has, begin),
        cmocka_unit_test_setup(test_schemes, begin),
        cmocka_unit_test_setup(test_points, begin),
        cmocka_unit_test_setup(test_hashes, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
