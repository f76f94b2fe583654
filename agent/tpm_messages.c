/* SPDX-License-Identifier: MIT */
/* What each message about the TPM asks of a recipe, and how its results are told. */
#include "agent/tpm_messages.h"

#include "agent/measure.h"
#include "agent/secret.h"

#include <stdio.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* -- what is asked */

static bool read_pcrs(struct text pcrs, const char *otherwise, struct tpm2_selection *s,
                      struct out *error)
{
    char text[MOTE_PCRS_MAX];
    struct out o = out_to(text, sizeof text);

    out_text(&o, pcrs);
    if (o.len == 0)
        out_str(&o, otherwise);
    return o.len == 0 || tpm2_read_selection((struct bytes){text, o.len}, s, error);
}

static bool fill_ek(const struct mote_tpm *p, const struct tpm_request *request,
                    struct tpm_input *in, struct out *error)
{
    (void)request;
    (void)error;
    in->number = p->offset;
    in->index = TPM2_MAX_BUFFER; /* about as much as fits an answer */
    return true;
}

static bool fill_aik(const struct mote_tpm *p, const struct tpm_request *request,
                     struct tpm_input *in, struct out *error)
{
    (void)p;
    (void)request;
    (void)error;
    in->index = TPM2_AIK_HANDLE;
    return true;
}

static bool fill_pcrs(const struct mote_tpm *p, const struct tpm_request *request,
                      struct tpm_input *in, struct out *error)
{
    (void)request;
    return read_pcrs(p->pcrs, "sha256:all", &in->pcrs, error);
}

static bool refuse_size(const char *key, size_t size, size_t wanted, struct out *error)
{
    out_str(error, key);
    out_str(error, ": ");
    out_u64(error, size);
    out_str(error, " bytes in the place of ");
    out_u64(error, wanted);
    return false;
}

/* A bank and a PCR, as a selection of that one. */
static bool fill_extend(const struct mote_tpm *p, const struct tpm_request *request,
                        struct tpm_input *in, struct out *error)
{
    char text[MOTE_BANK_MAX + sizeof ":4294967295"];
    struct out o = out_to(text, sizeof text);

    out_text(&o, p->bank);
    out_str(&o, o.len == 0 ? "sha256:" : ":");
    out_u64(&o, p->pcr);
    if (!tpm2_read_selection((struct bytes){text, o.len}, &in->pcrs, error))
        return false;
    in->number = p->pcr;
    in->a = request->digest;
    size_t size = tpm2_digest_size(in->pcrs.hash);
    return in->a.n == size || refuse_size("digest", in->a.n, size, error);
}

static bool fill_quote(const struct mote_tpm *p, const struct tpm_request *request,
                       struct tpm_input *in, struct out *error)
{
    in->a = request->nonce;
    if (in->a.n != 0 && in->a.n <= TPM2_DIGEST_MAX)
        return read_pcrs(p->pcrs, "sha256:all", &in->pcrs, error);
    out_str(error, "a nonce has 1 to ");
    out_u64(error, TPM2_DIGEST_MAX);
    out_str(error, " bytes");
    return false;
}

static bool fill_random(const struct mote_tpm *p, const struct tpm_request *request,
                        struct tpm_input *in, struct out *error)
{
    (void)request;
    (void)error;
    in->number = p->bytes;
    return true;
}

/* Bytes that are in the store need not pass the wire. */
static bool find_secret(struct text text, struct bytes *data, struct out *error)
{
    struct secret_name name;
    struct store_blob blob;

    if (!secret_read_name(text, "seal", &name, error))
        return false;
    if (store_get(STORE_SECRET, name.bytes, name.len, &blob) != MOTE_OK) {
        secret_refuse(error, "seal", &name, "not found");
        return false;
    }
    *data = (struct bytes){blob.data, blob.size};
    return true;
}

static bool fill_seal(const struct mote_tpm *p, const struct tpm_request *request,
                      struct tpm_input *in, struct out *error)
{
    in->a = request->data;
    if ((p->data.json != NULL) == (p->name.json != NULL)) {
        out_str(error, "either data or name");
        return false;
    }
    return (p->name.json == NULL || find_secret(p->name, &in->a, error)) &&
           read_pcrs(p->pcrs, "", &in->pcrs, error);
}

bool tpm_fill_sealed(const struct mote_tpm *p, const struct tpm_request *request,
                     struct tpm_input *in, struct out *error)
{
    in->a = request->private;
    in->b = request->public;
    return read_pcrs(p->pcrs, "", &in->pcrs, error);
}

/* What a TPM2B_... holds that must be all of b. */
static bool open_2b(struct bytes b, const char *key, struct bytes *inner, struct out *error)
{
    struct tpm2_reader r = tpm2_reader_of(b);

    *inner = tpm2_2b(&r);
    if (!r.bad && r.at == r.end)
        return true;
    out_str(error, key);
    out_str(error, ": its first two bytes are not the number of the others");
    return false;
}

bool tpm_fill_credential(const struct mote_tpm *p, const struct tpm_request *request,
                         struct tpm_input *in, struct out *error)
{
    (void)p;
    in->index = TPM2_AIK_HANDLE;
    return open_2b(request->credential, "credential", &in->a, error) &&
           open_2b(request->secret, "secret", &in->b, error);
}

/* -- what is answered */

static bool event_of(size_t i, struct mote_tpm_event *event)
{
    const struct measure_log *log = measure_log();
    const struct measure_event *e = &log->events[i];

    if (i >= log->count)
        return false;
    *event = (struct mote_tpm_event){
        e->what, e->size, {(const char *)e->digest, sizeof e->digest}, e->is_extended};
    return true;
}

static void list_banks(const struct tpm_facts *facts, const char *names[MOTE_BANKS_MAX + 1])
{
    size_t n = 0;

    for (size_t i = 0; i < COUNT(facts->banks) && facts->banks[i] != 0; i++)
        if ((names[n] = tpm2_hash_name(facts->banks[i])) != NULL)
            n++;
}

static void answer_info(const struct request *r, const struct tpm_op *op)
{
    const struct tpm_facts *f = (const void *)op->out.a.at;
    const struct measure_log *log = measure_log();
    char firmware[17];
    struct mote_tpm_info info = {
        .interface = tpm_interface(),
        .manufacturer = f->manufacturer,
        .vendor = f->vendor,
        .firmware = firmware,
        .revision = f->revision,
        .is_locked_out = f->is_locked_out,
        .objects = f->objects,
        .sessions = f->sessions,
        .keys_persist = tpm_keeps_keys(),
        .measures = log->pcr != UINT32_MAX,
        .pcr = log->pcr,
        .start = {(const char *)log->start, sizeof log->start},
        .folded = log->folded,
        .event = event_of,
    };

    snprintf(firmware, sizeof firmware, "%08x%08x", (unsigned)f->firmware[0],
             (unsigned)f->firmware[1]);
    list_banks(f, info.banks);
    mote_write_tpm_info(r->reply, &info);
}

/* A key that was made for this operation has a handle that means nothing to others. */
static struct mote_tpm_key key_of(const struct tpm_op *op)
{
    const struct tpm_key *key = &op->key[0];

    return (struct mote_tpm_key){key->is_transient ? 0 : key->handle, tpm_key_public(op, 0),
                                 tpm_key_name(op, 0)};
}

static void answer_ek(const struct request *r, const struct tpm_op *op)
{
    const struct mote_tpm_part part = {op->out.b, r->payload->tpm.offset, op->out.number};
    const struct mote_tpm_key key = key_of(op);

    mote_write_ek(r->reply, &key, &part);
}

static void answer_aik(const struct request *r, const struct tpm_op *op)
{
    const struct mote_tpm_key key = key_of(op);

    mote_write_aik(r->reply, &key);
}

static struct mote_tpm_pcrs pcrs_of(const struct tpm_op *op, struct bytes values)
{
    uint16_t hash = op->in.pcrs.hash;

    return (struct mote_tpm_pcrs){tpm2_hash_name(hash), op->out.number, values,
                                  tpm2_digest_size(hash)};
}

static void answer_pcrs(const struct request *r, const struct tpm_op *op)
{
    const struct mote_tpm_pcrs pcrs = pcrs_of(op, op->out.a);

    mote_write_pcrs(r->reply, &pcrs);
}

static void answer_quote(const struct request *r, const struct tpm_op *op)
{
    const struct mote_tpm_pcrs pcrs = pcrs_of(op, op->out.c);

    mote_write_quote(r->reply, op->out.a, op->out.b, &pcrs);
}

/* -- the messages */

bool tpm_info_request(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_info, .answer = answer_info};

    return tpm_serve(r, &m);
}

bool tpm_ek_request(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_ek, fill_ek, .answer = answer_ek};

    return tpm_serve(r, &m);
}

bool tpm_aik_request(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_public, fill_aik, .answer = answer_aik};

    return tpm_serve(r, &m);
}

bool tpm_pcr_read(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_pcr_read, fill_pcrs, .answer = answer_pcrs};

    return tpm_serve(r, &m);
}

bool tpm_pcr_extend(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_pcr_extend, fill_extend, .has_effect = true};

    return tpm_serve(r, &m);
}

bool tpm_quote(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_quote, fill_quote, .answer = answer_quote};

    return tpm_serve(r, &m);
}

bool tpm_random(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_random, fill_random, .type = "random",
                                         .keys = {"random"}};

    return tpm_serve(r, &m);
}

bool tpm_seal(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_seal, fill_seal, .type = "sealed",
                                         .keys = {"private", "public"}};

    return tpm_serve(r, &m);
}

bool tpm_unseal(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_unseal, tpm_fill_sealed, .type = "unsealed",
                                         .keys = {"data"}};

    return tpm_serve(r, &m);
}

bool tpm_activate_credential(const struct request *r)
{
    static const struct tpm_message m = {&tpm_recipe_activate, tpm_fill_credential,
                                         .type = "credential", .keys = {"credential"}};

    return tpm_serve(r, &m);
}
