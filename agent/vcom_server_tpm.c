/* SPDX-License-Identifier: MIT */
/* What each kind of request asks of the TPM, and what becomes of its answer. */
#include "agent/tpm_recipes.h"
#include "agent/vcom_connection.h"
#include "drivers/tpm.h"

/* What an answer refers to that is no result as it is. */
struct scratch {
    struct vcom_names names;
    char name[2 + sizeof((struct tpm_key *)0)->name]; /* of a key, with its size */
};

static bool give_public(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s)
{
    struct bytes area = tpm_key_public(op, 0);
    struct tpm2_reader r = tpm2_reader_of(area);

    (void)s;
    a->value[0].bytes = area;
    a->value[1].number = tpm2_u16(&r);
    (void)tpm2_u16(&r); /* the hash that names it */
    a->value[2].number = tpm2_u32(&r);
    return !r.bad;
}

static bool give_signature(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s)
{
    return vcom_answer_signature(op->out.a, &s->names, a);
}

static bool give_result(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s)
{
    (void)s;
    a->value[0].bytes = op->out.a;
    return true;
}

static bool give_params(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s)
{
    struct bytes name = tpm_key_name(op, 1);

    s->name[0] = (char)(name.n >> 8);
    s->name[1] = (char)name.n;
    memcpy(s->name + 2, name.at, name.n);
    a->value[0].bytes = tpm_key_public(op, 0);
    a->value[1].bytes = tpm_key_public(op, 1);
    a->value[2].bytes = (struct bytes){s->name, 2 + name.n};
    return true;
}

static bool give_certificate(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s)
{
    (void)s;
    a->value[0].bytes = tpm_key_public(op, 0);
    a->value[1].bytes = op->out.b;
    a->value[2].bytes = op->out.a;
    return true;
}

static const struct work {
    const struct tpm_recipe *recipe;
    bool (*give)(const struct tpm_op *op, struct vcom_answer *a, struct scratch *s);
} works[] = {
    [VCOM_GETPUB] = {&tpm_recipe_public, give_public},
    [VCOM_SIGN] = {&tpm_recipe_sign, give_signature},
    [VCOM_READNV] = {&tpm_recipe_nv_read, give_result},
    [VCOM_ACTIVATECREDPARAMS] = {&tpm_recipe_credential_params, give_params},
    [VCOM_ACTIVATECRED] = {&tpm_recipe_activate, give_result},
    [VCOM_CERTIFYKEY] = {&tpm_recipe_certify, give_certificate},
};

bool vcom_tpm_may_ask(const struct vcom_request *r, struct out *error)
{
    if (!vcom_is_allowed(r, error))
        return false;
    if (tpm_interface() == NULL) {
        out_str(error, vcom_failure_to_open(r->kind));
        out_str(error, tpm_fault());
        return false;
    }
    if (r->kind != VCOM_ACTIVATECRED || (r->cred.n >= 2 && r->secret.n >= 2))
        return true;
    out_str(error, "invalid credential blob or encrypted secret");
    return false;
}

/* What a TPM2B_... holds: what stands behind its two bytes of size, which nobody looks at. */
static struct bytes behind_size(struct bytes b)
{
    return (struct bytes){b.at + 2, b.n - 2};
}

struct tpm_op *vcom_tpm_ask(int conn, const struct vcom_request *r, struct out *error)
{
    struct tpm_input in = {.index = r->index, .a = r->data};

    if (r->index == 0 && r->kind != VCOM_READNV) { /* for a recipe that is no key at all */
        out_str(error, vcom_failure_behind(r->kind, r->kind == VCOM_ACTIVATECREDPARAMS ? 1 : 0));
        out_str(error, "tpm: there is no key 0x00000000");
        return NULL;
    }
    if (r->kind == VCOM_ACTIVATECRED) {
        in.a = behind_size(r->cred);
        in.b = behind_size(r->secret);
    }
    return tpm_begin(conn, works[r->kind].recipe, &in, error);
}

bool vcom_tpm_answer(enum vcom_kind kind, const struct tpm_op *op, struct out *message)
{
    struct vcom_answer a = {.kind = kind};
    struct scratch scratch;

    if (!works[kind].give(op, &a, &scratch))
        return false;
    vcom_write_message(message, &a);
    return true;
}

void vcom_tpm_explain(enum vcom_kind kind, const struct tpm_op *op, struct out *error)
{
    const char *text = NULL;
    size_t keys = 0;

    while (keys < TPM_KEYS && op->key[keys].public_len != 0)
        keys++;
    if (kind == VCOM_SIGN && keys != 0)
        text = vcom_failure_to_sign(tpm_key_public(op, 0), op->in.a.n);
    if (text == NULL)
        text = vcom_failure_behind(kind, keys);
    out_str(error, text);
    if (text[strlen(text) - 1] == ' ')
        out_bytes(error, op->error, op->error_len);
}
