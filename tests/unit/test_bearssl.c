/* SPDX-License-Identifier: MIT */
/* The hashes that set-up fetches are those that everybody means: RFC 1321 A.5, FIPS 180-2 B. */
#include "tests/unit/unit.h"

#include <bearssl.h>

#include <stdio.h>

static const char *hex(const unsigned char *hash, size_t n)
{
    static char text[2 * br_sha256_SIZE + 1];

    for (size_t i = 0; i < n; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
    return text;
}

/* Of a text that comes in pieces of n bytes. */
static const char *md5(const char *text, size_t n)
{
    unsigned char hash[br_md5_SIZE];
    br_md5_context c;

    br_md5_init(&c);
    for (size_t left = strlen(text); left > 0; left -= n, text += n) {
        n = n < left ? n : left;
        br_md5_update(&c, text, n);
    }
    br_md5_out(&c, hash);
    return hex(hash, sizeof hash);
}

static const char *sha256(const char *text, size_t times)
{
    unsigned char hash[br_sha256_SIZE];
    br_sha256_context c;

    br_sha256_init(&c);
    for (size_t i = 0; i < times; i++)
        br_sha256_update(&c, text, strlen(text));
    br_sha256_out(&c, hash);
    return hex(hash, sizeof hash);
}

static void test_md5(void **state)
{
    const char *digits = "1234567890123456789012345678901234567890"
                         "1234567890123456789012345678901234567890";
    (void)state;
    assert_string_equal(md5("", 1), "d41d8cd98f00b204e9800998ecf8427e");
    assert_string_equal(md5("abc", 3), "900150983cd24fb0d6963f7d28e17f72");
    for (size_t n = 1; n <= 80; n++)
        assert_string_equal(md5(digits, n), "57edf4a22be3c955ac49da2e2107b67a");
}

static void test_sha256(void **state)
{
    (void)state;
    assert_string_equal(sha256("", 0),
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_string_equal(sha256("abc", 1),
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_string_equal(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1),
                        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_string_equal(sha256("a", 1000000),
                        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
