/* SPDX-License-Identifier: MIT */
/*
 * Events are hashed when they come and owed to the PCR until the TPM has taken them. The first that
 * the TPM does not take ends it for good: a verifier that counts on more sees that at once, for the
 * values do not agree.
 */
#include "agent/measure.h"

#include "agent/number.h"
#include "agent/tpm.h"
#include "platform/platform.h"

#include <bearssl.h>
#include <stdio.h>

#define NONE UINT32_MAX

/* Resets in a row, without an event between that the PCR has taken: then the TPM is hopeless, and
 * others may have what is left of it. */
#define RESETS_MAX 3

static struct measure_log measured; /* if anything is measured */
static bool is_on;
static struct measure_event next; /* a configuration that is being stored */
static bool has_start;            /* the PCR was read */
static bool has_ended;            /* the TPM has refused */
static uint32_t resets;           /* of the TPM, when the PCR was read */
static unsigned in_vain;

const struct measure_log *measure_log(void)
{
    if (!is_on)
        measured.pcr = NONE;
    return &measured;
}

static struct tpm2_selection pcr(void)
{
    return (struct tpm2_selection){TPM_ALG_SHA256, 1u << measured.pcr};
}

/* The first that the PCR does not have; NULL: it has all. */
static struct measure_event *first_owed(void)
{
    for (size_t i = 0; i < measured.count; i++)
        if (!measured.events[i].is_extended)
            return &measured.events[i];
    return NULL;
}

/* -- events */

/* value = SHA-256(value || digest), as the TPM has it. */
static void extend(uint8_t *value, const uint8_t *digest)
{
    br_sha256_context context;

    br_sha256_init(&context);
    br_sha256_update(&context, value, MEASURE_DIGEST);
    br_sha256_update(&context, digest, MEASURE_DIGEST);
    br_sha256_out(&context, value);
}

/* The first event gives its place: the PCR's value with it is where the log starts now. */
static void fold(void)
{
    if (measured.events[0].is_extended)
        extend(measured.start, measured.events[0].digest);
    measured.folded++;
    measured.count--;
    memmove(measured.events, measured.events + 1, measured.count * sizeof measured.events[0]);
}

static struct measure_event hash(const char *what, const void *data, size_t n)
{
    struct measure_event event = {.what = what, .size = n};
    br_sha256_context context;

    br_sha256_init(&context);
    br_sha256_update(&context, data, n);
    br_sha256_out(&context, event.digest);
    return event;
}

static void add(const struct measure_event *event)
{
    if (measured.count == MEASURE_EVENTS_MAX)
        fold();
    measured.events[measured.count++] = *event;
}

bool measure_has_room(void)
{
    return measured.count < MEASURE_EVENTS_MAX || measured.events[0].is_extended || has_ended;
}

void measure_config(const void *data, size_t n)
{
    if (is_on)
        next = hash("config", data, n);
}

void measure_stored(void)
{
    if (is_on)
        add(&next);
}

/* -- the option */

static bool read_option(uint32_t *value)
{
    size_t len;
    const char *option = platform_last_option("mote.tpm_pcr", &len);

    *value = MEASURE_PCR;
    if (option == NULL)
        return true;
    if (len == strlen("none") && memcmp(option, "none", len) == 0) {
        *value = NONE;
        return true;
    }
    if (number_parse(option, len, value) && *value < TPM2_PCRS)
        return true;
    printf("mote: mote.tpm_pcr=%.*s: not a PCR (0 to %u) or none\n", (int)len, option,
           TPM2_PCRS - 1);
    return false;
}

static void measure_cmdline(void)
{
    const char *text = platform_cmdline();
    const struct measure_event event = hash("cmdline", text, strlen(text));

    add(&event);
}

int measure_start(void)
{
    uint32_t value;

    if (!read_option(&value))
        return MOTE_ERR_INVALID;
    is_on = tpm_interface() != NULL && value != NONE;
    if (is_on) {
        measured.pcr = value;
        measure_cmdline();
    }
    return MOTE_OK;
}

/* -- what the TPM does */

static bool ask_start(struct tpm_op *op, struct out *command)
{
    const struct tpm2_selection s = pcr();

    (void)op;
    if (has_start)
        return false;
    tpm2_write_pcr_read(command, &s);
    return true;
}

static enum tpm_take take_start(struct tpm_op *op, struct tpm2_answer *answer)
{
    const struct tpm2_selection s = pcr();
    uint32_t read;
    size_t n;

    if (!tpm2_read_pcrs(&answer->parameters, &s, &read, measured.start, sizeof measured.start, &n))
        return TPM_FAIL;
    if (read != s.pcrs)
        return tpm_fail(op, "there is no bank of SHA-256 with PCR %u", (unsigned)measured.pcr);
    has_start = true;
    return TPM_NEXT;
}

static bool ask_extend(struct tpm_op *op, struct out *command)
{
    const struct measure_event *event = first_owed();

    (void)op;
    if (event == NULL)
        return false;
    tpm2_write_pcr_extend(command, measured.pcr, TPM_ALG_SHA256, event->digest);
    return true;
}

static enum tpm_take take_extend(struct tpm_op *op, struct tpm2_answer *answer)
{
    (void)op;
    (void)answer;
    in_vain = 0;
    first_owed()->is_extended = true; /* it is the one that was asked for: no event leaves before */
    return TPM_AGAIN;
}

static const struct tpm_step steps[] = {
    {.ask = ask_start, .take = take_start},
    {.ask = ask_extend, .take = take_extend},
    {0},
};

static const struct tpm_recipe recipe = {.name = "measured start", .steps = steps};

/* The TPM was switched off and on, and its PCR has nothing any more: what is in the log is measured
 * anew; what was folded is lost. */
static void begin_again(void)
{
    resets = tpm_resets();
    has_start = has_ended = false;
    measured.folded = 0;
    for (size_t i = 0; i < measured.count; i++)
        measured.events[i].is_extended = false;
}

bool measure_is_owed(void)
{
    bool was_reset = resets != tpm_resets() && in_vain < RESETS_MAX;

    return is_on && (was_reset || (!has_ended && first_owed() != NULL));
}

/* A reset is no reason to end: it begins again. */
static void end(struct tpm_op *op)
{
    bool was_reset = resets != tpm_resets();

    if (op->status != TPM_DONE && (!was_reset || ++in_vain == RESETS_MAX)) {
        printf("mote: measured start: %.*s\n", (int)op->error_len, op->error);
        has_ended = true;
    }
    tpm_free(op);
}

static void begin_measuring(void)
{
    const struct tpm_input in = {0};
    char why[TPM_ERROR_MAX]; /* it has no input that could be too much */
    struct out error = out_to(why, sizeof why);

    tpm_begin(TPM_OWNER_MEASURE, &recipe, &in, &error);
}

void measure_tick(void)
{
    if (!is_on)
        return;
    struct tpm_op *op = tpm_find(TPM_OWNER_MEASURE);
    if (op != NULL && op->status == TPM_RUNNING)
        return;
    if (op != NULL)
        end(op);
    if (resets != tpm_resets() && in_vain < RESETS_MAX)
        begin_again();
    if (measure_is_owed())
        begin_measuring();
}
