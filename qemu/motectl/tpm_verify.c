/* SPDX-License-Identifier: MIT */
/*
 * Quotes (TPM 2.0 Library, part 2, 10.12.8 TPMS_ATTEST, 11.3 signatures). Only what is signed
 * counts: the values of PCRs are believed because their digest is.
 */
#include "qemu/motectl/tpm_verify.h"

#include <openssl/ecdsa.h>
#include <openssl/rsa.h>

/* Of a key that a TPM made, that never leaves it, and signs only what begins with TPM_GENERATED. */
#define AIK_ATTRIBUTES                                                                             \
    (TPMA_OBJECT_FIXED_TPM | TPMA_OBJECT_FIXED_PARENT | TPMA_OBJECT_SENSITIVE_DATA_ORIGIN |        \
     TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_SIGN_ENCRYPT)

enum status tpm_verify_aik(const struct tpm_key *aik)
{
    struct tpm_public p;
    struct blob name;
    const char *rule;
    enum status status = tpm_key_name(&aik->area, &name);

    if (status != STATUS_OK)
        return fail(STATUS_REFUSED, "the AIK: %s", failure());
    if (!blob_equals(&name, &aik->name))
        return fail(STATUS_REFUSED, "the AIK's name is not that of its public area");
    if (!tpm_public_read(aik->area.at, aik->area.n, &p, &rule) ||
        (p.attributes & AIK_ATTRIBUTES) != AIK_ATTRIBUTES ||
        (p.attributes & TPMA_OBJECT_DECRYPT) != 0)
        return fail(STATUS_REFUSED, "the AIK is no restricted signing key of a TPM");
    return STATUS_OK;
}

/* r and s of ECDSA as libcrypto wants them, in DER; it frees *der. */
static int encode_ecdsa(const struct tpm2_signature *s, unsigned char **der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    int n = 0;

    ECDSA_SIG_set0(signature, BN_bin2bn((const unsigned char *)s->r.at, (int)s->r.n, NULL),
                   BN_bin2bn((const unsigned char *)s->s.at, (int)s->s.n, NULL));
    n = i2d_ECDSA_SIG(signature, der);
    ECDSA_SIG_free(signature);
    return n;
}

static bool verify(EVP_PKEY *key, const struct tpm2_signature *s, const void *signature, size_t n,
                   const struct blob *message)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters;
    bool good = EVP_DigestVerifyInit(context, &parameters, tpm_hash(s->hash), NULL, key) == 1;

    if (s->scheme == TPM_ALG_RSAPSS)
        good = good && EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_AUTO) == 1;
    good = good && EVP_DigestVerify(context, signature, n, message->at, message->n) == 1;
    EVP_MD_CTX_free(context);
    return good;
}

/* Reads the signature; its scheme must be the key's, or one of two could be chosen by a liar. */
static enum status read_signature(const struct tpm_key *aik, const struct tpm_quote *quote,
                                  struct tpm2_signature *s)
{
    struct tpm2_reader r = {quote->signature.at, quote->signature.at + quote->signature.n, false};
    struct tpm2_scheme scheme;

    if (!tpm2_read_signature(&r, s) || r.bad || r.at != r.end)
        return fail(STATUS_REFUSED, "the signature is no TPMT_SIGNATURE that is known here");
    if (!tpm2_read_scheme(blob_bytes(&aik->area), &scheme) || scheme.scheme != s->scheme ||
        scheme.hash != s->hash)
        return fail(STATUS_REFUSED, "the signature is not of the AIK's scheme");
    if (tpm_hash(s->hash) == NULL)
        return fail(STATUS_REFUSED, "the signature has a hash that is not trusted here: %s",
                    tpm2_hash_name(s->hash));
    return STATUS_OK;
}

enum status tpm_verify_signature(const struct tpm_key *aik, const struct tpm_quote *quote)
{
    struct tpm2_signature s = {0};
    unsigned char *der = NULL;
    EVP_PKEY *key;
    bool good;
    enum status status = read_signature(aik, quote, &s);

    if (status != STATUS_OK)
        return status;
    key = tpm_key_read(&aik->area, "the AIK");
    if (key == NULL)
        return STATUS_REFUSED;
    if (s.scheme == TPM_ALG_ECDSA) {
        int n = encode_ecdsa(&s, &der);
        good = n > 0 && verify(key, &s, der, (size_t)n, &quote->attest);
        OPENSSL_free(der);
    } else {
        good = verify(key, &s, s.rsa.at, s.rsa.n, &quote->attest);
    }
    EVP_PKEY_free(key);
    return good ? STATUS_OK : fail(STATUS_REFUSED, "the signature is not the AIK's over the quote");
}

static enum status read_attest(const struct tpm_quote *quote, struct tpm2_attest *attest)
{
    const char *rule;

    if (!tpm2_read_attest(blob_bytes(&quote->attest), attest, &rule))
        return fail(STATUS_REFUSED, "the quote is no TPMS_ATTEST: %s", rule);
    if (attest->type != TPM_ST_ATTEST_QUOTE)
        return fail(STATUS_REFUSED, "what is signed is no quote: type 0x%04x", attest->type);
    return STATUS_OK;
}

enum status tpm_verify_nonce(const struct tpm_quote *quote, const struct blob *nonce)
{
    struct tpm2_attest attest;
    enum status status = read_attest(quote, &attest);

    if (status != STATUS_OK)
        return status;
    if (attest.extra.n != nonce->n || memcmp(attest.extra.at, nonce->at, nonce->n) != 0)
        return fail(STATUS_REFUSED, "the quote is not for this nonce");
    return STATUS_OK;
}

/* The digest of values in rising order, as Quote makes it: by the hash of the signature. */
static bool digest_values(const struct tpm_pcrs *pcrs, const EVP_MD *hash, uint8_t *digest,
                          unsigned int *n)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool done = EVP_DigestInit_ex(context, hash, NULL) == 1;

    for (unsigned int i = 0; i < TPM2_PCRS; i++)
        if ((pcrs->read.pcrs & 1u << i) != 0)
            done = done && EVP_DigestUpdate(context, pcrs->value[i], pcrs->size) == 1;
    done = done && EVP_DigestFinal_ex(context, digest, n) == 1;
    EVP_MD_CTX_free(context);
    return done;
}

static bool is_same_selection(const struct tpm2_selection *a, const struct tpm2_selection *b)
{
    return a->hash == b->hash && a->pcrs == b->pcrs;
}

enum status tpm_verify_pcrs(const struct tpm_quote *quote, const struct tpm2_selection *asked)
{
    struct tpm2_reader r = {quote->signature.at, quote->signature.at + quote->signature.n, false};
    struct tpm2_signature s = {0};
    struct tpm2_attest attest;
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned int n;
    enum status status = read_attest(quote, &attest);

    if (status != STATUS_OK)
        return status;
    if (!is_same_selection(&attest.pcrs, asked))
        return fail(STATUS_REFUSED, "the quote is not of the PCRs that were asked for");
    if (!is_same_selection(&attest.pcrs, &quote->pcrs.read))
        return fail(STATUS_REFUSED, "the quote is not of the PCRs whose values are given");
    if (!tpm2_read_signature(&r, &s) || tpm_hash(s.hash) == NULL)
        return fail(STATUS_REFUSED, "the digest of PCRs is by a hash that is not known here");
    if (!digest_values(&quote->pcrs, tpm_hash(s.hash), digest, &n))
        return crypto_failed("the digest of PCRs");
    if (attest.digest.n != n || memcmp(attest.digest.at, digest, n) != 0)
        return fail(STATUS_REFUSED, "the values of PCRs are not those that are quoted");
    return STATUS_OK;
}

bool tpm_log_is_quoted(const struct tpm_log *log, const struct tpm_pcrs *pcrs)
{
    return log->kept && log->pcr < TPM2_PCRS && log->bank == pcrs->read.hash &&
           (pcrs->read.pcrs & 1u << log->pcr) != 0;
}

enum status tpm_verify_log(const struct tpm_log *log, const struct tpm_pcrs *pcrs)
{
    const EVP_MD *hash = tpm_hash(log->bank);
    struct blob value = log->start;

    for (size_t i = 0; i < log->count; i++) {
        const struct tpm_event *event = &log->events[i];
        if (!event->extended)
            continue;
        if (hash == NULL || value.n != pcrs->size || event->digest.n != pcrs->size ||
            !blob_add(&value, event->digest.at, event->digest.n) ||
            EVP_Digest(value.at, value.n, value.at, NULL, hash, NULL) != 1)
            return fail(STATUS_REFUSED, "the event log has no digests of its bank");
        value.n = pcrs->size;
    }
    if (value.n != pcrs->size || memcmp(value.at, pcrs->value[log->pcr], value.n) != 0)
        return fail(STATUS_REFUSED, "the event log does not lead to the value of PCR %u", log->pcr);
    return STATUS_OK;
}
