/* SPDX-License-Identifier: MIT */
/*
 * Answers of a TPM: of any bytes the frame is read within them, and what passes is what a plain
 * reading says: sizes, handle, parameters and sessions that fill the answer to its last byte. PCRs
 * are written within their room.
 */
#include "tests/proof/bytes.h"

#include "proto/out.c"
#include "proto/tpm2_answer.c"
#include "proto/tpm2_parse.c"
#include "proto/tpm2_selection.c"
#include "proto/tpm2_write.c"
#include "proto/utf8.c"

#ifndef TPM2_BOUND
#define TPM2_BOUND 8 /* bytes that are given */
#endif

void tpm2_write_template(struct out *o, const struct tpm2_template *t)
{
    (void)o;
    (void)t;
}

static uint8_t given[TPM2_BOUND];

/* The last n of them: to read the byte behind is an error. */
static const uint8_t *any_bytes(size_t n)
{
    ANY(given);
    ASSUME(n <= sizeof given);
    return given + sizeof given - n;
}

static uint32_t plain(const uint8_t *b, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v * 256 + b[i];
    return v;
}

/* Whatever a reader is asked for, it stays within its bytes, and says when they end. */
void prove_tpm2_reader(void)
{
    size_t n = nondet_size(), want = nondet_size();
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_reader r = {bytes, bytes + n, nondet_bool()};
    bool bad = r.bad;

    struct bytes b = tpm2_bytes(&r, want);
    PROVE(r.bad == (bad || want > n));
    PROVE(b.n == (r.bad ? 0 : want));
    PROVE(r.bad || b.at == (const char *)bytes);
    PROVE(r.at == bytes + b.n && r.end == bytes + n);
}

void prove_tpm2_2b(void)
{
    size_t n = nondet_size();
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_reader r = {bytes, bytes + n, false};

    struct bytes b = tpm2_2b(&r);
    PROVE(r.bad == (n < 2 || plain(bytes, 2) > n - 2));
    PROVE(r.bad ? b.n == 0 : b.n == plain(bytes, 2) && b.at == (const char *)bytes + 2);
    PROVE(r.bad || r.at == bytes + 2 + b.n);
    PROVE(r.at >= bytes && r.at <= bytes + n);
}

void prove_tpm2_size(void)
{
    size_t n = nondet_size();
    const uint8_t *bytes = any_bytes(n);

    PROVE(tpm2_size(bytes, n) == (n < 10 ? 0 : plain(bytes + 2, 4)));
    if (n >= 10)
        PROVE(tpm2_command_code(bytes) == (enum tpm_cc)plain(bytes + 6, 4));
}

/* Bytes of the authorization at this place; more than there are: it is none. */
static size_t plain_auth(const uint8_t *bytes, size_t n)
{
    size_t nonce, hmac;

    if (n < 2)
        return n + 1;
    nonce = plain(bytes, 2);
    if (n < 2 + nonce + 1 + 2)
        return n + 1;
    hmac = plain(bytes + 2 + nonce + 1, 2);
    return 2 + nonce + 1 + 2 + hmac;
}

/* Whether an answer without an error is one of the command. */
static bool plain_success(const struct tpm2_command *c, const uint8_t *bytes, size_t n, size_t *at,
                          size_t *parameters)
{
    *at = 10 + (c->has_answer_handle ? 4 : 0);
    if (c->auths == 0) {
        *parameters = n - *at;
        return plain(bytes, 2) == 0x8001 && n >= *at;
    }
    if (plain(bytes, 2) != 0x8002 || n < *at + 4)
        return false;
    *parameters = plain(bytes + *at, 4);
    *at += 4;
    if (*parameters > n - *at)
        return false;
    size_t done = *at + *parameters;
    for (unsigned i = 0; i < c->auths && done <= n; i++)
        done += plain_auth(bytes + done, n - done);
    return done == n;
}

void prove_tpm2_read_answer(void)
{
    size_t n = nondet_size(), which = nondet_size(), at = 0, parameters = 0;
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_answer a;
    const char *rule = NULL;

    ASSUME(which < sizeof commands / sizeof commands[0]);
    const struct tpm2_command *c = &commands[which];
    bool good = tpm2_read_answer((enum tpm_cc)c->code, bytes, n, &a, &rule);
    PROVE(good == (rule == NULL));
    if (n < 10 || plain(bytes + 2, 4) != n) {
        PROVE(!good);
        return;
    }
    uint32_t rc = plain(bytes + 6, 4);
    if (rc != 0) {
        PROVE(good == (plain(bytes, 2) == 0x8001 && n == 10));
        PROVE(a.rc == rc && a.handle == 0 && (!good || a.parameters.at == a.parameters.end));
        return;
    }
    PROVE(good == plain_success(c, bytes, n, &at, &parameters));
    if (!good)
        return;
    PROVE(a.rc == 0 && !a.parameters.bad);
    PROVE(a.handle == (c->has_answer_handle ? plain(bytes + 10, 4) : 0));
    PROVE(a.parameters.at == bytes + at && a.parameters.end == bytes + at + parameters);
}

/* A hash that is not known has no size, and so no value; the bound has room for one of SHA-1. */
void prove_tpm2_read_pcrs(void)
{
    static uint8_t room[20];
    size_t n = nondet_size(), cap = nondet_size(), len;
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_reader r = {bytes, bytes + n, false};
    const struct tpm2_selection asked = {nondet_u16(), nondet_u32()};
    uint32_t read;

    ASSUME(cap <= sizeof room && asked.pcrs >> TPM2_PCRS == 0);
    ASSUME(asked.hash == TPM_ALG_SHA1 || asked.hash == TPM_ALG_SHA256);
    uint8_t *dst = room + sizeof room - cap;
    if (!tpm2_read_pcrs(&r, &asked, &read, dst, cap, &len)) {
        PROVE(len <= cap);
        return;
    }
    PROVE((read & ~asked.pcrs) == 0 && len <= cap);
    PROVE(len == count_bits(read) * tpm2_digest_size(asked.hash));
    PROVE(r.at == r.end && !r.bad);
    if (len != 0)
        PROVE(plain(bytes + 4, 4) == 1 && plain(bytes + 8, 2) == asked.hash);
    for (size_t i = 0; i < len; i++)
        PROVE(dst[i] == bytes[n - len + i]);
}
