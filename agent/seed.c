/* SPDX-License-Identifier: MIT */
#include "agent/seed.h"

#include "agent/tpm_recipes.h"
#include "drivers/random.h"

static bool is_wanted;

void seed_want(void)
{
    is_wanted = tpm_interface() != NULL;
}

void seed_renew(void)
{
    random_renew();
    seed_want();
}

static struct tpm_op *begin_seed(void)
{
    const struct tpm_input in = {.number = RANDOM_SEED};
    char why[TPM_ERROR_MAX]; /* it has no input that could be too much */
    struct out error = out_to(why, sizeof why);

    return tpm_begin(TPM_OWNER_ENTROPY, &tpm_recipe_random, &in, &error);
}

void seed_tick(void)
{
    if (!is_wanted)
        return;
    struct tpm_op *op = tpm_find(TPM_OWNER_ENTROPY);
    if (op == NULL)
        op = begin_seed();
    if (op == NULL || op->status == TPM_RUNNING)
        return;
    if (op->status == TPM_DONE) /* else the other sources must do */
        random_add(op->out.a.at, op->out.a.n);
    is_wanted = false;
    tpm_free(op);
}
