/* SPDX-License-Identifier: MIT */
/* From a TPM's way to write a public key to libcrypto's. */
#include "qemu/motectl/tpm_key.h"

#include <ctype.h>
#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

#include "proto/base64.h"

#define EXPONENT  65537u /* what a TPM writes as 0 */
#define POINT_MAX 140    /* bytes: a mark and two coordinates of P-521 */

struct bytes blob_bytes(const struct blob *b)
{
    return (struct bytes){(const char *)b->at, b->n};
}

bool blob_equals(const struct blob *a, const struct blob *b)
{
    return a->n == b->n && memcmp(a->at, b->at, a->n) == 0;
}

bool blob_add(struct blob *b, const void *bytes, size_t n)
{
    if (n > sizeof(b->at) - b->n)
        return false;
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
    return true;
}

bool blob_decode(struct blob *b, struct text base64)
{
    char text[BLOB_MAX / 3 * 4];
    struct base64_decoder decoder = {0};
    size_t n = text_copy(base64, text, sizeof(text));
    long got = n == text_length(base64) ? base64_decode(&decoder, text, n, text) : -1;
    bool whole = got >= 0 && base64_end(&decoder);

    b->n = whole ? (size_t)got : 0;
    memcpy(b->at, text, b->n);
    explicit_bzero(text, sizeof(text));
    return whole;
}

bool blob_read_hex(struct blob *b, const char *text)
{
    size_t digits = strlen(text);

    if (digits % 2 != 0 || digits / 2 > sizeof(b->at))
        return false;
    b->n = 0;
    for (; isxdigit((unsigned char)text[0]) && isxdigit((unsigned char)text[1]); text += 2)
        b->at[b->n++] = (uint8_t)strtoul((char[]){text[0], text[1], '\0'}, NULL, 16);
    return *text == '\0';
}

char *hex(char *dst, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *b = bytes;

    for (size_t i = 0; i < n; i++) {
        dst[2 * i] = digits[b[i] >> 4];
        dst[2 * i + 1] = digits[b[i] & 15];
    }
    dst[2 * n] = '\0';
    return dst;
}

enum status crypto_failed(const char *doing)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    return fail(STATUS_FAILED, "%s: libcrypto says: %s", doing,
                reason != NULL ? reason : "no reason");
}

const EVP_MD *tpm_hash(uint16_t alg)
{
    return alg == TPM_ALG_SHA256   ? EVP_sha256()
           : alg == TPM_ALG_SHA384 ? EVP_sha384()
           : alg == TPM_ALG_SHA512 ? EVP_sha512()
                                   : NULL;
}

static EVP_PKEY *make_key(const char *type, OSSL_PARAM_BLD *build)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *parameters = OSSL_PARAM_BLD_to_param(build);
    EVP_PKEY *key = NULL;

    if (context == NULL || parameters == NULL || EVP_PKEY_fromdata_init(context) != 1 ||
        EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) != 1)
        key = NULL;
    OSSL_PARAM_free(parameters);
    EVP_PKEY_CTX_free(context);
    return key;
}

static EVP_PKEY *make_rsa(const struct tpm_public *p)
{
    const uint8_t *modulus = (const uint8_t *)p->modulus.at;
    const uint8_t *e = modulus - 2 - 4; /* it stands in front of the modulus' size */
    BIGNUM *exponent = BN_bin2bn(e, 4, NULL);
    BIGNUM *n = BN_bin2bn(modulus, (int)p->modulus.n, NULL);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (exponent != NULL && BN_is_zero(exponent))
        BN_set_word(exponent, EXPONENT);
    if (OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, exponent) == 1)
        key = make_key("RSA", build);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(exponent);
    return key;
}

/* TPM_ECC_CURVE */
static const struct curve {
    uint16_t id;
    uint16_t size; /* of a coordinate */
    const char *name;
} curves[] = {{3, 32, "P-256"}, {4, 48, "P-384"}, {5, 66, "P-521"}};

static const struct curve *find_curve(uint16_t id)
{
    for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
        if (curves[i].id == id)
            return &curves[i];
    return NULL;
}

static EVP_PKEY *make_ecc(const struct tpm_public *p)
{
    const struct curve *curve = find_curve(p->size);
    uint8_t point[POINT_MAX] = {4}; /* not compressed: both follow */
    OSSL_PARAM_BLD *build;
    EVP_PKEY *key = NULL;

    if (curve == NULL || p->x.n > curve->size || p->y.n > curve->size)
        return NULL;
    memcpy(point + 1 + curve->size - p->x.n, p->x.at, p->x.n);
    memcpy(point + 1 + 2 * curve->size - p->y.n, p->y.at, p->y.n);
    build = OSSL_PARAM_BLD_new();
    if (OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, curve->name, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
                                         1 + 2 * (size_t)curve->size) == 1)
        key = make_key("EC", build);
    OSSL_PARAM_BLD_free(build);
    return key;
}

EVP_PKEY *tpm_key_read(const struct blob *area, const char *what)
{
    struct tpm_public p;
    const char *rule;
    EVP_PKEY *key;

    if (!tpm_public_read(area->at, area->n, &p, &rule)) {
        fail(STATUS_FAILED, "%s is no TPMT_PUBLIC: %s", what, rule);
        return NULL;
    }
    key = p.type == TPM_ALG_RSA ? make_rsa(&p) : make_ecc(&p);
    if (key == NULL)
        crypto_failed(what);
    return key;
}

enum status tpm_key_name(const struct blob *area, struct blob *name)
{
    struct tpm_public p;
    const char *rule;
    unsigned int n = 0;

    if (!tpm_public_read(area->at, area->n, &p, &rule))
        return fail(STATUS_FAILED, "no TPMT_PUBLIC: %s", rule);
    if (tpm_hash(p.name_alg) == NULL)
        return fail(STATUS_FAILED, "a key is named by a hash that is not trusted here: 0x%04x",
                    p.name_alg);
    name->at[0] = (uint8_t)(p.name_alg >> 8);
    name->at[1] = (uint8_t)p.name_alg;
    if (EVP_Digest(area->at, area->n, name->at + 2, &n, tpm_hash(p.name_alg), NULL) != 1)
        return crypto_failed("a key's name");
    name->n = 2 + n;
    return STATUS_OK;
}
