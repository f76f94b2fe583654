/* SPDX-License-Identifier: MIT */
/*
 * A cursor that never passes the end: once something was not there, everything else reads as
 * zero, and the cursor remembers.
 */
#include "proto/tpm_public.h"

#define HASH_MAX       64 /* bytes, of SHA-512 */
#define COORDINATE_MAX 80 /* bytes, of BN-P638 */
#define KEY_BITS_MIN   1024
#define KEY_BITS_MAX   16384

struct cursor {
    const uint8_t *at;
    size_t left;
    bool is_short;
};

static struct bytes take(struct cursor *c, size_t n)
{
    struct bytes b = {(const char *)c->at, n};

    if (c->is_short || n > c->left) {
        c->is_short = true;
        return (struct bytes){0};
    }
    c->at += n;
    c->left -= n;
    return b;
}

/* A big-endian number of n bytes. */
static uint32_t take_number(struct cursor *c, size_t n)
{
    struct bytes b = take(c, n);
    uint32_t v = 0;

    for (size_t i = 0; i < b.n; i++)
        v = v << 8 | (uint8_t)b.at[i];
    return v;
}

static uint16_t take16(struct cursor *c)
{
    return (uint16_t)take_number(c, 2);
}

/* A TPM2B: its size, then so many bytes. */
static struct bytes take_sized(struct cursor *c)
{
    return take(c, take16(c));
}

static size_t hash_size(uint16_t alg)
{
    static const struct {
        uint16_t alg;
        uint16_t size;
    } hashes[] = {
        {TPM_ALG_SHA256, 32},       {TPM_ALG_SHA1, 20},           {TPM_ALG_SHA384, 48},
        {TPM_ALG_SHA512, HASH_MAX}, {TPM_ALG_SM3_256, 32},        {TPM_ALG_SHA3_256, 32},
        {TPM_ALG_SHA3_384, 48},     {TPM_ALG_SHA3_512, HASH_MAX},
    };

    for (size_t i = 0; i < sizeof hashes / sizeof hashes[0]; i++)
        if (hashes[i].alg == alg)
            return hashes[i].size;
    return 0;
}

/* TPMT_SYM_DEF_OBJECT: with an algorithm come its bits and its mode. */
static void pass_symmetric(struct cursor *c)
{
    if (take16(c) != TPM_ALG_NULL)
        (void)take(c, 4);
}

/* TPMT_RSA_SCHEME, TPMT_ECC_SCHEME and TPMT_KDF_SCHEME: nearly all have a hash. */
static void pass_scheme(struct cursor *c)
{
    uint16_t scheme = take16(c);

    if (scheme != TPM_ALG_NULL && scheme != TPM_ALG_RSAES)
        (void)take16(c);
    if (scheme == TPM_ALG_ECDAA)
        (void)take16(c); /* its count */
}

static const char *read_rsa(struct cursor *c, struct tpm_public *p)
{
    pass_symmetric(c);
    pass_scheme(c);
    p->size = take16(c);
    (void)take(c, 4); /* the exponent; 0 is 65537 */
    p->modulus = take_sized(c);
    if (c->is_short)
        return NULL;
    if (p->size < KEY_BITS_MIN || p->size > KEY_BITS_MAX)
        return "its RSA key has a size that no TPM knows";
    return p->modulus.n * 8 == p->size ? NULL : "its modulus is not of its key's size";
}

static const char *read_ecc(struct cursor *c, struct tpm_public *p)
{
    pass_symmetric(c);
    pass_scheme(c);
    p->size = take16(c);
    pass_scheme(c);
    p->x = take_sized(c);
    p->y = take_sized(c);
    if (c->is_short)
        return NULL;
    if (p->x.n == 0 || p->x.n > COORDINATE_MAX || p->y.n == 0 || p->y.n > COORDINATE_MAX)
        return "its point is of no curve's size";
    return NULL;
}

/* What is wrong with the area, but for its end; NULL: nothing. */
static const char *read_area(struct cursor *c, struct tpm_public *p)
{
    p->type = take16(c);
    p->name_alg = take16(c);
    p->attributes = take_number(c, 4);
    p->policy = take_sized(c);
    if (c->is_short)
        return NULL;
    if (p->type != TPM_ALG_RSA && p->type != TPM_ALG_ECC)
        return "its type is neither RSA nor ECC";
    if (hash_size(p->name_alg) == 0)
        return "its nameAlg is no hash";
    if (p->policy.n != 0 && p->policy.n != hash_size(p->name_alg))
        return "its authPolicy is not of its nameAlg's size";
    return p->type == TPM_ALG_RSA ? read_rsa(c, p) : read_ecc(c, p);
}

bool tpm_public_read(const void *area, size_t n, struct tpm_public *p, const char **rule)
{
    struct cursor c = {.at = area, .left = n};

    *p = (struct tpm_public){0};
    const char *wrong = read_area(&c, p);
    if (c.is_short)
        wrong = "it ends too early";
    else if (wrong == NULL && c.left != 0)
        wrong = "there are bytes behind its end";
    if (wrong != NULL)
        *rule = wrong;
    return wrong == NULL;
}
