/* SPDX-License-Identifier: MIT */
/*
 * The templates: the bytes that go-tpm makes of evetpm's, and, for what they become in
 * CreatePrimary, libtss2-mu's.
 */
#include "proto/tpm2.h"
#include "tests/unit/unit.h"
#include "tests/unit/vcom.h"

#include <stdlib.h>
#include <tss2/tss2_mu.h>

static char dst[1024];

/* Writes a key's TPM2B_PUBLIC; the bytes. */
static size_t write_template(uint32_t handle)
{
    const struct tpm2_template *t = tpm2_template_of(handle);
    struct out o = out_to(dst, sizeof dst);

    assert_non_null(t);
    tpm2_write_template(&o, t);
    assert_false(o.overflow);
    assert_int_equal((uint8_t)dst[0] << 8 | (uint8_t)dst[1], o.len - 2);
    return o.len;
}

static void all_zero(const char *at, size_t n)
{
    while (n > 0)
        assert_int_equal(at[--n], 0);
}

/* The template is the public area with a modulus of zeros: its head is that of a real EK. */
static void test_ek(void **state)
{
    (void)state;
    assert_int_equal(write_template(TPM2_EK_HANDLE), 2 + EK_SIZE);
    assert_memory_equal(dst + 2, ek_head, sizeof ek_head);
    all_zero(dst + 2 + sizeof ek_head, 256);
    assert_ptr_equal(tpm2_template_of(TPM2_TCG_EK_HANDLE), tpm2_template_of(TPM2_EK_HANDLE));
    assert_int_equal(tpm2_template_of(TPM2_EK_HANDLE)->hierarchy, TPM_RH_ENDORSEMENT);
}

static void test_aik(void **state)
{
    (void)state;
    assert_int_equal(write_template(TPM2_AIK_HANDLE), 2 + AIK_SIZE);
    assert_memory_equal(dst + 2, aik_head, sizeof aik_head);
    all_zero(dst + 2 + sizeof aik_head, 256);
    assert_int_equal(tpm2_template_of(TPM2_AIK_HANDLE)->hierarchy, TPM_RH_OWNER);
}

static void test_srk(void **state)
{
    static const uint8_t head[] = {0x00, 0x01, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00,
                                   0x00, 0x00, 0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10,
                                   0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00};
    (void)state;
    assert_int_equal(write_template(TPM2_SRK_HANDLE), 2 + sizeof head + 256);
    assert_memory_equal(dst + 2, head, sizeof head);
    all_zero(dst + 2 + sizeof head, 256);
    assert_int_equal(tpm2_template_of(TPM2_SRK_HANDLE)->hierarchy, TPM_RH_OWNER);
}

static void test_quote_key(void **state)
{
    static const uint8_t whole[] = {0x00, 0x18, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x05, 0x04,
                                    0x72, 0x00, 0x00, 0x00, 0x10, 0x00, 0x18, 0x00, 0x0b,
                                    0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00};
    (void)state;
    assert_int_equal(write_template(TPM2_QUOTE_HANDLE), sizeof whole);
    assert_memory_equal(dst, whole, sizeof whole);
    assert_int_equal(tpm2_template_of(TPM2_QUOTE_HANDLE)->hierarchy, TPM_RH_OWNER);
}

static void test_ecdh_key(void **state)
{
    static const uint8_t whole[] = {0x00, 0x16, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x06,
                                    0x04, 0x60, 0x00, 0x00, 0x00, 0x10, 0x00, 0x10,
                                    0x00, 0x03, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00};
    (void)state;
    assert_int_equal(write_template(TPM2_ECDH_HANDLE), sizeof whole);
    assert_memory_equal(dst, whole, sizeof whole);
    assert_int_equal(tpm2_template_of(TPM2_ECDH_HANDLE)->hierarchy, TPM_RH_OWNER);
}

static void test_handles_without_a_template(void **state)
{
    (void)state;
    assert_null(tpm2_template_of(0));
    assert_null(tpm2_template_of(0x81000000));
    assert_null(tpm2_template_of(0x81000006));
    assert_null(tpm2_template_of(0x817fffff)); /* evetpm's device key */
}

#define PUT(type, value) assert_int_equal(Tss2_MU_##type##_Marshal(value, want, sizeof want, &n), 0)

/* CreatePrimary of the EK, all of it by the TSS. */
static void test_create_primary(void **state)
{
    static uint8_t want[1024];
    size_t n = 0, size_at = 2;
    TPMS_AUTH_COMMAND auth = {.sessionHandle = TPM2_RS_PW,
                              .sessionAttributes = TPMA_SESSION_CONTINUESESSION};
    TPM2B_SENSITIVE_CREATE sensitive = {0};
    TPM2B_PUBLIC area = {
        .publicArea = {.type = TPM2_ALG_RSA,
                       .nameAlg = TPM2_ALG_SHA256,
                       .objectAttributes = 0x300b2,
                       .authPolicy.size = 32,
                       .parameters.rsaDetail = {.symmetric = {TPM2_ALG_AES,
                                                              {.aes = 128},
                                                              {.aes = TPM2_ALG_CFB}},
                                                .scheme.scheme = TPM2_ALG_NULL,
                                                .keyBits = 2048},
                       .unique.rsa.size = 256}};
    TPM2B_DATA outside = {0};
    TPML_PCR_SELECTION creation = {0};
    struct out o = out_to(dst, sizeof dst);

    (void)state;
    memcpy(area.publicArea.authPolicy.buffer, ek_head + 10, 32);
    PUT(TPM2_ST, TPM2_ST_SESSIONS);
    PUT(UINT32, 0);
    PUT(TPM2_CC, TPM2_CC_CreatePrimary);
    PUT(TPM2_HANDLE, TPM2_RH_ENDORSEMENT);
    PUT(UINT32, 9);
    PUT(TPMS_AUTH_COMMAND, &auth);
    PUT(TPM2B_SENSITIVE_CREATE, &sensitive);
    PUT(TPM2B_PUBLIC, &area);
    PUT(TPM2B_DATA, &outside);
    PUT(TPML_PCR_SELECTION, &creation);
    assert_int_equal(Tss2_MU_UINT32_Marshal((uint32_t)n, want, sizeof want, &size_at), 0);
    tpm2_write_create_primary(&o, tpm2_template_of(TPM2_EK_HANDLE));
    assert_int_equal(o.len, n);
    assert_memory_equal(dst, want, n);
    assert_string_equal(tpm2_command_name(tpm2_command_code(dst)), "CreatePrimary");
}

/* Every template is one that the TSS reads to its end. */
static void test_the_tss_reads_them(void **state)
{
    (void)state;
    for (uint32_t handle = TPM2_EK_HANDLE; handle <= TPM2_ECDH_HANDLE; handle++) {
        TPM2B_PUBLIC area = {0};
        size_t n = write_template(handle), at = 0;
        assert_int_equal(Tss2_MU_TPM2B_PUBLIC_Unmarshal((uint8_t *)dst, n, &at, &area), 0);
        assert_int_equal(at, n);
        assert_int_equal(area.publicArea.objectAttributes, tpm2_template_of(handle)->attributes);
    }
}

static void test_room(void **state)
{
    const struct tpm2_template *t = tpm2_template_of(TPM2_QUOTE_HANDLE);
    struct out o = out_to(dst, sizeof dst);
    (void)state;
    tpm2_write_create_primary(&o, t);
    for (size_t room = 0, n = o.len; room < n; room++) {
        char *exact = malloc(room + 1);
        o = out_to(exact, room);
        tpm2_write_create_primary(&o, t);
        assert_true(o.overflow);
        assert_int_equal(o.len, 0);
        free(exact);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ek),
        cmocka_unit_test(test_aik),
        cmocka_unit_test(test_srk),
        cmocka_unit_test(test_quote_key),
        cmocka_unit_test(test_ecdh_key),
        cmocka_unit_test(test_handles_without_a_template),
        cmocka_unit_test(test_create_primary),
        cmocka_unit_test(test_the_tss_reads_them),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
