/* SPDX-License-Identifier: MIT */
/* Answers in words, and bytes to files. */
#include "qemu/motectl/tpm_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "proto/base64.h"

#define HEX_MAX (2 * TPM2_DIGEST_MAX + 1)

static void print_event(const struct tpm_event *event)
{
    char digest[2 * BLOB_MAX + 1];

    printf("  %s, %u bytes, %s%s\n", event->what, event->size,
           hex(digest, event->digest.at, event->digest.n),
           event->extended ? "" : ": the PCR does not have it");
}

static void print_log(const struct tpm_log *log)
{
    char start[2 * BLOB_MAX + 1];

    if (!log->kept) {
        puts("measured: nothing");
        return;
    }
    printf("measured: PCR %u of %s, from %s", log->pcr, tpm2_hash_name(log->bank),
           hex(start, log->start.at, log->start.n));
    printf(log->folded > 0 ? ", in which are %u events\n" : "\n", log->folded);
    for (size_t i = 0; i < log->count; i++)
        print_event(&log->events[i]);
}

/* The words of an array of JSON. */
static void print_words(const char *title, const char *array)
{
    printf("%s: ", title);
    for (const char *c = array; *c != '\0'; c++)
        if (strchr("[]\" ", *c) == NULL)
            printf(*c == ',' ? ", " : "%c", *c);
    putchar('\n');
}

void tpm_print_info(const struct tpm_info *info)
{
    printf("interface: %s\n", info->interface);
    printf("manufacturer: %s, %s\n", info->manufacturer, info->vendor);
    printf("firmware: %s\n", info->firmware);
    printf("revision: %u.%02u\n", info->revision / 100, info->revision % 100);
    print_words("banks", info->banks);
    printf("locked out: %s\n", info->lockout ? "yes" : "no");
    printf("loaded: %u objects, %u sessions\n", info->objects, info->sessions);
    printf("keys: %s\n", info->keys);
    print_log(&info->log);
}

static void print_base64(const char *title, const struct blob *b)
{
    char text[BLOB_MAX / 3 * 4 + 8];

    printf("%s: %.*s\n", title, (int)base64_encode(text, b->at, b->n), text);
}

static void print_hex(const char *title, const void *bytes, size_t n)
{
    char digits[2 * BLOB_MAX + 1];

    printf("%s: %s\n", title, hex(digits, bytes, n));
}

enum status tpm_write_pem(const char *file, const struct tpm_key *key, const char *what)
{
    EVP_PKEY *public = tpm_key_read(&key->area, what);
    BIO *bio = BIO_new(BIO_s_mem());
    enum status status = STATUS_FAILED;
    char *pem;
    long n;

    if (public != NULL && PEM_write_bio_PUBKEY(bio, public) == 1) {
        n = BIO_get_mem_data(bio, &pem);
        status = write_bytes(file, pem, (size_t)n);
    } else if (public != NULL) {
        status = crypto_failed(what);
    }
    BIO_free(bio);
    EVP_PKEY_free(public);
    return status;
}

enum status tpm_print_key(const struct tpm_key *key, const char *what)
{
    if (key->handle != 0)
        printf("handle: 0x%08x\n", key->handle);
    else
        puts("handle: none, the key is made for each request");
    print_hex("name", key->name.at, key->name.n);
    print_base64("public", &key->area);
    return tpm_write_pem(NULL, key, what);
}

enum status tpm_print_certificate(const struct blob *der)
{
    const unsigned char *at = der->at;
    X509 *certificate = d2i_X509(NULL, &at, (long)der->n);

    if (certificate == NULL || PEM_write_X509(stdout, certificate) != 1) {
        X509_free(certificate);
        return crypto_failed("the EK's certificate");
    }
    X509_free(certificate);
    return STATUS_OK;
}

void tpm_print_pcrs(const struct tpm_pcrs *pcrs)
{
    char digits[HEX_MAX];

    printf("  %s:\n", tpm2_hash_name(pcrs->read.hash));
    for (unsigned int i = 0; i < TPM2_PCRS; i++) {
        if ((pcrs->read.pcrs & 1u << i) == 0)
            continue;
        hex(digits, pcrs->value[i], pcrs->size);
        for (char *c = digits; *c != '\0'; c++)
            *c = (char)(*c >= 'a' ? *c - 'a' + 'A' : *c);
        printf("    %-2u: 0x%s\n", i, digits);
    }
}

enum status tpm_print_quote(const struct tpm_quote *quote, const struct blob *nonce)
{
    struct tpm2_attest attest;
    const char *rule;

    if (!tpm2_read_attest(blob_bytes(&quote->attest), &attest, &rule))
        return fail(STATUS_FAILED, "the quote is no TPMS_ATTEST: %s", rule);
    print_hex("nonce", nonce->at, nonce->n);
    print_base64("attest", &quote->attest);
    print_base64("signature", &quote->signature);
    print_hex("signer", attest.signer.at, attest.signer.n);
    printf("clock: %llu ms%s, resets: %u, restarts: %u\n", (unsigned long long)attest.clock,
           attest.is_safe ? "" : " (not safe)", attest.reset_count, attest.restart_count);
    printf("firmware: %016llx\n", (unsigned long long)attest.firmware);
    print_hex("digest", attest.digest.at, attest.digest.n);
    tpm_print_pcrs(&quote->pcrs);
    return STATUS_OK;
}

static int write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, bytes, n);

        if (written < 0 && errno != EINTR)
            return -1;
        bytes += written > 0 ? written : 0;
        n -= (size_t)(written > 0 ? written : 0);
    }
    return 0;
}

enum status write_bytes(const char *file, const void *bytes, size_t n)
{
    int fd = STDOUT_FILENO;
    int error;

    fflush(stdout);
    if (file != NULL)
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    error = fd < 0 || write_all(fd, bytes, n) != 0 ? errno : 0;
    if (fd >= 0 && file != NULL && close(fd) != 0 && error == 0)
        error = errno;
    return error == 0 ? STATUS_OK
                      : fail(STATUS_FAILED, "cannot write %s: %s",
                             file != NULL ? file : "to standard output", strerror(error));
}
