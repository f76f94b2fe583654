/* SPDX-License-Identifier: MIT */
/*
 * Messages about the TPM of the guest. Bytes are base64 (RFC 4648 section 4) wherever they stand;
 * PCRs are chosen as tpm2-tools write it: "sha256:0,7", "sha256:all", "0,7". What a TPM calls a
 * TPM2B_... stands without its two bytes of size, but for the members of a credential.
 */
#ifndef PROTO_MOTE_TPM_H
#define PROTO_MOTE_TPM_H

#include "proto/stereos.h"

#define MOTE_PCRS_MAX   96 /* bytes of a selection; "sha256:" and all 24 numbers are 69 */
#define MOTE_BANK_MAX   8  /* "sha3_512" */
#define MOTE_RANDOM_MAX 1024u

/* All that one of the messages asks, each of them as far as its layout says. */
struct mote_tpm {
    struct text pcrs;       /* pcr_read, quote: empty: sha256:all; seal, unseal: empty: none */
    struct text bank;       /* pcr_extend; empty: sha256 */
    struct text digest;     /* pcr_extend, as long as the bank's hash */
    struct text nonce;      /* quote */
    struct text data;       /* seal: this, */
    struct text name;       /* or the secret of the store that has this name */
    struct text credential; /* TPM2B_ID_OBJECT, for the EK's public area and the AIK's name */
    struct text secret;     /* TPM2B_ENCRYPTED_SECRET, of the same */
    struct text private;    /* unseal: what seal has answered */
    struct text public;     /* likewise */
    struct text value;      /* inject_sealed_secret: what the credential's key opens */
    uint32_t offset;        /* ek: into its certificate */
    uint32_t pcr;           /* pcr_extend */
    uint32_t bytes;         /* random: 1 .. MOTE_RANDOM_MAX */
    uint32_t mode;          /* inject_sealed_secret; 0: 0600 */
};

extern const struct stereos_payload_type mote_tpm_payload; /* of those that ask nothing */
extern const struct stereos_payload_type mote_ek_payload;
extern const struct stereos_payload_type mote_pcrs_payload;
extern const struct stereos_payload_type mote_extend_payload;
extern const struct stereos_payload_type mote_quote_payload;
extern const struct stereos_payload_type mote_random_payload;
extern const struct stereos_payload_type mote_seal_payload;
extern const struct stereos_payload_type mote_unseal_payload;
extern const struct stereos_payload_type mote_credential_payload;
extern const struct stereos_payload_type mote_sealed_secret_payload;

/* What was measured, and whether the PCR has it. */
struct mote_tpm_event {
    const char *what;
    uint64_t size;
    struct bytes digest;
    bool is_extended;
};

#define MOTE_BANKS_MAX 8

struct mote_tpm_info {
    const char *interface;    /* "tis", "crb", or the path of a device */
    const char *manufacturer; /* ASCII, as the TPM spells itself */
    const char *vendor;
    const char *firmware;                  /* 16 digits */
    uint32_t revision;                     /* of the specification, times 100 */
    const char *banks[MOTE_BANKS_MAX + 1]; /* NULL behind the last */
    bool is_locked_out;
    uint32_t objects, sessions; /* that are loaded */
    bool keys_persist;
    bool measures;      /* false: the rest does not count */
    uint32_t pcr;       /* of the SHA-256 bank */
    struct bytes start; /* its value in front of the first event */
    uint32_t folded;    /* events that are part of the start */
    /* Fills in event i; false: there are no more. */
    bool (*event)(size_t i, struct mote_tpm_event *event);
};

struct mote_tpm_key {
    uint32_t handle;          /* 0: it is made whenever it is needed */
    struct bytes public_area; /* TPMT_PUBLIC */
    struct bytes name;
};

/* Part of a certificate. */
struct mote_tpm_part {
    struct bytes bytes; /* from offset on */
    uint32_t offset;
    uint32_t size; /* of all of it; 0: there is none */
};

/* Values of PCRs. */
struct mote_tpm_pcrs {
    const char *bank;
    uint32_t pcrs;       /* bit n: PCR n is there */
    struct bytes values; /* in rising order */
    size_t digest_size;
};

/* A member of an answer. */
struct mote_tpm_bytes {
    const char *key; /* NULL: there is none */
    struct bytes bytes;
};

/* The answers, each one whole line with its '\n'. One that has no room sets o->overflow: within
 * STEREOS_REPLY_MAX that are pcrs and quote of many PCRs whose hash is longer than SHA-256. */
void mote_write_tpm_info(struct out *o, const struct mote_tpm_info *info);
void mote_write_ek(struct out *o, const struct mote_tpm_key *ek, const struct mote_tpm_part *part);
void mote_write_aik(struct out *o, const struct mote_tpm_key *aik);
void mote_write_pcrs(struct out *o, const struct mote_tpm_pcrs *pcrs);
void mote_write_quote(struct out *o, struct bytes attest, struct bytes signature,
                      const struct mote_tpm_pcrs *pcrs);
void mote_write_bytes(struct out *o, const char *type, struct mote_tpm_bytes first,
                      struct mote_tpm_bytes second);

#endif
