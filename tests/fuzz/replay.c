/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target on files instead of under libFuzzer, so that its corpus is a test
 * that any compiler can build; and on variants of each, the same in every run: a short
 * fuzzing, blind but for where it starts. Ends badly on the first that breaks a property.
 */
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#define INPUT_MAX 65536 /* the corpus is small */
#define TIMEOUT_S 60    /* for one input; an endless loop is a finding */
#define VARIANTS  200   /* of a file: a second or two */
#define EDITS_MAX 4     /* of a variant */

static uint8_t data[INPUT_MAX], variant[INPUT_MAX];
static uint32_t seed;

/* Marsaglia's xorshift: below is never 0. */
static uint32_t any(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

/* Changes a byte, cuts the end off, or writes one part over another; returns the new length. */
static size_t edit(uint8_t *bytes, size_t n)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff};
    uint32_t at = any((uint32_t)n), to = any((uint32_t)n);
    size_t len = n - (at > to ? at : to);

    switch (any(4)) {
    case 0:
        bytes[at] = (uint8_t)any(256);
        return n;
    case 1:
        bytes[at] = edges[any(sizeof edges)];
        return n;
    case 2:
        return n - any((uint32_t)n) / 4;
    default:
        memmove(bytes + to, bytes + at, any((uint32_t)len + 1));
        return n;
    }
}

static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *copy = exact(bytes, n);

    alarm(TIMEOUT_S);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static void run_variants(size_t n)
{
    seed = (uint32_t)n + 1;
    for (int i = 0; i < VARIANTS && n != 0; i++) {
        size_t len = n;
        memcpy(variant, data, n);
        for (uint32_t edits = 1 + any(EDITS_MAX); edits > 0; edits--)
            len = edit(variant, len);
        run(variant, len);
    }
}

static bool replay(const char *path)
{
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        return false;
    }
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    run(data, n);
    run_variants(n);
    return true;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;

    for (int i = 1; i < argc; i++)
        ok &= replay(argv[i]);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
