/* SPDX-License-Identifier: MIT */
/*
 * Certificates by libcrypto. An EK's certificate is unlike a server's: its subject is empty, the
 * names stand in a critical extension, and nobody asks what it may be used for.
 */
#include "qemu/motectl/tpm_trust.h"

#include <errno.h>
#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>

#include "qemu/motectl/content.h"

/* Every certificate in ca may be the last of a chain, also one that another has signed. */
static X509_STORE *read_store(const char *ca)
{
    X509_STORE *store = X509_STORE_new();

    if (store != NULL && X509_STORE_load_file(store, ca) == 1 &&
        X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1)
        return store;
    X509_STORE_free(store);
    return NULL;
}

/* What a TPM's maker calls critical need not be known here; what a CA does, must. */
static int tolerate(int ok, X509_STORE_CTX *context)
{
    return ok != 0 ||
           (X509_STORE_CTX_get_error(context) == X509_V_ERR_UNHANDLED_CRITICAL_EXTENSION &&
            X509_STORE_CTX_get_error_depth(context) == 0);
}

static enum status verify(X509 *certificate, X509_STORE *store)
{
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    enum status status = STATUS_OK;

    if (context == NULL || X509_STORE_CTX_init(context, store, certificate, NULL) != 1) {
        X509_STORE_CTX_free(context);
        return crypto_failed("the EK's certificate");
    }
    X509_STORE_CTX_set_verify_cb(context, tolerate);
    if (X509_verify_cert(context) != 1)
        status = fail(STATUS_REFUSED, "the EK's certificate: %s",
                      X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
    X509_STORE_CTX_free(context);
    return status;
}

/* Whether key is the EK's; it is freed. */
static enum status compare(const struct tpm_key *ek, EVP_PKEY *key, const char *where)
{
    EVP_PKEY *own = tpm_key_read(&ek->area, "the EK");
    enum status status = STATUS_REFUSED;

    if (own != NULL)
        status = EVP_PKEY_eq(own, key) == 1
                     ? STATUS_OK
                     : fail(STATUS_REFUSED, "the EK is another key than that in %s", where);
    EVP_PKEY_free(own);
    EVP_PKEY_free(key);
    return status;
}

enum status tpm_trust_certificate(const struct tpm_key *ek, const char *ca)
{
    const unsigned char *at = ek->certificate.at;
    X509_STORE *store = read_store(ca);
    X509 *certificate = NULL;
    enum status status;

    if (store == NULL)
        return crypto_failed(ca);
    if (ek->certificate.n == 0)
        status = fail(STATUS_REFUSED, "the TPM has no certificate for its EK");
    else if ((certificate = d2i_X509(NULL, &at, (long)ek->certificate.n)) == NULL)
        status = fail(STATUS_REFUSED, "the EK's certificate is none: it is not X.509 in DER");
    else
        status = verify(certificate, store);
    if (status == STATUS_OK)
        status = compare(ek, X509_get_pubkey(certificate), "its certificate");
    X509_free(certificate);
    X509_STORE_free(store);
    return status;
}

/* A TPMT_PUBLIC in base64, with or without white space. */
static EVP_PKEY *read_base64(const char *text, size_t n)
{
    static struct blob area;

    while (n > 0 && strchr(" \t\r\n", text[n - 1]) != NULL)
        n--;
    if (n > UINT32_MAX || memchr(text, '\\', n) != NULL ||
        !blob_decode(&area, (struct text){text, (uint32_t)n}))
        return NULL;
    return tpm_key_read(&area, "the EK");
}

static EVP_PKEY *read_key(const char *text, size_t n)
{
    BIO *bio = BIO_new_mem_buf(text, (int)n);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);

    if (key == NULL && BIO_reset(bio) == 1)
        key = d2i_PUBKEY_bio(bio, NULL);
    BIO_free(bio);
    return key != NULL ? key : read_base64(text, n);
}

enum status tpm_trust_key(const struct tpm_key *ek, const char *file)
{
    const char *text;
    size_t n;
    enum status status = content_read(file, &text, &n);
    EVP_PKEY *key;

    if (status != STATUS_OK)
        return status;
    key = read_key(text, n);
    if (key == NULL)
        return fail(STATUS_FAILED,
                    "%s is neither a public key in PEM or DER nor a TPMT_PUBLIC in base64", file);
    return compare(ek, key, file);
}
