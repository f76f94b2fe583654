/* SPDX-License-Identifier: MIT */
/* A credential, which was made for the EK of this TPM and for one key in it. */
#include "agent/tpm_steps.h"

/* An EK as the TCG wants it is used by who knows the endorsement hierarchy's password. */
static bool has_policy(const struct tpm_op *op)
{
    return (tpm_key_attributes(op, 0) & TPMA_OBJECT_USER_WITH_AUTH) == 0;
}

static bool ask_session(struct tpm_op *op, struct out *o)
{
    return has_policy(op) && tpm_ask_session(o, TPM_SE_POLICY);
}

static bool ask_policy(struct tpm_op *op, struct out *o)
{
    if (!has_policy(op))
        return false;
    tpm2_write_policy_secret(o, TPM_RH_ENDORSEMENT, op->session);
    return true;
}

static bool ask_activate(struct tpm_op *op, struct out *o)
{
    uint32_t session = op->session != 0 ? op->session : (uint32_t)TPM_RS_PW;

    tpm2_write_activate_credential(o, op->key[1].handle, op->key[0].handle, session, op->in.a,
                                   op->in.b);
    return true;
}

static enum tpm_take take_activate(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_2b(op, answer, &op->out.a);
}

static const struct tpm_step activate_steps[] = {
    {ask_session, tpm_take_session, false},
    {ask_policy, NULL, false},
    {ask_activate, take_activate, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_activate = {
    .name = "activate",
    .keys = {TPM2_EK_HANDLE, TPM_KEY_OF_INDEX},
    .steps = activate_steps,
};
