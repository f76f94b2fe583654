/* SPDX-License-Identifier: MIT */
/* Every part in its order: a reader of answers is bad once one of them was not there. */
#include "proto/tpm2.h"

#define COORDINATE_MAX 80 /* bytes, of BN-P638 */
#define KEY_BITS_MIN   1024
#define KEY_BITS_MAX   16384

/* TPMT_SYM_DEF_OBJECT: with an algorithm come its bits and its mode. */
static void pass_symmetric(struct tpm2_reader *r)
{
    if (tpm2_u16(r) != TPM_ALG_NULL)
        (void)tpm2_u32(r);
}

/* TPMT_RSA_SCHEME, TPMT_ECC_SCHEME and TPMT_KDF_SCHEME: nearly all have a hash. */
static void pass_scheme(struct tpm2_reader *r)
{
    uint16_t scheme = tpm2_u16(r);

    if (scheme != TPM_ALG_NULL && scheme != TPM_ALG_RSAES)
        (void)tpm2_u16(r);
    if (scheme == TPM_ALG_ECDAA)
        (void)tpm2_u16(r); /* its count */
}

static const char *read_rsa(struct tpm2_reader *r, struct tpm_public *p)
{
    pass_symmetric(r);
    pass_scheme(r);
    p->size = tpm2_u16(r);
    (void)tpm2_u32(r); /* the exponent; 0 is 65537 */
    p->modulus = tpm2_2b(r);
    if (r->bad)
        return NULL;
    if (p->size < KEY_BITS_MIN || p->size > KEY_BITS_MAX)
        return "its RSA key has a size that no TPM knows";
    return p->modulus.n * 8 == p->size ? NULL : "its modulus is not of its key's size";
}

static const char *read_ecc(struct tpm2_reader *r, struct tpm_public *p)
{
    pass_symmetric(r);
    pass_scheme(r);
    p->size = tpm2_u16(r);
    pass_scheme(r);
    p->x = tpm2_2b(r);
    p->y = tpm2_2b(r);
    if (r->bad)
        return NULL;
    if (p->x.n == 0 || p->x.n > COORDINATE_MAX || p->y.n == 0 || p->y.n > COORDINATE_MAX)
        return "its point is of no curve's size";
    return NULL;
}

/* What is wrong with the area, but for its end; NULL: nothing. */
static const char *read_area(struct tpm2_reader *r, struct tpm_public *p)
{
    p->type = tpm2_u16(r);
    p->name_alg = tpm2_u16(r);
    p->attributes = tpm2_u32(r);
    p->policy = tpm2_2b(r);
    if (r->bad)
        return NULL;
    if (p->type != TPM_ALG_RSA && p->type != TPM_ALG_ECC)
        return "its type is neither RSA nor ECC";
    if (tpm2_digest_size(p->name_alg) == 0)
        return "its nameAlg is no hash";
    if (p->policy.n != 0 && p->policy.n != tpm2_digest_size(p->name_alg))
        return "its authPolicy is not of its nameAlg's size";
    return p->type == TPM_ALG_RSA ? read_rsa(r, p) : read_ecc(r, p);
}

bool tpm_public_read(const void *area, size_t n, struct tpm_public *p, const char **rule)
{
    struct tpm2_reader r = tpm2_reader_of((struct bytes){area, n});

    *p = (struct tpm_public){0};
    const char *wrong = read_area(&r, p);
    if (r.bad)
        wrong = "it ends too early";
    else if (wrong == NULL && r.at != r.end)
        wrong = "there are bytes behind its end";
    if (wrong != NULL)
        *rule = wrong;
    return wrong == NULL;
}
