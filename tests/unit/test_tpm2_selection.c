/* SPDX-License-Identifier: MIT */
/* PCRs as people write them, and hashes. */
#include "proto/tpm2.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

static struct tpm2_selection s;

/* What is wrong with a text; NULL: nothing. Memory is exact. */
static const char *wrong(const char *text)
{
    static char why[200];
    struct out error = out_to(why, sizeof why - 1);
    size_t n = strlen(text);
    char *copy = malloc(n + 1);

    memcpy(copy, text, n);
    bool good = tpm2_read_selection((struct bytes){copy, n}, &s, &error);
    free(copy);
    why[error.len] = '\0';
    assert_int_equal(good, error.len == 0);
    return good ? NULL : why;
}

static void check(const char *text, uint16_t hash, uint32_t pcrs)
{
    assert_null(wrong(text));
    assert_int_equal(s.hash, hash);
    assert_int_equal(s.pcrs, pcrs);
}

static void test_selections(void **state)
{
    (void)state;
    check("sha256:0,1,7", TPM_ALG_SHA256, 0x83);
    check("sha1:all", TPM_ALG_SHA1, 0xffffff);
    check("sha384:23", TPM_ALG_SHA384, 1u << 23);
    check("sha512:10,9", TPM_ALG_SHA512, 0x600);
    check("sm3_256:0", TPM_ALG_SM3_256, 1);
    check("sha3_256:0", TPM_ALG_SHA3_256, 1);
    check("sha3_384:0", TPM_ALG_SHA3_384, 1);
    check("sha3_512:0", TPM_ALG_SHA3_512, 1);
    check("0,7", TPM_ALG_SHA256, 0x81);
    check("all", TPM_ALG_SHA256, 0xffffff);
    check("7,7,7", TPM_ALG_SHA256, 0x80);
    check("00,07,00016", TPM_ALG_SHA256, 0x10081);
    check("0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23", TPM_ALG_SHA256,
          0xffffff);
}

static void test_wrong_lists(void **state)
{
    static const char *const texts[] = {
        "",    ",",     "0,",  ",0",  "0,,1", "24", "0,24", "100", "4294967296",
        "-1",  "+1",    "0x1", "1 2", "0, 1", " 0", "0 ",   "al",  "alll",
        "ALL", "all,0", "0;1", "0/",  "a",    "0:", "1-3",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_non_null(wrong(texts[i]));
    assert_string_equal(wrong("0,24"), "\"0,24\" is no list of PCRs: 0 to 23 with commas, or all");
    assert_string_equal(wrong("sha256:"), "\"\" is no list of PCRs: 0 to 23 with commas, or all");
    assert_string_equal(wrong("sha256:0+sha1:0"),
                        "\"0+sha1:0\" is no list of PCRs: 0 to 23 with commas, or all");
}

static void test_wrong_hashes(void **state)
{
    static const char *const texts[] = {":",         ":0",       "md5:0",     "sha25:0",
                                        "sha2567:0", "SHA256:0", "sha256 :0", " sha256:0",
                                        "0:0",       "\xff:0"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_non_null(wrong(texts[i]));
    assert_string_equal(wrong("md5:0"), "\"md5\" is no hash: sha256, sha1, sha384, ...");
    assert_string_equal(wrong("a\n:0"), "\"a\\n\" is no hash: sha256, sha1, sha384, ...");
}

/* An empty text has no memory, perhaps. */
static void test_nothing(void **state)
{
    char why[200];
    struct out error = out_to(why, sizeof why);
    (void)state;
    assert_false(tpm2_read_selection((struct bytes){NULL, 0}, &s, &error));
}

static void test_hashes(void **state)
{
    static const struct {
        uint16_t id;
        size_t size;
        const char *name;
    } hashes[] = {
        {TPM_ALG_SHA1, 20, "sha1"},         {TPM_ALG_SHA256, 32, "sha256"},
        {TPM_ALG_SHA384, 48, "sha384"},     {TPM_ALG_SHA512, 64, "sha512"},
        {TPM_ALG_SM3_256, 32, "sm3_256"},   {TPM_ALG_SHA3_256, 32, "sha3_256"},
        {TPM_ALG_SHA3_384, 48, "sha3_384"}, {TPM_ALG_SHA3_512, 64, "sha3_512"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++) {
        assert_int_equal(tpm2_digest_size(hashes[i].id), hashes[i].size);
        assert_string_equal(tpm2_hash_name(hashes[i].id), hashes[i].name);
    }
    assert_int_equal(tpm2_digest_size(TPM_ALG_RSA), 0);
    assert_null(tpm2_hash_name(TPM_ALG_NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_selections),   cmocka_unit_test(test_wrong_lists),
        cmocka_unit_test(test_wrong_hashes), cmocka_unit_test(test_nothing),
        cmocka_unit_test(test_hashes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
