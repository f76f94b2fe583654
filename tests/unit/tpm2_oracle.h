/* SPDX-License-Identifier: MIT */
/*
 * Commands as libtss2-mu marshals them. A test is two functions for each: one writes it with
 * proto/tpm2.h, the other puts the TSS's bytes into want.
 */
#ifndef TESTS_UNIT_TPM2_ORACLE_H
#define TESTS_UNIT_TPM2_ORACLE_H

#include "proto/tpm2.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <tss2/tss2_mu.h>

struct command {
    const char *name; /* in Part 3 */
    void (*ours)(struct out *o);
    void (*theirs)(void);
};

static uint8_t want[4096];
static size_t want_n;

/* Appends a value of a type of the TSS. */
#define PUT(type, value)                                                                           \
    assert_int_equal(Tss2_MU_##type##_Marshal(value, want, sizeof want, &want_n), 0)

static inline void begin(TPM2_ST tag, TPM2_CC code)
{
    PUT(TPM2_ST, tag);
    PUT(UINT32, 0);
    PUT(TPM2_CC, code);
}

static inline void auth(TPM2_HANDLE session)
{
    TPMS_AUTH_COMMAND a = {.sessionHandle = session,
                           .sessionAttributes = TPMA_SESSION_CONTINUESESSION};

    PUT(TPMS_AUTH_COMMAND, &a);
}

/* The size of what stands behind at, 4 bytes of it. */
static inline void size_at(size_t at, size_t size)
{
    assert_int_equal(Tss2_MU_UINT32_Marshal((uint32_t)size, want, sizeof want, &at), 0);
}

/* One authorization, or, second not 0, two. */
static inline void auths(TPM2_HANDLE first, TPM2_HANDLE second)
{
    size_t at = want_n;

    PUT(UINT32, 0);
    auth(first);
    if (second != 0)
        auth(second);
    size_at(at, want_n - at - 4);
}

static inline void selection(UINT16 hash, uint32_t pcrs)
{
    TPML_PCR_SELECTION s = {.count = 1};

    s.pcrSelections[0] =
        (TPMS_PCR_SELECTION){hash, 3, {(uint8_t)pcrs, (uint8_t)(pcrs >> 8), (uint8_t)(pcrs >> 16)}};
    PUT(TPML_PCR_SELECTION, &s);
}

static inline void digest(const char *s)
{
    TPM2B_DIGEST d = {.size = (UINT16)strlen(s)};

    memcpy(d.buffer, s, d.size);
    PUT(TPM2B_DIGEST, &d);
}

static inline void null_scheme(void)
{
    TPMT_SIG_SCHEME scheme = {.scheme = TPM2_ALG_NULL};

    PUT(TPMT_SIG_SCHEME, &scheme);
}

static inline struct bytes text(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

/* The size is written last, when all else is there. */
static inline void make_theirs(const struct command *c)
{
    want_n = 0;
    c->theirs();
    size_at(2, want_n); /* behind the tag */
}

static inline void check_bytes(const struct command *c)
{
    char dst[sizeof want];
    struct out o = out_to(dst, sizeof dst);

    make_theirs(c);
    c->ours(&o);
    assert_false(o.overflow);
    assert_int_equal(o.len, want_n);
    assert_memory_equal(dst, want, want_n);
    assert_int_equal(tpm2_size(dst, o.len), want_n);
    assert_string_equal(tpm2_command_name(tpm2_command_code(dst)), c->name);
}

/* Behind something else, in a room that is as large as it must be, and in all smaller ones. */
static inline void check_room(const struct command *c)
{
    make_theirs(c);
    for (size_t room = 0; room <= want_n; room++) {
        char *dst = malloc(1 + room); /* no byte more */
        struct out o = out_to(dst, 1 + room);
        out_str(&o, "x");
        c->ours(&o);
        assert_int_equal(o.overflow, room < want_n);
        assert_int_equal(o.len, room < want_n ? 1 : 1 + want_n);
        assert_int_equal(dst[0], 'x');
        if (room == want_n)
            assert_memory_equal(dst + 1, want, want_n);
        free(dst);
    }
}

#endif
