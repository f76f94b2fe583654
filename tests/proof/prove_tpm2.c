/* SPDX-License-Identifier: MIT */
/*
 * Answers of a TPM: of any bytes the frame is read within them, and what passes is what a plain
 * reading says: sizes, handle, parameters and sessions that fill the answer to its last byte. PCRs
 * are written within their room. Digests are of two bytes here: their size is nothing but a number.
 */
#include "tests/proof/bytes.h"

#include "proto/tpm2_answer.c"
#include "proto/tpm2_parse.c"

#ifndef TPM2_BOUND
#define TPM2_BOUND 8 /* bytes that are given */
#endif

#define DIGEST 2

static struct tpm2_command command; /* the only one that is known */

const struct tpm2_command *tpm2_find_command(uint32_t code)
{
    return code == command.code ? &command : NULL;
}

size_t tpm2_digest_size(uint16_t hash)
{
    return hash == TPM_ALG_SHA256 ? DIGEST : 0;
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

/* Behind the handle of an answer: the size of its parameters, these, and authorizations. */
void prove_tpm2_sessions(void)
{
    size_t n = nondet_size();
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_reader r = {bytes, bytes + n, false};

    command.auths = nondet_bool() ? 2 : 1;
    bool good = split_sessions(&command, &r) == NULL;
    if (n < 4 || plain(bytes, 4) > n - 4) {
        PROVE(!good);
        return;
    }
    size_t parameters = plain(bytes, 4), done = 4 + parameters;
    for (unsigned i = 0; i < command.auths && done <= n; i++)
        done += plain_auth(bytes + done, n - done);
    PROVE(good == (done == n));
    PROVE(!good || (!r.bad && r.at == bytes + 4 && r.end == bytes + 4 + parameters));
}

/* The header and the handle of a command without authorizations, and what an error has. */
void prove_tpm2_read_answer(void)
{
    size_t n = nondet_size(), at;
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_answer a;
    const char *rule = NULL;

    command = (struct tpm2_command){.code = 1, .has_answer_handle = nondet_bool()};
    at = 10 + (command.has_answer_handle ? 4 : 0);
    bool good = tpm2_read_answer((enum tpm_cc)1, bytes, n, &a, &rule);
    PROVE(good == (rule == NULL));
    if (n < 10 || plain(bytes + 2, 4) != n || plain(bytes, 2) != 0x8001) {
        PROVE(!good);
        return;
    }
    PROVE(a.rc == plain(bytes + 6, 4));
    PROVE(good == (a.rc != 0 ? n == 10 : n >= at));
    if (!good)
        return;
    at = a.rc != 0 ? 10 : at;
    PROVE(a.parameters.at == bytes + at && a.parameters.end == bytes + n && !a.parameters.bad);
    PROVE(a.handle == (at == 14 ? plain(bytes + 10, 4) : 0));
    PROVE(!tpm2_read_answer((enum tpm_cc)2, bytes, n, &a, &rule));
}

void prove_tpm2_read_pcrs(void)
{
    static uint8_t room[2 * DIGEST];
    size_t n = nondet_size(), cap = nondet_size(), len;
    const uint8_t *bytes = any_bytes(n);
    struct tpm2_reader r = {bytes, bytes + n, false};
    const struct tpm2_selection asked = {TPM_ALG_SHA256, nondet_u32()};
    uint32_t read;

    ASSUME(cap <= sizeof room && asked.pcrs >> TPM2_PCRS == 0);
    uint8_t *dst = room + sizeof room - cap;
    bool good = tpm2_read_pcrs(&r, &asked, &read, dst, cap, &len);
    PROVE(len <= cap);
    if (!good)
        return;
    PROVE((read & ~asked.pcrs) == 0 && len == DIGEST * count_bits(read));
    PROVE(r.at == r.end && !r.bad);
    if (len != 0)
        PROVE(plain(bytes + 4, 4) == 1 && plain(bytes + 8, 2) == asked.hash);
    for (size_t i = 0; i < DIGEST && len != 0; i++) /* the last value stands at the end */
        PROVE(dst[len - 1 - i] == bytes[n - 1 - i]);
}
