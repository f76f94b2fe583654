/* SPDX-License-Identifier: MIT */
/* How a script of tpm_scripts.h is played: by the engine, over the transport that answers so. */
#ifndef TESTS_UNIT_TPM_PLAY_H
#define TESTS_UNIT_TPM_PLAY_H

#include "agent/measure.h"
#include "platform/platform.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/tpm_scripts.h"
#include "tests/unit/unit.h"

#define OWNER    3
#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* -- what the engine asks of others */

const char *platform_option(const char *key, const char *after, size_t *len)
{
    (void)key;
    (void)after;
    (void)len;
    return NULL;
}

bool measure_is_owed(void)
{
    return false;
}

/* -- a script is played */

/* The TPM2B_PUBLIC of a template, and what a template has not: a modulus, or a point. */
static inline void put_public(struct out *o, const struct tpm2_template *t)
{
    static const char modulus[256], point[] = "\0\x20" DIGEST("x") "\0\x20" DIGEST("y");

    tpm2_write_template(o, t);
    if (t->type == TPM_ALG_RSA && t->unique == 0) {
        o->len -= 2;
        out_bytes(o, "\1\0", 2);
        out_bytes(o, modulus, sizeof modulus);
    } else if (t->type == TPM_ALG_ECC) {
        o->len -= 4;
        out_bytes(o, point, sizeof point - 1);
    }
    o->base[0] = (char)((o->len - 2) >> 8);
    o->base[1] = (char)(o->len - 2);
}

/* What ReadPublic tells of a key. */
static inline struct fake_tpm_answer key_answer(uint32_t persistent)
{
    static char areas[TPM_KEYS][TPM2_PUBLIC_MAX];
    static size_t next;
    char *area = areas[next++ % TPM_KEYS];
    struct out o = out_to(area, sizeof areas[0]);

    put_public(&o, tpm2_template_of(persistent));
    out_bytes(&o, NAME NAME, 2 * sizeof NAME - 2);
    assert_false(o.overflow);
    return (struct fake_tpm_answer){.code = TPM_CC_READ_PUBLIC, .parameters = area, .n = o.len};
}

/* The answers of a script as the fake has them; how many. */
static inline size_t answers_of(const struct script *s, struct fake_tpm_answer *answers)
{
    size_t n = 0;

    for (; n < SCRIPT_MAX && s->answers[n].code != 0; n++) {
        answers[n] = s->answers[n];
        if (answers[n].code == TPM_CC_READ_PUBLIC && answers[n].rc == 0)
            answers[n] = key_answer(answers[n].handle);
    }
    return n;
}

static inline const struct tpm_op *run_answers(const struct script *s,
                                               const struct fake_tpm_answer *answers, size_t n)
{
    char text[TPM_ERROR_MAX];
    struct out error = out_to(text, sizeof text);

    fake_tpm_expect(answers, n);
    struct tpm_op *op = tpm_begin(OWNER, s->recipe, &s->in, &error);
    assert_non_null(op);
    for (int i = 0; i < 100 && op->status == TPM_RUNNING; i++)
        tpm_tick(fake_now += 1000000000);
    assert_int_not_equal(op->status, TPM_RUNNING);
    return op;
}

static inline const struct tpm_op *run(const struct script *s)
{
    struct fake_tpm_answer answers[SCRIPT_MAX];
    size_t n = answers_of(s, answers);

    return run_answers(s, answers, n);
}

/* Whatever it was, nothing stays in the TPM. */
static inline void end(void)
{
    tpm_free(tpm_find(OWNER));
    tpm_tick(fake_now);
    assert_int_equal(fake_tpm_loaded(), 0);
    assert_null(tpm_find(OWNER));
    fake_tpm_reset();
}

static inline void assert_bytes(struct bytes b, const void *expected, size_t n)
{
    assert_int_equal(b.n, n);
    assert_memory_equal(b.at, expected, n);
}
#define assert_holds(b, literal) assert_bytes(b, literal, sizeof(literal) - 1)

static inline const struct tpm_op *run_well(const struct script *s)
{
    const struct tpm_op *op = run(s);

    assert_string_equal(op->error, "");
    assert_int_equal(op->status, TPM_DONE);
    assert_int_equal(fake_tpm_expected(), 0);
    return op;
}

static inline void assert_fails(const struct script *s, const char *error)
{
    assert_string_equal(run(s)->error, error);
    assert_int_equal(fake_tpm_expected(), 0);
    end();
}

/* The last command. */
static inline void assert_command(const void *front, size_t n)
{
    assert_in_range(fake_tpm_command_len, n, sizeof fake_tpm_command);
    assert_memory_equal(fake_tpm_command, front, n);
}
#define assert_command_begins(literal) assert_command(literal, sizeof(literal) - 1)

static inline void assert_command_end(const void *end, size_t n)
{
    assert_in_range(fake_tpm_command_len, n, sizeof fake_tpm_command);
    assert_memory_equal(fake_tpm_command + fake_tpm_command_len - n, end, n);
}
#define assert_command_ends(literal) assert_command_end(literal, sizeof(literal) - 1)

static inline int set_up(void **state)
{
    (void)state;
    return tpm_begin_use();
}

#endif
