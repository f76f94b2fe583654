/* SPDX-License-Identifier: MIT */
/*
 * What the TPM is asked to do. Above each recipe: what of struct tpm_input counts, and what struct
 * tpm_output has when it is TPM_DONE. Keys are the operation's (struct tpm_op, key).
 */
#ifndef AGENT_TPM_RECIPES_H
#define AGENT_TPM_RECIPES_H

#include "agent/tpm.h"

/* What the TPM says of itself. */
struct tpm_facts {
    char manufacturer[5], vendor[17]; /* NUL-terminated, printable ASCII */
    uint32_t firmware[2];
    uint32_t revision; /* of the specification, times 100 */
    uint16_t banks[8]; /* hash algorithms of the PCR banks that are in use; 0 behind the last */
    bool is_locked_out;
    uint32_t objects, sessions; /* that are loaded now: transient objects, sessions */
};

/* out.a: a struct tpm_facts. */
extern const struct tpm_recipe tpm_recipe_info;

/* key 0: the EK. Of its certificate (TPM2_EK_CERT_INDEX), from offset in.number on, at most
 * in.index bytes: out.b; out.number: the size of all of it, 0: it has none. */
extern const struct tpm_recipe tpm_recipe_ek;

/* in.index: a key (persistent handle). key 0: that key. */
extern const struct tpm_recipe tpm_recipe_public;

/* in.index: a key. key 0: the EK, key 1: that key. */
extern const struct tpm_recipe tpm_recipe_credential_params;

/* in.index: a key; in.a: the credential (TPMS_ID_OBJECT, what a TPM2B_ID_OBJECT holds), in.b: the
 * encrypted secret, likewise. out.a: what was in it. With a policy session unless the EK has
 * userWithAuth. */
extern const struct tpm_recipe tpm_recipe_activate;

/* in.index: a key that signs; in.a: the message if the key is restricted (TPM2_MAX_BUFFER bytes),
 * else the digest. out.a: a TPMT_SIGNATURE. */
extern const struct tpm_recipe tpm_recipe_sign;

/* in.index: the key that is certified, by the AIK. out.a: TPMS_ATTEST, out.b: TPMT_SIGNATURE; key
 * 0: that key, key 1: the AIK. */
extern const struct tpm_recipe tpm_recipe_certify;

/* in.index: of non-volatile memory. out.a: all that it holds, at most TPM_DATA_MAX. */
extern const struct tpm_recipe tpm_recipe_nv_read;

/* in.number: 1 .. 1024 bytes. out.a: as many. */
extern const struct tpm_recipe tpm_recipe_random;

/* in.pcrs. out.a: the values, in rising order, each as long as the bank's hash; out.number: bit n:
 * PCR n is among them. */
extern const struct tpm_recipe tpm_recipe_pcr_read;

/* in.number: a PCR, in.pcrs.hash: a bank, in.a: a digest of that hash. */
extern const struct tpm_recipe tpm_recipe_pcr_extend;

/* in.a: the nonce, at most TPM2_DIGEST_MAX bytes; in.pcrs. out.a: TPMS_ATTEST, out.b:
 * TPMT_SIGNATURE, out.c and out.number: the PCRs' values, as of tpm_recipe_pcr_read; key 0: the
 * AIK. */
extern const struct tpm_recipe tpm_recipe_quote;

/* in.a: 1 .. TPM2_SEALED_MAX bytes; in.pcrs: they can be had back only while these are as they are
 * now; none: always, by this TPM alone. out.a: the private, out.b: the public area, without their
 * sizes. key 0: the SRK. */
extern const struct tpm_recipe tpm_recipe_seal;

/* in.a, in.b: out.a and out.b of the other; in.pcrs likewise. out.a: the bytes. */
extern const struct tpm_recipe tpm_recipe_unseal;

#endif
