/* SPDX-License-Identifier: MIT */
/* What a TPM measures into: its PCRs are read, extended and attested. */
#include "agent/tpm_steps.h"

static enum tpm_take take_values(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_pcrs(op, answer, &op->out.a);
}

static const struct tpm_step read_steps[] = {
    {tpm_ask_banks, tpm_take_banks, false},
    {tpm_ask_pcrs, take_values, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_pcr_read = {.name = "pcr_read", .steps = read_steps};

static bool ask_quote(struct tpm_op *op, struct out *o)
{
    tpm2_write_quote(o, op->key[0].handle, op->in.a, &op->in.pcrs);
    return true;
}

/* The verifier hashes them and compares: a PCR that was extended in between is seen there. */
static enum tpm_take take_quoted(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_pcrs(op, answer, &op->out.c);
}

static const struct tpm_step quote_steps[] = {
    {tpm_ask_banks, tpm_take_banks, false},
    {ask_quote, tpm_take_attested, false},
    {tpm_ask_pcrs, take_quoted, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_quote = {
    .name = "quote",
    .keys = {TPM2_AIK_HANDLE},
    .steps = quote_steps,
};
