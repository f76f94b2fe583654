/* SPDX-License-Identifier: MIT */
/*
 * EVE-OS' VComLink as a guest serves it (proto/vcom.h has its messages): what of JSON is taken, and
 * the words of a refusal. Both are those of EVE's own server. Pure functions.
 */
#ifndef PROTO_VCOM_SERVE_H
#define PROTO_VCOM_SERVE_H

#include "proto/vcom.h"

/* Whether what begins with this byte is JSON, right or wrong; else it is HTTP, likewise. */
bool vcom_is_json(char first);

/* -- JSON: what one read gives is a request */

#define VCOM_JSON_MAX   8192u /* bytes of a read */
#define VCOM_JSON_ERROR "{\"channel\":1,\"error\":\"received malformed packet\"}"

/* Whether the n bytes of a read ask for the EK; nothing else can be asked. */
bool vcom_asks_ek(const char *json, size_t n);

/* Appends the answer; ek: its TPMT_PUBLIC. */
void vcom_write_packet_ek(struct out *o, struct bytes ek);

/* -- HTTP */

#define VCOM_CONTENT_TYPE "application/x-proto-binary"

/* What an error of this kind begins with: "failed to read NV: ". */
const char *vcom_failure(enum vcom_kind kind);

/* What stands behind that when the TPM can't be opened. */
const char *vcom_failure_to_open(enum vcom_kind kind);

/* And when the TPM has refused; keys: how many of the keys that it takes were read before. A text
 * that ends in a blank wants the TPM's own reason behind it. */
const char *vcom_failure_behind(enum vcom_kind kind, size_t keys);

/* Likewise of VCOM_SIGN with n bytes of data, whose key was read: what EVE's server finds wrong
 * with the two; NULL: nothing. */
const char *vcom_failure_to_sign(struct bytes public_area, size_t n);

/* Whether what is asked may be asked at all. False: the rest of the error was appended. */
bool vcom_is_allowed(const struct vcom_request *r, struct out *error);

#define VCOM_NAME_MAX 16

/* What an answer refers to. */
struct vcom_names {
    char hash[VCOM_NAME_MAX];
};

/* Makes the answer to VCOM_SIGN of a TPMT_SIGNATURE. False: it is none. */
bool vcom_answer_signature(struct bytes signature, struct vcom_names *names, struct vcom_answer *a);

#endif
