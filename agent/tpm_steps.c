/* SPDX-License-Identifier: MIT */
/* Steps that several recipes have, and what steps are made of. */
#include "agent/tpm_steps.h"

uint32_t tpm_key_attributes(const struct tpm_op *op, size_t key)
{
    struct bytes area = tpm_key_public(op, key);
    struct tpm_public p = {.attributes = 0};
    const char *rule;

    return tpm_public_read(area.at, area.n, &p, &rule) ? p.attributes : 0;
}

static enum tpm_take keep(struct tpm_op *op, struct bytes b, struct bytes *kept)
{
    *kept = tpm_keep(op, b);
    return kept->n == b.n ? TPM_NEXT : TPM_FAIL;
}

enum tpm_take tpm_take_2b(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *kept)
{
    struct bytes b = tpm2_2b(&answer->parameters);

    return b.n != 0 ? keep(op, b, kept) : TPM_FAIL;
}

/* Where *b ends, in op->data; it begins with room for n bytes. NULL: there is no room. */
static uint8_t *end_of(struct tpm_op *op, struct bytes *b, size_t n)
{
    if (b->at == NULL)
        b->at = (const char *)tpm_room(op, n);
    return b->at != NULL ? op->data + (b->at - (const char *)op->data) + b->n : NULL;
}

enum tpm_take tpm_take_piece(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *got,
                             size_t wanted)
{
    struct bytes piece = tpm2_2b(&answer->parameters);

    if (piece.n == 0 || piece.n > wanted - got->n)
        return TPM_FAIL;
    uint8_t *dst = end_of(op, got, wanted);
    if (dst == NULL)
        return TPM_FAIL;
    memcpy(dst, piece.at, piece.n);
    got->n += piece.n;
    return got->n == wanted ? TPM_NEXT : TPM_AGAIN;
}

enum tpm_take tpm_take_signature(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *kept)
{
    struct tpm2_reader *r = &answer->parameters;
    struct bytes all = {(const char *)r->at, (size_t)(r->end - r->at)};
    struct tpm2_signature s;

    return tpm2_read_signature(r, &s) && r->at == r->end ? keep(op, all, kept) : TPM_FAIL;
}

enum tpm_take tpm_take_attested(struct tpm_op *op, struct tpm2_answer *answer)
{
    enum tpm_take take = tpm_take_2b(op, answer, &op->out.a);

    return take == TPM_NEXT ? tpm_take_signature(op, answer, &op->out.b) : take;
}

bool tpm_ask_session(struct out *o, enum tpm_se type)
{
    static const char nonce[16]; /* against repeats of what a session signs: this one does not */

    tpm2_write_start_auth_session(o, type, TPM_ALG_SHA256, (struct bytes){nonce, sizeof nonce});
    return true;
}

enum tpm_take tpm_take_session(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->session = answer->handle;
    return op->session != 0 ? TPM_NEXT : TPM_FAIL;
}

uint32_t tpm_read_capability(struct tpm2_reader *r, enum tpm_cap cap)
{
    tpm2_u8(r); /* whether there are more of them */
    if (tpm2_u32(r) != cap)
        r->bad = true;
    uint32_t count = tpm2_u32(r);
    return r->bad ? 0 : count;
}

struct tpm2_selection tpm_read_bank(struct tpm2_reader *r)
{
    struct tpm2_selection s = {.hash = tpm2_u16(r)};
    struct bytes bits = tpm2_bytes(r, tpm2_u8(r));

    for (size_t i = 0; i < bits.n && i < TPM2_PCRS / 8; i++)
        s.pcrs |= (uint32_t)(uint8_t)bits.at[i] << 8 * i;
    return s;
}

bool tpm_ask_banks(struct tpm_op *op, struct out *o)
{
    if (op->in.pcrs.pcrs == 0)
        return false;
    tpm2_write_get_capability(o, TPM_CAP_PCRS, 0, 1);
    return true;
}

enum tpm_take tpm_take_banks(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct tpm2_reader *r = &answer->parameters;
    uint32_t there = 0;

    for (uint32_t n = tpm_read_capability(r, TPM_CAP_PCRS); n != 0 && !r->bad; n--) {
        struct tpm2_selection bank = tpm_read_bank(r);
        if (bank.hash == op->in.pcrs.hash)
            there |= bank.pcrs;
    }
    op->in.pcrs.pcrs &= there;
    if (op->in.pcrs.pcrs != 0 || r->bad)
        return TPM_NEXT;
    const char *name = tpm2_hash_name(op->in.pcrs.hash);
    return tpm_fail(op, "%s: the TPM has no such PCR in a bank of %s", op->recipe->name,
                    name != NULL ? name : "that hash");
}

bool tpm_ask_pcrs(struct tpm_op *op, struct out *o)
{
    const struct tpm2_selection left = {op->in.pcrs.hash, op->in.pcrs.pcrs & ~op->out.number};

    if (left.pcrs == 0)
        return false;
    tpm2_write_pcr_read(o, &left);
    return true;
}

enum tpm_take tpm_take_pcrs(struct tpm_op *op, struct tpm2_answer *answer, struct bytes *values)
{
    const struct tpm2_selection asked = {op->in.pcrs.hash, op->in.pcrs.pcrs & ~op->out.number};
    size_t all = (size_t)__builtin_popcount(op->in.pcrs.pcrs) * tpm2_digest_size(asked.hash);
    uint8_t *dst = end_of(op, values, all);
    uint32_t read;
    size_t n;

    if (dst == NULL)
        return TPM_FAIL;
    if (!tpm2_read_pcrs(&answer->parameters, &asked, &read, dst, all - values->n, &n))
        return TPM_FAIL;
    /* Some each time, and the lowest first: they lie in rising order. */
    if ((read & -read) <= op->out.number)
        return TPM_FAIL;
    values->n += n;
    op->out.number |= read;
    return op->out.number == op->in.pcrs.pcrs ? TPM_NEXT : TPM_AGAIN;
}
