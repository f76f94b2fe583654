/* SPDX-License-Identifier: MIT */
/* Every command, byte for byte as libtss2-mu marshals it, and in every room that is too small. */
#include "tests/unit/tpm2_oracle.h"

static const struct tpm2_selection few = {TPM_ALG_SHA256, 0x810203};
static const struct tpm2_selection all = {TPM_ALG_SHA384, 0xffffff};

static void our_startup(struct out *o)
{
    tpm2_write_startup(o, TPM_SU_STATE);
}

static void their_startup(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_Startup);
    PUT(UINT16, TPM2_SU_STATE);
}

static void our_shutdown(struct out *o)
{
    tpm2_write_shutdown(o, TPM_SU_STATE);
}

static void their_shutdown(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_Shutdown);
    PUT(UINT16, TPM2_SU_STATE);
}

static void our_self_test(struct out *o)
{
    tpm2_write_self_test(o, true);
}

static void their_self_test(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_SelfTest);
    PUT(UINT8, TPM2_YES);
}

static void our_get_capability(struct out *o)
{
    tpm2_write_get_capability(o, TPM_CAP_HANDLES, (uint32_t)TPM_HT_PERSISTENT, 16);
}

static void their_get_capability(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_GetCapability);
    PUT(UINT32, TPM2_CAP_HANDLES);
    PUT(UINT32, 0x81000000);
    PUT(UINT32, 16);
}

static void our_get_random(struct out *o)
{
    tpm2_write_get_random(o, 0x1234);
}

static void their_get_random(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_GetRandom);
    PUT(UINT16, 0x1234);
}

static void our_read_public(struct out *o)
{
    tpm2_write_read_public(o, 0x81010001);
}

static void their_read_public(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_ReadPublic);
    PUT(TPM2_HANDLE, 0x81010001);
}

static void our_flush_context(struct out *o)
{
    tpm2_write_flush_context(o, 0x80000001);
}

static void their_flush_context(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_FlushContext);
    PUT(TPM2_HANDLE, 0x80000001);
}

static void our_evict_control(struct out *o)
{
    tpm2_write_evict_control(o, 0x80000001, 0x81000003);
}

static void their_evict_control(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_EvictControl);
    PUT(TPM2_HANDLE, TPM2_RH_OWNER);
    PUT(TPM2_HANDLE, 0x80000001);
    auths(TPM2_RS_PW, 0);
    PUT(TPM2_HANDLE, 0x81000003);
}

static void our_nv_read_public(struct out *o)
{
    tpm2_write_nv_read_public(o, TPM2_EK_CERT_INDEX);
}

static void their_nv_read_public(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_NV_ReadPublic);
    PUT(TPM2_HANDLE, 0x01c00002);
}

static void our_nv_read(struct out *o)
{
    tpm2_write_nv_read(o, TPM_RH_OWNER, 0x01c00002, 512, 1024);
}

static void their_nv_read(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_NV_Read);
    PUT(TPM2_HANDLE, TPM2_RH_OWNER);
    PUT(TPM2_HANDLE, 0x01c00002);
    auths(TPM2_RS_PW, 0);
    PUT(UINT16, 512);
    PUT(UINT16, 1024);
}

static void our_pcr_read(struct out *o)
{
    tpm2_write_pcr_read(o, &all);
}

static void their_pcr_read(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_PCR_Read);
    selection(TPM2_ALG_SHA384, 0xffffff);
}

static void our_pcr_extend(struct out *o)
{
    tpm2_write_pcr_extend(o, 23, TPM_ALG_SHA256, "0123456789abcdef0123456789ABCDEF");
}

static void their_pcr_extend(void)
{
    TPML_DIGEST_VALUES values = {.count = 1, .digests = {{.hashAlg = TPM2_ALG_SHA256}}};

    memcpy(&values.digests[0].digest, "0123456789abcdef0123456789ABCDEF", 32);
    begin(TPM2_ST_SESSIONS, TPM2_CC_PCR_Extend);
    PUT(TPM2_HANDLE, 23);
    auths(TPM2_RS_PW, 0);
    PUT(TPML_DIGEST_VALUES, &values);
}

static void our_quote(struct out *o)
{
    tpm2_write_quote(o, 0x81000003, text("a nonce"), &few);
}

static void their_quote(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_Quote);
    PUT(TPM2_HANDLE, 0x81000003);
    auths(TPM2_RS_PW, 0);
    digest("a nonce");
    null_scheme();
    selection(TPM2_ALG_SHA256, 0x810203);
}

static void our_certify(struct out *o)
{
    tpm2_write_certify(o, 0x81000005, 0x81000003, text(""));
}

static void their_certify(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_Certify);
    PUT(TPM2_HANDLE, 0x81000005);
    PUT(TPM2_HANDLE, 0x81000003);
    auths(TPM2_RS_PW, TPM2_RS_PW);
    digest("");
    null_scheme();
}

static void our_sign(struct out *o)
{
    tpm2_write_sign(o, 0x81000005, text("a digest"), TPM_ALG_ECDSA, TPM_ALG_SHA256, text(""));
}

static void their_sign(void)
{
    TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_ECDSA, .details.ecdsa.hashAlg = TPM2_ALG_SHA256};
    TPMT_TK_HASHCHECK none = {.tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};

    begin(TPM2_ST_SESSIONS, TPM2_CC_Sign);
    PUT(TPM2_HANDLE, 0x81000005);
    auths(TPM2_RS_PW, 0);
    digest("a digest");
    PUT(TPMT_SIG_SCHEME, &scheme);
    PUT(TPMT_TK_HASHCHECK, &none);
}

static void our_sign_hashed(struct out *o)
{
    struct bytes ticket = {"\x80\x24\x40\x00\x00\x01\x00\x06ticket", 14};

    tpm2_write_sign(o, 0x81000003, text("a digest"), TPM_ALG_NULL, 0, ticket);
}

static void their_sign_hashed(void)
{
    TPMT_TK_HASHCHECK ticket = {TPM2_ST_HASHCHECK, TPM2_RH_OWNER, {.size = 6, .buffer = "ticket"}};

    begin(TPM2_ST_SESSIONS, TPM2_CC_Sign);
    PUT(TPM2_HANDLE, 0x81000003);
    auths(TPM2_RS_PW, 0);
    digest("a digest");
    null_scheme();
    PUT(TPMT_TK_HASHCHECK, &ticket);
}

static void our_hash(struct out *o)
{
    tpm2_write_hash(o, text("what is hashed"), TPM_ALG_SHA256, TPM_RH_OWNER);
}

static void their_hash(void)
{
    TPM2B_MAX_BUFFER data = {.size = 14, .buffer = "what is hashed"};

    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_Hash);
    PUT(TPM2B_MAX_BUFFER, &data);
    PUT(UINT16, TPM2_ALG_SHA256);
    PUT(TPM2_HANDLE, TPM2_RH_OWNER);
}

static const struct command commands[] = {
    {"Startup", our_startup, their_startup},
    {"Shutdown", our_shutdown, their_shutdown},
    {"SelfTest", our_self_test, their_self_test},
    {"GetCapability", our_get_capability, their_get_capability},
    {"GetRandom", our_get_random, their_get_random},
    {"ReadPublic", our_read_public, their_read_public},
    {"FlushContext", our_flush_context, their_flush_context},
    {"EvictControl", our_evict_control, their_evict_control},
    {"NV_ReadPublic", our_nv_read_public, their_nv_read_public},
    {"NV_Read", our_nv_read, their_nv_read},
    {"PCR_Read", our_pcr_read, their_pcr_read},
    {"PCR_Extend", our_pcr_extend, their_pcr_extend},
    {"Quote", our_quote, their_quote},
    {"Certify", our_certify, their_certify},
    {"Sign", our_sign, their_sign},
    {"Sign", our_sign_hashed, their_sign_hashed},
    {"Hash", our_hash, their_hash},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void test_bytes_of_the_tss(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++)
        check_bytes(&commands[i]);
}

static void test_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COMMANDS; i++)
        check_room(&commands[i]);
}

/* More bytes than two bytes of size can say are not cut. */
static void test_more_than_a_size_can_say(void **state)
{
    static char data[UINT16_MAX + 1], dst[sizeof data + 100];
    struct out o = out_to(dst, sizeof dst);
    (void)state;
    tpm2_write_hash(&o, (struct bytes){data, UINT16_MAX}, TPM_ALG_SHA256, TPM_RH_OWNER);
    assert_false(o.overflow);
    assert_int_equal(o.len, 10 + 2 + UINT16_MAX + 2 + 4);
    o = out_to(dst, sizeof dst);
    tpm2_write_hash(&o, (struct bytes){data, sizeof data}, TPM_ALG_SHA256, TPM_RH_OWNER);
    assert_true(o.overflow);
    assert_int_equal(o.len, 0);
}

static void test_name_of_an_unknown_command(void **state)
{
    (void)state;
    assert_string_equal(tpm2_command_name((enum tpm_cc)TPM2_CC_Clear), "a command");
    assert_string_equal(tpm2_command_name((enum tpm_cc)0), "a command");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_the_tss),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_more_than_a_size_can_say),
        cmocka_unit_test(test_name_of_an_unknown_command),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
