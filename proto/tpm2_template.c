/* SPDX-License-Identifier: MIT */
/*
 * The keys of evetpm, as its go-tpm encodes their templates, and the commands that make objects.
 * The unique fields count: with others, other keys come out of the same seed.
 */
#include "proto/tpm2_write.h"

#define RSA_BITS   2048
#define AES_BITS   128
#define NIST_P256  3 /* TPM_ECC_NIST_P256 */
#define FIXED      (TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT)
#define STORAGE    (TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT)
#define SIGNING    (TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT)
#define BY_THE_TPM (TPMA_OBJECT_SENSITIVE_DATA_ORIGIN) /* its private part is made there */
#define BY_AUTH    (TPMA_OBJECT_USER_WITH_AUTH | TPMA_OBJECT_NO_DA)

static const struct tpm2_template templates[] = {
    {TPM2_EK_HANDLE, TPM_RH_ENDORSEMENT, TPM_ALG_RSA,
     FIXED | BY_THE_TPM | TPMA_OBJECT_ADMIN_WITH_POLICY | STORAGE, TPM_ALG_NULL, true, 256},
    {TPM2_SRK_HANDLE, TPM_RH_OWNER, TPM_ALG_RSA, FIXED | BY_THE_TPM | BY_AUTH | STORAGE,
     TPM_ALG_NULL, false, 256},
    {TPM2_AIK_HANDLE, TPM_RH_OWNER, TPM_ALG_RSA, FIXED | BY_THE_TPM | BY_AUTH | SIGNING,
     TPM_ALG_RSASSA, false, 256},
    {TPM2_QUOTE_HANDLE, TPM_RH_OWNER, TPM_ALG_ECC, FIXED | BY_THE_TPM | BY_AUTH | SIGNING,
     TPM_ALG_ECDSA, false, 0},
    {TPM2_ECDH_HANDLE, TPM_RH_OWNER, TPM_ALG_ECC,
     BY_THE_TPM | BY_AUTH | TPMA_OBJECT_DECRYPT | TPMA_OBJECT_SIGN_ENCRYPT, TPM_ALG_NULL, false, 0},
};

/* TCG EK Credential Profile, B.6.2: policy A of SHA-256, PolicySecret(TPM_RH_ENDORSEMENT). */
static const uint8_t ek_policy[32] = {
    0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, 0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24,
    0xfd, 0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1, 0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa,
};

const struct tpm2_template *tpm2_template_of(uint32_t persistent)
{
    if (persistent == TPM2_TCG_EK_HANDLE)
        persistent = TPM2_EK_HANDLE;
    for (size_t i = 0; i < sizeof templates / sizeof templates[0]; i++)
        if (templates[i].persistent == persistent)
            return &templates[i];
    return NULL;
}

/* A TPM2B of zeros. */
static void put_zeros(struct out *o, uint16_t n)
{
    tpm2_put16(o, n);
    for (; n > 0; n--)
        out_bytes(o, "", 1);
}

/* TPMT_SYM_DEF_OBJECT: what a storage key protects its children with. */
static void put_symmetric(struct out *o, uint32_t attributes)
{
    if ((attributes & STORAGE) != STORAGE) {
        tpm2_put16(o, TPM_ALG_NULL);
        return;
    }
    tpm2_put16(o, TPM_ALG_AES);
    tpm2_put16(o, AES_BITS);
    tpm2_put16(o, TPM_ALG_CFB);
}

static void put_rsa(struct out *o, uint16_t unique)
{
    tpm2_put16(o, RSA_BITS);
    tpm2_put32(o, 0); /* the exponent: 65537 */
    put_zeros(o, unique);
}

static void put_curve(struct out *o, uint16_t unique)
{
    tpm2_put16(o, NIST_P256);
    tpm2_put16(o, TPM_ALG_NULL); /* no KDF */
    put_zeros(o, unique);
    put_zeros(o, unique);
}

void tpm2_write_template(struct out *o, const struct tpm2_template *t)
{
    struct bytes policy = {(const char *)ek_policy, t->has_ek_policy ? sizeof ek_policy : 0};
    size_t mark = tpm2_open(o);

    tpm2_put16(o, t->type);
    tpm2_put16(o, TPM_ALG_SHA256);
    tpm2_put32(o, t->attributes);
    tpm2_put_2b(o, policy);
    put_symmetric(o, t->attributes);
    tpm2_put_scheme(o, t->scheme, TPM_ALG_SHA256);
    if (t->type == TPM_ALG_RSA)
        put_rsa(o, t->unique);
    else
        put_curve(o, t->unique);
    tpm2_close(o, mark);
}

void tpm2_write_create_primary(struct out *o, const struct tpm2_template *t)
{
    tpm2_put_command(o, TPM_CC_CREATE_PRIMARY, TPM_RS_PW, t->hierarchy, t);
}

/* Without userWithAuth a policy alone opens it. */
void tpm2_write_create_sealed(struct out *o, uint32_t parent, struct bytes data,
                              struct bytes policy)
{
    uint32_t access = policy.n != 0 ? TPMA_OBJECT_ADMIN_WITH_POLICY : TPMA_OBJECT_USER_WITH_AUTH;

    tpm2_put_command(o, TPM_CC_CREATE, TPM_RS_PW, parent, data, TPM_ALG_KEYEDHASH, TPM_ALG_SHA256,
                     FIXED | TPMA_OBJECT_NO_DA | access, policy);
}

void tpm2_write_load(struct out *o, uint32_t parent, struct bytes private_area,
                     struct bytes public_area)
{
    tpm2_put_command(o, TPM_CC_LOAD, TPM_RS_PW, parent, private_area, public_area);
}
