/* SPDX-License-Identifier: MIT */
/*
 * Requests and layouts of the TPM's messages. Of what a guest says nothing is believed here but
 * its form; whether it is true is for tpm_verify.c.
 */
#include "qemu/motectl/tpm_guest.h"

#include "qemu/motectl/answer.h"

struct key_answer {
    uint32_t handle;
    struct text public, name, certificate;
    uint32_t offset, size;
};

struct bytes_answer {
    struct text random, data, credential, private, public;
};

static const struct json_field key_fields[] = {
    FIELD(key_answer, handle, JSON_UINT32, "uint32"),
    FIELD(key_answer, public, JSON_STRING, "string"),
    FIELD(key_answer, name, JSON_STRING, "string"),
    FIELD(key_answer, certificate, JSON_STRING, "string"),
    FIELD(key_answer, offset, JSON_UINT32, "uint32"),
    FIELD(key_answer, size, JSON_UINT32, "uint32"),
};

static const struct json_field bytes_fields[] = {
    FIELD(bytes_answer, random, JSON_STRING, "string"),
    FIELD(bytes_answer, data, JSON_STRING, "string"),
    FIELD(bytes_answer, credential, JSON_STRING, "string"),
    FIELD(bytes_answer, private, JSON_STRING, "string"),
    FIELD(bytes_answer, public, JSON_STRING, "string"),
};

static const struct json_struct key_layout = {"mote.Key", key_fields, COUNT(key_fields)};
static const struct json_struct bytes_layout = {"mote.Bytes", bytes_fields, COUNT(bytes_fields)};

enum status tpm_decode(struct blob *b, struct text base64, const char *what)
{
    return blob_decode(b, base64)
               ? STATUS_OK
               : fail(STATUS_FAILED, "unexpected answer: %s is not base64 of at most %d bytes",
                      what, BLOB_MAX);
}

enum status tpm_ask(const struct call *call, struct request *r, const char *type,
                    const struct json_struct *layout, void *dst)
{
    struct answer answer;
    enum status status = exchange(call, r, &answer);

    if (status != STATUS_OK)
        return status;
    if (wants_json(call))
        print_line(answer.line, answer.len);
    return answer_read(answer.line, answer.len, type, r->type, layout, dst);
}

static void start(struct request *r, const char *type)
{
    request_start(r, type);
    request_payload(r);
}

static void add_text(struct request *r, const char *key, const char *s)
{
    if (s != NULL && s[0] != '\0')
        request_string(r, key, s, strlen(s));
}

static void add_blob(struct request *r, const char *key, const struct blob *b)
{
    request_base64(r, key, b->at, b->n);
}

static enum status read_key(const struct key_answer *answer, struct tpm_key *key)
{
    enum status status = tpm_decode(&key->area, answer->public, "public");

    key->handle = answer->handle;
    return status == STATUS_OK ? tpm_decode(&key->name, answer->name, "name") : status;
}

/* Asks for the EK and what its certificate has from key->certificate.n on; *size: of all of it. */
static enum status ask_ek_part(const struct call *call, struct tpm_key *key, uint32_t *size)
{
    struct key_answer answer = {0};
    struct blob part;
    struct request r;
    enum status status;

    start(&r, "ek");
    request_number(&r, "offset", (uint32_t)key->certificate.n);
    status = tpm_ask(call, &r, "ek", &key_layout, &answer);
    if (status == STATUS_OK)
        status = read_key(&answer, key);
    if (status == STATUS_OK)
        status = tpm_decode(&part, answer.certificate, "certificate");
    if (status != STATUS_OK)
        return status;
    *size = answer.size;
    if (answer.offset != key->certificate.n || (part.n == 0 && answer.size > answer.offset) ||
        answer.offset + part.n > answer.size || !blob_add(&key->certificate, part.at, part.n))
        return fail(STATUS_FAILED, "unexpected answer: parts of the certificate do not fit");
    return STATUS_OK;
}

enum status tpm_ask_ek(const struct call *call, bool with_certificate, struct tpm_key *ek)
{
    enum status status;
    uint32_t size = 0;

    ek->certificate.n = 0;
    do {
        status = ask_ek_part(call, ek, &size);
    } while (status == STATUS_OK && with_certificate && ek->certificate.n < size);
    return status;
}

enum status tpm_ask_aik(const struct call *call, struct tpm_key *aik)
{
    struct key_answer answer = {0};
    struct request r;
    enum status status;

    request_start(&r, "aik");
    aik->certificate.n = 0;
    status = tpm_ask(call, &r, "aik", &key_layout, &answer);
    return status == STATUS_OK ? read_key(&answer, aik) : status;
}

/* Asks for one thing that is bytes, which the answer of type has where its text is. */
static enum status ask_bytes(const struct call *call, struct request *r, const char *type,
                             const struct text *text, struct bytes_answer *answer,
                             struct blob *bytes)
{
    enum status status = tpm_ask(call, r, type, &bytes_layout, answer);

    if (status == STATUS_OK)
        status = tpm_decode(bytes, *text, type);
    explicit_bzero(call->stream->data, sizeof(call->stream->data)); /* it may have been a secret */
    return status;
}

enum status tpm_ask_random(const struct call *call, uint32_t n, struct blob *random)
{
    struct bytes_answer answer = {0};
    struct request r;

    start(&r, "random");
    request_number(&r, "bytes", n);
    return ask_bytes(call, &r, "random", &answer.random, &answer, random);
}

enum status tpm_ask_activate(const struct call *call, const struct credential *c,
                             struct blob *content)
{
    struct bytes_answer answer = {0};
    struct request r;

    start(&r, "activate_credential");
    add_blob(&r, "credential", &c->blob);
    add_blob(&r, "secret", &c->secret);
    return ask_bytes(call, &r, "credential", &answer.credential, &answer, content);
}

void tpm_add_sealed(struct request *r, const struct tpm_sealed *sealed)
{
    add_blob(r, "private", &sealed->private_area);
    add_blob(r, "public", &sealed->public_area);
    add_text(r, "pcrs", sealed->pcrs);
}

enum status tpm_ask_seal(const struct call *call, const struct blob *data, const char *name,
                         struct tpm_sealed *sealed)
{
    struct bytes_answer answer = {0};
    struct request r;
    enum status status;

    start(&r, "seal");
    if (data != NULL)
        add_blob(&r, "data", data);
    else
        add_text(&r, "name", name);
    add_text(&r, "pcrs", sealed->pcrs);
    status = tpm_ask(call, &r, "sealed", &bytes_layout, &answer);
    if (status == STATUS_OK)
        status = tpm_decode(&sealed->private_area, answer.private, "private");
    return status == STATUS_OK ? tpm_decode(&sealed->public_area, answer.public, "public") : status;
}

enum status tpm_ask_unseal(const struct call *call, const struct tpm_sealed *sealed,
                           struct blob *data)
{
    struct bytes_answer answer = {0};
    struct request r;

    start(&r, "unseal");
    tpm_add_sealed(&r, sealed);
    return ask_bytes(call, &r, "unsealed", &answer.data, &answer, data);
}
