/* SPDX-License-Identifier: MIT */
/* Random bytes, as many at once as the TPM gives. */
#include "agent/tpm_steps.h"

#define RANDOM_MAX 1024u

static bool ask_random(struct tpm_op *op, struct out *o)
{
    uint32_t wanted = op->in.number;

    if (wanted == 0 || wanted > RANDOM_MAX) {
        tpm_fail(op, "1 to %u bytes are random, not %u", RANDOM_MAX, (unsigned)wanted);
        return false;
    }
    tpm2_write_get_random(o, (uint16_t)(wanted - op->out.a.n));
    return true;
}

static enum tpm_take take_random(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_piece(op, answer, &op->out.a, op->in.number);
}

static const struct tpm_step random_steps[] = {
    {ask_random, take_random, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_random = {.name = "random", .steps = random_steps};
