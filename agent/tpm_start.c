/* SPDX-License-Identifier: MIT */
/* That there is a TPM, and that it is started: by firmware, by a kernel, or by us. */
#include "agent/tpm_engine.h"

#include "drivers/tpm.h"
#include "platform/platform.h"

#include <stdio.h>

static const char *interface;
static bool is_started, needs_test, keeps_keys;
static uint32_t resets;

static bool read_option(void)
{
    size_t len = 0;
    const char *option = platform_last_option("mote.tpm_keys", &len);
    struct bytes b = {option, len};

    keeps_keys = len == strlen("persistent") && memcmp(b.at, "persistent", len) == 0;
    if (option == NULL || keeps_keys ||
        (len == strlen("transient") && memcmp(b.at, "transient", len) == 0))
        return true;
    printf("mote: mote.tpm_keys=%.*s: not transient or persistent\n", (int)len, option);
    return false;
}

/* That there is none is told to those alone who have named one. */
int tpm_begin_use(void)
{
    size_t len;

    if (!read_option())
        return MOTE_ERR_INVALID;
    interface = tpm_open();
    if (interface != NULL)
        printf("mote: tpm: %s\n", interface);
    else if (platform_last_option("mote.tpm", &len) != NULL)
        printf("mote: tpm: %s\n", tpm_fault());
    return MOTE_OK;
}

const char *tpm_interface(void)
{
    return interface;
}

bool tpm_keeps_keys(void)
{
    return keeps_keys;
}

uint32_t tpm_resets(void)
{
    return resets;
}

void tpm_start_needs_test(void)
{
    needs_test = true;
}

void tpm_start_lost_power(void)
{
    is_started = false;
    resets++;
}

static bool ask_startup(struct tpm_op *op, struct out *command)
{
    (void)op;
    tpm2_write_startup(command, TPM_SU_CLEAR);
    return true;
}

/* Who was here before has started it, as a rule: firmware on q35, a kernel always. */
static enum tpm_take take_startup(struct tpm_op *op, struct tpm2_answer *answer)
{
    (void)op;
    if (answer->rc != TPM_RC_SUCCESS && answer->rc != TPM_RC_INITIALIZE)
        return TPM_FAIL;
    is_started = true;
    return TPM_NEXT;
}

static bool ask_self_test(struct tpm_op *op, struct out *command)
{
    (void)op;
    tpm2_write_self_test(command, false); /* what was not tested yet */
    return true;
}

static enum tpm_take take_self_test(struct tpm_op *op, struct tpm2_answer *answer)
{
    (void)op;
    (void)answer;
    needs_test = false;
    return TPM_NEXT;
}

/* -- its end */

static bool ask_shutdown(struct tpm_op *op, struct out *command)
{
    (void)op;
    tpm2_write_shutdown(command, TPM_SU_CLEAR);
    return true;
}

static void abandon_all(void)
{
    for (int owner = 0; owner < TPM_OWNER_END; owner++)
        tpm_abandon(owner);
}

bool tpm_end_use(void)
{
    static const struct tpm_step steps[] = {{.ask = ask_shutdown}, {0}};
    static const struct tpm_recipe recipe = {.name = "end", .steps = steps};
    static bool is_shut_down;
    const struct tpm_input in = {0};
    char why[TPM_ERROR_MAX]; /* it has no input that could be too much */
    struct out error = out_to(why, sizeof why);

    abandon_all();
    struct tpm_op *op = tpm_find(TPM_OWNER_END);
    if (op == NULL && interface != NULL && tpm_is_ours() && !is_shut_down)
        op = tpm_begin(TPM_OWNER_END, &recipe, &in, &error);
    else if (op == NULL)
        return !tpm_is_busy();
    if (op == NULL || op->status == TPM_RUNNING)
        return false;
    is_shut_down = true;
    tpm_free(op);
    return !tpm_is_busy();
}

/* -- its beginning */

const struct tpm_step *tpm_start_step(void)
{
    static const struct tpm_step startup = {ask_startup, take_startup, true};
    static const struct tpm_step self_test = {ask_self_test, take_self_test, false};

    if (!is_started)
        return &startup;
    return needs_test ? &self_test : NULL;
}
