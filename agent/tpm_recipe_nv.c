/* SPDX-License-Identifier: MIT */
/* Non-volatile memory: all of an index, or of the EK's certificate as much as is wanted. */
#include "agent/tpm_steps.h"

#define PIECE_MAX     512u /* bytes that any TPM gives at once */
#define NV_OWNER_READ (1u << 17)
#define NV_AUTH_READ  (1u << 18)

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Its size, to out.number; who is asked for its bytes, to op->count. */
static enum tpm_take take_public(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct bytes area = tpm2_2b(&answer->parameters);

    if (area.n == 0)
        return TPM_FAIL;
    struct tpm2_reader r = tpm2_reader_of(area);
    uint32_t index = tpm2_u32(&r);
    tpm2_u16(&r); /* of the hash that names it */
    uint32_t attributes = tpm2_u32(&r);
    tpm2_2b(&r); /* its policy */
    op->out.number = tpm2_u16(&r);
    op->count = (attributes & (NV_OWNER_READ | NV_AUTH_READ)) == NV_OWNER_READ
                    ? (uint32_t)TPM_RH_OWNER
                    : index;
    return r.bad ? TPM_FAIL : TPM_NEXT;
}

static bool ask_piece(struct tpm_op *op, struct out *o, uint32_t index, size_t offset, size_t left)
{
    if (left == 0)
        return false;
    tpm2_write_nv_read(o, op->count, index, (uint16_t)min_size(left, PIECE_MAX), (uint16_t)offset);
    return true;
}

static bool ask_index_public(struct tpm_op *op, struct out *o)
{
    tpm2_write_nv_read_public(o, op->in.index);
    return true;
}

static enum tpm_take take_index_public(struct tpm_op *op, struct tpm2_answer *answer)
{
    enum tpm_take take = TPM_FAIL;

    if (tpm2_is_no_handle(answer->rc))
        return tpm_fail(op, "there is no index 0x%08x", (unsigned)op->in.index);
    if (answer->rc == TPM_RC_SUCCESS)
        take = take_public(op, answer);
    if (take == TPM_NEXT && op->out.number > TPM_DATA_MAX)
        return tpm_fail(op, "index 0x%08x has %u bytes, more than %u", (unsigned)op->in.index,
                        (unsigned)op->out.number, (unsigned)TPM_DATA_MAX);
    return take;
}

static bool ask_index(struct tpm_op *op, struct out *o)
{
    return ask_piece(op, o, op->in.index, op->out.a.n, op->out.number - op->out.a.n);
}

static enum tpm_take take_index(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_piece(op, answer, &op->out.a, op->out.number);
}

static const struct tpm_step nv_read_steps[] = {
    {ask_index_public, take_index_public, true},
    {ask_index, take_index, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_nv_read = {.name = "nv_read", .steps = nv_read_steps};

static bool ask_certificate_public(struct tpm_op *op, struct out *o)
{
    (void)op;
    tpm2_write_nv_read_public(o, TPM2_EK_CERT_INDEX);
    return true;
}

/* From here on in.index has the bytes that are there of those that are wanted. */
static enum tpm_take take_certificate_public(struct tpm_op *op, struct tpm2_answer *answer)
{
    enum tpm_take take = TPM_FAIL;

    if (tpm2_is_no_handle(answer->rc))
        take = TPM_NEXT;
    else if (answer->rc == TPM_RC_SUCCESS)
        take = take_public(op, answer);
    size_t rest = op->in.number < op->out.number ? op->out.number - op->in.number : 0;
    op->in.index = (uint32_t)min_size(op->in.index, rest);
    return take;
}

static bool ask_certificate(struct tpm_op *op, struct out *o)
{
    size_t got = op->out.b.n;

    return ask_piece(op, o, TPM2_EK_CERT_INDEX, op->in.number + got, op->in.index - got);
}

static enum tpm_take take_certificate(struct tpm_op *op, struct tpm2_answer *answer)
{
    return tpm_take_piece(op, answer, &op->out.b, op->in.index);
}

static const struct tpm_step ek_steps[] = {
    {ask_certificate_public, take_certificate_public, true},
    {ask_certificate, take_certificate, false},
    {NULL, NULL, false},
};

const struct tpm_recipe tpm_recipe_ek = {
    .name = "ek",
    .keys = {TPM2_EK_HANDLE},
    .steps = ek_steps,
};
