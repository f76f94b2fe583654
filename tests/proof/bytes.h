/* SPDX-License-Identifier: MIT */
/*
 * The functions of string.h, byte by byte: CBMC's own are quick for sizes that
 * it knows, and cost more than what is proved for those that it does not.
 */
#ifndef PROOF_BYTES_H
#define PROOF_BYTES_H

#include "tests/proof/proof.h"

void *memset(void *dst, int value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)dst)[i] = (uint8_t)value;
    return dst;
}

void *memcpy(void *dst, const void *src, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)dst)[i] = ((const uint8_t *)src)[i];
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if ((uint8_t *)dst <= (const uint8_t *)src)
        return memcpy(dst, src, n);
    for (size_t i = n; i > 0; i--)
        ((uint8_t *)dst)[i - 1] = ((const uint8_t *)src)[i - 1];
    return dst;
}

void *memchr(const void *s, int value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const uint8_t *)s)[i] == (uint8_t)value)
            return (uint8_t *)s + i;
    return NULL;
}

void explicit_bzero(void *p, size_t n)
{
    memset(p, 0, n);
}

#endif
