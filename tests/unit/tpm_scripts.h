/* SPDX-License-Identifier: MIT */
/*
 * Scripts of what goes well: a recipe, what it is given, and what the TPM answers, command by
 * command.
 */
#ifndef TESTS_UNIT_TPM_SCRIPTS_H
#define TESTS_UNIT_TPM_SCRIPTS_H

#include "agent/tpm_recipes.h"
#include "tests/unit/fake_tpm.h"

#define NO_HANDLE  0x18bu
#define SESSION    0x03000000u
#define OBJECT     0x80000002u
#define SCRIPT_MAX 8 /* commands */

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }
#define ANSWER(cc, literal)                                                                        \
    {                                                                                              \
        .code = (cc), .parameters = (literal), .n = sizeof(literal) - 1                            \
    }
#define MADE(cc, h, literal)                                                                       \
    {                                                                                              \
        .code = (cc), .handle = (h), .parameters = (literal), .n = sizeof(literal) - 1             \
    }
#define REFUSAL(cc, why)                                                                           \
    {                                                                                              \
        .code = (cc), .rc = (why)                                                                  \
    }
#define KEY(persistent)                                                                            \
    {                                                                                              \
        .code = TPM_CC_READ_PUBLIC, .handle = (persistent)                                         \
    }

#define TEN(c)    c c c c c c c c c c
#define DIGEST(c) TEN(c) TEN(c) TEN(c) c c /* of SHA-256 */
#define NAME      "\0\x22\0\x0b" DIGEST("n")
#define SIGNATURE "\0\x14\0\x0b\0\4SIGN"
#define ATTEST    "\0\6ATTEST"

/* The bank of SHA-256 has PCRs 0 to 7, 16 and 23; that of SHA-1 none. */
#define BANKS                                                                                      \
    "\0"                                                                                           \
    "\0\0\0\5"                                                                                     \
    "\0\0\0\2"                                                                                     \
    "\0\4\3\0\0\0"                                                                                 \
    "\0\x0b\3\xff\0\x81"
/* PCRs 0 and 7, and 16. */
#define PCRS_LOW                                                                                   \
    "\0\0\0\1"                                                                                     \
    "\0\0\0\1"                                                                                     \
    "\0\x0b\3\x81\0\0"                                                                             \
    "\0\0\0\2"                                                                                     \
    "\0\x20" DIGEST("a") "\0\x20" DIGEST("b")
#define PCRS_HIGH                                                                                  \
    "\0\0\0\1"                                                                                     \
    "\0\0\0\1"                                                                                     \
    "\0\x0b\3\0\0\1"                                                                               \
    "\0\0\0\1"                                                                                     \
    "\0\x20" DIGEST("c")
#define PCRS_NONE                                                                                  \
    "\0\0\0\1"                                                                                     \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\0"
#define PCR_0_7_16                                                                                 \
    {                                                                                              \
        TPM_ALG_SHA256, 1u << 0 | 1u << 7 | 1u << 16                                               \
    }

/* An index of 5 bytes that its own password reads, and one that the owner's does. */
#define NV_PUBLIC       "\0\x0e\1\xc0\0\2\0\x0b\0\4\0\0\0\0\0\5" NAME
#define NV_PUBLIC_OWNER "\0\x0e\1\xc0\0\2\0\x0b\0\2\0\0\0\0\0\5" NAME

#define NV_PUBLIC_BOTH "\0\x0e\1\xc0\0\2\0\x0b\0\6\0\0\0\0\0\5" NAME
/* One of 2,049 bytes. */
#define NV_PUBLIC_LARGE "\0\x0e\1\xc0\0\2\0\x0b\0\4\0\0\0\0\x08\1" NAME

/* A recipe, what it is given, and what the TPM answers when all is well. */
struct script {
    const struct tpm_recipe *recipe;
    struct tpm_input in;
    struct fake_tpm_answer answers[SCRIPT_MAX];
};

static const struct script info = {
    &tpm_recipe_info,
    {0},
    {ANSWER(TPM_CC_GET_CAPABILITY, "\0"
                                   "\0\0\0\6"
                                   "\0\0\0\6"
                                   "\0\0\1\2"
                                   "\0\0\0\xa4"
                                   "\0\0\1\5"
                                   "IBM\0"
                                   "\0\0\1\6"
                                   "SW  "
                                   "\0\0\1\7"
                                   " TPM"
                                   "\0\0\1\x0b"
                                   "\x20\x19\x10\x23"
                                   "\0\0\1\x0c"
                                   "\0\x16\x36\x36"),
     ANSWER(TPM_CC_GET_CAPABILITY, "\0"
                                   "\0\0\0\6"
                                   "\0\0\0\1"
                                   "\0\0\2\0"
                                   "\0\0\2\0"),
     ANSWER(TPM_CC_GET_CAPABILITY, BANKS),
     ANSWER(TPM_CC_GET_CAPABILITY, "\0"
                                   "\0\0\0\1"
                                   "\0\0\0\1"
                                   "\x80\0\0\0"),
     ANSWER(TPM_CC_GET_CAPABILITY, "\0"
                                   "\0\0\0\1"
                                   "\0\0\0\2"
                                   "\2\0\0\0"
                                   "\3\0\0\1")},
};

static const struct script ek = {
    &tpm_recipe_ek,
    {.number = 1, .index = 100},
    {KEY(TPM2_EK_HANDLE), ANSWER(TPM_CC_NV_READ_PUBLIC, NV_PUBLIC),
     ANSWER(TPM_CC_NV_READ, "\0\3ert"), ANSWER(TPM_CC_NV_READ, "\0\1!")},
};

static const struct script public_area = {
    &tpm_recipe_public, {.index = TPM2_ECDH_HANDLE}, {KEY(TPM2_ECDH_HANDLE)}};

static const struct script credential_params = {
    &tpm_recipe_credential_params,
    {.index = TPM2_AIK_HANDLE},
    {KEY(TPM2_EK_HANDLE), KEY(TPM2_AIK_HANDLE)},
};

static const struct script activate = {
    &tpm_recipe_activate,
    {.index = TPM2_AIK_HANDLE, .a = BYTES("blob"), .b = BYTES("secret")},
    {KEY(TPM2_EK_HANDLE), KEY(TPM2_AIK_HANDLE),
     MADE(TPM_CC_START_AUTH_SESSION, SESSION, "\0\4NONC"),
     ANSWER(TPM_CC_POLICY_SECRET, "\0\0"
                                  "\x80\x23\x40\0\0\7\0\0"),
     ANSWER(TPM_CC_ACTIVATE_CREDENTIAL, "\0\7content")},
};

static const struct script sign_message = {
    &tpm_recipe_sign,
    {.index = TPM2_AIK_HANDLE, .a = BYTES("message")},
    {KEY(TPM2_AIK_HANDLE), ANSWER(TPM_CC_HASH, "\0\x20" DIGEST("d") "\x80\x24\x40\0\0\1\0\6TICKET"),
     ANSWER(TPM_CC_SIGN, SIGNATURE)},
};

static const struct script sign_digest = {
    &tpm_recipe_sign,
    {.index = TPM2_ECDH_HANDLE, .a = BYTES(DIGEST("d"))},
    {KEY(TPM2_ECDH_HANDLE), ANSWER(TPM_CC_SIGN, "\0\x18\0\x0b\0\1R\0\1S")},
};

static const struct script certify = {
    &tpm_recipe_certify,
    {.index = TPM2_ECDH_HANDLE},
    {KEY(TPM2_ECDH_HANDLE), KEY(TPM2_AIK_HANDLE), ANSWER(TPM_CC_CERTIFY, ATTEST SIGNATURE)},
};

static const struct script nv_read = {
    &tpm_recipe_nv_read,
    {.index = TPM2_EK_CERT_INDEX},
    {ANSWER(TPM_CC_NV_READ_PUBLIC, NV_PUBLIC_OWNER), ANSWER(TPM_CC_NV_READ, "\0\5cert!")},
};

static const struct script random_bytes = {
    &tpm_recipe_random,
    {.number = 5},
    {ANSWER(TPM_CC_GET_RANDOM, "\0\2ra"), ANSWER(TPM_CC_GET_RANDOM, "\0\3ndo")},
};

/* Of PCRs that are not there nothing is told. */
static const struct script pcr_read = {
    &tpm_recipe_pcr_read,
    {.pcrs = {TPM_ALG_SHA256, 1u << 0 | 1u << 7 | 1u << 8 | 1u << 16}},
    {ANSWER(TPM_CC_GET_CAPABILITY, BANKS), ANSWER(TPM_CC_PCR_READ, PCRS_LOW),
     ANSWER(TPM_CC_PCR_READ, PCRS_HIGH)},
};

static const struct script pcr_extend = {
    &tpm_recipe_pcr_extend,
    {.number = 23, .pcrs = {TPM_ALG_SHA256, 0}, .a = BYTES(DIGEST("d"))},
    {ANSWER(TPM_CC_GET_CAPABILITY, BANKS), ANSWER(TPM_CC_PCR_EXTEND, "")},
};

static const struct script quote = {
    &tpm_recipe_quote,
    {.pcrs = PCR_0_7_16, .a = BYTES("nonce")},
    {KEY(TPM2_AIK_HANDLE), ANSWER(TPM_CC_GET_CAPABILITY, BANKS),
     ANSWER(TPM_CC_QUOTE, ATTEST SIGNATURE), ANSWER(TPM_CC_PCR_READ, PCRS_LOW),
     ANSWER(TPM_CC_PCR_READ, PCRS_HIGH)},
};

#define CREATED "\0\7PRIVATE\0\6PUBLIC\0\0\0\0\x80\x21\x40\0\0\1\0\0"

static const struct script seal = {
    &tpm_recipe_seal,
    {.a = BYTES("bytes")},
    {KEY(TPM2_SRK_HANDLE), ANSWER(TPM_CC_CREATE, CREATED)},
};

static const struct script seal_to_pcrs = {
    &tpm_recipe_seal,
    {.a = BYTES("bytes"), .pcrs = PCR_0_7_16},
    {KEY(TPM2_SRK_HANDLE), ANSWER(TPM_CC_GET_CAPABILITY, BANKS),
     MADE(TPM_CC_START_AUTH_SESSION, SESSION, "\0\4NONC"), ANSWER(TPM_CC_POLICY_PCR, ""),
     ANSWER(TPM_CC_POLICY_GET_DIGEST, "\0\x20" DIGEST("p")), ANSWER(TPM_CC_CREATE, CREATED)},
};

static const struct script unseal = {
    &tpm_recipe_unseal,
    {.a = BYTES("PRIVATE"), .b = BYTES("PUBLIC")},
    {KEY(TPM2_SRK_HANDLE), MADE(TPM_CC_LOAD, OBJECT, NAME), ANSWER(TPM_CC_UNSEAL, "\0\5bytes")},
};

static const struct script unseal_from_pcrs = {
    &tpm_recipe_unseal,
    {.a = BYTES("PRIVATE"), .b = BYTES("PUBLIC"), .pcrs = PCR_0_7_16},
    {KEY(TPM2_SRK_HANDLE), MADE(TPM_CC_LOAD, OBJECT, NAME),
     MADE(TPM_CC_START_AUTH_SESSION, SESSION, "\0\4NONC"), ANSWER(TPM_CC_POLICY_PCR, ""),
     ANSWER(TPM_CC_UNSEAL, "\0\5bytes")},
};

static const struct script *const scripts[] = {
    &info,
    &ek,
    &public_area,
    &credential_params,
    &activate,
    &sign_message,
    &sign_digest,
    &certify,
    &nv_read,
    &random_bytes,
    &pcr_read,
    &pcr_extend,
    &quote,
    &seal,
    &seal_to_pcrs,
    &unseal,
    &unseal_from_pcrs,
};

#endif
