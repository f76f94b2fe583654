/* SPDX-License-Identifier: MIT */
/* Credentials, sessions, and what is sealed: their commands as libtss2-mu marshals them. */
#include "tests/unit/tpm2_oracle.h"

static const struct tpm2_selection few = {TPM_ALG_SHA256, 0x810203};

/* By a key that is restricted, which wants to see that the TPM has made the digest. */
static void our_make_credential(struct out *o)
{
    tpm2_write_make_credential(o, 0x81000001, text("a secret"), text("a name"));
}

static void their_make_credential(void)
{
    TPM2B_NAME name = {.size = 6, .name = "a name"};

    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_MakeCredential);
    PUT(TPM2_HANDLE, 0x81000001);
    digest("a secret");
    PUT(TPM2B_NAME, &name);
}

static void our_activate_credential(struct out *o)
{
    tpm2_write_activate_credential(o, 0x81000003, 0x81000001, 0x03000000, text("a blob"),
                                   text("encrypted"));
}

static void their_activate_credential(void)
{
    TPM2B_ID_OBJECT blob = {.size = 6, .credential = "a blob"};
    TPM2B_ENCRYPTED_SECRET secret = {.size = 9, .secret = "encrypted"};

    begin(TPM2_ST_SESSIONS, TPM2_CC_ActivateCredential);
    PUT(TPM2_HANDLE, 0x81000003);
    PUT(TPM2_HANDLE, 0x81000001);
    auths(TPM2_RS_PW, 0x03000000);
    PUT(TPM2B_ID_OBJECT, &blob);
    PUT(TPM2B_ENCRYPTED_SECRET, &secret);
}

static void our_start_auth_session(struct out *o)
{
    tpm2_write_start_auth_session(o, TPM_SE_TRIAL, TPM_ALG_SHA256, text("sixteen bytes it"));
}

static void their_start_auth_session(void)
{
    TPM2B_ENCRYPTED_SECRET salt = {0};
    TPMT_SYM_DEF symmetric = {.algorithm = TPM2_ALG_NULL};

    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_StartAuthSession);
    PUT(TPM2_HANDLE, TPM2_RH_NULL);
    PUT(TPM2_HANDLE, TPM2_RH_NULL);
    digest("sixteen bytes it");
    PUT(TPM2B_ENCRYPTED_SECRET, &salt);
    PUT(TPM2_SE, TPM2_SE_TRIAL);
    PUT(TPMT_SYM_DEF, &symmetric);
    PUT(UINT16, TPM2_ALG_SHA256);
}

static void our_policy_secret(struct out *o)
{
    tpm2_write_policy_secret(o, TPM_RH_ENDORSEMENT, 0x03000001);
}

static void their_policy_secret(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_PolicySecret);
    PUT(TPM2_HANDLE, TPM2_RH_ENDORSEMENT);
    PUT(TPM2_HANDLE, 0x03000001);
    auths(TPM2_RS_PW, 0);
    digest(""); /* nonceTPM */
    digest(""); /* cpHashA */
    digest(""); /* policyRef */
    PUT(INT32, 0);
}

static void our_policy_pcr(struct out *o)
{
    tpm2_write_policy_pcr(o, 0x03000001, &few);
}

static void their_policy_pcr(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_PolicyPCR);
    PUT(TPM2_HANDLE, 0x03000001);
    digest("");
    selection(TPM2_ALG_SHA256, 0x810203);
}

static void our_policy_get_digest(struct out *o)
{
    tpm2_write_policy_get_digest(o, 0x03000001);
}

static void their_policy_get_digest(void)
{
    begin(TPM2_ST_NO_SESSIONS, TPM2_CC_PolicyGetDigest);
    PUT(TPM2_HANDLE, 0x03000001);
}

static void our_unseal(struct out *o)
{
    tpm2_write_unseal(o, 0x80000002, 0x03000001);
}

static void their_unseal(void)
{
    begin(TPM2_ST_SESSIONS, TPM2_CC_Unseal);
    PUT(TPM2_HANDLE, 0x80000002);
    auths(0x03000001, 0);
}

static void our_load(struct out *o)
{
    tpm2_write_load(o, 0x81000002, text("private"), text("public"));
}

static void their_load(void)
{
    TPM2B_PRIVATE private_area = {.size = 7, .buffer = "private"};
    TPM2B_DATA public_area = {.size = 6, .buffer = "public"}; /* of any bytes, here */

    begin(TPM2_ST_SESSIONS, TPM2_CC_Load);
    PUT(TPM2_HANDLE, 0x81000002);
    auths(TPM2_RS_PW, 0);
    PUT(TPM2B_PRIVATE, &private_area);
    PUT(TPM2B_DATA, &public_area);
}

static void create(const char *data, const TPMT_PUBLIC *area)
{
    TPM2B_SENSITIVE_CREATE sensitive = {.sensitive.data.size = (UINT16)strlen(data)};
    TPM2B_PUBLIC public_area = {.publicArea = *area};
    TPML_PCR_SELECTION creation = {0};

    memcpy(sensitive.sensitive.data.buffer, data, strlen(data));
    PUT(TPM2B_SENSITIVE_CREATE, &sensitive);
    PUT(TPM2B_PUBLIC, &public_area);
    digest(""); /* outsideInfo */
    PUT(TPML_PCR_SELECTION, &creation);
}

static void our_create_sealed(struct out *o)
{
    tpm2_write_create_sealed(o, 0x81000002, text("what is kept"), text(""));
}

static void their_create_sealed(void)
{
    TPMT_PUBLIC area = {.type = TPM2_ALG_KEYEDHASH,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                            TPMA_OBJECT_NODA | TPMA_OBJECT_USERWITHAUTH,
                        .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL};

    begin(TPM2_ST_SESSIONS, TPM2_CC_Create);
    PUT(TPM2_HANDLE, 0x81000002);
    auths(TPM2_RS_PW, 0);
    create("what is kept", &area);
}

static void our_create_sealed_to_a_policy(struct out *o)
{
    tpm2_write_create_sealed(o, 0x81000002, text("what is kept"), text("a policy's digest"));
}

static void their_create_sealed_to_a_policy(void)
{
    TPMT_PUBLIC area = {.type = TPM2_ALG_KEYEDHASH,
                        .nameAlg = TPM2_ALG_SHA256,
                        .objectAttributes = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
                                            TPMA_OBJECT_NODA | TPMA_OBJECT_ADMINWITHPOLICY,
                        .authPolicy = {.size = 17, .buffer = "a policy's digest"},
                        .parameters.keyedHashDetail.scheme.scheme = TPM2_ALG_NULL};

    begin(TPM2_ST_SESSIONS, TPM2_CC_Create);
    PUT(TPM2_HANDLE, 0x81000002);
    auths(TPM2_RS_PW, 0);
    create("what is kept", &area);
}

static const struct command commands[] = {
    {"MakeCredential", our_make_credential, their_make_credential},
    {"ActivateCredential", our_activate_credential, their_activate_credential},
    {"StartAuthSession", our_start_auth_session, their_start_auth_session},
    {"PolicySecret", our_policy_secret, their_policy_secret},
    {"PolicyPCR", our_policy_pcr, their_policy_pcr},
    {"PolicyGetDigest", our_policy_get_digest, their_policy_get_digest},
    {"Unseal", our_unseal, their_unseal},
    {"Load", our_load, their_load},
    {"Create", our_create_sealed, their_create_sealed},
    {"Create", our_create_sealed_to_a_policy, their_create_sealed_to_a_policy},
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_of_the_tss),
        cmocka_unit_test(test_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
