/* SPDX-License-Identifier: MIT */
/* Response codes in words. Their numbers, and the names for them, are the TSS's. */
#include "proto/tpm2.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <tss2/tss2_tpm2_types.h>

static const char *words(uint32_t rc)
{
    static char text[200];
    struct out o = out_to(text, sizeof text - 1);

    tpm2_write_rc(&o, rc);
    assert_false(o.overflow);
    text[o.len] = '\0';
    return text;
}

/* Whether the words of a code begin with its name. */
static void check_name(uint32_t rc, const char *name)
{
    size_t n = strlen(name);
    const char *got = words(rc);

    assert_memory_equal(got, "TPM_RC_", 7);
    assert_memory_equal(got + 7, name, n);
    assert_true(got[7 + n] == ' ');
}

#define NAME(name) check_name(TPM2_RC_##name, #name)

static void test_errors(void **state)
{
    (void)state;
    NAME(SUCCESS);
    NAME(INITIALIZE);
    NAME(FAILURE);
    NAME(DISABLED);
    NAME(AUTH_TYPE);
    NAME(AUTH_MISSING);
    NAME(POLICY);
    NAME(PCR);
    NAME(PCR_CHANGED);
    NAME(UPGRADE);
    NAME(AUTH_UNAVAILABLE);
    NAME(REBOOT);
    NAME(COMMAND_SIZE);
    NAME(COMMAND_CODE);
    NAME(AUTHSIZE);
    NAME(NV_RANGE);
    NAME(NV_LOCKED);
    NAME(NV_AUTHORIZATION);
    NAME(NV_UNINITIALIZED);
    NAME(NV_SPACE);
    NAME(NV_DEFINED);
    NAME(PARENT);
    NAME(NEEDS_TEST);
    NAME(SENSITIVE);
}

static void test_warnings(void **state)
{
    (void)state;
    NAME(OBJECT_MEMORY);
    NAME(SESSION_MEMORY);
    NAME(MEMORY);
    NAME(SESSION_HANDLES);
    NAME(OBJECT_HANDLES);
    NAME(LOCALITY);
    NAME(YIELDED);
    NAME(CANCELED);
    NAME(TESTING);
    NAME(REFERENCE_H0);
    NAME(REFERENCE_H1);
    NAME(REFERENCE_S0);
    NAME(REFERENCE_S1);
    NAME(NV_RATE);
    NAME(LOCKOUT);
    NAME(RETRY);
    NAME(NV_UNAVAILABLE);
}

static void test_errors_of_something(void **state)
{
    (void)state;
    NAME(ASYMMETRIC);
    NAME(ATTRIBUTES);
    NAME(HASH);
    NAME(VALUE);
    NAME(HIERARCHY);
    NAME(KEY_SIZE);
    NAME(TYPE);
    NAME(HANDLE);
    NAME(RANGE);
    NAME(AUTH_FAIL);
    NAME(SCHEME);
    NAME(SIZE);
    NAME(SYMMETRIC);
    NAME(INSUFFICIENT);
    NAME(SIGNATURE);
    NAME(KEY);
    NAME(POLICY_FAIL);
    NAME(INTEGRITY);
    NAME(TICKET);
    NAME(BAD_AUTH);
    NAME(CURVE);
}

static void test_whole_texts(void **state)
{
    (void)state;
    assert_string_equal(words(0), "TPM_RC_SUCCESS (0x000)");
    assert_string_equal(words(0x921), "TPM_RC_LOCKOUT (0x921): too many wrong passwords");
    assert_string_equal(words(0x2c4), "TPM_RC_VALUE of parameter 2 (0x2c4)");
    assert_string_equal(words(0xfc4), "TPM_RC_VALUE of parameter 15 (0xfc4)");
    assert_string_equal(words(0x18b), "TPM_RC_HANDLE of handle 1 (0x18b): it is not there");
    assert_string_equal(words(0x99d), "TPM_RC_POLICY_FAIL of session 1 (0x99d): "
                                      "its policy is not met");
    assert_string_equal(words(0x084), "TPM_RC_VALUE (0x084)"); /* of nothing that has a number */
    assert_string_equal(words(0x155), "TPM_RC_SENSITIVE (0x155)");
}

/* Linux' resource manager refuses commands in its own name, with a TPM's code. */
static void test_resource_manager(void **state)
{
    (void)state;
    assert_string_equal(words(0xb0143), "TPM_RC_COMMAND_CODE of the resource manager (0xb0143): "
                                        "it has no such command");
    assert_string_equal(words(0xb1143), "an unknown TPM_RC (0xb1143)");
}

static void test_unknown(void **state)
{
    static const uint32_t rcs[] = {
        0x01e,      /* of TPM 1.2 */
        0x0bf,      /* format 1, a code that there is not */
        0x17f,      /* an error, likewise */
        0x97f,      /* a warning, likewise; one that only looks like another's place in the list: */
        0x941,      /* 0x41 */
        0x501,      /* of the vendor */
        0x12e,      /* there is, but no command here brings it */
        0x00070001, /* of a layer in which nobody speaks to us */
        0xffffffff,
    };
    char want[40];
    (void)state;
    for (size_t i = 0; i < sizeof rcs / sizeof rcs[0]; i++) {
        snprintf(want, sizeof want, "an unknown TPM_RC (0x%03x)", rcs[i]);
        assert_string_equal(words(rcs[i]), want);
    }
}

/* Whatever a TPM says becomes printable text of a bounded length. */
static void test_every_code(void **state)
{
    (void)state;
    for (uint32_t rc = 0; rc < 0x2000; rc++) {
        const char *got = words(rc);
        assert_true(strlen(got) < 100);
        for (; *got != '\0'; got++)
            assert_in_range(*got, ' ', '~');
    }
}

static void test_retry(void **state)
{
    (void)state;
    for (uint32_t rc = 0; rc < 0x1000; rc++)
        assert_int_equal(tpm2_is_retry(rc),
                         rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED || rc == TPM2_RC_TESTING);
}

static void test_no_handle(void **state)
{
    (void)state;
    assert_true(tpm2_is_no_handle(TPM2_RC_HANDLE));
    assert_true(tpm2_is_no_handle(TPM2_RC_HANDLE + TPM2_RC_H + TPM2_RC_1));
    assert_true(tpm2_is_no_handle(TPM2_RC_HANDLE + TPM2_RC_H + TPM2_RC_2));
    assert_true(tpm2_is_no_handle(TPM2_RC_HANDLE + TPM2_RC_H + TPM2_RC_7));
    assert_true(tpm2_is_no_handle(TPM2_RC_HANDLE + TPM2_RC_P + TPM2_RC_1)); /* FlushContext's */
    assert_true(tpm2_is_no_handle(TPM2_RC_REFERENCE_H0));
    assert_true(tpm2_is_no_handle(TPM2_RC_REFERENCE_H6));
    assert_false(tpm2_is_no_handle(TPM2_RC_HANDLE + TPM2_RC_S + TPM2_RC_1));
    assert_false(tpm2_is_no_handle(TPM2_RC_VALUE + TPM2_RC_H + TPM2_RC_1));
    assert_false(tpm2_is_no_handle(TPM2_RC_REFERENCE_H0 - 1));
    assert_false(tpm2_is_no_handle(TPM2_RC_REFERENCE_H6 + 1));
    assert_false(tpm2_is_no_handle(TPM2_RC_REFERENCE_S0));
    assert_false(tpm2_is_no_handle(TPM2_RC_SUCCESS));
    assert_false(tpm2_is_no_handle(0x1000 | TPM2_RC_HANDLE));
}

/* The header's own constants. */
static void test_constants(void **state)
{
    (void)state;
    assert_int_equal(TPM_RC_INITIALIZE, TPM2_RC_INITIALIZE);
    assert_int_equal(TPM_RC_FAILURE, TPM2_RC_FAILURE);
    assert_int_equal(TPM_RC_NEEDS_TEST, TPM2_RC_NEEDS_TEST);
    assert_int_equal(TPM_RC_HANDLE, TPM2_RC_HANDLE);
    assert_int_equal(TPM_RC_YIELDED, TPM2_RC_YIELDED);
    assert_int_equal(TPM_RC_CANCELED, TPM2_RC_CANCELED);
    assert_int_equal(TPM_RC_TESTING, TPM2_RC_TESTING);
    assert_int_equal(TPM_RC_REFERENCE_H0, TPM2_RC_REFERENCE_H0);
    assert_int_equal(TPM_RC_LOCKOUT, TPM2_RC_LOCKOUT);
    assert_int_equal(TPM_RC_RETRY, TPM2_RC_RETRY);
    assert_int_equal(TPM_RC_NV_UNAVAILABLE, TPM2_RC_NV_UNAVAILABLE);
    assert_int_equal(TPM_CAP_PCRS, TPM2_CAP_PCRS);
    assert_int_equal(TPM_CAP_TPM_PROPERTIES, TPM2_CAP_TPM_PROPERTIES);
    assert_int_equal(TPM_PT_FAMILY_INDICATOR, TPM2_PT_FAMILY_INDICATOR);
    assert_int_equal(TPM_PT_REVISION, TPM2_PT_REVISION);
    assert_int_equal(TPM_PT_MANUFACTURER, TPM2_PT_MANUFACTURER);
    assert_int_equal(TPM_PT_VENDOR_STRING_1, TPM2_PT_VENDOR_STRING_1);
    assert_int_equal(TPM_PT_FIRMWARE_VERSION_1, TPM2_PT_FIRMWARE_VERSION_1);
    assert_int_equal(TPM_PT_FIRMWARE_VERSION_2, TPM2_PT_FIRMWARE_VERSION_2);
    assert_int_equal(TPM_PT_PERMANENT, TPM2_PT_PERMANENT);
    assert_int_equal(1 << 9, TPMA_PERMANENT_INLOCKOUT);
    assert_int_equal(TPM_HT_NV_INDEX, TPM2_HT_NV_INDEX << 24);
    assert_int_equal(TPM_HT_LOADED_SESSION, TPM2_HT_LOADED_SESSION << 24);
    assert_int_equal((uint32_t)TPM_HT_TRANSIENT, (uint32_t)TPM2_HT_TRANSIENT << 24);
    assert_int_equal((uint32_t)TPM_HT_PERSISTENT, (uint32_t)TPM2_HT_PERSISTENT << 24);
    assert_int_equal(TPM_ST_ATTEST_CERTIFY, TPM2_ST_ATTEST_CERTIFY);
    assert_int_equal(TPM2_MAX_BUFFER, TPM2_MAX_DIGEST_BUFFER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_errors_of_something),
        cmocka_unit_test(test_whole_texts),
        cmocka_unit_test(test_resource_manager),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_every_code),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_no_handle),
        cmocka_unit_test(test_constants),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
