/* SPDX-License-Identifier: MIT */
/*
 * Sealing by the TPM, and for it: a secret is encrypted here by a key that is used once, and the
 * key travels in a credential. Values are wiped behind their use.
 */
#include "qemu/motectl/tpm_seal.h"

#include <stdio.h>
#include <string.h>

#include <openssl/rand.h>

#include "proto/base64.h"
#include "qemu/motectl/answer.h"
#include "qemu/motectl/content.h"
#include "qemu/motectl/deadline.h"
#include "qemu/motectl/tpm_text.h"
#include "qemu/motectl/tpm_trust.h"
#include "qemu/motectl/tpm_verify.h"

#define TAG_SIZE 16 /* of Poly1305 */

/* What tpm seal writes. */
struct sealed_file {
    struct text private, public, pcrs;
};

static const struct json_field sealed_fields[] = {
    FIELD(sealed_file, private, JSON_STRING, "string"),
    FIELD(sealed_file, public, JSON_STRING, "string"),
    FIELD(sealed_file, pcrs, JSON_STRING, "string"),
};

static const struct json_struct sealed_layout = {"sealed", sealed_fields, COUNT(sealed_fields)};

enum status selection_read(const char *text, struct tpm2_selection *s)
{
    char why[STEREOS_ERROR_MAX];
    struct out error = out_to(why, sizeof(why));

    if (tpm2_read_selection((struct bytes){text, strlen(text)}, s, &error))
        return STATUS_OK;
    return fail(STATUS_FAILED, "%s: %.*s", text, (int)error.len, why);
}

static enum status read_sealed(const char *file, struct tpm_sealed *sealed)
{
    char why[STEREOS_ERROR_MAX];
    struct out error = out_to(why, sizeof(why));
    struct sealed_file f = {0};
    const char *text;
    size_t n;
    enum status status = content_read(file, &text, &n);

    if (status != STATUS_OK)
        return status;
    if (!json_read(text, n, &sealed_layout, &f, &error) ||
        !blob_decode(&sealed->private_area, f.private) || sealed->private_area.n == 0 ||
        !blob_decode(&sealed->public_area, f.public) || sealed->public_area.n == 0 ||
        !text_fits(f.pcrs, sizeof(sealed->pcrs) - 1))
        return fail(STATUS_FAILED, "this is not what tpm seal writes: %.*s", (int)error.len, why);
    printable(f.pcrs, sealed->pcrs, sizeof(sealed->pcrs));
    return STATUS_OK;
}

static void add_member(struct out *o, const char *key, const struct blob *b)
{
    static char text[BLOB_MAX / 3 * 4 + 8];

    out_str(o, key);
    out_str(o, "\"");
    out_bytes(o, text, base64_encode(text, b->at, b->n));
    out_str(o, "\"");
}

static enum status write_sealed(const char *file, const struct tpm_sealed *sealed)
{
    static char text[4 * BLOB_MAX];
    struct out o = out_to(text, sizeof(text));

    add_member(&o, "{\"private\":", &sealed->private_area);
    add_member(&o, ",\"public\":", &sealed->public_area);
    out_str(&o, ",\"pcrs\":");
    out_json_string(&o, sealed->pcrs, strlen(sealed->pcrs));
    out_str(&o, "}\n");
    return write_bytes(file, o.base, o.len);
}

/* What is to be sealed: at most as much as an object holds. */
static enum status read_data(const char *file, struct blob *data)
{
    const char *content;
    size_t n;
    enum status status = content_read(file, &content, &n);

    if (status == STATUS_OK && (n == 0 || n > TPM2_SEALED_MAX))
        status =
            fail(STATUS_FAILED, "a TPM seals 1 to %u bytes; there are %zu", TPM2_SEALED_MAX, n);
    data->n = 0;
    if (status == STATUS_OK)
        (void)blob_add(data, content, n);
    content_wipe();
    return status;
}

enum status verb_tpm_seal(const struct call *call)
{
    static struct tpm_sealed sealed;
    static struct blob data;
    const struct options *options = call->options;
    const char *pcrs = options->pcrs != NULL ? options->pcrs : "";
    struct tpm2_selection s;
    enum status status = pcrs[0] != '\0' ? selection_read(pcrs, &s) : STATUS_OK;

    if (status == STATUS_OK && options->name != NULL && options->file != NULL)
        status = fail(STATUS_FAILED, "seal what a file has, or a secret: not both");
    if (status == STATUS_OK && options->name == NULL)
        status = read_data(options->file, &data);
    if (status != STATUS_OK)
        return status;
    if (snprintf(sealed.pcrs, sizeof(sealed.pcrs), "%s", pcrs) >= (int)sizeof(sealed.pcrs))
        return fail(STATUS_FAILED, "--pcrs is too long");
    status = tpm_ask_seal(call, options->name == NULL ? &data : NULL, options->name, &sealed);
    explicit_bzero(&data, sizeof(data));
    if (status == STATUS_OK && (options->out != NULL || !wants_json(call)))
        status = write_sealed(options->out, &sealed);
    return status;
}

enum status verb_tpm_unseal(const struct call *call)
{
    static struct tpm_sealed sealed;
    static struct blob data;
    enum status status = read_sealed(call->options->file, &sealed);

    if (status == STATUS_OK)
        status = tpm_ask_unseal(call, &sealed, &data);
    if (status == STATUS_OK && !wants_json(call))
        status = write_bytes(call->options->out, data.at, data.n);
    explicit_bzero(&data, sizeof(data));
    return status;
}

/* Encrypts n bytes at value in place by ChaCha20-Poly1305 (RFC 8439), with a nonce of zeros and the
 * name as what is authenticated besides; the tag goes behind them. */
static bool encrypt(const uint8_t *key, const char *name, uint8_t *value, size_t n)
{
    static const uint8_t nonce[12];
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    int got;
    bool done =
        context != NULL &&
        EVP_EncryptInit_ex(context, EVP_chacha20_poly1305(), NULL, key, nonce) == 1 &&
        EVP_EncryptUpdate(context, NULL, &got, (const uint8_t *)name, (int)strlen(name)) == 1 &&
        EVP_EncryptUpdate(context, value, &got, value, (int)n) == 1 &&
        EVP_EncryptFinal_ex(context, value + n, &got) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE, value + n) == 1;

    EVP_CIPHER_CTX_free(context);
    return done;
}

/* The guest's EK, if that is trusted as the options say, and its AIK. */
static enum status ask_keys(const struct call *call, struct tpm_key *ek, struct tpm_key *aik)
{
    const struct options *options = call->options;
    enum status status = tpm_ask_ek(call, options->ca != NULL, ek);

    if (status == STATUS_OK && options->ek != NULL)
        status = tpm_trust_key(ek, options->ek);
    if (status == STATUS_OK && options->ca != NULL)
        status = tpm_trust_certificate(ek, options->ca);
    if (status == STATUS_OK && options->ek == NULL && options->ca == NULL)
        fputs("motectl: the EK is not checked against anything (--ca, --ek)\n", stderr);
    if (status == STATUS_OK)
        status = tpm_ask_aik(call, aik);
    return status == STATUS_OK ? tpm_verify_aik(aik) : status;
}

/* Reads the value, and adds it and its key to the request, each encrypted. */
static enum status add_value(struct request *r, const struct call *call, const struct tpm_key *ek,
                             const struct tpm_key *aik)
{
    static uint8_t value[STEREOS_PEER_LINE_MAX + TAG_SIZE];
    static struct credential c;
    uint8_t key[CREDENTIAL_MAX];
    const char *content;
    size_t n;
    enum status status = content_read(call->options->file, &content, &n);

    if (status != STATUS_OK)
        return status;
    memcpy(value, content, n);
    content_wipe();
    if (RAND_bytes(key, sizeof(key)) != 1 || !encrypt(key, call->args[0], value, n))
        status = crypto_failed("encrypting the secret");
    if (status == STATUS_OK)
        status = credential_make(&ek->area, &aik->name, key, sizeof(key), &c);
    request_base64(r, "credential", c.blob.at, c.blob.n);
    request_base64(r, "secret", c.secret.at, c.secret.n);
    request_base64(r, "value", value, n + TAG_SIZE);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(value, n + TAG_SIZE);
    return status;
}

static enum status put(const struct call *call)
{
    static struct tpm_key ek, aik;
    static struct tpm_sealed sealed;
    bool is_blob = call->options->blob != NULL;
    struct request r;
    enum status status =
        is_blob ? read_sealed(call->options->blob, &sealed) : ask_keys(call, &ek, &aik);

    if (status != STATUS_OK)
        return status;
    request_start(&r, "inject_sealed_secret");
    request_payload(&r);
    request_string(&r, "name", call->args[0], strlen(call->args[0]));
    request_number(&r, "mode", call->options->mode);
    if (is_blob)
        tpm_add_sealed(&r, &sealed);
    else
        status = add_value(&r, call, &ek, &aik);
    return status == STATUS_OK ? exchange_ack(call, &r) : status;
}

enum status secret_put_sealed(const struct call *call)
{
    const uint32_t given = call->options->given;
    struct call slow = *call;

    if ((given & OPTION_BLOB) != 0 &&
        (given & (OPTION_SEALED | OPTION_FILE | OPTION_CA | OPTION_EK)))
        return fail(STATUS_FAILED, "--blob is the value, and sealed: it goes with --mode alone");
    if ((given & OPTION_TIMEOUT) == 0)
        slow.timeout_ns = TPM_NS;
    return put(&slow);
}
