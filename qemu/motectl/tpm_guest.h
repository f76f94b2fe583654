/* SPDX-License-Identifier: MIT */
/*
 * What a guest is asked about its TPM, and its answers as values: one function per message
 * (README, the TPM's messages). With --json each prints the line that it got.
 */
#ifndef MOTECTL_TPM_GUEST_H
#define MOTECTL_TPM_GUEST_H

#include "proto/tpm2.h"
#include "qemu/motectl/exchange.h"
#include "qemu/motectl/tpm_credential.h"

#define TPM_EVENTS_MAX 32 /* that a log may have; a guest keeps 8 */
#define TPM_WORD_MAX   64 /* characters of a text that a TPM tells of itself */

struct tpm_key {
    uint32_t handle;
    struct blob area, name;  /* TPMT_PUBLIC; without sizes */
    struct blob certificate; /* DER, of the EK; empty: it has none */
};

struct tpm_pcrs {
    struct tpm2_selection read; /* which there are */
    size_t size;                /* bytes of each */
    uint8_t value[TPM2_PCRS][TPM2_DIGEST_MAX];
};

struct tpm_quote {
    struct blob attest, signature; /* TPMS_ATTEST, TPMT_SIGNATURE */
    struct tpm_pcrs pcrs;
};

struct tpm_event {
    char what[TPM_WORD_MAX];
    uint32_t size;
    struct blob digest;
    bool extended;
};

/* What configures the guest, as it says. */
struct tpm_log {
    bool kept; /* else there is none */
    uint32_t pcr;
    uint16_t bank;
    struct blob start;
    uint32_t folded;
    size_t count;
    struct tpm_event events[TPM_EVENTS_MAX];
};

struct tpm_info {
    char interface[TPM_WORD_MAX], manufacturer[TPM_WORD_MAX], vendor[TPM_WORD_MAX];
    char firmware[TPM_WORD_MAX], keys[TPM_WORD_MAX], banks[2 * TPM_WORD_MAX];
    uint32_t revision, objects, sessions;
    bool lockout;
    struct tpm_log log;
};

/* An object that is sealed, as a guest gives it and the same takes it. */
struct tpm_sealed {
    struct blob private_area, public_area;
    char pcrs[4 * TPM_WORD_MAX]; /* a selection; empty: none */
};

/* Decodes base64 of an answer, which errors call what. */
enum status tpm_decode(struct blob *b, struct text base64, const char *what);

/* Sends a request whose answer is of type, and reads that by a layout. */
enum status tpm_ask(const struct call *call, struct request *r, const char *type,
                    const struct json_struct *layout, void *dst);

enum status tpm_ask_info(const struct call *call, struct tpm_info *info);

/* with_certificate: all of that as well, in as many requests as it takes. */
enum status tpm_ask_ek(const struct call *call, bool with_certificate, struct tpm_key *ek);
enum status tpm_ask_aik(const struct call *call, struct tpm_key *aik);
enum status tpm_ask_pcrs(const struct call *call, const char *pcrs, struct tpm_pcrs *values);
enum status tpm_ask_quote(const struct call *call, const struct blob *nonce, const char *pcrs,
                          struct tpm_quote *quote);
enum status tpm_ask_random(const struct call *call, uint32_t n, struct blob *random);
enum status tpm_ask_activate(const struct call *call, const struct credential *c,
                             struct blob *content);

/* data, or name of a secret that the guest has (data is NULL); sealed->pcrs says to which PCRs. */
enum status tpm_ask_seal(const struct call *call, const struct blob *data, const char *name,
                         struct tpm_sealed *sealed);
enum status tpm_ask_unseal(const struct call *call, const struct tpm_sealed *sealed,
                           struct blob *data);

/* The fields of a sealed object, of a request. */
void tpm_add_sealed(struct request *r, const struct tpm_sealed *sealed);

#endif
