/* SPDX-License-Identifier: MIT */
/* The engine of the TPM's operations over a transport that answers as told: recipes, and the loop.
 */
#ifndef TESTS_UNIT_TPM_ENGINE_H
#define TESTS_UNIT_TPM_ENGINE_H

#include "agent/measure.h"
#include "agent/tpm_engine.h"
#include "drivers/tpm.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/fake_tpm.h"
#include "tests/unit/unit.h"

#define MS        UINT64_C(1000000)
#define S         UINT64_C(1000000000)
#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

/* -- what the engine asks of others */

static const char *keys_option;
static bool owes;

const char *platform_option(const char *key, const char *after, size_t *len)
{
    if (strcmp(key, "mote.tpm") == 0)
        return NULL;
    assert_string_equal(key, "mote.tpm_keys");
    if (keys_option == NULL || after == keys_option)
        return NULL;
    *len = strlen(keys_option);
    return keys_option;
}

bool measure_is_owed(void)
{
    return owes;
}

/* -- recipes: one command, twice; and one of everything */

static size_t asked, taken;
static bool asks_too_much, fails_at_ask;

static inline bool ask_random(struct tpm_op *op, struct out *command)
{
    asked++;
    if (fails_at_ask) {
        tpm_fail(op, "%s: not today", op->recipe->name);
        return false;
    }
    tpm2_write_get_random(command, 8);
    command->overflow |= asks_too_much;
    return true;
}

static inline enum tpm_take take_random(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct bytes b = tpm2_2b(&answer->parameters);

    taken++;
    op->out.a = tpm_keep(op, b);
    return ++op->count < 2 ? TPM_AGAIN : TPM_NEXT;
}

static const struct tpm_step random_steps[] = {{ask_random, take_random, false}, {0}};
static const struct tpm_recipe two_randoms = {.name = "two", .steps = random_steps};

static inline bool ask_session(struct tpm_op *op, struct out *command)
{
    static const char zero[16];

    (void)op;
    tpm2_write_start_auth_session(command, TPM_SE_POLICY, TPM_ALG_SHA256,
                                  (struct bytes){zero, sizeof zero});
    return true;
}

static inline enum tpm_take take_session(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->session = answer->handle;
    return TPM_NEXT;
}

static inline bool ask_load(struct tpm_op *op, struct out *command)
{
    assert_true(op->key[0].handle != 0);
    tpm2_write_load(command, op->key[0].handle, op->in.a, op->in.b);
    return true;
}

static inline enum tpm_take take_load(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->object = answer->handle;
    return TPM_NEXT;
}

static inline bool ask_unseal(struct tpm_op *op, struct out *command)
{
    tpm2_write_unseal(command, op->object, op->session);
    return true;
}

static const struct tpm_step all_steps[] = {{ask_session, take_session, false},
                                            {ask_load, take_load, false},
                                            {ask_unseal, NULL, false},
                                            {0}};
static const struct tpm_recipe everything = {
    .name = "everything",
    .keys = {TPM2_SRK_HANDLE, TPM2_AIK_HANDLE},
    .steps = all_steps,
};

/* -- what the TPM answers */

#define RANDOM    0, 8, 1, 2, 3, 4, 5, 6, 7, 8
#define NO_HANDLE 0x18b
#define TRANSIENT 0x80000000u
#define SESSION   0x03000000u

static const uint8_t random_bytes[] = {RANDOM};
/* A public area of one byte, a creation's data, digest and ticket, and a name of one byte. */
static const uint8_t primary[] = {0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 9};
static const uint8_t name[] = {0, 0};
static const uint8_t nonce[] = {0, 0};

#define BYTES(b) .parameters = b, .n = sizeof b

static const struct fake_tpm_answer all_answers[] = {
    {.code = TPM_CC_STARTUP},
    {.code = TPM_CC_READ_PUBLIC, .rc = NO_HANDLE},
    {.code = TPM_CC_CREATE_PRIMARY, .handle = TRANSIENT, BYTES(primary)},
    {.code = TPM_CC_READ_PUBLIC, .rc = NO_HANDLE},
    {.code = TPM_CC_CREATE_PRIMARY, .handle = TRANSIENT + 1, BYTES(primary)},
    {.code = TPM_CC_START_AUTH_SESSION, .handle = SESSION, BYTES(nonce)},
    {.code = TPM_CC_LOAD, .handle = TRANSIENT + 2, BYTES(name)},
    {.code = TPM_CC_UNSEAL, BYTES(nonce)},
    {.code = TPM_CC_FLUSH_CONTEXT},
    {.code = TPM_CC_FLUSH_CONTEXT},
    {.code = TPM_CC_FLUSH_CONTEXT},
    {.code = TPM_CC_FLUSH_CONTEXT},
};
#define ALL         LENGTH(all_answers)
#define FIRST_FLUSH (ALL - 4)
static const struct fake_tpm_answer random_answer = {.code = TPM_CC_GET_RANDOM,
                                                     BYTES(random_bytes)};

static inline void expect(struct fake_tpm_answer answer)
{
    fake_tpm_expect(&answer, 1);
}

static inline void expect_rc(enum tpm_cc code, uint32_t rc)
{
    expect((struct fake_tpm_answer){.code = code, .rc = rc});
}

static inline void expect_randoms(size_t n)
{
    while (n-- > 0)
        expect(random_answer);
}

/* -- the loop */

static char error[256];

static inline struct tpm_op *begin(int owner, const struct tpm_recipe *recipe)
{
    static const struct tpm_input in = {.a = {"private", 7}, .b = {"public", 6}};
    struct out o = out_to(error, sizeof error - 1);
    struct tpm_op *op = tpm_begin(owner, recipe, &in, &o);

    error[o.len] = '\0';
    return op;
}

static inline void tick(void)
{
    tpm_tick(fake_now);
}

/* Turns of the loop until nothing is to be done any more. */
static inline void settle(void)
{
    for (int i = 0; i < 5000 && tpm_is_busy(); i++) {
        uint64_t next = tpm_deadline();
        fake_now = next > fake_now ? next : fake_now;
        tick();
    }
    assert_false(tpm_is_busy());
}

/* Ends what is there, and nothing may be left of it. */
static inline void free_op(int owner)
{
    tpm_abandon(owner);
    settle();
    assert_null(tpm_find(owner));
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_int_equal(fake_tpm_loaded(), 0);
    assert_int_equal(fake_tpm_expected(), 0);
}

/* A TPM that is started, by an operation that is over. */
static inline int start(void **state)
{
    (void)state;
    fake_tpm_reset();
    fake_now += 1000 * S;
    keys_option = NULL;
    owes = asks_too_much = fails_at_ask = false;
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    expect_randoms(2);
    assert_non_null(begin(0, &two_randoms));
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    free_op(0);
    fake_tpm_commands = asked = taken = 0;
    return 0;
}

/* As if its power had gone: the next operation begins with Startup. */
static inline void lose_power(void)
{
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_INITIALIZE);
    begin(0, &two_randoms);
    settle();
    free_op(0);
    fake_tpm_commands = asked = taken = 0;
}

static inline void assert_error(enum tpm_op_status status, const char *text)
{
    struct tpm_op *op = tpm_find(0);

    assert_non_null(op);
    assert_int_equal(op->status, status);
    assert_int_equal(op->error_len, strlen(op->error));
    assert_string_equal(op->error, text);
}

#endif
