/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define AT_FIRST                                                                                   \
    {                                                                                              \
        .waits = FAKE_NOBODY, .op.owner = FAKE_NOBODY, .log.pcr = UINT32_MAX                       \
    }

struct fake_engine fake_engine = AT_FIRST;

void fake_engine_reset(void)
{
    fake_engine = (struct fake_engine)AT_FIRST;
}

static void end(enum tpm_op_status status, const char *error)
{
    struct tpm_op *op = &fake_engine.op;

    if (op->recipe == NULL || op->status != TPM_RUNNING)
        abort();
    op->status = status;
    op->error_len = (size_t)snprintf(op->error, sizeof op->error, "%s", error);
}

void fake_engine_done(struct bytes a, struct bytes b, struct bytes c, uint32_t number)
{
    struct tpm_op *op = &fake_engine.op;

    op->out = (struct tpm_output){number, tpm_keep(op, a), tpm_keep(op, b), tpm_keep(op, c)};
    end(TPM_DONE, "");
}

void fake_engine_fail(enum tpm_op_status status, const char *error)
{
    end(status, error);
}

/* -- agent/tpm.h */

const char *tpm_interface(void)
{
    return fake_engine.interface;
}

bool tpm_keeps_keys(void)
{
    return fake_engine.keeps_keys;
}

uint32_t tpm_resets(void)
{
    return 0;
}

struct tpm_op *tpm_begin(int owner, const struct tpm_recipe *recipe, const struct tpm_input *in,
                         struct out *error)
{
    struct tpm_op *op = &fake_engine.op;

    if (fake_engine.interface == NULL) {
        out_str(error, "tpm: there is no TPM: none was made");
        return NULL;
    }
    if (fake_engine.is_busy) {
        fake_engine.waits = owner;
        return NULL;
    }
    if (op->recipe != NULL)
        abort();
    *op = (struct tpm_op){.recipe = recipe, .owner = owner, .status = TPM_RUNNING, .in = *in};
    op->in.a = tpm_keep(op, in->a);
    op->in.b = tpm_keep(op, in->b);
    fake_engine.waits = FAKE_NOBODY;
    if (fake_engine.at_once)
        end(TPM_FAILED, "tpm: no");
    return op;
}

struct tpm_op *tpm_find(int owner)
{
    return fake_engine.op.recipe != NULL && fake_engine.op.owner == owner ? &fake_engine.op : NULL;
}

void tpm_free(struct tpm_op *op)
{
    explicit_bzero(op, sizeof *op);
    op->owner = FAKE_NOBODY;
    fake_engine.frees++;
}

void tpm_abandon(int owner)
{
    struct tpm_op *op = tpm_find(owner);

    if (fake_engine.waits == owner)
        fake_engine.waits = FAKE_NOBODY;
    if (op != NULL)
        tpm_free(op);
}

uint8_t *tpm_room(struct tpm_op *op, size_t n)
{
    size_t at = (op->used + 7) / 8 * 8;

    if (at > sizeof op->data || n > sizeof op->data - at)
        abort();
    op->used = at + n;
    return op->data + at;
}

struct bytes tpm_keep(struct tpm_op *op, struct bytes b)
{
    uint8_t *to = tpm_room(op, b.n);

    if (b.n != 0)
        memcpy(to, b.at, b.n);
    return (struct bytes){(const char *)to, b.n};
}

enum tpm_take tpm_fail(struct tpm_op *op, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(op->error, sizeof op->error, format, arguments);
    va_end(arguments);
    return TPM_FAIL;
}

struct bytes tpm_key_public(const struct tpm_op *op, size_t key)
{
    return (struct bytes){(const char *)op->key[key].public_area, op->key[key].public_len};
}

struct bytes tpm_key_name(const struct tpm_op *op, size_t key)
{
    return (struct bytes){(const char *)op->key[key].name, op->key[key].name_len};
}

/* -- agent/measure.h */

bool measure_has_room(void)
{
    return true;
}

void measure_config(const void *data, size_t n)
{
    (void)data;
    (void)n;
}

void measure_stored(void)
{
}

const struct measure_log *measure_log(void)
{
    return &fake_engine.log;
}
