/* SPDX-License-Identifier: MIT */
#include "proto/vcom_serve.h"

#include "proto/json.h"
#include "proto/tpm2.h"

/* No method of HTTP begins like a value in JSON, with white space, or with a byte order mark. */
bool vcom_is_json(char first)
{
    return first != '\0' && strchr("{[\"-0123456789tfn \t\r\n\xef", first) != NULL;
}

bool vcom_asks_ek(const char *json, size_t n)
{
    struct packet {
        uint32_t channel, request;
    } packet = {0};
    static const struct json_field fields[] = {
        {"channel", JSON_UINT32, offsetof(struct packet, channel), 0, "int"},
        {"request", JSON_UINT32, offsetof(struct packet, request), 0, "uint"},
    };
    static const struct json_struct layout = {"vcom.TpmRequest", fields, 2};
    char ignored[1];
    struct out error = out_to(ignored, sizeof ignored); /* nobody is told */

    return json_read(json, n, &layout, &packet, &error) && packet.channel == 2 &&
           packet.request == 1;
}

void vcom_write_packet_ek(struct out *o, struct bytes ek)
{
    struct vcom_answer a = {.kind = VCOM_EK, .value = {{.bytes = ek}}};

    out_str(o, "{\"channel\":2,");
    vcom_write_answer(o, &a);
    out_str(o, "}");
}

/* Texts of EVE's server. behind[n]: when n keys were read; NULL: as the one in front of it. */
static const struct words {
    const char *outer;
    const char *open;
    const char *behind[3];
} words[] = {
    [VCOM_GETPUB] =
        {"failed to get public key: ", "unable to open TPM: ", {"error while reading EK public: "}},
    [VCOM_SIGN] = {"failed to sign data: ",
                   "unable to open TPM: ",
                   {"error while getting public key: error while reading EK public: ",
                    "error while signing data "}},
    [VCOM_READNV] =
        {"failed to read NV: ", "unable to open TPM: ", {"error while reading NV index: "}},
    [VCOM_ACTIVATECREDPARAMS] = {"failed to get activate credential params: ",
                                 "failed to open TPM: ",
                                 {"failed to read EK public: ", "failed to read AIK public: "}},
    [VCOM_ACTIVATECRED] = {"failed to activate credential: ",
                           "failed to open TPM: ",
                           {"failed to activate credential: "}},
    [VCOM_CERTIFYKEY] = {"failed to get public key: ",
                         "unable to open TPM: ",
                         {"reading AIK public key failed: ", "certify failed: "}},
};

const char *vcom_failure(enum vcom_kind kind)
{
    return words[kind].outer;
}

const char *vcom_failure_to_open(enum vcom_kind kind)
{
    return words[kind].open;
}

const char *vcom_failure_behind(enum vcom_kind kind, size_t keys)
{
    while (words[kind].behind[keys] == NULL)
        keys--;
    return words[kind].behind[keys];
}

const char *vcom_failure_to_sign(struct bytes public_area, size_t n)
{
    struct tpm2_reader r = tpm2_reader_of(public_area);
    bool is_rsa = tpm2_u16(&r) == TPM_ALG_RSA;
    (void)tpm2_u16(&r); /* the hash that names it */
    uint32_t attributes = tpm2_u32(&r);
    struct tpm2_scheme scheme;

    if ((attributes & TPMA_OBJECT_SIGN_ENCRYPT) == 0)
        return "key is not a signing key";
    if ((attributes & TPMA_OBJECT_RESTRICTED) == 0)
        return NULL;
    if (tpm2_read_scheme(public_area, &scheme) && scheme.is_null)
        return is_rsa ? "error while getting hash algorithm: RSA key missing signature scheme"
                      : "error while getting hash algorithm: ECC key missing signature scheme";
    return n > TPM2_MAX_BUFFER ? "error while hashing data: " : NULL;
}

/* What EVE keeps for itself. */
static bool is_own(uint32_t index, const char **what)
{
    static const struct {
        uint32_t index;
        const char *what;
    } own[] = {
        {0x01800000, "reading NV index "}, {0x01900000, "reading NV index "},
        {0x01700000, "reading NV index "}, {0x81000004, "using key at "},
        {0x817fffff, "using key at "},
    };

    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
        *what = own[i].what;
        if (own[i].index == index)
            return true;
    }
    return false;
}

bool vcom_is_allowed(const struct vcom_request *r, struct out *error)
{
    const uint32_t checked = 1u << VCOM_READNV | 1u << VCOM_SIGN | 1u << VCOM_CERTIFYKEY;
    const char *what;

    if ((checked >> r->kind & 1) == 0 || !is_own(r->index, &what))
        return true;
    out_str(error, what);
    out_hex(error, r->index);
    out_str(error, " is not allowed");
    return false;
}

static struct bytes text_bytes(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

/* Without zeros in front. */
static struct bytes big_endian(struct bytes b)
{
    for (; b.n != 0 && *b.at == 0; b.n--)
        b.at++;
    return b;
}

/* The longest name of a hash is that of SHA3-512. */
static struct bytes upper(const char *name, char dst[VCOM_NAME_MAX])
{
    size_t n = 0;

    for (; name[n] != '\0'; n++)
        dst[n] = (char)(name[n] >= 'a' ? name[n] - ('a' - 'A') : name[n]);
    return (struct bytes){dst, n};
}

static const char *scheme_name(uint16_t scheme)
{
    return scheme == TPM_ALG_RSASSA ? "RSASSA" : scheme == TPM_ALG_RSAPSS ? "RSAPSS" : "ECDSA";
}

bool vcom_answer_signature(struct bytes signature, struct vcom_names *names, struct vcom_answer *a)
{
    struct tpm2_reader reader = tpm2_reader_of(signature);
    struct tpm2_signature s;

    if (!tpm2_read_signature(&reader, &s))
        return false;
    const char *hash = tpm2_hash_name(s.hash);
    struct bytes name = upper(hash != NULL ? hash : "", names->hash);
    *a = (struct vcom_answer){.kind = VCOM_SIGN};
    a->value[0].bytes = text_bytes(scheme_name(s.scheme));
    if (s.scheme == TPM_ALG_ECDSA) {
        a->value[3].bytes = big_endian(s.r);
        a->value[4].bytes = big_endian(s.s);
        a->value[5].bytes = name;
    } else {
        a->value[1].bytes = s.rsa;
        a->value[2].bytes = name;
    }
    return true;
}
