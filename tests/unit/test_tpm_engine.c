/* SPDX-License-Identifier: MIT */
/*
 * The engine of the TPM's operations over a transport that answers as told: who has it when, what
 * is sent again and how long, and that nothing stays in the TPM however an operation ends.
 */
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

static bool ask_random(struct tpm_op *op, struct out *command)
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

static enum tpm_take take_random(struct tpm_op *op, struct tpm2_answer *answer)
{
    struct bytes b = tpm2_2b(&answer->parameters);

    taken++;
    op->out.a = tpm_keep(op, b);
    return ++op->count < 2 ? TPM_AGAIN : TPM_NEXT;
}

static const struct tpm_step random_steps[] = {{ask_random, take_random, false}, {0}};
static const struct tpm_recipe two_randoms = {.name = "two", .steps = random_steps};

static bool ask_session(struct tpm_op *op, struct out *command)
{
    static const char zero[16];

    (void)op;
    tpm2_write_start_auth_session(command, TPM_SE_POLICY, TPM_ALG_SHA256,
                                  (struct bytes){zero, sizeof zero});
    return true;
}

static enum tpm_take take_session(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->session = answer->handle;
    return TPM_NEXT;
}

static bool ask_load(struct tpm_op *op, struct out *command)
{
    assert_true(op->key[0].handle != 0);
    tpm2_write_load(command, op->key[0].handle, op->in.a, op->in.b);
    return true;
}

static enum tpm_take take_load(struct tpm_op *op, struct tpm2_answer *answer)
{
    op->object = answer->handle;
    return TPM_NEXT;
}

static bool ask_unseal(struct tpm_op *op, struct out *command)
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

static void expect(struct fake_tpm_answer answer)
{
    fake_tpm_expect(&answer, 1);
}

static void expect_rc(enum tpm_cc code, uint32_t rc)
{
    expect((struct fake_tpm_answer){.code = code, .rc = rc});
}

static void expect_randoms(size_t n)
{
    while (n-- > 0)
        expect(random_answer);
}

/* -- the loop */

static char error[256];

static struct tpm_op *begin(int owner, const struct tpm_recipe *recipe)
{
    static const struct tpm_input in = {.a = {"private", 7}, .b = {"public", 6}};
    struct out o = out_to(error, sizeof error - 1);
    struct tpm_op *op = tpm_begin(owner, recipe, &in, &o);

    error[o.len] = '\0';
    return op;
}

static void tick(void)
{
    tpm_tick(fake_now);
}

/* Turns of the loop until nothing is to be done any more. */
static void settle(void)
{
    for (int i = 0; i < 5000 && tpm_is_busy(); i++) {
        uint64_t next = tpm_deadline();
        fake_now = next > fake_now ? next : fake_now;
        tick();
    }
    assert_false(tpm_is_busy());
}

/* Ends what is there, and nothing may be left of it. */
static void free_op(int owner)
{
    tpm_abandon(owner);
    settle();
    assert_null(tpm_find(owner));
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_int_equal(fake_tpm_loaded(), 0);
    assert_int_equal(fake_tpm_expected(), 0);
}

/* A TPM that is started, by an operation that is over. */
static int start(void **state)
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
static void lose_power(void)
{
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_INITIALIZE);
    begin(0, &two_randoms);
    settle();
    free_op(0);
    fake_tpm_commands = asked = taken = 0;
}

static void assert_error(enum tpm_op_status status, const char *text)
{
    struct tpm_op *op = tpm_find(0);

    assert_non_null(op);
    assert_int_equal(op->status, status);
    assert_int_equal(op->error_len, strlen(op->error));
    assert_string_equal(op->error, text);
}

/* -- one that goes well */

static void test_operation(void **state)
{
    struct tpm_op *op = begin(0, &two_randoms);

    (void)state;
    assert_non_null(op);
    assert_ptr_equal(tpm_find(0), op);
    assert_null(tpm_find(1));
    assert_true(tpm_deadline() <= fake_now);
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .polls = 1, BYTES(random_bytes)});
    expect_randoms(1);
    tick();
    assert_int_equal(op->status, TPM_RUNNING);
    assert_true(tpm_deadline() == fake_now + MS); /* as the transport says */
    tick();
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(taken, 2);
    assert_memory_equal(op->out.a.at, random_bytes + 2, op->out.a.n);
    assert_int_equal((uintptr_t)op->out.a.at % 8, 0);
    assert_memory_equal(op->in.a.at, "private", 7);
    assert_memory_equal(op->in.b.at, "public", 6);
    assert_true(fake_tpm_is_wiped());
    assert_true(tpm_deadline() == UINT64_MAX);
    tpm_free(op);
    for (size_t i = 0; i < sizeof *op; i++)
        assert_int_equal(((uint8_t *)op)[i], 0);
}

static void test_everything(void **state)
{
    (void)state;
    lose_power();
    fake_tpm_expect(all_answers, ALL);
    struct tpm_op *op = begin(0, &everything);
    settle();
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(op->session, SESSION);
    assert_int_equal(op->key[0].handle, TRANSIENT);
    assert_int_equal(op->key[1].handle, TRANSIENT + 1);
    assert_true(op->key[1].is_transient);
    assert_int_equal(fake_tpm_commands, ALL);
    assert_int_equal(fake_tpm_loaded(), 0);
    free_op(0);
}

/* -- who has it when */

static void test_queue(void **state)
{
    struct tpm_op *op = begin(4, &two_randoms);

    (void)state;
    assert_non_null(op);
    for (int again = 0; again < 2; again++)
        for (int owner = 5; owner < 8; owner++) {
            assert_null(begin(owner, &two_randoms));
            assert_string_equal(error, "");
        }
    expect_randoms(2);
    settle();
    assert_null(begin(5, &two_randoms)); /* until the owner has what it wanted */
    tpm_free(op);
    assert_int_equal(tpm_deadline(), 0); /* so that the loop asks those who wait */
    assert_null(begin(9, &two_randoms));
    assert_null(begin(6, &two_randoms));
    tpm_abandon(5);
    assert_null(begin(7, &two_randoms));
    assert_non_null(begin(6, &two_randoms));
    assert_null(begin(5, &two_randoms)); /* now the last */
    tpm_abandon(6);
    settle();
    tick();
    for (int owner = 7; owner != 0; owner = owner == 7 ? 9 : owner == 9 ? 5 : 0) {
        assert_non_null(begin(owner, &two_randoms));
        expect_randoms(2);
        settle();
        tpm_free(tpm_find(owner));
    }
    assert_true(tpm_deadline() == UINT64_MAX);
}

static void test_measuring_comes_first(void **state)
{
    (void)state;
    assert_null(tpm_find(0));
    owes = true;
    assert_int_equal(tpm_deadline(), 0);
    assert_null(begin(0, &two_randoms));
    assert_non_null(begin(TPM_OWNER_MEASURE, &two_randoms));
    owes = false;
    expect_randoms(2);
    settle();
    assert_null(begin(0, &two_randoms));
    tpm_free(tpm_find(TPM_OWNER_MEASURE));
    assert_non_null(begin(0, &two_randoms));
    free_op(0);
}

/* -- owners that leave */

/* Each command is left once while it is under way, and once while the TPM wants it again. */
static void leave_at(size_t at, uint32_t rc)
{
    struct fake_tpm_answer answers[ALL];

    memcpy(answers, all_answers, sizeof answers);
    lose_power();
    fake_tpm_expect(answers, at);
    if (rc != 0)
        expect_rc(answers[at].code, rc);
    else
        answers[at].polls = 1;
    if (rc == 0 || at >= FIRST_FLUSH)
        fake_tpm_expect(answers + at, 1);
    begin(0, &everything);
    tick();
    assert_int_equal(fake_tpm_commands, at + 1);
    tpm_abandon(0);
    assert_null(tpm_find(0));
    assert_null(begin(1, &two_randoms)); /* it cleans up for nobody */
    settle();
    tick();
    assert_int_equal(fake_tpm_loaded(), 0);
    assert_int_equal(fake_tpm_expected(), 0);
    expect_randoms(2);
    assert_non_null(begin(1, &two_randoms));
    settle();
    assert_int_equal(tpm_find(1)->status, TPM_DONE);
    free_op(1);
}

static void test_leaving(void **state)
{
    (void)state;
    for (size_t at = 0; at < ALL; at++) {
        leave_at(at, 0);
        leave_at(at, TPM_RC_RETRY);
    }
    begin(0, &everything); /* and before any */
    free_op(0);
}

/* -- commands that the TPM wants again */

static void test_retries(void **state)
{
    static const uint32_t codes[] = {TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING};

    (void)state;
    for (size_t i = 0; i < LENGTH(codes); i++) {
        uint64_t pause = 10 * MS;
        struct tpm_op *op = begin(0, &two_randoms);
        asked = 0;
        for (int again = 0; again < 9; again++)
            expect_rc(TPM_CC_GET_RANDOM, codes[i]);
        expect_randoms(2);
        for (size_t again = 0; again < 9; again++) {
            tick();
            assert_int_equal(asked, again + 1);
            assert_true(tpm_deadline() == fake_now + pause);
            fake_now += pause - 1;
            tick();
            assert_int_equal(asked, again + 1);
            fake_now += 1;
            pause = 2 * pause < S ? 2 * pause : S;
        }
        tick();
        assert_int_equal(op->status, TPM_DONE);
        free_op(0);
    }
}

/* It may say so until the command's deadline. */
static void test_retries_end(void **state)
{
    uint64_t begun = fake_now;

    (void)state;
    for (int i = 0; i < 40; i++)
        expect_rc(TPM_CC_GET_RANDOM, TPM_RC_RETRY);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_REFUSED, "tpm: GetRandom: TPM_RC_RETRY (0x922)");
    assert_int_equal(tpm_find(0)->rc, TPM_RC_RETRY);
    assert_in_range(fake_now - begun, 18 * S, 20 * S);
    fake_tpm_reset();
    free_op(0);
}

static void test_self_test(void **state)
{
    (void)state;
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, TPM_RC_TESTING);
    expect_rc(TPM_CC_SELF_TEST, 0);
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    free_op(0);
}

/* One that is never content with its test. */
static void test_self_test_in_vain(void **state)
{
    (void)state;
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, 0);
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_REFUSED, "tpm: GetRandom: TPM_RC_NEEDS_TEST (0x153)");
    free_op(0);
    expect_rc(TPM_CC_GET_RANDOM, TPM_RC_NEEDS_TEST);
    expect_rc(TPM_CC_SELF_TEST, TPM_RC_FAILURE);
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: SelfTest: the TPM is in failure mode");
    free_op(0);
    expect_rc(TPM_CC_SELF_TEST, 0); /* it is owed still */
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    free_op(0);
}

/* -- a TPM that was switched off and on */

/* What it had loaded is gone, and is not flushed: it would be somebody else's. */
static void test_reset_in_the_middle(void **state)
{
    uint32_t resets = tpm_resets();

    (void)state;
    fake_tpm_expect(all_answers + 1, 6);
    expect_rc(TPM_CC_UNSEAL, TPM_RC_INITIALIZE);
    begin(0, &everything);
    settle();
    assert_error(TPM_FAILED, "tpm: everything: the TPM was reset in the middle of it");
    assert_int_equal(tpm_resets(), resets + 1);
    assert_int_equal(fake_tpm_commands, 7);
    fake_tpm_reset();
    free_op(0);
    expect_rc(TPM_CC_STARTUP, TPM_RC_INITIALIZE); /* somebody else was faster */
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(tpm_resets(), resets + 1);
    free_op(0);
}

static void test_reset_while_flushing(void **state)
{
    uint32_t resets = tpm_resets();

    (void)state;
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    expect_rc(TPM_CC_FLUSH_CONTEXT, TPM_RC_INITIALIZE);
    begin(0, &everything);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(tpm_resets(), resets + 1);
    assert_int_equal(fake_tpm_commands, FIRST_FLUSH);
    fake_tpm_reset();
    free_op(0);
}

static void test_start_fails(void **state)
{
    static const struct {
        uint32_t rc;
        enum tpm_op_status status;
        const char *error;
    } cases[] = {
        {TPM_RC_FAILURE, TPM_FAILED, "tpm: Startup: the TPM is in failure mode"},
        {0x1c4, TPM_REFUSED, "tpm: Startup: TPM_RC_VALUE of parameter 1 (0x1c4)"},
        {TPM_RC_CANCELED, TPM_REFUSED, "tpm: Startup: TPM_RC_CANCELED (0x909)"},
    };

    (void)state;
    lose_power();
    for (size_t i = 0; i < LENGTH(cases); i++) {
        expect_rc(TPM_CC_STARTUP, cases[i].rc);
        begin(0, &two_randoms);
        settle();
        assert_error(cases[i].status, cases[i].error);
        free_op(0);
    }
}

/* -- failures, at each command */

static void fail_at(size_t at, struct fake_tpm_answer answer, enum tpm_op_status status,
                    const char *why)
{
    char text[256];

    lose_power();
    fake_tpm_expect(all_answers, at);
    answer.code = all_answers[at].code;
    expect(answer);
    begin(0, &everything);
    settle();
    strcpy(text, "tpm: ");
    strcat(text, tpm2_command_name(answer.code));
    strcat(text, ": ");
    strcat(text, why);
    assert_error(status, text);
    assert_true(fake_tpm_is_wiped());
    free_op(0);
}

static void test_failures(void **state)
{
    static const uint8_t short_answer[] = {0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0};

    (void)state;
    for (size_t at = 0; at < FIRST_FLUSH; at++) {
        fail_at(at, (struct fake_tpm_answer){.error = MOTE_ERR_BROKEN}, TPM_FAILED,
                "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.error = MOTE_ERR_IO, .is_start_error = true},
                TPM_FAILED, "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.polls = FAKE_TPM_NEVER}, TPM_FAILED,
                "what the fake says");
        fail_at(at, (struct fake_tpm_answer){.rc = 0x921}, TPM_REFUSED,
                "TPM_RC_LOCKOUT (0x921): too many wrong passwords");
        fail_at(at, (struct fake_tpm_answer){.rc = TPM_RC_FAILURE}, TPM_FAILED,
                "the TPM is in failure mode");
        fail_at(at, (struct fake_tpm_answer){BYTES(short_answer), .is_raw = true}, TPM_FAILED,
                "its answer is nonsense: its size is not what it says");
    }
}

/* The key of RSA may take three minutes, others have 20 s. */
static void test_deadlines(void **state)
{
    static const struct {
        size_t at;
        uint64_t s;
    } cases[] = {{1, 20}, {2, 180}, {5, 20}, {7, 20}};

    (void)state;
    for (size_t i = 0; i < LENGTH(cases); i++) {
        uint64_t begun = fake_now;
        fail_at(cases[i].at, (struct fake_tpm_answer){.polls = FAKE_TPM_NEVER}, TPM_FAILED,
                "what the fake says");
        assert_in_range(fake_now - begun, cases[i].s * S, cases[i].s * S + MS);
    }
}

/* An answer that ends too early, whatever its step makes of it; and a step that gives none. */
static void test_short_parameters(void **state)
{
    (void)state;
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .parameters = random_bytes, .n = 5});
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: GetRandom: its answer is nonsense");
    free_op(0);
}

static void test_steps_fail(void **state)
{
    (void)state;
    fails_at_ask = true;
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: two: not today");
    free_op(0);
    fails_at_ask = false;
    asks_too_much = true;
    begin(0, &two_randoms);
    settle();
    assert_error(TPM_FAILED, "tpm: two: too much for a command: limit is 2048 bytes");
    free_op(0);
}

static void test_room(void **state)
{
    static char much[TPM_DATA_MAX];
    struct tpm_input in = {.a = {much, TPM_DATA_MAX - 10}, .b = {much, 10}};
    struct out o = out_to(error, sizeof error - 1);
    struct tpm_op *op = tpm_begin(0, &two_randoms, &in, &o);

    (void)state;
    assert_non_null(op);
    assert_int_equal(op->status, TPM_RUNNING);
    assert_null(tpm_room(op, 1));
    settle();
    assert_error(TPM_FAILED, "tpm: two: too much data: limit is 2048 bytes");
    free_op(0);
    in.b.n = 11;
    assert_null(tpm_begin(0, &two_randoms, &in, &o));
    error[o.len] = '\0';
    assert_string_equal(error, "tpm: two: input too long: limit is 2048 bytes");
    in.a.n = SIZE_MAX;
    assert_null(tpm_begin(0, &two_randoms, &in, &o));
    assert_true(tpm_deadline() == UINT64_MAX); /* it is not in the queue */
}

/* -- what can't be flushed */

static void begin_unflushable(struct fake_tpm_answer answer)
{
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    answer.code = TPM_CC_FLUSH_CONTEXT;
    expect(answer);
    begin(0, &everything);
    settle();
    assert_int_equal(tpm_find(0)->status, TPM_DONE);
    assert_int_equal(fake_tpm_loaded(), 1);
    tpm_abandon(0);
}

/* No answer: it is tried again in front of the next operation. */
static void test_flush_without_answer(void **state)
{
    (void)state;
    begin_unflushable((struct fake_tpm_answer){.polls = FAKE_TPM_NEVER});
    expect((struct fake_tpm_answer){.code = TPM_CC_FLUSH_CONTEXT, .error = MOTE_ERR_BROKEN});
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    free_op(0); /* it was flushed at the second attempt, behind it */
}

static void test_flush_of_a_busy_tpm(void **state)
{
    struct fake_tpm_answer busy = {.code = TPM_CC_FLUSH_CONTEXT, .rc = TPM_RC_RETRY};

    (void)state;
    fake_tpm_expect(all_answers + 1, FIRST_FLUSH - 1);
    for (int i = 0; i < 11; i++) /* 5 s */
        expect(busy);
    begin(0, &everything);
    settle();
    assert_int_equal(fake_tpm_loaded(), 1);
    tpm_abandon(0);
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    free_op(0);
}

/* It says that there is no such handle: then that is so. */
static void test_flush_refused(void **state)
{
    (void)state;
    begin_unflushable((struct fake_tpm_answer){.rc = 0x1cb});
    fake_tpm_reset();
    expect_randoms(2);
    begin(0, &two_randoms);
    settle();
    assert_int_equal(fake_tpm_commands, 2);
    free_op(0);
}

/* -- none at all, and the option */

static void test_no_tpm(void **state)
{
    (void)state;
    fake_tpm_path = NULL;
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_null(tpm_interface());
    assert_null(begin(0, &two_randoms));
    assert_string_equal(error, "tpm: there is no TPM: open fake: no such file");
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_false(tpm_is_busy());
    tick();
    assert_int_equal(fake_tpm_commands, 0);
}

/* What goes on is broken off and cleaned up first, whoever waits is not served. */
static void test_end(void **state)
{
    (void)state;
    expect((struct fake_tpm_answer){.code = TPM_CC_GET_RANDOM, .polls = 3, BYTES(random_bytes)});
    expect((struct fake_tpm_answer){.code = TPM_CC_SHUTDOWN});
    begin(0, &two_randoms);
    tick();
    begin(1, &two_randoms);
    for (int i = 0; i < 10 && !tpm_end_use(); i++)
        tick();
    assert_true(tpm_end_use());
    assert_int_equal(fake_tpm_expected(), 0);
    assert_null(tpm_find(1));
    size_t commands = fake_tpm_commands;
    tick();
    assert_int_equal(fake_tpm_commands, commands); /* once */
}

static void test_option(void **state)
{
    static const char *const bad[] = {"", "none", "transien", "transients", "persistent "};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        keys_option = bad[i];
        assert_int_equal(tpm_begin_use(), MOTE_ERR_INVALID);
    }
    keys_option = "persistent";
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_true(tpm_keeps_keys());
    keys_option = "transient";
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_false(tpm_keeps_keys());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_operation, start),
        cmocka_unit_test_setup(test_everything, start),
        cmocka_unit_test_setup(test_queue, start),
        cmocka_unit_test_setup(test_measuring_comes_first, start),
        cmocka_unit_test_setup(test_leaving, start),
        cmocka_unit_test_setup(test_retries, start),
        cmocka_unit_test_setup(test_retries_end, start),
        cmocka_unit_test_setup(test_self_test, start),
        cmocka_unit_test_setup(test_self_test_in_vain, start),
        cmocka_unit_test_setup(test_reset_in_the_middle, start),
        cmocka_unit_test_setup(test_reset_while_flushing, start),
        cmocka_unit_test_setup(test_start_fails, start),
        cmocka_unit_test_setup(test_failures, start),
        cmocka_unit_test_setup(test_deadlines, start),
        cmocka_unit_test_setup(test_short_parameters, start),
        cmocka_unit_test_setup(test_steps_fail, start),
        cmocka_unit_test_setup(test_room, start),
        cmocka_unit_test_setup(test_flush_without_answer, start),
        cmocka_unit_test_setup(test_flush_of_a_busy_tpm, start),
        cmocka_unit_test_setup(test_flush_refused, start),
        cmocka_unit_test_setup(test_no_tpm, start),
        cmocka_unit_test_setup(test_option, start),
        cmocka_unit_test_setup(test_end, start), /* it can't be begun again */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
