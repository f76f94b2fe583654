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

bool nondet_bool(void);
uint8_t nondet_u8(void);
uint16_t nondet_u16(void);
uint32_t nondet_u32(void);
uint64_t nondet_u64(void);
size_t nondet_size(void);

#endif
