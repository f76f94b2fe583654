/* SPDX-License-Identifier: MIT */
/*
 * What the commands of proto/tpm2.h are written with: a table of them, whose parameters are
 * letters, and big-endian numbers. Inside proto/ alone.
 */
#ifndef PROTO_TPM2_WRITE_H
#define PROTO_TPM2_WRITE_H

#include "proto/tpm2.h"

struct tpm2_command {
    uint16_t code;
    uint8_t handles; /* in front */
    uint8_t auths;   /* of its first handles so many need an authorization */
    bool has_answer_handle;
    char words[23]; /* its name in Part 3, without TPM2_; behind the NUL its parameters */
};

/* NULL: it is not known here. */
const struct tpm2_command *tpm2_find_command(uint32_t code);

/*
 * Appends a command. Behind session come its handles, then its parameters, each as its letter in
 * the table wants it:
 *   u w d  a number of 8, of 16, of 32 bits
 *   b      struct bytes, as a TPM2B, with their size in front
 *   r      struct bytes as they are
 *   h      a scheme and its hash, TPMT_SIG_SCHEME: two numbers
 *   s      const struct tpm2_selection *, a TPML_PCR_SELECTION of one bank
 *   t      const struct tpm2_template *, a TPM2B_PUBLIC
 * and for those that are always the same:
 *   z      two bytes of zero: an empty TPM2B, or half of a number
 *   n      TPM_ALG_NULL
 *   { }    around what is the content of a TPM2B
 * session is the last authorization; one in front of it is an empty password. A command that has
 * no room leaves o->len as it was.
 */
void tpm2_put_command(struct out *o, enum tpm_cc cc, uint32_t session, ...);

void tpm2_put16(struct out *o, uint32_t v);
void tpm2_put32(struct out *o, uint32_t v);
void tpm2_put_2b(struct out *o, struct bytes b);

/* TPMT_..._SCHEME of keys and of signatures: with a hash, unless it is TPM_ALG_NULL. */
void tpm2_put_scheme(struct out *o, uint32_t scheme, uint32_t hash);

/* Around a TPM2B whose size is known at its end alone: what tpm2_open() returns is tpm2_close()'s
 * mark. */
size_t tpm2_open(struct out *o);
void tpm2_close(struct out *o, size_t mark);

#endif
