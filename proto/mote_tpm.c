/* SPDX-License-Identifier: MIT */
/* How the messages about the TPM are spelled. The order of the keys is part of it. */
#include "proto/mote_tpm.h"

#include "proto/base64.h"
#include "proto/tpm2.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define END          "}}\n"

/* A member is called as in its struct. */
#define MEMBER(kind, member, max, go_type)                                                         \
    {                                                                                              \
#member, kind, offsetof(struct mote_tpm, member), max, go_type                             \
    }
#define TEXT(member, max) MEMBER(JSON_STRING, member, max, "string")
#define NUMBER(member)    MEMBER(JSON_UINT32, member, 0, "uint32")

static const struct json_field ek_fields[] = {NUMBER(offset)};
static const struct json_field extend_fields[] = {NUMBER(pcr), TEXT(bank, MOTE_BANK_MAX),
                                                  TEXT(digest, 0)};
static const struct json_field quote_fields[] = {TEXT(nonce, 0), TEXT(pcrs, MOTE_PCRS_MAX)};
static const struct json_field random_fields[] = {NUMBER(bytes)};
static const struct json_field seal_fields[] = {TEXT(data, 0), TEXT(name, STEREOS_FIELD_MAX),
                                                TEXT(pcrs, MOTE_PCRS_MAX)};
static const struct json_field secret_fields[] = {
    TEXT(name, STEREOS_FIELD_MAX),
    NUMBER(mode),
    TEXT(value, 0),
    TEXT(credential, 0),
    TEXT(secret, 0),
    TEXT(private, 0),
    TEXT(public, 0),
    TEXT(pcrs, MOTE_PCRS_MAX),
};

/* Parts of it are all that other messages have. */
#define CREDENTIAL (secret_fields + 3)
#define UNSEAL     (secret_fields + 5)
#define PCRS       (secret_fields + 7)

const struct stereos_payload_type mote_tpm_payload = {"tpm", {"mote.TpmPayload", NULL, 0}};
const struct stereos_payload_type mote_ek_payload = {
    "ek", {"mote.EkPayload", ek_fields, COUNT(ek_fields)}};
const struct stereos_payload_type mote_pcrs_payload = {"pcrs", {"mote.PcrsPayload", PCRS, 1}};
const struct stereos_payload_type mote_extend_payload = {
    "extend", {"mote.ExtendPayload", extend_fields, COUNT(extend_fields)}};
const struct stereos_payload_type mote_quote_payload = {
    "quote", {"mote.QuotePayload", quote_fields, COUNT(quote_fields)}};
const struct stereos_payload_type mote_random_payload = {
    "random", {"mote.RandomPayload", random_fields, COUNT(random_fields)}};
const struct stereos_payload_type mote_seal_payload = {
    "seal", {"mote.SealPayload", seal_fields, COUNT(seal_fields)}};
const struct stereos_payload_type mote_unseal_payload = {"unseal",
                                                         {"mote.UnsealPayload", UNSEAL, 3}};
const struct stereos_payload_type mote_credential_payload = {
    "credential", {"mote.CredentialPayload", CREDENTIAL, 2}};
const struct stereos_payload_type mote_sealed_secret_payload = {
    "sealed secret", {"mote.SealedSecretPayload", secret_fields, COUNT(secret_fields)}};

static void begin(struct out *o, const char *type)
{
    out_str(o, "{\"type\":\"");
    out_str(o, type);
    out_str(o, "\",\"payload\":");
}

static void write_bytes(struct out *o, const char *before, const char *key, struct bytes b)
{
    out_key(o, before, key);
    out_str(o, "\"");
    out_base64(o, b.at, b.n);
    out_str(o, "\"");
}

static void write_bool(struct out *o, const char *before, const char *key, bool value)
{
    out_key(o, before, key);
    out_str(o, value ? "true" : "false");
}

static void write_banks(struct out *o, const char *const *banks)
{
    out_key(o, ",", "banks");
    out_str(o, "[");
    for (size_t i = 0; banks[i] != NULL; i++) {
        out_str(o, i == 0 ? "\"" : ",\"");
        out_str(o, banks[i]);
        out_str(o, "\"");
    }
    out_str(o, "]");
}

static void write_event(struct out *o, const char *before, const struct mote_tpm_event *e)
{
    out_string(o, before, "what", e->what);
    out_number(o, ",", "size", e->size);
    write_bytes(o, ",", "digest", e->digest);
    write_bool(o, ",", "extended", e->is_extended);
    out_str(o, "}");
}

static void write_measured(struct out *o, const struct mote_tpm_info *info)
{
    struct mote_tpm_event e;

    out_number(o, "{", "pcr", info->pcr);
    out_string(o, ",", "bank", "sha256");
    write_bytes(o, ",", "start", info->start);
    out_number(o, ",", "folded", info->folded);
    out_key(o, ",", "events");
    out_str(o, "[");
    for (size_t i = 0; info->event(i, &e); i++)
        write_event(o, i == 0 ? "{" : ",{", &e);
    out_str(o, "]}");
}

void mote_write_tpm_info(struct out *o, const struct mote_tpm_info *info)
{
    begin(o, "tpm_info");
    out_string(o, "{", "interface", info->interface);
    out_string(o, ",", "manufacturer", info->manufacturer);
    out_string(o, ",", "vendor", info->vendor);
    out_string(o, ",", "firmware", info->firmware);
    out_number(o, ",", "revision", info->revision);
    write_banks(o, info->banks);
    write_bool(o, ",", "lockout", info->is_locked_out);
    out_number(o, ",", "objects", info->objects);
    out_number(o, ",", "sessions", info->sessions);
    out_string(o, ",", "keys", info->keys_persist ? "persistent" : "transient");
    out_key(o, ",", "measured");
    if (info->measures)
        write_measured(o, info);
    else
        out_str(o, "null");
    out_str(o, END);
}

static void write_key(struct out *o, const char *type, const struct mote_tpm_key *key)
{
    begin(o, type);
    out_number(o, "{", "handle", key->handle);
    write_bytes(o, ",", "public", key->public_area);
    write_bytes(o, ",", "name", key->name);
}

/* The next part begins where this one ends. */
void mote_write_ek(struct out *o, const struct mote_tpm_key *ek, const struct mote_tpm_part *part)
{
    static const char longest[] = "\",\"offset\":4294967295,\"size\":4294967295" END;
    struct bytes b = part->bytes;

    write_key(o, "ek", ek);
    out_str(o, ",\"certificate\":\"");
    size_t room = o->cap - o->len < sizeof longest ? 0 : o->cap - o->len - sizeof longest;
    out_base64(o, b.at, b.n < room / 4 * 3 ? b.n : room / 4 * 3);
    out_str(o, "\"");
    out_number(o, ",", "offset", part->offset);
    out_number(o, ",", "size", part->size);
    out_str(o, END);
}

void mote_write_aik(struct out *o, const struct mote_tpm_key *aik)
{
    write_key(o, "aik", aik);
    out_str(o, END);
}

static void write_values(struct out *o, const char *before, const struct mote_tpm_pcrs *pcrs)
{
    struct bytes value = {pcrs->values.at, pcrs->digest_size};
    const char *separator = "{";

    out_string(o, before, "bank", pcrs->bank);
    out_key(o, ",", "values");
    for (unsigned i = 0; i < TPM2_PCRS; i++) {
        const char key[] = {(char)('0' + i / 10), (char)('0' + i % 10), '\0'};
        if ((pcrs->pcrs >> i & 1) == 0)
            continue;
        write_bytes(o, separator, i < 10 ? key + 1 : key, value);
        value.at += value.n;
        separator = ",";
    }
    out_str(o, pcrs->pcrs == 0 ? "{}" : "}");
}

void mote_write_pcrs(struct out *o, const struct mote_tpm_pcrs *pcrs)
{
    begin(o, "pcrs");
    write_values(o, "{", pcrs);
    out_str(o, END);
}

void mote_write_quote(struct out *o, struct bytes attest, struct bytes signature,
                      const struct mote_tpm_pcrs *pcrs)
{
    begin(o, "quote");
    write_bytes(o, "{", "attest", attest);
    write_bytes(o, ",", "signature", signature);
    write_values(o, ",", pcrs);
    out_str(o, END);
}

void mote_write_bytes(struct out *o, const char *type, struct mote_tpm_bytes first,
                      struct mote_tpm_bytes second)
{
    begin(o, type);
    write_bytes(o, "{", first.key, first.bytes);
    if (second.key != NULL)
        write_bytes(o, ",", second.key, second.bytes);
    out_str(o, END);
}
