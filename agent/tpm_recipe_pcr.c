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

/* From here on in.pcrs is the one PCR. */
static bool ask_bank(struct tpm_op *op, struct out *o)
{
    size_t size = tpm2_digest_size(op->in.pcrs.hash);

    if (op->in.number >= TPM2_PCRS) {
        tpm_fail(op, "PCRs are 0 to %u, not %u", TPM2_PCRS - 1, (unsigned)op->in.number);
        return false;
    }
    if (op->in.a.n != size || size == 0) {
        tpm_fail(op, "a digest of that bank has %u bytes, not %u", (unsigned)size,
                 (unsigned)op->in.a.n);
        return false;
    }
    op->in.pcrs.pcrs = 1u << op->in.number;
    return tpm_ask_banks(op, o);
}

static bool ask_extend(struct tpm_op *op, struct out *o)
{
    tpm2_write_pcr_extend(o, op->in.number, op->in.pcrs.hash, op->in.a.at);
    return true;
}

static const struct tpm_step extend_steps[] = {
    {ask_bank, tpm_take_banks, false},
    {ask_extend, NULL, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_pcr_extend = {.name = "pcr_extend", .steps = extend_steps};

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
