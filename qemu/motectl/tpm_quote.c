/* SPDX-License-Identifier: MIT */
/*
 * The verb that has the TPM sign its PCRs. What is verified is told line by line, so that nobody
 * takes one thing for another; a check that fails does not keep the others from being made.
 */
#include "qemu/motectl/verbs.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "qemu/motectl/content.h"
#include "qemu/motectl/tpm_seal.h"
#include "qemu/motectl/tpm_text.h"
#include "qemu/motectl/tpm_trust.h"
#include "qemu/motectl/tpm_verify.h"

#define NONCE_BYTES  20
#define PCRS_DEFAULT "sha256:all"

struct checks {
    const struct call *call;
    struct tpm_key ek, aik;
    struct tpm_quote quote;
    struct blob nonce;
    struct tpm2_selection asked;
    struct tpm_info info;
    bool failed; /* one of them has */
};

/* Says what came of a check; STATUS_OK: the next one can be made. */
static enum status tell(struct checks *c, enum status status, const char *what)
{
    bool quiet = wants_json(c->call);

    if (status == STATUS_OK && !quiet)
        printf("verified: %s\n", what);
    if (status != STATUS_REFUSED)
        return status;
    c->failed = true;
    if (!quiet)
        printf("NOT VERIFIED: %s: %s\n", what, failure());
    return STATUS_OK;
}

static void skip(const struct checks *c, const char *what)
{
    if (!wants_json(c->call))
        printf("not checked: %s\n", what);
}

/* Makes a credential that only a TPM with both keys can open, and has the guest open it. */
static enum status prove_aik(const struct call *call, const struct tpm_key *ek,
                             const struct tpm_key *aik)
{
    static struct credential c;
    static struct blob opened;
    uint8_t secret[CREDENTIAL_MAX];
    enum status status;

    if (RAND_bytes(secret, sizeof(secret)) != 1)
        return crypto_failed("random bytes");
    status = credential_make(&ek->area, &aik->name, secret, sizeof(secret), &c);
    if (status != STATUS_OK)
        return fail(STATUS_REFUSED, "%s", failure());
    status = tpm_ask_activate(call, &c, &opened);
    if (status == STATUS_OK &&
        (opened.n != sizeof(secret) || memcmp(opened.at, secret, sizeof(secret)) != 0))
        status = fail(STATUS_REFUSED, "the guest has not opened the credential");
    return status;
}

static enum status check_keys(struct checks *c)
{
    const struct options *options = c->call->options;
    enum status status = tpm_ask_ek(c->call, options->ca != NULL, &c->ek);

    if (status == STATUS_OK)
        status = tpm_ask_aik(c->call, &c->aik);
    if (status == STATUS_OK && options->ek != NULL)
        status = tell(c, tpm_trust_key(&c->ek, options->ek), "the EK is the one expected");
    if (status == STATUS_OK && options->ca != NULL)
        status = tell(c, tpm_trust_certificate(&c->ek, options->ca),
                      "the EK's certificate is signed by the CA");
    if (options->ek == NULL && options->ca == NULL)
        skip(c, "the EK is not checked against anything: whose TPM it is, is not known");
    if (status == STATUS_OK)
        status = tell(c, tpm_verify_aik(&c->aik), "the AIK signs only what a TPM has made");
    if (status == STATUS_OK)
        status =
            tell(c, prove_aik(c->call, &c->ek, &c->aik), "the AIK is in the TPM that has the EK");
    return status;
}

static enum status check_log(struct checks *c)
{
    char what[64];
    enum status status = tpm_ask_info(c->call, &c->info);

    if (status != STATUS_OK)
        return status;
    if (!c->info.log.kept) {
        skip(c, "the guest measures nothing");
    } else if (!tpm_log_is_quoted(&c->info.log, &c->quote.pcrs)) {
        skip(c, "the log of what was measured: its PCR is not quoted");
    } else {
        snprintf(what, sizeof(what), "the log of %zu events leads to PCR %u", c->info.log.count,
                 c->info.log.pcr);
        status = tell(c, tpm_verify_log(&c->info.log, &c->quote.pcrs), what);
    }
    return status;
}

static enum status check_quote(struct checks *c)
{
    enum status status = tell(c, tpm_verify_signature(&c->aik, &c->quote), "the AIK has signed it");

    if (status == STATUS_OK)
        status = tell(c, tpm_verify_nonce(&c->quote, &c->nonce), "it was made for this nonce");
    if (status == STATUS_OK)
        status = tell(c, tpm_verify_pcrs(&c->quote, &c->asked), "it has the values of the PCRs");
    return status == STATUS_OK ? check_log(c) : status;
}

/* Hexadecimal digits, or a file's content. */
static enum status read_nonce(const char *text, struct blob *nonce)
{
    const char *content;
    size_t n;
    enum status status = STATUS_OK;

    if (text == NULL) {
        nonce->n = NONCE_BYTES;
        return RAND_bytes(nonce->at, NONCE_BYTES) == 1 ? STATUS_OK : crypto_failed("a nonce");
    }
    if (!blob_read_hex(nonce, text)) {
        status = content_read(text, &content, &n);
        nonce->n = 0;
        if (status == STATUS_OK && !blob_add(nonce, content, n))
            nonce->n = sizeof(nonce->at);
    }
    if (status == STATUS_OK && (nonce->n == 0 || nonce->n > TPM2_DIGEST_MAX))
        return fail(STATUS_FAILED, "a nonce has 1 to %u bytes", TPM2_DIGEST_MAX);
    return status;
}

static struct blob join_values(const struct tpm_pcrs *pcrs)
{
    struct blob values = {.n = 0};

    for (unsigned int i = 0; i < TPM2_PCRS; i++)
        if ((pcrs->read.pcrs & 1u << i) != 0)
            (void)blob_add(&values, pcrs->value[i], pcrs->size);
    return values;
}

/* The files that tpm2_checkquote takes, into a directory, which becomes the current one. */
static enum status write_files(const char *directory, struct checks *c)
{
    struct blob values = join_values(&c->quote.pcrs);
    const struct {
        const char *name;
        const struct blob *content;
    } files[] = {{"attest", &c->quote.attest},
                 {"signature", &c->quote.signature},
                 {"pcrs", &values},
                 {"nonce", &c->nonce}};
    enum status status = STATUS_OK;

    if ((mkdir(directory, 0777) != 0 && errno != EEXIST) || chdir(directory) != 0)
        return fail(STATUS_FAILED, "cannot make %s: %s", directory, strerror(errno));
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]) && status == STATUS_OK; i++)
        status = write_bytes(files[i].name, files[i].content->at, files[i].content->n);
    return status == STATUS_OK ? tpm_write_pem("aik.pem", &c->aik, "the AIK") : status;
}

/* Reads the command line. */
static enum status prepare(struct checks *c, const struct call *call, const char *pcrs)
{
    const struct options *options = call->options;
    enum status status = read_nonce(options->nonce, &c->nonce);

    c->call = call;
    if (status == STATUS_OK && (options->given & OPTION_VERIFY) == 0 &&
        (options->ca != NULL || options->ek != NULL))
        status = fail(STATUS_FAILED, "--ca and --ek are for --verify");
    return status == STATUS_OK ? selection_read(pcrs, &c->asked) : status;
}

/* Has a quote made, and verifies all of it. */
static enum status verify(struct checks *c, const char *pcrs)
{
    enum status status = check_keys(c);

    if (status == STATUS_OK)
        status = tpm_ask_quote(c->call, &c->nonce, pcrs, &c->quote);
    return status == STATUS_OK ? check_quote(c) : status;
}

static enum status show(struct checks *c, const char *pcrs)
{
    enum status status = tpm_ask_quote(c->call, &c->nonce, pcrs, &c->quote);

    if (status == STATUS_OK && c->call->options->out != NULL)
        status = tpm_ask_aik(c->call, &c->aik);
    if (status == STATUS_OK && !wants_json(c->call))
        status = tpm_print_quote(&c->quote, &c->nonce);
    return status;
}

enum status verb_tpm_quote(const struct call *call)
{
    static struct checks c;
    const struct options *options = call->options;
    const char *pcrs = options->pcrs != NULL ? options->pcrs : PCRS_DEFAULT;
    enum status status = prepare(&c, call, pcrs);

    if (status == STATUS_OK)
        status = (options->given & OPTION_VERIFY) != 0 ? verify(&c, pcrs) : show(&c, pcrs);
    if (status == STATUS_OK && options->out != NULL)
        status = write_files(options->out, &c);
    return status == STATUS_OK && c.failed ? fail(STATUS_REFUSED, "the quote does not verify")
                                           : status;
}
