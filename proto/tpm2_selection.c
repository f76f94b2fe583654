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

static bool read_hash(struct bytes name, uint16_t *hash)
{
    for (size_t i = 0; i < HASHES; i++)
        if (is(name, hashes[i].name)) {
            *hash = hashes[i].id;
            return true;
        }
    return false;
}

/* Decimal numbers below TPM2_PCRS with commas between them. */
static bool read_list(struct bytes list, uint32_t *pcrs)
{
    uint32_t pcr = 0;
    bool has_digit = false;

    for (size_t i = 0; i <= list.n; i++) {
        char c = i < list.n ? list.at[i] : ',';
        if (c == ',' && has_digit) {
            *pcrs |= 1u << pcr;
            pcr = 0;
            has_digit = false;
            continue;
        }
        pcr = pcr * 10 + (uint32_t)(c - '0');
        has_digit = true;
        if (c < '0' || c > '9' || pcr >= TPM2_PCRS)
            return false;
    }
    return true;
}

static bool refuse(struct out *error, struct bytes b, const char *why)
{
    out_quoted_bytes(error, b.at, b.n);
    out_str(error, why);
    return false;
}

bool tpm2_read_selection(struct bytes text, struct tpm2_selection *s, struct out *error)
{
    const char *colon = text.n != 0 ? memchr(text.at, ':', text.n) : NULL;
    struct bytes name = text;

    *s = (struct tpm2_selection){.hash = TPM_ALG_SHA256};
    if (colon != NULL) {
        name.n = (size_t)(colon - text.at);
        text.at = colon + 1;
        text.n -= name.n + 1;
        if (!read_hash(name, &s->hash))
            return refuse(error, name, " is no hash: sha256, sha1, sha384, ...");
    }
    if (is(text, "all"))
        s->pcrs = ALL_PCRS;
    else if (!read_list(text, &s->pcrs))
        return refuse(error, text, " is no list of PCRs: 0 to 23 with commas, or all");
    return true;
}
