/* SPDX-License-Identifier: MIT */
/*
 * One row per kind says all that tells the messages apart; what a host answers is believed where
 * nothing can be checked, and nowhere else.
 */
#include "proto/vcom.h"

#include "proto/base64.h"
#include "proto/json.h"
#include "proto/protobuf.h"
#include "proto/tpm_public.h"

#define CHANNEL_ERROR 1
#define CHANNEL_TPM   2

/* Of an answer's fields the first character tells the type, the rest is the name. */
enum field_type {
    NUMBER = '#',
    BYTES = '=',
    STRING = '"',
};

static const struct kind {
    const char *name;
    const char *path;
    const char *fields[VCOM_FIELDS_MAX]; /* number 1, 2, ... of the answer */
} kinds[] = {
    [VCOM_EK] = {"ek", "/tpm/getpub", {"=ek"}},
    [VCOM_GETPUB] = {"getpub", "/tpm/getpub", {"=public", "#algorithm", "#attributes"}},
    [VCOM_SIGN] = {"sign",
                   "/tpm/sign",
                   {"\"algorithm", "=rsa_signature", "\"rsa_hash", "=ecc_signature_r",
                    "=ecc_signature_s", "\"ecc_hash"}},
    [VCOM_READNV] = {"readnv", "/tpm/readnv", {"=data"}},
    [VCOM_ACTIVATECREDPARAMS] = {"activatecredparams",
                                 "/tpm/activatecredparams",
                                 {"=ek", "=aik_pub", "=aik_name"}},
    [VCOM_ACTIVATECRED] = {"activatecred", "/tpm/activatecred", {"=secret"}},
    [VCOM_CERTIFYKEY] = {"certifykey", "/tpm/certifykey", {"=public", "=sig", "=attest"}},
};

static bool is_same(const char *name, struct bytes b)
{
    return strlen(name) == b.n && memcmp(name, b.at, b.n) == 0;
}

bool vcom_kind_of(struct bytes name, enum vcom_kind *kind)
{
    for (size_t i = VCOM_EK; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!is_same(kinds[i].name, name))
            continue;
        *kind = (enum vcom_kind)i;
        return true;
    }
    return false;
}

bool vcom_kind_at(struct bytes path, enum vcom_kind *kind)
{
    for (size_t i = VCOM_GETPUB; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (!is_same(kinds[i].path, path))
            continue;
        *kind = (enum vcom_kind)i;
        return true;
    }
    return false;
}

const char *vcom_path(enum vcom_kind kind)
{
    return kinds[kind].path;
}

void vcom_write_request(struct out *o, const struct vcom_request *r)
{
    if (r->kind == VCOM_ACTIVATECRED) {
        protobuf_write_bytes(o, 1, r->cred.at, r->cred.n);
        protobuf_write_bytes(o, 2, r->secret.at, r->secret.n);
        protobuf_write_u32(o, 3, r->index);
        return;
    }
    protobuf_write_u32(o, 1, r->kind == VCOM_EK ? VCOM_EK_INDEX : r->index);
    if (r->kind == VCOM_SIGN)
        protobuf_write_bytes(o, 2, r->data.at, r->data.n);
}

/* Where a field of a request belongs; one that is neither is not known. */
struct place {
    uint32_t *number;
    struct bytes *bytes;
};

static struct place place_of(struct vcom_request *r, uint32_t number)
{
    bool is_cred = r->kind == VCOM_ACTIVATECRED;

    if (number == (is_cred ? 3u : 1u))
        return (struct place){.number = &r->index};
    if (is_cred && number <= 2)
        return (struct place){.bytes = number == 1 ? &r->cred : &r->secret};
    return (struct place){.bytes = r->kind == VCOM_SIGN && number == 2 ? &r->data : NULL};
}

bool vcom_read_request(enum vcom_kind kind, const char *body, size_t n, struct vcom_request *r)
{
    struct protobuf_reader reader = {.at = (const uint8_t *)body, .end = (const uint8_t *)body + n};
    struct protobuf_field field;

    *r = (struct vcom_request){.kind = kind};
    while (protobuf_next(&reader, &field)) {
        struct place place = place_of(r, field.number);
        if (field.type == PROTOBUF_VARINT && place.number != NULL)
            *place.number = (uint32_t)field.value;
        if (field.type == PROTOBUF_BYTES && place.bytes != NULL)
            *place.bytes = (struct bytes){(const char *)field.bytes, field.n};
    }
    return !reader.bad;
}

static void take_field(struct vcom_answer *a, const struct protobuf_field *f)
{
    const char *name = f->number <= VCOM_FIELDS_MAX ? kinds[a->kind].fields[f->number - 1] : NULL;

    if (name == NULL || (f->type == PROTOBUF_VARINT) != (*name == NUMBER))
        return;
    if (f->type == PROTOBUF_VARINT)
        a->value[f->number - 1].number = (uint32_t)f->value;
    else if (f->type == PROTOBUF_BYTES)
        a->value[f->number - 1].bytes = (struct bytes){(const char *)f->bytes, f->n};
}

static bool is_public(const char *name, struct bytes area, struct out *error)
{
    struct tpm_public p;
    const char *rule;

    if (tpm_public_read(area.at, area.n, &p, &rule))
        return true;
    out_str(error, name);
    out_str(error, " is no TPMT_PUBLIC: ");
    out_str(error, rule);
    return false;
}

static bool is_credible(const struct vcom_answer *a, uint32_t index, struct out *error)
{
    struct bytes first = a->value[0].bytes;

    if (a->kind == VCOM_EK || (a->kind == VCOM_GETPUB && index == VCOM_EK_INDEX))
        return is_public("ek", first, error);
    return a->kind != VCOM_ACTIVATECREDPARAMS ||
           (is_public("ek", first, error) && is_public("aik_pub", a->value[1].bytes, error));
}

bool vcom_read_answer(enum vcom_kind kind, uint32_t index, const char *body, size_t n,
                      struct vcom_answer *a, struct out *error)
{
    struct protobuf_reader reader = {.at = (const uint8_t *)body, .end = (const uint8_t *)body + n};
    struct protobuf_field field;

    *a = (struct vcom_answer){.kind = kind};
    while (protobuf_next(&reader, &field))
        take_field(a, &field);
    if (!reader.bad)
        return is_credible(a, index, error);
    out_str(error, "the answer is no protobuf message");
    return false;
}

void vcom_write_message(struct out *o, const struct vcom_answer *a)
{
    for (uint32_t i = 0; i < VCOM_FIELDS_MAX && kinds[a->kind].fields[i] != NULL; i++) {
        protobuf_write_u32(o, i + 1, a->value[i].number);
        protobuf_write_bytes(o, i + 1, a->value[i].bytes.at, a->value[i].bytes.n);
    }
}

static void write_base64(struct out *o, struct bytes b)
{
    out_str(o, "\"");
    out_base64(o, b.at, b.n);
    out_str(o, "\"");
}

void vcom_write_answer(struct out *o, const struct vcom_answer *a)
{
    const char *separator = "\"";

    for (size_t i = 0; i < VCOM_FIELDS_MAX && kinds[a->kind].fields[i] != NULL; i++) {
        const char *field = kinds[a->kind].fields[i];
        struct bytes b = a->value[i].bytes;
        if (a->value[i].number == 0 && b.n == 0)
            continue;
        out_str(o, separator);
        separator = ",\"";
        out_str(o, field + 1);
        out_str(o, "\":");
        if (*field == NUMBER)
            out_u64(o, a->value[i].number);
        else if (*field == STRING)
            out_json_string(o, b.at, b.n);
        else
            write_base64(o, b);
    }
}

/* Takes one character; true: it ends the object. */
static bool scan(struct vcom_scan *s, char c)
{
    if (s->in_string) {
        s->in_string = c != '"' || s->is_escaped;
        s->is_escaped = c == '\\' && !s->is_escaped;
        return false;
    }
    s->in_string = c == '"';
    if (c == '{' || c == '[')
        s->depth++;
    return (c == '}' || c == ']') && --s->depth == 0;
}

bool vcom_scan_object(struct vcom_scan *s, const char *json, size_t n)
{
    while (s->at < n)
        if (scan(s, json[s->at++]))
            return true;
    return false;
}

bool vcom_read_packet(const char *json, size_t n, struct vcom_packet *p, struct out *error)
{
    struct packet {
        uint32_t channel;
        struct text ek, error;
    } packet = {0};
    static const struct json_field fields[] = {
        {"channel", JSON_UINT32, offsetof(struct packet, channel), 0, "int"},
        {"ek", JSON_STRING, offsetof(struct packet, ek), 0, "string"},
        {"error", JSON_STRING, offsetof(struct packet, error), 0, "string"},
    };
    static const struct json_struct layout = {"vcom.Packet", fields, 3};

    if (!json_read(json, n, &layout, &packet, error))
        return false;
    *p = (struct vcom_packet){packet.channel == CHANNEL_ERROR, packet.error, packet.ek};
    if (p->is_error || packet.channel == CHANNEL_TPM)
        return true;
    out_str(error, "the answer is of an unknown channel");
    return false;
}

/* Decodes t to dst, as many bytes as *n says then; dst is in front of t or far from it. */
static bool decode(struct base64_decoder *d, struct text t, char *dst, size_t *n)
{
    uint32_t rune;

    for (*n = 0; text_next(&t, &rune);) {
        char c = (char)(rune < 0x80 ? rune : 0);
        long got = base64_decode(d, &c, 1, dst + *n);
        if (got < 0)
            return false;
        *n += (size_t)got;
    }
    return base64_end(d);
}

bool vcom_read_packet_ek(char *json, const struct vcom_packet *p, struct vcom_answer *a,
                         struct out *error)
{
    struct base64_decoder decoder = {0};
    size_t n;

    *a = (struct vcom_answer){.kind = VCOM_EK};
    if (!decode(&decoder, p->ek, json, &n)) {
        out_str(error, "ek is not base64 at byte ");
        out_u64(error, decoder.at);
        return false;
    }
    a->value[0].bytes = (struct bytes){json, n};
    return is_credible(a, VCOM_EK_INDEX, error);
}
