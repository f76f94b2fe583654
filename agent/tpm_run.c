/* SPDX-License-Identifier: MIT */
/*
 * How an operation goes: phases, each a table of steps, one step a command. Its status is final
 * when its own steps have ended; what follows then is only that nothing of it stays in the TPM.
 *
 * A transport reset (the guest was moved or restored) needs nothing here: if the TPM has come
 * along, the operation goes on, and if it has not, it refuses the session or the handle, or says
 * that it has to be started, and the operation fails.
 */
#include "agent/tpm_engine.h"

#include "drivers/tpm.h"
#include "platform/platform.h"

#define S UINT64_C(1000000000)

/* Until a command that the TPM was not ready for is sent again: at first, and at most. */
#define PAUSE_MIN_NS UINT64_C(10000000)
#define PAUSE_MAX_NS S

enum phase {
    PHASE_LEFTOVERS, /* what an operation before has not got out */
    PHASE_KEY_0,
    PHASE_KEY_1,
    PHASE_STEPS, /* the recipe's */
    PHASE_FLUSH,
    PHASE_OVER,
};

static enum phase phase;

/* One for all: command and answer. */
static _Alignas(8) uint8_t tpm_buffer[TPM_BUFFER_SIZE];

/* The command that is under way, or that the TPM wants again. */
static struct {
    const struct tpm_step *step;
    enum tpm_cc code;
    bool is_under_way;
    bool was_tested; /* it was sent again behind a self test already */
    uint64_t deadline;
    uint64_t pause, next_try; /* of one that the TPM wants again */
} command;

static uint64_t deadline_of(enum tpm_cc code, uint64_t now)
{
    static const struct {
        enum tpm_cc code;
        uint64_t limit;
    } limits[] = {
        {TPM_CC_CREATE_PRIMARY, 180 * S}, /* primes of RSA */
        {TPM_CC_SELF_TEST, 60 * S},
        {TPM_CC_FLUSH_CONTEXT, 5 * S}, /* others wait */
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (limits[i].code == code)
            return now + limits[i].limit;
    return now + 20 * S;
}

/* -- phases */

static const struct tpm_step *steps_of(const struct tpm_op *op)
{
    if (phase == PHASE_LEFTOVERS || phase == PHASE_FLUSH)
        return tpm_flush_steps;
    return phase == PHASE_STEPS ? op->recipe->steps : tpm_key_steps;
}

static bool is_flushing(void)
{
    return phase == PHASE_LEFTOVERS || phase == PHASE_FLUSH;
}

size_t tpm_key_now(void)
{
    return phase == PHASE_KEY_1;
}

static void forget_command(void)
{
    command.step = NULL;
    command.deadline = TPM_NEVER;
    command.next_try = command.pause = 0;
}

static void enter(struct tpm_op *op, enum phase next)
{
    phase = next;
    op->step = 0;
    op->count = 0;
    command.was_tested = false;
    forget_command();
    if (is_flushing())
        tpm_flush_begin();
}

/* The phase has no more steps. */
static void go_on(struct tpm_op *op)
{
    if (phase == PHASE_STEPS)
        op->status = TPM_DONE;
    enter(op, phase + 1);
}

static void advance(struct tpm_op *op)
{
    op->step++;
    command.was_tested = false;
}

void tpm_run_begin(struct tpm_op *op)
{
    enter(op, PHASE_LEFTOVERS);
}

void tpm_run_leave(struct tpm_op *op)
{
    if (phase < PHASE_FLUSH && !command.is_under_way)
        enter(op, PHASE_FLUSH);
}

bool tpm_run_is_over(void)
{
    return phase == PHASE_OVER;
}

/* -- what an answer says */

static void refuse(struct tpm_op *op, uint32_t rc)
{
    char text[128];
    struct out why = out_to(text, sizeof text);

    tpm2_write_rc(&why, rc);
    tpm_refuse(op, rc, "%s: %.*s", tpm2_command_name(command.code), (int)why.len, text);
}

/* There is no answer, or none that can be used. What was to be flushed is left for the next. */
static void lose(struct tpm_op *op, const char *kind, const char *why)
{
    if (is_flushing())
        tpm_flush_failed(why);
    else
        tpm_fail(op, "%s: %s%s", tpm2_command_name(command.code), kind, why);
    forget_command();
}

/* It was switched off and on: its handles are no more, and what was measured has to be measured
 * again before anybody is told a PCR. So the operation is not repeated. */
static void lose_power(struct tpm_op *op)
{
    tpm_start_lost_power();
    tpm_flush_forget();
    if (!is_flushing())
        tpm_fail(op, "%s: the TPM was reset in the middle of it", op->recipe->name);
}

static void postpone(struct tpm_op *op, uint32_t rc, uint64_t now)
{
    command.pause = command.pause == 0 ? PAUSE_MIN_NS : 2 * command.pause;
    if (command.pause > PAUSE_MAX_NS)
        command.pause = PAUSE_MAX_NS;
    command.next_try = now + command.pause;
    if (command.next_try < command.deadline)
        return;
    if (is_flushing())
        tpm_flush_failed("the TPM is busy");
    else
        refuse(op, rc);
    forget_command();
}

/* What the step makes of it. */
static enum tpm_take judge(struct tpm_op *op, struct tpm2_answer *answer)
{
    const struct tpm_step *step = command.step;
    enum tpm_take take = TPM_NEXT;

    if (answer->rc != TPM_RC_SUCCESS && !step->takes_errors)
        take = TPM_FAIL;
    else if (step->take != NULL)
        take = step->take(op, answer);
    if (take == TPM_FAIL && op->status == TPM_RUNNING && answer->rc != TPM_RC_SUCCESS)
        refuse(op, answer->rc);
    else if ((take == TPM_FAIL || answer->parameters.bad) && op->status == TPM_RUNNING)
        tpm_fail(op, "%s: its answer is nonsense", tpm2_command_name(command.code));
    return take;
}

static void take(struct tpm_op *op, struct tpm2_answer *answer)
{
    bool is_own = command.step == &steps_of(op)[op->step]; /* or to get the TPM ready */

    if (answer->handle != 0)
        tpm_flush_add(answer->handle);
    if (judge(op, answer) == TPM_NEXT && is_own)
        advance(op);
    forget_command();
}

static void take_answer(struct tpm_op *op, size_t n, uint64_t now)
{
    struct tpm2_answer answer;
    const char *rule;

    if (!tpm2_read_answer(command.code, tpm_buffer, n, &answer, &rule)) {
        lose(op, "its answer is nonsense: ", rule);
    } else if (tpm2_is_retry(answer.rc)) {
        postpone(op, answer.rc, now);
    } else if (answer.rc == TPM_RC_INITIALIZE && command.code != TPM_CC_STARTUP) {
        lose_power(op);
        forget_command();
    } else if (answer.rc == TPM_RC_FAILURE) {
        lose(op, "", "the TPM is in failure mode");
    } else if (answer.rc == TPM_RC_NEEDS_TEST && !command.was_tested && !is_flushing()) {
        command.was_tested = true;
        tpm_start_needs_test();
        forget_command();
    } else {
        take(op, &answer);
    }
}

/* -- commands */

static const struct tpm_step *step_now(const struct tpm_op *op)
{
    const struct tpm_step *step = &steps_of(op)[op->step];
    const struct tpm_step *first = tpm_start_step();

    return step->ask == NULL || first == NULL || is_flushing() ? step : first;
}

static void send(struct tpm_op *op, size_t n, uint64_t now)
{
    command.code = tpm2_command_code(tpm_buffer);
    if (command.deadline == TPM_NEVER)
        command.deadline = deadline_of(command.code, now);
    command.is_under_way = tpm_start(tpm_buffer, n, command.deadline) == MOTE_OK;
    if (command.is_under_way)
        return;
    tpm_finish();
    explicit_bzero(tpm_buffer, sizeof tpm_buffer);
    lose(op, "", tpm_fault());
}

static void ask(struct tpm_op *op, uint64_t now)
{
    struct out o = out_to((char *)tpm_buffer, sizeof tpm_buffer);
    const struct tpm_step *step = step_now(op);

    if (step->ask == NULL) {
        go_on(op);
    } else if (!step->ask(op, &o)) {
        advance(op);
        forget_command();
    } else if (o.overflow) {
        tpm_fail(op, "%s: too much for a command: limit is %u bytes", op->recipe->name,
                 (unsigned)sizeof tpm_buffer);
    } else {
        command.step = step;
        send(op, o.len, now);
    }
}

/* False: it goes on still. */
static bool poll(struct tpm_op *op, uint64_t now)
{
    int n = tpm_poll();

    if (n == MOTE_ERR_AGAIN)
        return false;
    tpm_finish();
    command.is_under_way = false;
    if (n < 0)
        lose(op, "", tpm_fault());
    else
        take_answer(op, (size_t)n, now);
    explicit_bzero(tpm_buffer, sizeof tpm_buffer);
    return true;
}

static bool is_to_end(const struct tpm_op *op)
{
    return phase < PHASE_FLUSH && (op->status != TPM_RUNNING || op->owner < 0);
}

/* False: it has to wait. */
static bool run_once(struct tpm_op *op, uint64_t now)
{
    if (command.is_under_way)
        return poll(op, now);
    if (is_to_end(op))
        enter(op, PHASE_FLUSH);
    if (now < command.next_try)
        return false;
    ask(op, now);
    return true;
}

bool tpm_run(struct tpm_op *op, uint64_t now)
{
    while (phase != PHASE_OVER && run_once(op, now))
        ;
    return phase == PHASE_OVER;
}

uint64_t tpm_run_again(void)
{
    if (phase == PHASE_OVER)
        return TPM_NEVER;
    if (!command.is_under_way)
        return command.next_try;
    uint64_t again = tpm_poll_again();
    return again < command.deadline ? again : command.deadline;
}
