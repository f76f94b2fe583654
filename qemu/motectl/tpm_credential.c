/* SPDX-License-Identifier: MIT */
/*
 * What TPM2_MakeCredential does. A seed goes to the EK by RSA-OAEP; a key that encrypts and a key
 * that authenticates come of the seed, the first bound to the name.
 */
#include "qemu/motectl/tpm_credential.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#define LABEL "IDENTITY" /* with the NUL at its end, as every label of a TPM */

/* What the EK's public area says of how it protects. */
struct protection {
    const EVP_MD *hash;
    const EVP_CIPHER *cipher;
    size_t digest; /* bytes: of hash, and of the seed */
};

static void put16(uint8_t *dst, size_t n)
{
    dst[0] = (uint8_t)(n >> 8);
    dst[1] = (uint8_t)n;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static enum status read_protection(const struct blob *ek, struct protection *p)
{
    struct tpm_public key;
    const uint8_t *symmetric;
    const char *rule;

    if (!tpm_public_read(ek->at, ek->n, &key, &rule))
        return fail(STATUS_FAILED, "the EK is no TPMT_PUBLIC: %s", rule);
    if (key.type != TPM_ALG_RSA)
        return fail(STATUS_FAILED, "the EK is not of RSA: credentials are made for RSA alone");
    symmetric = (const uint8_t *)key.policy.at + key.policy.n; /* it follows the policy */
    if (get16(symmetric) == TPM_ALG_AES && get16(symmetric + 4) == TPM_ALG_CFB) {
        p->cipher = get16(symmetric + 2) == 128   ? EVP_aes_128_cfb128()
                    : get16(symmetric + 2) == 256 ? EVP_aes_256_cfb128()
                                                  : NULL;
    }
    p->hash = tpm_hash(key.name_alg);
    if (p->cipher == NULL || p->hash == NULL)
        return fail(STATUS_FAILED, "the EK is no storage key with AES in CFB mode");
    p->digest = (size_t)EVP_MD_get_size(p->hash);
    return STATUS_OK;
}

/* KDFa (part 1, 11.4.10.2) of at most one digest: the first block of its counter mode. */
static bool derive(const struct protection *p, const uint8_t *seed, const char *label,
                   struct bytes context, size_t n, uint8_t *key)
{
    uint8_t message[4 + 16 + EVP_MAX_MD_SIZE + 2 + 4] = {0, 0, 0, 1};
    uint8_t block[EVP_MAX_MD_SIZE];
    size_t at = 4;

    memcpy(message + at, label, strlen(label) + 1);
    at += strlen(label) + 1;
    if (context.n > 0)
        memcpy(message + at, context.at, context.n);
    at += context.n;
    put16(message + at, 0);
    put16(message + at + 2, n * 8);
    at += 4;
    if (HMAC(p->hash, seed, (int)p->digest, message, at, block, NULL) == NULL)
        return false;
    memcpy(key, block, n);
    explicit_bzero(block, sizeof(block));
    return true;
}

/* TPM2B_ENCRYPTED_SECRET: the seed, for the EK. */
static bool encrypt_seed(const struct protection *p, EVP_PKEY *ek, const uint8_t *seed,
                         struct blob *secret)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(ek, NULL);
    char *label = OPENSSL_strdup(LABEL); /* the context frees it */
    size_t n = sizeof(secret->at) - 2;
    bool done = context != NULL && EVP_PKEY_encrypt_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(context, p->hash) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(context, p->hash) == 1 &&
                EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, sizeof(LABEL)) == 1;

    if (!done)
        OPENSSL_free(label);
    done = done && EVP_PKEY_encrypt(context, secret->at + 2, &n, seed, p->digest) == 1;
    EVP_PKEY_CTX_free(context);
    put16(secret->at, n);
    secret->n = 2 + n;
    return done;
}

/* Encrypts n bytes at dst in place, with a vector of zeros: a key is used once. */
static bool encrypt(const struct protection *p, const uint8_t *key, uint8_t *dst, size_t n)
{
    static const uint8_t vector[EVP_MAX_IV_LENGTH];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int got = 0;
    bool done = context != NULL && EVP_EncryptInit_ex(context, p->cipher, NULL, key, vector) == 1 &&
                EVP_EncryptUpdate(context, dst, &got, dst, (int)n) == 1 && got == (int)n;

    EVP_CIPHER_CTX_free(context);
    return done;
}

/* TPM2B_ID_OBJECT: a size, a TPM2B_DIGEST with the HMAC, and encrypted a TPM2B_DIGEST with the
 * bytes. The HMAC is over what is encrypted, and the name. */
static bool wrap(const struct protection *p, const uint8_t *seed, const struct blob *name,
                 struct bytes bytes, struct blob *blob)
{
    uint8_t key[EVP_MAX_MD_SIZE];
    uint8_t *hmac = blob->at + 2 + 2, *identity = hmac + p->digest;
    size_t size = 2 + bytes.n;
    bool done;

    put16(hmac - 2, p->digest);
    put16(identity, bytes.n);
    memcpy(identity + 2, bytes.at, bytes.n);
    done = derive(p, seed, "STORAGE", blob_bytes(name),
                  (size_t)EVP_CIPHER_get_key_length(p->cipher), key) &&
           encrypt(p, key, identity, size) &&
           derive(p, seed, "INTEGRITY", (struct bytes){0}, p->digest, key);
    memcpy(identity + size, name->at, name->n); /* to be hashed; behind what counts */
    done = done && HMAC(p->hash, key, (int)p->digest, identity, size + name->n, hmac, NULL) != NULL;
    explicit_bzero(key, sizeof(key));
    put16(blob->at, 2 + p->digest + size);
    blob->n = 2 + 2 + p->digest + size;
    return done;
}

enum status credential_make(const struct blob *ek, const struct blob *name, const void *bytes,
                            size_t n, struct credential *c)
{
    struct protection p = {0};
    uint8_t seed[EVP_MAX_MD_SIZE];
    EVP_PKEY *key;
    enum status status = read_protection(ek, &p);

    if (status != STATUS_OK)
        return status;
    if (n > p.digest || n > CREDENTIAL_MAX || name->n > 2 + EVP_MAX_MD_SIZE)
        return fail(STATUS_FAILED, "a credential of %zu bytes is too long", n);
    key = tpm_key_read(ek, "the EK");
    if (key == NULL)
        return STATUS_FAILED;
    if (RAND_bytes(seed, (int)p.digest) != 1 || !encrypt_seed(&p, key, seed, &c->secret) ||
        !wrap(&p, seed, name, (struct bytes){bytes, n}, &c->blob))
        status = crypto_failed("making a credential");
    explicit_bzero(seed, sizeof(seed));
    EVP_PKEY_free(key);
    return status;
}
