/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share: values taken off the front of the input, memory of exactly
 * the size that is asked for, so that a read past its end is caught, and CHECK. An input
 * that has come to its end gives zeros. A target keeps nothing between two inputs.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property that every input must keep; a fuzzer takes the abort for a finding. */
#define CHECK(property)                                                                            \
    do {                                                                                           \
        if (!(property)) {                                                                         \
            fprintf(stderr, "%s:%d: CHECK(%s) failed\n", __FILE__, __LINE__, #property);           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

struct input {
    const uint8_t *at;
    size_t left;
};

/* Copies up to n bytes of the input to dst; the rest of dst becomes zero. */
static inline void take_bytes(struct input *in, void *dst, size_t n)
{
    size_t have = n < in->left ? n : in->left;

    memset(dst, 0, n);
    if (have != 0)
        memcpy(dst, in->at, have);
    in->at += have;
    in->left -= have;
}

static inline uint8_t take8(struct input *in)
{
    uint8_t v;
    take_bytes(in, &v, sizeof v);
    return v;
}

static inline uint16_t take16(struct input *in)
{
    uint16_t v;
    take_bytes(in, &v, sizeof v);
    return v;
}

static inline uint32_t take32(struct input *in)
{
    uint32_t v;
    take_bytes(in, &v, sizeof v);
    return v;
}

/* Heap memory of n bytes, none more; contents may be NULL: zeros. free() it. */
static inline void *exact(const void *contents, size_t n)
{
    void *copy = calloc(1, n != 0 ? n : 1);

    CHECK(copy != NULL);
    if (contents != NULL && n != 0)
        memcpy(copy, contents, n);
    return copy;
}

#endif
