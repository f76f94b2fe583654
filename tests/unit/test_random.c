/* SPDX-License-Identifier: MIT */
/* The random generator: what its sources make of it, and that without one it gives nothing. */
#include "tests/unit/unit.h"

#include "drivers/entropy.h"
#include "drivers/random.h"
#include "platform/error.h"

#include <string.h>

static const char *sources; /* a letter each: what it gives all of its bytes to be */

int entropy_each(void (*take)(const void *bytes, size_t n), size_t n)
{
    char bytes[64];

    assert_true(n <= sizeof bytes);
    for (const char *s = sources; *s != '\0'; s++) {
        memset(bytes, *s, n);
        take(bytes, n);
    }
    return (int)strlen(sources);
}

/* Each test begins with the state that the one before has left: there is no going back. */
static void assert_closed(void)
{
    uint8_t bytes[8], zero[8] = {0};

    memset(bytes, 0xaa, sizeof bytes);
    assert_int_equal(random_get(bytes, sizeof bytes), MOTE_ERR_NO_ENTROPY);
    assert_memory_equal(bytes, zero, sizeof bytes);
}

static void test_fails_closed_without_a_seed(void **state)
{
    (void)state;
    sources = "";
    assert_closed();
}

/* Computed from SP 800-90A by another implementation of HMAC. */
static void test_all_sources_count(void **state)
{
    static const uint8_t first[] = {0x57, 0x0a, 0x55, 0x69, 0x3c, 0xda, 0xb9, 0x3d, 0x17, 0x93,
                                    0x57, 0x60, 0xa5, 0x1a, 0x94, 0x6b, 0x7d, 0xfb, 0x67, 0x94,
                                    0x1a, 0xea, 0x90, 0x48, 0x6c, 0x66, 0x96, 0x16, 0xb8, 0xa7,
                                    0xeb, 0x58, 0xff, 0xf1, 0x62, 0x3d, 0x2a, 0x3b, 0x35, 0x1c},
                         second[] = {0x10, 0xb5, 0x07, 0x7c, 0xb2, 0x01, 0x4f, 0x78};
    uint8_t bytes[40];

    (void)state;
    sources = "ab";
    assert_int_equal(random_get(bytes, sizeof first), MOTE_OK);
    assert_memory_equal(bytes, first, sizeof first);
    sources = "c"; /* nobody asks */
    assert_int_equal(random_get(bytes, sizeof second), MOTE_OK);
    assert_memory_equal(bytes, second, sizeof second);
}

static void test_too_much_at_once(void **state)
{
    static uint8_t bytes[65537];

    (void)state;
    assert_int_equal(random_get(bytes, 65536), MOTE_OK);
    assert_int_equal(random_get(bytes, 65537), MOTE_ERR_NO_ENTROPY);
}

static void test_a_new_seed_behind_a_reset(void **state)
{
    uint8_t seed[RANDOM_SEED] = {1}, bytes[8];

    (void)state;
    random_renew();
    sources = "";
    assert_closed();
    random_add(seed, sizeof seed - 1); /* mixed in, but it is no seed */
    assert_closed();
    random_add(seed, sizeof seed);
    assert_int_equal(random_get(bytes, sizeof bytes), MOTE_OK);
    random_renew();
    sources = "a";
    assert_int_equal(random_get(bytes, sizeof bytes), MOTE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fails_closed_without_a_seed),
        cmocka_unit_test(test_all_sources_count),
        cmocka_unit_test(test_too_much_at_once),
        cmocka_unit_test(test_a_new_seed_behind_a_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
