/* SPDX-License-Identifier: MIT */
/*
 * What set-up fetches is what everybody means: RFC 1321 A.5, FIPS 180-2 B, RFC 8439 2.8.2.
 */
#include "tests/unit/unit.h"

#include <bearssl.h>

#include <stdio.h>

static const char *hex(const unsigned char *hash, size_t n)
{
    static char text[2 * 200 + 1];

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

static void test_chacha20_poly1305(void **state)
{
    static const unsigned char nonce[12] = {7,    0,    0,    0,    0x40, 0x41,
                                            0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
    static const unsigned char aad[12] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                                          0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    unsigned char key[32],
        data[200] =
            "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
            "the future, sunscreen would be it.";
    size_t n = strlen((char *)data);
    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)(0x80 + i);
    br_poly1305_ctmul_run(key, nonce, data, n, aad, sizeof aad, data + n, br_chacha20_ct_run, 1);
    assert_string_equal(
        hex(data, n + 16),
        "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fa"
        "fb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4"
        "fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecb"
        "d0600691");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_chacha20_poly1305),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
