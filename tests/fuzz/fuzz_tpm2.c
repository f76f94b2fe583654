/* SPDX-License-Identifier: MIT */
/*
 * Answers of a TPM of arbitrary bytes. The first byte says to which command, the second which
 * PCRs were asked for; or, 0xff, the rest is what somebody gives as PCRs. What passes lies in the
 * answer, in its order, and every structure that it could hold is read as if it were there.
 */
#include "proto/tpm2.h"
#include "tests/fuzz/fuzz.h"

static const enum tpm_cc codes[] = {
    TPM_CC_GET_RANDOM, TPM_CC_START_AUTH_SESSION, TPM_CC_LOAD, TPM_CC_QUOTE, TPM_CC_CERTIFY,
    TPM_CC_PCR_READ,   TPM_CC_READ_PUBLIC,        TPM_CC_SIGN, TPM_CC_HASH,  TPM_CC_CREATE_PRIMARY,
};

/* An answer, or a part of it. */
static const char *start, *end;

static bool lies_within(struct bytes b)
{
    return b.n == 0 || (b.at >= start && b.n <= (size_t)(end - b.at));
}

static void check_pcrs(struct tpm2_reader r, uint32_t asked)
{
    const struct tpm2_selection s = {TPM_ALG_SHA256, asked};
    size_t cap = 8 * 32, n;
    uint8_t *values = exact(NULL, cap);
    uint32_t read;

    if (tpm2_read_pcrs(&r, &s, &read, values, cap, &n)) {
        CHECK((read & ~asked) == 0);
        CHECK(n == 32 * (size_t)__builtin_popcount(read) && n <= cap);
        CHECK(!r.bad && r.at == r.end);
    }
    free(values);
}

static void check_attest(struct bytes b)
{
    struct tpm2_attest a;
    const char *rule = NULL;

    bool good = tpm2_read_attest(b, &a, &rule);
    CHECK(good == (rule == NULL));
    CHECK(lies_within(a.signer) && lies_within(a.extra) && lies_within(a.digest));
    CHECK((a.pcrs.pcrs & ~0xffffffu) == 0);
}

static void check_signature(struct tpm2_reader r)
{
    struct tpm2_signature s;

    if (!tpm2_read_signature(&r, &s))
        return;
    CHECK(!r.bad);
    CHECK(lies_within(s.rsa) && lies_within(s.r) && lies_within(s.s));
    CHECK((s.scheme == TPM_ALG_ECDSA) ? s.rsa.n == 0 : s.r.n + s.s.n == 0);
}

static void check_public(struct bytes b)
{
    struct tpm2_scheme s;
    struct tpm_public p;
    const char *rule;

    if (tpm2_read_scheme(b, &s))
        CHECK(s.scheme == TPM_ALG_RSASSA || s.scheme == TPM_ALG_RSAPSS ||
              s.scheme == TPM_ALG_ECDSA);
    (void)tpm_public_read(b.at, b.n, &p, &rule);
}

/* Whatever the command was: all that answers have in them. */
static void check_parameters(struct tpm2_reader r, uint32_t asked)
{
    start = (const char *)r.at;
    end = (const char *)r.end;
    check_pcrs(r, asked);
    check_signature(r);
    struct bytes first = tpm2_2b(&r);
    CHECK(lies_within(first));
    if (r.bad)
        CHECK(first.n == 0 && tpm2_u64(&r) == 0 && tpm2_2b(&r).n == 0);
    check_attest(first);
    check_public(first);
    check_signature(r);
}

static void check_words(uint32_t rc)
{
    char text[128];
    struct out o = out_to(text, sizeof text);

    tpm2_write_rc(&o, rc);
    CHECK(!o.overflow && o.len > 10);
    CHECK(!(tpm2_is_retry(rc) && tpm2_is_no_handle(rc)));
}

static void check_answer(enum tpm_cc cc, uint32_t asked, const uint8_t *data, size_t n)
{
    uint8_t *answer = exact(data, n);
    struct tpm2_answer a;
    const char *rule = NULL;

    bool good = tpm2_read_answer(cc, answer, n, &a, &rule);
    CHECK(good == (rule == NULL));
    if (good) {
        CHECK(tpm2_size(answer, n) == n);
        CHECK(a.parameters.at >= answer + TPM2_HEADER_SIZE && a.parameters.at <= a.parameters.end);
        CHECK(a.parameters.end <= answer + n && !a.parameters.bad);
        CHECK(a.rc == TPM_RC_SUCCESS || (a.parameters.at == a.parameters.end && a.handle == 0));
        check_words(a.rc);
        check_parameters(a.parameters, asked);
    }
    free(answer);
}

static void check_selection(const uint8_t *data, size_t n)
{
    char *text = exact(data, n), why[256];
    struct out error = out_to(why, sizeof why);
    struct tpm2_selection s;

    if (tpm2_read_selection((struct bytes){text, n}, &s, &error)) {
        CHECK(s.pcrs != 0 && (s.pcrs >> TPM2_PCRS) == 0 && tpm2_digest_size(s.hash) != 0);
        CHECK(error.len == 0);
    } else {
        CHECK(error.len != 0 || error.overflow);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    uint8_t first = take8(&in);

    if (first == 0xff) {
        check_selection(in.at, in.left);
        return 0;
    }
    uint32_t asked = take8(&in);
    check_answer(codes[first % COUNT(codes)], asked == 0xff ? 0xffffff : asked, in.at, in.left);
    return 0;
}
