/* SPDX-License-Identifier: MIT */
/* What a key signs: what it is given, or that another key is in the same TPM. */
#include "agent/tpm_steps.h"

static struct tpm2_scheme scheme_of(const struct tpm_op *op)
{
    struct tpm2_scheme s = {.is_null = false};

    if (!tpm2_read_scheme(tpm_key_public(op, 0), &s))
        s.hash = TPM_ALG_NULL;
    return s;
}

/* A restricted key signs nothing that the TPM has not hashed itself. */
static bool ask_hash(struct tpm_op *op, struct out *o)
{
    struct tpm2_scheme s = scheme_of(op);

    if (s.hash == TPM_ALG_NULL) {
        tpm_fail(op, "key 0x%08x does not sign", (unsigned)op->in.index);
        return false;
    }
    if ((tpm_key_attributes(op, 0) & TPMA_OBJECT_RESTRICTED) == 0)
        return false;
    if (op->in.a.n > TPM2_MAX_BUFFER) {
        tpm_fail(op, "a key that is restricted signs at most %u bytes", TPM2_MAX_BUFFER);
        return false;
    }
    tpm2_write_hash(o, op->in.a, s.hash, TPM_RH_OWNER);
    return true;
}

/* From here on in.a is the digest, and in.b the ticket that says who has hashed. */
static enum tpm_take take_hash(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct tpm2_reader *r = &answer->parameters;
    enum tpm_take take = tpm_take_2b(op, answer, &op->in.a);
    const uint8_t *ticket = r->at;

    tpm2_u16(r);
    tpm2_u32(r);
    tpm2_2b(r);
    if (take != TPM_NEXT || r->bad)
        return take;
    op->in.b = tpm_keep(op, (struct bytes){(const char *)ticket, (size_t)(r->at - ticket)});
    return op->in.b.n != 0 ? TPM_NEXT : TPM_FAIL;
}

static bool ask_sign(struct tpm_op *op, struct out *o)
{
    struct tpm2_scheme s = scheme_of(op);

    if (op->in.a.n != tpm2_digest_size(s.hash)) {
        tpm_fail(op, "that key signs a digest of %u bytes, not %u",
                 (unsigned)tpm2_digest_size(s.hash), (unsigned)op->in.a.n);
        return false;
    }
    tpm2_write_sign(o, op->key[0].handle, op->in.a, s.is_null ? s.scheme : TPM_ALG_NULL, s.hash,
                    op->in.b);
    return true;
}

static enum tpm_take take_signature(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_signature(op, answer, &op->out.a);
}

static const struct tpm_step sign_steps[] = {
    {ask_hash, take_hash, false},
    {ask_sign, take_signature, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_sign = {
    .name = "sign",
    .keys = {TPM_KEY_OF_INDEX},
    .steps = sign_steps,
};

static bool ask_certify(struct tpm_op *op, struct out *o)
{
    tpm2_write_certify(o, op->key[0].handle, op->key[1].handle, (struct bytes){NULL, 0});
    return true;
}

static const struct tpm_step certify_steps[] = {
    {ask_certify, tpm_take_attested, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_certify = {
    .name = "certify",
    .keys = {TPM_KEY_OF_INDEX, TPM2_AIK_HANDLE},
    .steps = certify_steps,
};
