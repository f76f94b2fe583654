/* SPDX-License-Identifier: MIT */
/* Bytes that only this TPM gives back, while its PCRs are what they were. */
#include "agent/tpm_steps.h"

static bool is_bound(const struct tpm_op *op)
{
    return op->in.pcrs.pcrs != 0;
}

static bool ask_seal_banks(struct tpm_op *op, struct out *o)
{
    if (op->in.a.n == 0 || op->in.a.n > TPM2_SEALED_MAX) {
        tpm_fail(op, "1 to %u bytes can be sealed, not %u", TPM2_SEALED_MAX, (unsigned)op->in.a.n);
        return false;
    }
    return tpm_ask_banks(op, o);
}

/* To fewer PCRs than were named it is not sealed. */
static enum tpm_take take_seal_banks(struct tpm_op *op, struct tpm2_answer *answer)
{
    uint32_t named = op->in.pcrs.pcrs;
    enum tpm_take take = tpm_take_banks(op, answer);

    if (take == TPM_NEXT && op->in.pcrs.pcrs != named)
        return tpm_fail(op, "the TPM does not have all of these PCRs");
    return take;
}

static bool ask_trial(struct tpm_op *op, struct out *o)
{
    return is_bound(op) && tpm_ask_session(o, TPM_SE_TRIAL);
}

static bool ask_policy(struct tpm_op *op, struct out *o)
{
    if (!is_bound(op))
        return false;
    tpm2_write_policy_pcr(o, op->session, &op->in.pcrs);
    return true;
}

static bool ask_digest(struct tpm_op *op, struct out *o)
{
    if (!is_bound(op))
        return false;
    tpm2_write_policy_get_digest(o, op->session);
    return true;
}

static enum tpm_take take_digest(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_2b(op, answer, &op->in.b);
}

static bool ask_create(struct tpm_op *op, struct out *o)
{
    tpm2_write_create_sealed(o, op->key[0].handle, op->in.a, op->in.b);
    return true;
}

static enum tpm_take take_create(struct tpm_op *op, struct tpm2_answer *answer)
{
    enum tpm_take take = tpm_take_2b(op, answer, &op->out.a);

    return take == TPM_NEXT ? tpm_take_2b(op, answer, &op->out.b) : take;
}

static const struct tpm_step seal_steps[] = {
    {ask_seal_banks, take_seal_banks, false},
    {ask_trial, tpm_take_session, false},
    {ask_policy, NULL, false},
    {ask_digest, take_digest, false},
    {ask_create, take_create, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_seal = {
    .name = "seal",
    .keys = {TPM2_SRK_HANDLE},
    .steps = seal_steps,
};

static bool ask_load(struct tpm_op *op, struct out *o)
{
    tpm2_write_load(o, op->key[0].handle, op->in.a, op->in.b);
    return true;
}

static enum tpm_take take_load(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->object = answer->handle;
    return op->object != 0 ? TPM_NEXT : TPM_FAIL;
}

static bool ask_session(struct tpm_op *op, struct out *o)
{
    return is_bound(op) && tpm_ask_session(o, TPM_SE_POLICY);
}

static bool ask_unseal(struct tpm_op *op, struct out *o)
{
    tpm2_write_unseal(o, op->object, is_bound(op) ? op->session : (uint32_t)TPM_RS_PW);
    return true;
}

static enum tpm_take take_unseal(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_2b(op, answer, &op->out.a);
}

static const struct tpm_step unseal_steps[] = {
    {ask_load, take_load, false}, {ask_session, tpm_take_session, false},
    {ask_policy, NULL, false},    {ask_unseal, take_unseal, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_unseal = {
    .name = "unseal",
    .keys = {TPM2_SRK_HANDLE},
    .steps = unseal_steps,
};
