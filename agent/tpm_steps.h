/* SPDX-License-Identifier: MIT */
/* Steps that several recipes have, and what steps are made of. */
#ifndef AGENT_TPM_STEPS_H
#define AGENT_TPM_STEPS_H

#include "agent/tpm_recipes.h"

/* TPMA_OBJECT of a key of the operation. */
uint32_t tpm_key_attributes(const struct tpm_op *op, size_t key);

/* Keeps what a TPM2B_... of the answer holds: TPM_NEXT. An empty one is nonsense, and so is one
 * that passes the end. */
enum tpm_take tpm_take_2b(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *kept);

/* Keeps what the next TPM2B_... holds behind the pieces before it, until *got has as many bytes as
 * are wanted; TPM_AGAIN before that. */
enum tpm_take tpm_take_piece(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *got,
                             size_t wanted);

/* Keeps a TPMT_SIGNATURE, the last that an answer has. */
enum tpm_take tpm_take_signature(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *kept);

/* A TPMS_ATTEST and its signature, to out.a and out.b. */
enum tpm_take tpm_take_attested(struct tpm_op *op, struct tpm2_answer *answer);

/* A session of SHA-256, which is op->session then. */
bool tpm_ask_session(struct out *o, enum tpm_se type);
enum tpm_take tpm_take_session(struct tpm_op *op, struct tpm2_answer *answer);

/* What a capability begins with; how many entries follow. One of another kind leaves r->bad. */
uint32_t tpm_read_capability(struct tpm2_reader *r, enum tpm_cap cap);

/* The next bank of a TPML_PCR_SELECTION. */
struct tpm2_selection tpm_read_bank(struct tpm2_reader *r);

/* Which of in.pcrs are there: in.pcrs is left with these, and none of them is an error. A TPM
 * itself takes a PCR that it does not have as one that was not named. Empty in.pcrs: no step. */
bool tpm_ask_banks(struct tpm_op *op, struct out *o);
enum tpm_take tpm_take_banks(struct tpm_op *op, struct tpm2_answer *answer);

/* The values of in.pcrs, in as many answers as it takes; out.number: which they are. */
bool tpm_ask_pcrs(struct tpm_op *op, struct out *o);
enum tpm_take tpm_take_pcrs(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *values);

#endif
