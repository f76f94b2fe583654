/* SPDX-License-Identifier: MIT */
/*
 * Whatever the TPM has handed out is written down here when its answer has come, before anybody
 * looks at what else stands in it, and flushed at the operation's end: so nothing can be forgotten,
 * however it ends.
 */
#include "agent/tpm_engine.h"

#include <stdio.h>

/* An operation makes at most five: two keys, a session, an object, and a trial. What could not be
 * flushed stays until it can be. */
#define HANDLES_MAX 8

static uint32_t handles[HANDLES_MAX];
static size_t count;
static size_t next; /* the first that was not tried yet */

static void tell(uint32_t handle, const char *why)
{
    printf("mote: tpm: FlushContext of 0x%08x: %s\n", (unsigned)handle, why);
}

void tpm_flush_add(uint32_t handle)
{
    if (count < HANDLES_MAX)
        handles[count++] = handle;
    else
        tell(handle, "too many are left, and this one stays");
}

void tpm_flush_forget(void)
{
    count = next = 0;
}

void tpm_flush_begin(void)
{
    next = 0;
}

static void drop(size_t i)
{
    count--;
    memmove(handles + i, handles + i + 1, (count - i) * sizeof handles[0]);
}

void tpm_flush_remove(uint32_t handle)
{
    for (size_t i = 0; i < count; i++)
        if (handles[i] == handle)
            drop(i--);
}

static bool ask_flush(struct tpm_op *op, struct out *command)
{
    (void)op;
    if (next == count)
        return false;
    tpm2_write_flush_context(command, handles[next]);
    return true;
}

/* A handle that the TPM does not take is none any more: it is told, and not tried again. */
static enum tpm_take take_flush(struct tpm_op *op, struct tpm2_answer *answer)
{
    char text[80];
    struct out why = out_to(text, sizeof text - 1);

    (void)op;
    if (answer->rc != TPM_RC_SUCCESS) {
        tpm2_write_rc(&why, answer->rc);
        text[why.len] = '\0';
        tell(handles[next], text);
    }
    drop(next);
    return TPM_AGAIN;
}

void tpm_flush_failed(const char *why)
{
    tell(handles[next], why);
    next++;
}

const struct tpm_step tpm_flush_steps[] = {
    {.ask = ask_flush, .take = take_flush, .takes_errors = true},
    {0},
};
