/* SPDX-License-Identifier: MIT */
/*
 * Public areas of arbitrary bytes: what passes is one whole area whose parts lie in it, does not
 * overlap, and passes in no other length; what doesn't has its reason.
 */
#include "proto/tpm_public.h"
#include "tests/fuzz/fuzz.h"

/* Whether b lies in the area behind at, which moves behind it. */
static bool follows(struct bytes b, const char **at, const char *end)
{
    if (b.n == 0)
        return true;
    bool good = b.at >= *at && b.n <= (size_t)(end - b.at);
    *at = b.at + b.n;
    return good;
}

static void check_parts(const struct tpm_public *p, const char *area, size_t n)
{
    const char *at = area + 10, *end = area + n;

    CHECK(p->type == TPM_ALG_RSA || p->type == TPM_ALG_ECC);
    CHECK(follows(p->policy, &at, end) && p->policy.n <= 64);
    CHECK(follows(p->modulus, &at, end) && follows(p->x, &at, end) && follows(p->y, &at, end));
    CHECK(at == end);
    CHECK((p->type == TPM_ALG_RSA) == (p->modulus.n != 0 && p->modulus.n * 8 == p->size));
    CHECK((p->type == TPM_ALG_ECC) == (p->x.n != 0 && p->y.n != 0));
}

static bool passes(const uint8_t *data, size_t n, struct tpm_public *p)
{
    const char *rule = NULL;
    char *area = exact(data, n);

    bool good = tpm_public_read(area, n, p, &rule);
    CHECK(good == (rule == NULL));
    if (good)
        check_parts(p, area, n);
    free(area);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tpm_public p, shorter;

    if (!passes(data, size, &p))
        return 0;
    for (size_t n = 0; n < size; n++)
        CHECK(!passes(data, n, &shorter));
    return 0;
}
