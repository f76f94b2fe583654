/* SPDX-License-Identifier: MIT */
/* Structures in answers (TPM 2.0 Library, part 2): PCRs, public areas, signatures, attestations. */
#include "proto/tpm2.h"

#define GENERATED 0xff544347u /* TPM_GENERATED_VALUE: no other bytes that a TPM signs begin so */

/* A TPML_PCR_SELECTION of one bank or none, and of PCRs that there are. */
static bool read_selection(struct tpm2_reader *r, struct tpm2_selection *s)
{
    uint32_t banks = tpm2_u32(r);

    *s = (struct tpm2_selection){0};
    if (banks > 1)
        return false;
    if (banks == 0)
        return !r->bad;
    s->hash = tpm2_u16(r);
    struct bytes bits = tpm2_bytes(r, tpm2_u8(r));
    for (size_t i = 0; i < bits.n; i++) {
        uint8_t eight = (uint8_t)bits.at[i];
        if (i < TPM2_PCRS / 8)
            s->pcrs |= (uint32_t)eight << 8 * i;
        else if (eight != 0)
            return false;
    }
    return !r->bad;
}

static uint32_t count_bits(uint32_t bits)
{
    uint32_t n = 0;

    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

bool tpm2_read_pcrs(struct tpm2_reader *r, const struct tpm2_selection *asked, uint32_t *read,
                    uint8_t *dst, size_t cap, size_t *n)
{
    struct tpm2_selection s;
    size_t size = tpm2_digest_size(asked->hash);

    *n = 0;
    (void)tpm2_u32(r); /* how often PCRs have changed */
    if (!read_selection(r, &s) || (s.pcrs & ~asked->pcrs) != 0 ||
        (s.pcrs != 0 && s.hash != asked->hash))
        return false;
    uint32_t left = tpm2_u32(r);
    if (left != count_bits(s.pcrs) || left * size > cap)
        return false;
    for (; left > 0; left--) {
        struct bytes value = tpm2_2b(r);
        if (value.n != size)
            return false;
        memcpy(dst + *n, value.at, size);
        *n += size;
    }
    *read = s.pcrs;
    return !r->bad && r->at == r->end;
}

/* Whether keys of this type sign with this scheme. */
static bool is_signing(uint16_t type, uint16_t scheme)
{
    if (type == TPM_ALG_ECC)
        return scheme == TPM_ALG_ECDSA;
    return type == TPM_ALG_RSA && (scheme == TPM_ALG_RSASSA || scheme == TPM_ALG_RSAPSS);
}

bool tpm2_read_scheme(struct bytes public_area, struct tpm2_scheme *s)
{
    struct tpm2_reader r = tpm2_reader_of(public_area);
    uint16_t type = tpm2_u16(&r);

    (void)tpm2_u16(&r); /* the hash of its name */
    uint32_t attributes = tpm2_u32(&r);
    (void)tpm2_2b(&r); /* its policy */
    if (tpm2_u16(&r) != TPM_ALG_NULL)
        (void)tpm2_u32(&r); /* the cipher's bits and mode */
    *s = (struct tpm2_scheme){.scheme = tpm2_u16(&r)};
    s->is_null = s->scheme == TPM_ALG_NULL;
    if (!s->is_null) {
        s->hash = tpm2_u16(&r);
    } else {
        s->scheme = type == TPM_ALG_ECC ? TPM_ALG_ECDSA : TPM_ALG_RSASSA;
        s->hash = TPM_ALG_SHA256;
    }
    return !r.bad && (attributes & TPMA_OBJECT_SIGN_ENCRYPT) != 0 && is_signing(type, s->scheme);
}

bool tpm2_read_signature(struct tpm2_reader *r, struct tpm2_signature *s)
{
    *s = (struct tpm2_signature){.scheme = tpm2_u16(r)};
    s->hash = tpm2_u16(r);
    if (s->scheme == TPM_ALG_ECDSA) {
        s->r = tpm2_2b(r);
        s->s = tpm2_2b(r);
    } else if (is_signing(TPM_ALG_RSA, s->scheme)) {
        s->rsa = tpm2_2b(r);
    } else {
        return false;
    }
    return !r->bad;
}

/* What every attestation has in front of what it attests. */
static void read_attest_head(struct tpm2_reader *r, struct tpm2_attest *a)
{
    a->type = tpm2_u16(r);
    a->signer = tpm2_2b(r);
    a->extra = tpm2_2b(r);
    a->clock = tpm2_u64(r);
    a->reset_count = tpm2_u32(r);
    a->restart_count = tpm2_u32(r);
    a->is_safe = tpm2_u8(r) != 0;
    a->firmware = tpm2_u64(r);
}

static const char *read_attest(struct tpm2_reader *r, struct tpm2_attest *a)
{
    if (tpm2_u32(r) != GENERATED)
        return "it was not made by a TPM";
    read_attest_head(r, a);
    if (a->type != TPM_ST_ATTEST_QUOTE)
        return r->bad ? "it ends too early" : NULL;
    if (!read_selection(r, &a->pcrs) && !r->bad)
        return "it quotes other PCRs than those of one bank";
    a->digest = tpm2_2b(r);
    if (r->bad)
        return "it ends too early";
    return r->at == r->end ? NULL : "there are bytes behind its end";
}

bool tpm2_read_attest(struct bytes attest, struct tpm2_attest *a, const char **rule)
{
    struct tpm2_reader r = tpm2_reader_of(attest);

    *a = (struct tpm2_attest){0};
    const char *wrong = read_attest(&r, a);
    if (wrong != NULL)
        *rule = wrong;
    return wrong == NULL;
}
