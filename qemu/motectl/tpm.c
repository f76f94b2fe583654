/* SPDX-License-Identifier: MIT */
/* The TPM's verbs that ask one thing and print it. */
#include "qemu/motectl/verbs.h"

#include <stdio.h>
#include <string.h>

#include "qemu/motectl/content.h"
#include "qemu/motectl/tpm_text.h"

#define MAKE_CREDENTIAL_MAGIC 0xbadcc0deu /* of tpm2_makecredential's files, in version 1 */

static bool wants_raw(const struct call *call)
{
    return (call->options->given & OPTION_RAW) != 0;
}

enum status verb_tpm_info(const struct call *call)
{
    static struct tpm_info info;
    enum status status = tpm_ask_info(call, &info);

    if (status == STATUS_OK && !wants_json(call))
        tpm_print_info(&info);
    return status;
}

static enum status show_key(const struct call *call, const struct tpm_key *key, const char *what)
{
    if (wants_json(call))
        return STATUS_OK;
    return wants_raw(call) ? write_bytes(NULL, key->area.at, key->area.n)
                           : tpm_print_key(key, what);
}

enum status verb_tpm_ek(const struct call *call)
{
    static struct tpm_key ek;
    enum status status = tpm_ask_ek(call, false, &ek);

    return status == STATUS_OK ? show_key(call, &ek, "the EK") : status;
}

enum status verb_tpm_aik(const struct call *call)
{
    static struct tpm_key aik;
    enum status status = tpm_ask_aik(call, &aik);

    return status == STATUS_OK ? show_key(call, &aik, "the AIK") : status;
}

enum status verb_tpm_ek_cert(const struct call *call)
{
    static struct tpm_key ek;
    enum status status = tpm_ask_ek(call, true, &ek);

    if (status != STATUS_OK)
        return status;
    if (ek.certificate.n == 0)
        return fail(STATUS_REFUSED, "the TPM has no certificate for its EK");
    if (wants_json(call))
        return STATUS_OK;
    return wants_raw(call) ? write_bytes(NULL, ek.certificate.at, ek.certificate.n)
                           : tpm_print_certificate(&ek.certificate);
}

enum status verb_tpm_pcrs(const struct call *call)
{
    static struct tpm_pcrs pcrs;
    enum status status = tpm_ask_pcrs(call, call->count > 0 ? call->args[0] : "", &pcrs);

    if (status == STATUS_OK && !wants_json(call))
        tpm_print_pcrs(&pcrs);
    return status;
}

/* Reads "sha1=00ff" or "00ff", which is of sha256; the bank's name goes to bank, 16 bytes. */
static enum status read_digest(const char *text, char *bank, struct blob *digest)
{
    size_t n = strcspn(text, "=");
    bool has_bank = text[n] == '=';

    snprintf(bank, 16, "%.*s", has_bank ? (int)n : 6, has_bank ? text : "sha256");
    if (!blob_read_hex(digest, has_bank ? text + n + 1 : text) || digest->n == 0)
        return fail(STATUS_FAILED, "%s is no digest in hexadecimal", text);
    return STATUS_OK;
}

enum status verb_tpm_extend(const struct call *call)
{
    char bank[16];
    uint32_t pcr;
    static struct blob digest;
    struct request r;
    enum status status = read_digest(call->args[1], bank, &digest);

    if (status != STATUS_OK)
        return status;
    if (!options_number(call->args[0], &pcr))
        return fail(STATUS_FAILED, "%s is not the number of a PCR", call->args[0]);
    request_start(&r, "pcr_extend");
    request_payload(&r);
    request_number(&r, "pcr", pcr);
    request_string(&r, "bank", bank, strlen(bank));
    request_base64(&r, "digest", digest.at, digest.n);
    return exchange_ack(call, &r);
}

enum status verb_tpm_random(const struct call *call)
{
    static struct blob random;
    static char digits[2 * BLOB_MAX + 1];
    uint32_t n;
    enum status status;

    if (!options_number(call->args[0], &n))
        return fail(STATUS_FAILED, "%s is not a number of bytes", call->args[0]);
    status = tpm_ask_random(call, n, &random);
    if (status != STATUS_OK || wants_json(call))
        return status;
    if (random.n != n)
        return fail(STATUS_FAILED, "unexpected answer: %zu bytes instead of %u", random.n, n);
    if (wants_raw(call))
        return write_bytes(NULL, random.at, random.n);
    puts(hex(digits, random.at, random.n));
    return STATUS_OK;
}

/* A structure with two bytes of size in front, those included. */
static bool read_sized(struct tpm2_reader *r, struct blob *b)
{
    const uint8_t *start = r->at;

    (void)tpm2_2b(r);
    b->n = 0;
    return !r->bad && blob_add(b, start, (size_t)(r->at - start));
}

/* What tpm2_makecredential writes: a mark, a version, and both structures. */
static enum status read_credential(const char *file, struct credential *c)
{
    const char *content;
    struct tpm2_reader r;
    size_t n;
    enum status status = content_read(file, &content, &n);

    if (status != STATUS_OK)
        return status;
    r = (struct tpm2_reader){(const uint8_t *)content, (const uint8_t *)content + n, false};
    if (tpm2_u32(&r) != MAKE_CREDENTIAL_MAGIC || tpm2_u32(&r) != 1 || !read_sized(&r, &c->blob) ||
        !read_sized(&r, &c->secret) || r.at != r.end)
        return fail(STATUS_FAILED, "this is not what tpm2_makecredential writes");
    return STATUS_OK;
}

enum status verb_tpm_activate(const struct call *call)
{
    static struct credential c;
    static struct blob content;
    enum status status = read_credential(call->options->file, &c);

    if (status == STATUS_OK)
        status = tpm_ask_activate(call, &c, &content);
    if (status == STATUS_OK && !wants_json(call))
        status = write_bytes(call->options->out, content.at, content.n);
    explicit_bzero(&content, sizeof(content));
    return status;
}
