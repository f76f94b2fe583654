/* SPDX-License-Identifier: MIT */
/*
 * What the harnesses share. A harness includes the files that it is about, so that their
 * static functions and state are within reach and a mutated copy can take a file's place.
 * To CBMC, what nondet_*() returns is any value.
 */
#ifndef PROOF_H
#define PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ASSUME(condition) __CPROVER_assume(condition)
#define PROVE(condition)  __CPROVER_assert(condition, #condition)
#define ANY(object)       __CPROVER_havoc_object(&(object))

/* The subscript i of an array, within its bound; tests/proof/run.py puts it where CBMC, which
 * sees a pointer to a struct, looks no further than to the end of the struct. */
#define AT(array, i)                                                                               \
    ({                                                                                             \
        __typeof__(i) at_ = (i);                                                                   \
        PROVE(IS_POINTER(array) || (size_t)at_ < sizeof(array) / sizeof((array)[0]));              \
        at_;                                                                                       \
    })
#define IS_POINTER(array) __builtin_types_compatible_p(__typeof__(array), __typeof__(&(array)[0]))

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

#endif
