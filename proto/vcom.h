/* SPDX-License-Identifier: MIT */
/*
 * What EVE-OS' VComLink says on the wire, in both generations, of which neither knows the other.
 * Up to 15.10 a host speaks JSON: one object asks for the endorsement key (EK), one answers, and
 * nothing frames them. Since 15.11 it speaks HTTP/1.1 (proto/http.h) with protobuf messages of
 * the package vcom in the bodies (proto/protobuf.h). Here are the messages; pure functions.
 */
#ifndef PROTO_VCOM_H
#define PROTO_VCOM_H

#include "proto/text.h"

#define VCOM_PORT     2000u
#define VCOM_EK_INDEX 0x81000001u /* the TPM's handle of the EK */

/* The host reads less than this of a request's body. */
#define VCOM_BODY_MAX 65535u

/* What can be asked. VCOM_EK is asked of either generation, the others need HTTP. */
enum vcom_kind {
    VCOM_EK = 1, /* the EK's TPMT_PUBLIC */
    VCOM_GETPUB, /* index: a key; its TPMT_PUBLIC */
    VCOM_SIGN,   /* index: a key; data: the message, or the digest if it is unrestricted */
    VCOM_READNV, /* index: of non-volatile memory; its contents */
    VCOM_ACTIVATECREDPARAMS, /* index: an attestation key; the EK, that key and its name */
    VCOM_ACTIVATECRED,       /* index: an attestation key; cred, secret: what was made for it */
    VCOM_CERTIFYKEY,         /* index: a key; what the attestation key 0x81000003 says of it */
};

struct vcom_request {
    enum vcom_kind kind;
    uint32_t index;      /* a handle of the TPM; of no meaning for VCOM_EK */
    struct bytes data;   /* VCOM_SIGN; raw */
    struct bytes cred;   /* VCOM_ACTIVATECRED: TPM2B_ID_OBJECT, with its two bytes of size */
    struct bytes secret; /* VCOM_ACTIVATECRED: TPM2B_ENCRYPTED_SECRET, likewise */
    uint32_t port;       /* of the host; 0: VCOM_PORT */
};

/* The kind that is called name: "ek", "getpub", "sign", "readnv", "activatecredparams",
 * "activatecred", "certifykey". False: none is. */
bool vcom_kind_of(struct bytes name, enum vcom_kind *kind);

/* -- HTTP and protobuf */

/* The path that a kind is posted to: "/tpm/getpub". */
const char *vcom_path(enum vcom_kind kind);

/* Appends the body of a request: a TpmRequest... message. */
void vcom_write_request(struct out *o, const struct vcom_request *r);

/* The kind that is posted to a path; VCOM_EK has none of its own. False: none is. */
bool vcom_kind_at(struct bytes path, enum vcom_kind *kind);

/* Reads the body of a request of this kind, n bytes, to which *r refers then. As of answers: what
 * is not known is passed over, the last one counts. False: it is no message. */
bool vcom_read_request(enum vcom_kind kind, const char *body, size_t n, struct vcom_request *r);

#define VCOM_FIELDS_MAX 6 /* of TpmResponseSign */

/* An answer. value[i] is what the message's field i + 1 has; zero where it was absent. */
struct vcom_answer {
    enum vcom_kind kind;
    struct {
        struct bytes bytes; /* of the body that was read */
        uint32_t number;
    } value[VCOM_FIELDS_MAX];
};

/*
 * Reads the body of the answer to a request of this kind for index, n bytes, into *a, which refers
 * to them. Fields that are not known are passed over, the last one of a number counts. Checked is
 * what can be: that the EK (of VCOM_EK, of VCOM_ACTIVATECREDPARAMS, and of VCOM_GETPUB for its
 * index) and aik_pub are a TPMT_PUBLIC (proto/tpm_public.h) and nothing else; but not that aik_name
 * is the name of aik_pub, which takes a hash. False: *error says what is wrong.
 */
bool vcom_read_answer(enum vcom_kind kind, uint32_t index, const char *body, size_t n,
                      struct vcom_answer *a, struct out *error);

/* Appends the body of an answer: a TpmResponse... message. */
void vcom_write_message(struct out *o, const struct vcom_answer *a);

/* Writes the members of a JSON object: fields by their names in the message, bytes as base64
 * strings, numbers as numbers; one that was absent is left out. */
void vcom_write_answer(struct out *o, const struct vcom_answer *a);

/* -- JSON */

#define VCOM_JSON_REQUEST "{\"channel\":2,\"request\":1}"

/* The end of a JSON object in a stream; all zero at its start. */
struct vcom_scan {
    size_t at; /* bytes that were looked at */
    uint32_t depth;
    bool in_string, is_escaped;
};

/* Looks on in json[0..n-1], which starts with '{' and has grown since the last call. True: the
 * object is whole, s->at bytes. What it says is not checked. */
bool vcom_scan_object(struct vcom_scan *s, const char *json, size_t n);

/* An answer in JSON. */
struct vcom_packet {
    bool is_error;
    struct text error; /* the host's words */
    struct text ek;    /* base64 */
};

/* Reads a whole object. False: *error says what is wrong. */
bool vcom_read_packet(const char *json, size_t n, struct vcom_packet *p, struct out *error);

/* Makes the answer to VCOM_EK of a packet, checked as by vcom_read_answer(). The EK is decoded
 * over the object that the packet was read from, from its first byte on. */
bool vcom_read_packet_ek(char *json, const struct vcom_packet *p, struct vcom_answer *a,
                         struct out *error);

#endif
