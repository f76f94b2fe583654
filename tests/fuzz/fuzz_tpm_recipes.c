/* SPDX-License-Identifier: MIT */
/*
 * A TPM that answers whatever it likes, through the engine and the recipes. The first byte says
 * which recipe, the next four what it is asked; then, for each command, two bytes say how long the
 * answer is, which follows: its size is made true, the rest is as it comes. It always ends, what it
 * gives lies in its memory, and what the TPM has handed out it is given back.
 */
#include "agent/tpm_start.c"

#include "agent/measure.h"
#include "agent/tpm_recipes.h"
#include "tests/fuzz/fuzz.h"

#define OWNER      1
#define NO_ANSWER  0xffffu
#define LOADED_MAX 64
#define TICK       UINT64_C(100000000)

static const struct tpm_recipe *const recipes[] = {
    &tpm_recipe_info,       &tpm_recipe_ek,
    &tpm_recipe_public,     &tpm_recipe_credential_params,
    &tpm_recipe_activate,   &tpm_recipe_sign,
    &tpm_recipe_certify,    &tpm_recipe_nv_read,
    &tpm_recipe_random,     &tpm_recipe_pcr_read,
    &tpm_recipe_pcr_extend, &tpm_recipe_quote,
    &tpm_recipe_seal,       &tpm_recipe_unseal,
};

static struct input in;
static uint64_t now;
static uint8_t *buffer;
static enum tpm_cc code;
static uint32_t loaded[LOADED_MAX];
static size_t loaded_count;

/* -- what the engine asks of others */

const char *platform_option(const char *key, const char *after, size_t *len)
{
    (void)key;
    (void)after;
    (void)len;
    return NULL;
}

uint64_t platform_now_ns(void)
{
    return now;
}

bool measure_is_owed(void)
{
    return false;
}

const char *tpm_open(void)
{
    return "fuzz";
}

bool tpm_is_ours(void)
{
    return true;
}

const char *tpm_fault(void)
{
    return "no answer";
}

/* -- the TPM */

int tpm_start(void *command, size_t n, uint64_t deadline)
{
    (void)deadline;
    CHECK(n >= TPM2_HEADER_SIZE && n <= TPM_BUFFER_SIZE && tpm2_size(command, n) == n);
    buffer = command;
    code = tpm2_command_code(command);
    return MOTE_OK;
}

static void put32(size_t at, uint32_t v)
{
    for (size_t i = 0; i < 4; i++)
        buffer[at + i] = (uint8_t)(v >> (24 - 8 * i));
}

/* One of ours, whoever has handed it out. */
static int flush(void)
{
    const struct tpm2_reader r = {buffer + TPM2_HEADER_SIZE, buffer + TPM2_HEADER_SIZE + 4, false};
    struct tpm2_reader handle = r;
    uint32_t flushed = tpm2_u32(&handle);
    size_t i = 0;

    while (i < loaded_count && loaded[i] != flushed)
        i++;
    CHECK(i < loaded_count);
    loaded[i] = loaded[--loaded_count];
    memcpy(buffer, "\x80\1\0\0\0\x0a\0\0\0", TPM2_HEADER_SIZE);
    return TPM2_HEADER_SIZE;
}

/* What an answer hands out, if it is one; or that all is gone with the TPM's power. */
static void load(size_t n)
{
    struct tpm2_answer a;
    const char *rule;

    if (!tpm2_read_answer(code, buffer, n, &a, &rule))
        return;
    if (a.rc == TPM_RC_INITIALIZE && code != TPM_CC_STARTUP)
        loaded_count = 0;
    if (a.handle == 0)
        return;
    CHECK(loaded_count < LOADED_MAX);
    loaded[loaded_count++] = a.handle;
}

int tpm_poll(void)
{
    if (code == TPM_CC_FLUSH_CONTEXT)
        return flush();
    size_t n = take16(&in);
    if (n == NO_ANSWER)
        return MOTE_ERR_TIMEOUT;
    if (n < TPM2_HEADER_SIZE)
        n = TPM2_HEADER_SIZE;
    if (n > TPM_BUFFER_SIZE)
        n = TPM_BUFFER_SIZE;
    take_bytes(&in, buffer, n);
    put32(2, (uint32_t)n);
    load(n);
    return (int)n;
}

uint64_t tpm_poll_again(void)
{
    return now;
}

void tpm_finish(void)
{
}

/* -- an operation */

static void check_inside(const struct tpm_op *op, struct bytes b)
{
    const uint8_t *at = (const uint8_t *)b.at;

    CHECK(b.n == 0 || (at >= op->data && at + b.n <= op->data + op->used));
}

static void check_results(const struct tpm_op *op)
{
    CHECK(op->status != TPM_RUNNING && op->used <= sizeof op->data);
    CHECK((op->status == TPM_DONE) == (op->error_len == 0));
    check_inside(op, op->out.a);
    check_inside(op, op->out.b);
    check_inside(op, op->out.c);
    if (op->status == TPM_DONE && op->recipe == &tpm_recipe_random)
        CHECK(op->out.a.n == op->in.number);
    if (op->status == TPM_DONE && op->recipe == &tpm_recipe_pcr_read)
        CHECK(op->out.a.n == (size_t)__builtin_popcount(op->out.number) * 32);
}

static struct tpm_input asked(void)
{
    static const char data[32];
    uint32_t what = take32(&in);

    return (struct tpm_input){
        .index = what,
        .number = what & 0x7ff,
        .pcrs = {TPM_ALG_SHA256, what & 0xffffff},
        .a = {data, sizeof data},
        .b = {data, 4},
    };
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char text[TPM_ERROR_MAX];
    struct out error = out_to(text, sizeof text);

    in = (struct input){bytes, size};
    now = loaded_count = 0;
    is_started = true;
    needs_test = false;
    interface = tpm_open();
    const struct tpm_recipe *recipe = recipes[take8(&in) % COUNT(recipes)];
    const struct tpm_input what = asked();
    struct tpm_op *op = tpm_begin(OWNER, recipe, &what, &error);
    CHECK(op != NULL && error.len == 0);
    while (op->status == TPM_RUNNING || loaded_count != 0)
        tpm_tick(now += TICK);
    check_results(op);
    tpm_free(op);
    tpm_tick(now += TICK);
    CHECK(tpm_find(OWNER) == NULL && !tpm_is_busy());
    return 0;
}
