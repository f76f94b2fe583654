/* SPDX-License-Identifier: MIT */
/* Random bytes, as many at once as the TPM gives. */
#include "agent/tpm_steps.h"

#define RANDOM_MAX 1024u

static bool ask_random(struct tpm_op *op, struct out *o)
{
    uint32_t wanted = op->in.number;

    if (wanted == 0 || wanted > RANDOM_MAX) {
        tpm_fail(op, "random: 1 to %u bytes, not %u", RANDOM_MAX, (unsigned)wanted);
        return false;
    }
    tpm2_write_get_random(o, (uint16_t)(wanted - op->out.a.n));
    return true;
}

static enum tpm_take take_random(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct bytes *got = &op->out.a;
    struct bytes piece = tpm2_2b(&answer->parameters);

    if (piece.n == 0 || piece.n > op->in.number - got->n)
        return tpm_nonsense(op);
    struct bytes kept = tpm_keep(op, piece); /* behind those before it */
    if (kept.n == 0)
        return TPM_FAIL;
    if (got->n == 0)
        got->at = kept.at;
    got->n += kept.n;
    return got->n == op->in.number ? TPM_NEXT : TPM_AGAIN;
}

static const struct tpm_step random_steps[] = {
    {ask_random, take_random, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_random = {.name = "random", .steps = random_steps};
