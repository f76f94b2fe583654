/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz target on files instead of under libFuzzer, so that its corpus is a test
 * that any compiler can build. Ends badly on the first file that breaks a property.
 */
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#define INPUT_MAX 65536 /* the corpus is small */
#define TIMEOUT_S 60    /* for one file; an endless loop is a finding */

static bool replay(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        perror(path);
        return false;
    }
    size_t n = fread(data, 1, sizeof data, f);
    fclose(f);
    uint8_t *copy = exact(data, n);
    alarm(TIMEOUT_S);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
    return true;
}

int main(int argc, char **argv)
{
    bool ok = argc > 1;

    for (int i = 1; i < argc; i++)
        ok &= replay(argv[i]);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
