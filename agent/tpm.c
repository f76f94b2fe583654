/* SPDX-License-Identifier: MIT */
/* Who has the TPM: one place for an operation, and a queue of owners who want it. */
#include "agent/tpm_engine.h"

#include "agent/measure.h"
#include "drivers/tpm.h"

#include <stdarg.h>
#include <stdio.h>

#define NOBODY (-1)

/* The operation that goes on; so large that there is one alone. */
static struct tpm_op tpm_slot;
static bool is_taken; /* so that whoever has no TPM does not even look there */

/* Who waits, in order of arrival. */
static uint8_t queue[TPM_OWNERS];
static size_t queued;

/* -- the queue */

static size_t place_of(int owner)
{
    size_t i = 0;

    while (i < queued && queue[i] != owner)
        i++;
    return i;
}

static void enqueue(int owner)
{
    if (place_of(owner) == queued)
        queue[queued++] = (uint8_t)owner;
}

static void dequeue(int owner)
{
    size_t i = place_of(owner);

    if (i == queued)
        return;
    queued--;
    memmove(queue + i, queue + i + 1, queued - i);
}

/* What is owed to the PCR comes first: who asks for its value is told all that was measured. */
static bool is_turn_of(int owner)
{
    if (is_taken)
        return false;
    if (owner == TPM_OWNER_MEASURE || owner == TPM_OWNER_END)
        return true;
    return !measure_is_owed() && (queued == 0 || queue[0] == owner);
}

/* -- its begin and end */

static bool has_room(const struct tpm_recipe *recipe, const struct tpm_input *in, struct out *error)
{
    if (in->a.n <= TPM_DATA_MAX && in->b.n <= TPM_DATA_MAX - in->a.n)
        return true;
    out_str(error, "tpm: ");
    out_str(error, recipe->name);
    out_str(error, ": input too long: limit is ");
    out_u64(error, TPM_DATA_MAX);
    out_str(error, " bytes");
    return false;
}

static bool is_there(struct out *error)
{
    if (tpm_interface() != NULL)
        return true;
    out_str(error, "tpm: there is no TPM: ");
    out_str(error, tpm_fault());
    return false;
}

/* Input that has room, without a gap. */
static struct bytes copy(struct tpm_op *op, struct bytes b)
{
    char *to = (char *)op->data + op->used;

    if (b.n != 0)
        memcpy(to, b.at, b.n);
    op->used += b.n;
    return (struct bytes){to, b.n};
}

struct tpm_op *tpm_begin(int owner, const struct tpm_recipe *recipe, const struct tpm_input *in,
                         struct out *error)
{
    struct tpm_op *op = &tpm_slot;

    if (!is_there(error) || !has_room(recipe, in, error)) {
        dequeue(owner);
        return NULL;
    }
    if (!is_turn_of(owner)) {
        enqueue(owner);
        return NULL;
    }
    dequeue(owner);
    is_taken = true;
    op->recipe = recipe;
    op->owner = owner;
    op->status = TPM_RUNNING;
    op->in = *in;
    op->in.a = copy(op, in->a);
    op->in.b = copy(op, in->b);
    tpm_run_begin(op);
    return op;
}

struct tpm_op *tpm_find(int owner)
{
    return is_taken && tpm_slot.owner == owner ? &tpm_slot : NULL;
}

static void release(void)
{
    explicit_bzero(&tpm_slot, sizeof tpm_slot);
    is_taken = false;
}

void tpm_free(struct tpm_op *op)
{
    op->owner = NOBODY;
    tpm_run_leave(op);
    if (tpm_run_is_over())
        release();
    else if (op->status != TPM_RUNNING)
        explicit_bzero(op->data, sizeof op->data); /* no step reads it any more */
}

void tpm_abandon(int owner)
{
    struct tpm_op *op = tpm_find(owner);

    dequeue(owner);
    if (op != NULL)
        tpm_free(op);
}

/* -- for steps */

uint8_t *tpm_room(struct tpm_op *op, size_t n)
{
    size_t at = (op->used + 7) / 8 * 8;

    if (at > sizeof op->data || n > sizeof op->data - at) {
        tpm_fail(op, "%s: too much data: limit is %u bytes", op->recipe->name,
                 (unsigned)sizeof op->data);
        return NULL;
    }
    op->used = at + n;
    return op->data + at;
}

struct bytes tpm_keep(struct tpm_op *op, struct bytes b)
{
    uint8_t *to = tpm_room(op, b.n);

    if (to == NULL || b.n == 0)
        return (struct bytes){0};
    memcpy(to, b.at, b.n);
    return (struct bytes){(const char *)to, b.n};
}

static void end(struct tpm_op *op, enum tpm_op_status status, const char *format, va_list arguments)
{
    static const char mark[] = "tpm: ";
    size_t n = sizeof mark - 1;

    memcpy(op->error, mark, n);
    vsnprintf(op->error + n, sizeof op->error - n, format, arguments);
    op->error_len = strlen(op->error);
    op->status = status;
}

enum tpm_take tpm_fail(struct tpm_op *op, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    end(op, TPM_FAILED, format, arguments);
    va_end(arguments);
    return TPM_FAIL;
}

enum tpm_take tpm_refuse(struct tpm_op *op, uint32_t rc, const char *format, ...)
{
    va_list arguments;

    op->rc = rc;
    va_start(arguments, format);
    end(op, TPM_REFUSED, format, arguments);
    va_end(arguments);
    return TPM_FAIL;
}

struct bytes tpm_key_public(const struct tpm_op *op, size_t key)
{
    const struct tpm_key *k = &op->key[key];

    return (struct bytes){(const char *)k->public_area, k->public_len};
}

struct bytes tpm_key_name(const struct tpm_op *op, size_t key)
{
    const struct tpm_key *k = &op->key[key];

    return (struct bytes){(const char *)k->name, k->name_len};
}

/* -- for the loop */

void tpm_tick(uint64_t now)
{
    if (!is_taken)
        return;
    if (tpm_run(&tpm_slot, now) && tpm_slot.owner == NOBODY)
        release();
}

uint64_t tpm_deadline(void)
{
    if (is_taken)
        return tpm_run_again();
    return queued != 0 || measure_is_owed() ? 0 : TPM_NEVER; /* it is free: let it be taken */
}

bool tpm_is_busy(void)
{
    return is_taken && !tpm_run_is_over();
}
