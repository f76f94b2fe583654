/* SPDX-License-Identifier: MIT */
/*
 * The keys that a recipe needs, one after the other. A key is where it belongs, or is made of its
 * template: the same template makes the same key, as long as the TPM's seeds are the same.
 */
#include "agent/tpm_engine.h"

#include <stdio.h>

static bool is_kept; /* what was made is where it belongs, as well */

static struct tpm_key *key_of(struct tpm_op *op)
{
    return &op->key[tpm_key_now()];
}

/* Where the key belongs; 0: none is needed. */
static uint32_t wanted(const struct tpm_op *op)
{
    uint32_t handle = op->recipe->keys[tpm_key_now()];

    return handle == TPM_KEY_OF_INDEX ? op->in.index : handle;
}

static bool is_missing(struct tpm_op *op)
{
    return wanted(op) != 0 && key_of(op)->handle == 0;
}

static bool copy(uint8_t *to, size_t cap, uint16_t *len, struct bytes from)
{
    if (from.n == 0 || from.n > cap)
        return false;
    memcpy(to, from.at, from.n);
    *len = (uint16_t)from.n;
    return true;
}

static enum tpm_take keep(struct tpm_op *op, uint32_t handle, struct bytes area, struct bytes name)
{
    struct tpm_key *key = key_of(op);

    if (!copy(key->public_area, sizeof key->public_area, &key->public_len, area) ||
        !copy(key->name, sizeof key->name, &key->name_len, name))
        return tpm_fail(op, "key 0x%08x: its public area or name is empty or too long",
                        (unsigned)handle);
    key->handle = handle;
    return TPM_NEXT;
}

/* -- one that is there */

static enum tpm_take take_public(struct tpm_op *op, struct tpm2_answer *answer, uint32_t handle)
{
    struct tpm2_reader *r = &answer->parameters;

    if (tpm2_is_no_handle(answer->rc))
        return TPM_NEXT;
    if (answer->rc != TPM_RC_SUCCESS)
        return TPM_FAIL;
    struct bytes area = tpm2_2b(r);
    struct bytes name = tpm2_2b(r);
    return keep(op, handle, area, name);
}

static bool ask_key(struct tpm_op *op, struct out *command)
{
    if (!is_missing(op))
        return false;
    tpm2_write_read_public(command, wanted(op));
    return true;
}

static enum tpm_take take_key(struct tpm_op *op, struct tpm2_answer *answer)
{
    return take_public(op, answer, wanted(op));
}

/* The EK may be where its manufacturer has left it. */
static bool ask_tcg_key(struct tpm_op *op, struct out *command)
{
    if (wanted(op) != TPM2_EK_HANDLE || !is_missing(op))
        return false;
    tpm2_write_read_public(command, TPM2_TCG_EK_HANDLE);
    return true;
}

static enum tpm_take take_tcg_key(struct tpm_op *op, struct tpm2_answer *answer)
{
    return take_public(op, answer, TPM2_TCG_EK_HANDLE);
}

/* -- one that is made */

static bool ask_primary(struct tpm_op *op, struct out *command)
{
    if (!is_missing(op))
        return false;
    const struct tpm2_template *template = tpm2_template_of(wanted(op));
    if (template != NULL)
        tpm2_write_create_primary(command, template);
    else
        tpm_refuse(op, TPM_RC_HANDLE, "there is no key 0x%08x", (unsigned)wanted(op));
    return template != NULL;
}

static enum tpm_take take_primary(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct tpm2_reader *r = &answer->parameters;
    struct bytes area = tpm2_2b(r);

    tpm2_2b(r); /* how it was made, and the digest of that */
    tpm2_2b(r);
    tpm2_u16(r); /* a ticket: tag, hierarchy, digest */
    tpm2_u32(r);
    tpm2_2b(r);
    struct bytes name = tpm2_2b(r);
    key_of(op)->is_transient = true;
    return keep(op, answer->handle, area, name);
}

static bool is_to_be_kept(struct tpm_op *op)
{
    return key_of(op)->is_transient && tpm_keeps_keys();
}

static bool ask_evict(struct tpm_op *op, struct out *command)
{
    if (!is_to_be_kept(op))
        return false;
    tpm2_write_evict_control(command, key_of(op)->handle, wanted(op));
    return true;
}

static void tell_once(uint32_t handle, uint32_t rc)
{
    static bool was_told;
    char text[96];
    struct out why = out_to(text, sizeof text);

    if (was_told)
        return;
    was_told = true;
    tpm2_write_rc(&why, rc);
    printf("mote: tpm: key 0x%08x is not kept: %.*s\n", (unsigned)handle, (int)why.len, text);
}

/* A TPM without room for it, or whose owner has a password: the key serves this operation still,
 * and is made again for the next. */
static enum tpm_take take_evict(struct tpm_op *op, struct tpm2_answer *answer)
{
    is_kept = answer->rc == TPM_RC_SUCCESS;
    if (!is_kept)
        tell_once(wanted(op), answer->rc);
    return TPM_NEXT;
}

/* At once, for it takes one of three places, and the one that is kept another when it is used. */
static bool ask_flush(struct tpm_op *op, struct out *command)
{
    if (!is_to_be_kept(op) || !is_kept)
        return false;
    tpm2_write_flush_context(command, key_of(op)->handle);
    return true;
}

static enum tpm_take take_flush(struct tpm_op *op, struct tpm2_answer *answer)
{
    (void)answer;
    tpm_flush_remove(key_of(op)->handle);
    key_of(op)->handle = wanted(op);
    key_of(op)->is_transient = false;
    return TPM_NEXT;
}

const struct tpm_step tpm_key_steps[] = {
    {.ask = ask_key, .take = take_key, .takes_errors = true},
    {.ask = ask_tcg_key, .take = take_tcg_key, .takes_errors = true},
    {.ask = ask_primary, .take = take_primary},
    {.ask = ask_evict, .take = take_evict, .takes_errors = true},
    {.ask = ask_flush, .take = take_flush},
    {0},
};
