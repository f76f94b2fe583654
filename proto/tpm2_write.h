/* SPDX-License-Identifier: MIT */
/*
 * What the commands of proto/tpm2.h are written with: big-endian numbers, sized areas, and the
 * frame of a command. Inside proto/ alone.
 */
#ifndef PROTO_TPM2_WRITE_H
#define PROTO_TPM2_WRITE_H

#include "proto/tpm2.h"

/* What is to be known of a command and its answer, but for the parameters. */
struct tpm2_command {
    uint16_t code;
    uint8_t handles; /* it has 0 .. 2 in front */
    uint8_t auths;   /* of its first handles so many need an authorization */
    bool has_answer_handle;
    char name[19]; /* of Part 3, without TPM2_ */
};

/* NULL: it is not known here. */
const struct tpm2_command *tpm2_find_command(uint32_t code);

void tpm2_put8(struct out *o, uint8_t v);
void tpm2_put16(struct out *o, uint16_t v);
void tpm2_put32(struct out *o, uint32_t v);

/* A TPM2B: its size, and it. More than 16 bits can say: o->overflow. */
void tpm2_put_2b(struct out *o, struct bytes b);

/* A TPMT_..._SCHEME of keys and signatures: with a hash, unless it is TPM_ALG_NULL. */
void tpm2_put_scheme(struct out *o, uint16_t scheme, uint16_t hash);

/* A TPML_PCR_SELECTION of one bank. */
void tpm2_put_selection(struct out *o, const struct tpm2_selection *s);

/* Around a TPM2B whose size is known at its end alone: what tpm2_open() returns is tpm2_close()'s
 * mark. */
size_t tpm2_open(struct out *o);
void tpm2_close(struct out *o, size_t mark);

/*
 * Begins a command: its header, the handles that it has, and authorizations; session is the last
 * one's, the other has an empty password. What it returns is tpm2_end()'s mark, which writes the
 * command's size, or takes it back if it had no room.
 */
size_t tpm2_begin(struct out *o, enum tpm_cc cc, uint32_t first, uint32_t second, uint32_t session);
void tpm2_end(struct out *o, size_t mark);

#endif
