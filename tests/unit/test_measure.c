/* SPDX-License-Identifier: MIT */
/*
 * The measured start: the log leads from its start to the value that the PCR has, in front of all
 * that anybody else asks of the TPM, whatever becomes of the TPM meanwhile.
 */
/* Its static state is reset between tests. */
#include "agent/measure.c"

#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/fake_tpm.h"
#include "tests/unit/unit.h"

#define S       UINT64_C(1000000000)
#define CMDLINE "console=ttyS0 mote.notify=5000"

#define LENGTH(a) (sizeof(a) / sizeof(a)[0])

static const char *pcr_option;

const char *platform_option(const char *key, const char *after, size_t *len)
{
    if (strcmp(key, "mote.tpm_pcr") != 0 || pcr_option == NULL || after == pcr_option)
        return NULL;
    *len = strlen(pcr_option);
    return pcr_option;
}

const char *platform_cmdline(void)
{
    return CMDLINE;
}

/* -- the PCR: what the TPM is sent is done to it */

static uint8_t value[MEASURE_DIGEST];

static void sha256(uint8_t *to, const void *a, size_t a_len, const void *b, size_t b_len)
{
    br_sha256_context context;

    br_sha256_init(&context);
    br_sha256_update(&context, a, a_len);
    br_sha256_update(&context, b, b_len);
    br_sha256_out(&context, to);
}

static uint8_t read_answer[4 + 4 + 2 + 1 + 3 + 4 + 2 + MEASURE_DIGEST];

static void expect_read(uint32_t pcr)
{
    static const uint8_t head[] = {0, 0, 0, 9, 0, 0, 0, 1, 0, 11, 3, 0, 0, 0, 0, 0, 0, 1, 0, 32};
    const struct fake_tpm_answer answer = {
        .code = TPM_CC_PCR_READ, .parameters = read_answer, .n = sizeof read_answer};

    memcpy(read_answer, head, sizeof head);
    read_answer[11 + pcr / 8] = (uint8_t)(1 << pcr % 8);
    memcpy(read_answer + sizeof head, value, sizeof value);
    fake_tpm_expect(&answer, 1);
}

static void expect(enum tpm_cc code, uint32_t rc)
{
    const struct fake_tpm_answer answer = {.code = code, .rc = rc};

    fake_tpm_expect(&answer, 1);
}

/* The log's start and its events make the PCR's value. */
static void assert_log(const char *what)
{
    const struct measure_log *log = measure_log();
    uint8_t sum[MEASURE_DIGEST];

    memcpy(sum, log->start, sizeof sum);
    for (size_t i = 0; i < log->count; i++) {
        assert_true(log->events[i].is_extended);
        sha256(sum, sum, sizeof sum, log->events[i].digest, MEASURE_DIGEST);
    }
    assert_memory_equal(sum, value, sizeof sum);
    assert_string_equal(log->events[log->count - 1].what, what);
}

/* -- the loop */

static void tick(void)
{
    tpm_tick(fake_now);
    measure_tick();
}

/* Until there is nothing to do. */
static void settle(void)
{
    for (int i = 0; i < 100 && tpm_deadline() != UINT64_MAX; i++) {
        fake_now = tpm_deadline() > fake_now ? tpm_deadline() : fake_now;
        tick();
    }
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_int_equal(fake_tpm_expected(), 0);
}

/* The next PCR_Extend is sent and will be answered; what it brings is done to the PCR: behind the
 * header, the PCR and an authorization of 13 bytes stands one digest of SHA-256. */
static void pcr_takes(uint32_t index)
{
    const struct fake_tpm_answer answer = {.code = TPM_CC_PCR_EXTEND, .polls = 1};

    fake_tpm_expect(&answer, 1);
    for (int i = 0; i < 8 && fake_tpm_expected() != 0; i++)
        tick();
    assert_int_equal(fake_tpm_expected(), 0);
    assert_int_equal(fake_tpm_command_len, TPM2_HEADER_SIZE + 4 + 13 + 6 + MEASURE_DIGEST);
    assert_int_equal(fake_tpm_command[TPM2_HEADER_SIZE + 3], index);
    sha256(value, value, sizeof value, fake_tpm_command + fake_tpm_command_len - MEASURE_DIGEST,
           MEASURE_DIGEST);
}

static void deliver(const char *text)
{
    assert_true(measure_has_room());
    measure_config(text, strlen(text));
    measure_stored();
    assert_true(measure_is_owed());
}

static int reset(void **state)
{
    (void)state;
    fake_tpm_reset();
    fake_now += 1000 * S;
    pcr_option = NULL;
    tpm_abandon(TPM_OWNER_MEASURE);
    tpm_tick(fake_now);
    measured = (struct measure_log){.pcr = NONE};
    is_on = false;
    has_start = has_ended = false;
    in_vain = 0;
    resets = tpm_resets();
    memset(value, 0x77, sizeof value);
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    return 0;
}

/* With the command line measured. */
static int start(void **state)
{
    reset(state);
    assert_int_equal(measure_start(), MOTE_OK);
    expect_read(MEASURE_PCR);
    pcr_takes(MEASURE_PCR);
    settle();
    assert_log("cmdline");
    return 0;
}

/* -- tests */

static void test_start(void **state)
{
    const struct measure_log *log = measure_log();
    uint8_t digest[MEASURE_DIGEST];

    (void)state;
    assert_int_equal(measure_start(), MOTE_OK);
    assert_int_equal(log->pcr, 12);
    assert_int_equal(log->count, 1);
    assert_false(log->events[0].is_extended);
    assert_int_equal(log->events[0].size, strlen(CMDLINE));
    sha256(digest, CMDLINE, strlen(CMDLINE), "", 0);
    assert_memory_equal(log->events[0].digest, digest, sizeof digest);
    assert_true(measure_is_owed());
    assert_int_equal(tpm_deadline(), 0);
    expect_read(12);
    pcr_takes(12);
    settle();
    assert_false(measure_is_owed());
    assert_int_equal(log->start[0], 0x77);
    assert_log("cmdline");
    assert_null(tpm_find(TPM_OWNER_MEASURE));
}

static void test_config(void **state)
{
    (void)state;
    deliver("a = 1");
    deliver("");
    pcr_takes(12);
    deliver("c"); /* while another is under way */
    pcr_takes(12);
    pcr_takes(12);
    settle();
    assert_log("config");
    assert_int_equal(measure_log()->count, 4);
    assert_int_equal(measure_log()->events[2].size, 0);
}

/* One that could not be stored does not count. */
static void test_not_stored(void **state)
{
    (void)state;
    measure_config("a", 1);
    assert_false(measure_is_owed());
    deliver("b");
    pcr_takes(12);
    settle();
    assert_int_equal(measure_log()->count, 2);
    assert_log("config");
}

/* The oldest give their places, and the log still leads to the value. */
static void test_folding(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 3 * MEASURE_EVENTS_MAX; i++) {
        deliver("again");
        pcr_takes(12);
        settle();
        assert_log("config");
        unsigned folded = i < MEASURE_EVENTS_MAX ? 0 : i + 1 - MEASURE_EVENTS_MAX;
        assert_int_equal(measure_log()->folded, folded);
    }
    assert_int_equal(measure_log()->count, MEASURE_EVENTS_MAX);
}

/* What the PCR does not have yet can't be folded. */
static void test_no_room(void **state)
{
    (void)state;
    for (unsigned i = 0; i < MEASURE_EVENTS_MAX; i++)
        deliver("again");
    assert_int_equal(measure_log()->folded, 1); /* the command line */
    assert_false(measure_has_room());
    pcr_takes(12);
    assert_false(measure_has_room()); /* not before it has answered */
    pcr_takes(12);
    assert_true(measure_has_room());
    deliver("more");
    for (unsigned i = 2; i < MEASURE_EVENTS_MAX + 1; i++)
        pcr_takes(12);
    settle();
    assert_log("config");
}

static void test_refused(void **state)
{
    (void)state;
    deliver("a");
    expect(TPM_CC_PCR_EXTEND, 0x907); /* locality */
    settle();
    assert_false(measure_is_owed());
    assert_true(measure_log()->events[0].is_extended);
    assert_false(measure_log()->events[1].is_extended);
    for (unsigned i = 0; i < 2 * MEASURE_EVENTS_MAX; i++) {
        assert_true(measure_has_room());
        measure_config("b", 1);
        measure_stored();
        assert_false(measure_is_owed());
    }
    settle();
    assert_int_equal(measure_log()->count, MEASURE_EVENTS_MAX);
}

/* No bank of SHA-256, or without that PCR; a TPM that does not answer. */
static void test_cannot_start(void **state)
{
    static const uint8_t none[] = {0, 0, 0, 9, 0, 0, 0, 1, 0, 11, 3, 0, 0, 0, 0, 0, 0, 0};
    const struct fake_tpm_answer answers[] = {
        {.code = TPM_CC_PCR_READ, .parameters = none, .n = sizeof none},
        {.code = TPM_CC_PCR_READ, .parameters = none, .n = sizeof none - 1},
        {.code = TPM_CC_PCR_READ, .polls = FAKE_TPM_NEVER},
        {.code = TPM_CC_PCR_READ, .rc = TPM_RC_FAILURE},
    };

    for (size_t i = 0; i < LENGTH(answers); i++) {
        reset(state);
        assert_int_equal(measure_start(), MOTE_OK);
        fake_tpm_expect(&answers[i], 1);
        settle();
        assert_false(measure_is_owed());
        assert_false(measure_log()->events[0].is_extended);
    }
}

/* A TPM that was switched off and on has lost its PCRs: what is in the log is measured again, in
 * front of the operation that has found it out. */
static void test_reset(void **state)
{
    static const struct tpm_input in;
    static char text[TPM_ERROR_MAX];
    struct out error = out_to(text, sizeof text);

    (void)state;
    for (unsigned i = 0; i < MEASURE_EVENTS_MAX; i++) {
        deliver("again");
        pcr_takes(12);
    }
    settle();
    assert_int_equal(measure_log()->folded, 1);
    expect(TPM_CC_PCR_READ, TPM_RC_INITIALIZE);
    has_start = false; /* only to have a recipe at hand */
    struct tpm_op *op = tpm_begin(0, &recipe, &in, &error);
    tpm_tick(fake_now);
    assert_int_equal(op->status, TPM_FAILED);
    tpm_free(op);
    assert_true(measure_is_owed());
    assert_null(tpm_begin(0, &recipe, &in, &error));
    memset(value, 0, sizeof value);
    expect_read(12);
    for (unsigned i = 0; i < MEASURE_EVENTS_MAX; i++)
        pcr_takes(12);
    tpm_abandon(0);
    settle();
    assert_log("config");
    assert_int_equal(measure_log()->start[0], 0);
    assert_int_equal(measure_log()->folded, 0);
}

/* The same in the middle of measuring. */
static void test_reset_of_ours(void **state)
{
    (void)state;
    deliver("a");
    expect(TPM_CC_PCR_EXTEND, TPM_RC_INITIALIZE);
    tick();
    tick();
    memset(value, 0, sizeof value);
    expect_read(12);
    pcr_takes(12);
    pcr_takes(12);
    settle();
    assert_log("config");
    assert_int_equal(measure_log()->count, 2);
}

/* One that says so at each attempt is not asked for ever. */
static void test_resets_in_vain(void **state)
{
    (void)state;
    deliver("a");
    expect(TPM_CC_PCR_EXTEND, TPM_RC_INITIALIZE);
    for (int i = 1; i < RESETS_MAX; i++)
        expect(TPM_CC_PCR_READ, TPM_RC_INITIALIZE);
    settle();
    assert_false(measure_is_owed());
    assert_false(measure_log()->events[0].is_extended);
}

static void test_option(void **state)
{
    static const char *const bad[] = {"", "24", "-1", "nothing", "non", "12x", "4294967308"};

    (void)state;
    for (size_t i = 0; i < LENGTH(bad); i++) {
        pcr_option = bad[i];
        assert_int_equal(measure_start(), MOTE_ERR_INVALID);
    }
    pcr_option = "23";
    assert_int_equal(measure_start(), MOTE_OK);
    expect_read(23);
    pcr_takes(23);
    settle();
    assert_log("cmdline");
}

static void assert_off(void)
{
    assert_int_equal(measure_start(), MOTE_OK);
    assert_int_equal(measure_log()->pcr, UINT32_MAX);
    assert_true(measure_has_room());
    measure_config("a", 1);
    measure_stored();
    assert_int_equal(measure_log()->count, 0);
    assert_false(measure_is_owed());
    measure_tick();
    assert_true(tpm_deadline() == UINT64_MAX);
    assert_int_equal(fake_tpm_commands, 0);
}

static void test_off(void **state)
{
    (void)state;
    pcr_option = "none";
    assert_off();
    pcr_option = NULL;
    fake_tpm_path = NULL;
    assert_int_equal(tpm_begin_use(), MOTE_OK);
    assert_off();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_start, reset),
        cmocka_unit_test_setup(test_config, start),
        cmocka_unit_test_setup(test_not_stored, start),
        cmocka_unit_test_setup(test_folding, start),
        cmocka_unit_test_setup(test_no_room, start),
        cmocka_unit_test_setup(test_refused, start),
        cmocka_unit_test_setup(test_cannot_start, reset),
        cmocka_unit_test_setup(test_reset, start),
        cmocka_unit_test_setup(test_reset_of_ours, start),
        cmocka_unit_test_setup(test_resets_in_vain, start),
        cmocka_unit_test_setup(test_option, reset),
        cmocka_unit_test_setup(test_off, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
