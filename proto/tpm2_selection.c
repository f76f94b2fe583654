/* SPDX-License-Identifier: MIT */
/* Hashes and their names, and PCRs as people write them. */
#include "proto/tpm2.h"

#define ALL_PCRS ((1u << TPM2_PCRS) - 1)

static const struct {
    uint16_t id;
    uint16_t size;
    char name[9];
} hashes[] = {
    {TPM_ALG_SHA256, 32, "sha256"},     {TPM_ALG_SHA1, 20, "sha1"},
    {TPM_ALG_SHA384, 48, "sha384"},     {TPM_ALG_SHA512, 64, "sha512"},
    {TPM_ALG_SM3_256, 32, "sm3_256"},   {TPM_ALG_SHA3_256, 32, "sha3_256"},
    {TPM_ALG_SHA3_384, 48, "sha3_384"}, {TPM_ALG_SHA3_512, 64, "sha3_512"},
};
#define HASHES (sizeof hashes / sizeof hashes[0])

size_t tpm2_digest_size(uint16_t hash)
{
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].id == hash)
            return hashes[i].size;
    return 0;
}

const char *tpm2_hash_name(uint16_t hash)
{
    for (size_t i = 0; i < HASHES; i++)
        if (hashes[i].id == hash)
            return hashes[i].name;
    return NULL;
}

static bool is(struct bytes b, const char *s)
{
    return b.n == strlen(s) && memcmp(b.at, s, b.n) == 0;
}

/* The front of *text up to c, which is taken off with it; false: c is not in it. */
static bool cut(struct bytes *text, char c, struct bytes *front)
{
    const char *at = text->n != 0 ? memchr(text->at, c, text->n) : NULL;

    if (at == NULL)
        return false;
    front->at = text->at;
    front->n = (size_t)(at - text->at);
    text->n -= front->n + 1;
    text->at = at + 1;
    return true;
}

/* A decimal number below TPM2_PCRS. */
static bool read_pcr(struct bytes b, uint32_t *pcr)
{
    *pcr = 0;
    if (b.n == 0 || b.n > 2)
        return false;
    for (size_t i = 0; i < b.n; i++) {
        if (b.at[i] < '0' || b.at[i] > '9')
            return false;
        *pcr = *pcr * 10 + (uint32_t)(b.at[i] - '0');
    }
    return *pcr < TPM2_PCRS;
}

static bool read_hash(struct bytes name, uint16_t *hash, struct out *error)
{
    for (size_t i = 0; i < HASHES; i++)
        if (is(name, hashes[i].name)) {
            *hash = hashes[i].id;
            return true;
        }
    out_str(error, "there is no hash ");
    out_quoted_bytes(error, name.at, name.n);
    return false;
}

static bool read_list(struct bytes list, uint32_t *pcrs, struct out *error)
{
    for (bool more = true; more;) {
        struct bytes one;
        uint32_t pcr;

        more = cut(&list, ',', &one);
        if (!more)
            one = list;
        if (!read_pcr(one, &pcr)) {
            out_quoted_bytes(error, one.at, one.n);
            out_str(error, " is no PCR: 0 to ");
            out_u64(error, TPM2_PCRS - 1);
            return false;
        }
        *pcrs |= 1u << pcr;
    }
    return true;
}

bool tpm2_read_selection(struct bytes text, struct tpm2_selection *s, struct out *error)
{
    struct bytes name;

    *s = (struct tpm2_selection){TPM_ALG_SHA256, 0};
    if (cut(&text, ':', &name) && !read_hash(name, &s->hash, error))
        return false;
    if (is(text, "all")) {
        s->pcrs = ALL_PCRS;
        return true;
    }
    return read_list(text, &s->pcrs, error);
}
