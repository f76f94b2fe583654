/* SPDX-License-Identifier: MIT */
/*
 * The agent's random generator: HMAC-DRBG with SHA-256 (NIST SP 800-90A, of BearSSL) over all
 * sources that there are: the processor's RDSEED, a virtio-rng device or the kernel, and the TPM.
 * One of them that is honest is enough. It fails closed: without a seed, and behind a transport
 * reset until it has a new one, there are no bytes.
 */
#ifndef DRIVERS_RANDOM_H
#define DRIVERS_RANDOM_H

#include <stddef.h>

#define RANDOM_SEED 32 /* bytes of each source */

/* Takes a seed of every source but the TPM. What they are called, "RDSEED or RDRAND, virtio-rng";
 * NULL: none gave any. */
const char *random_start(void);

/* Mixes in n bytes of another source (the TPM). With RANDOM_SEED bytes or more they are a seed. */
void random_add(const void *bytes, size_t n);

/* The guest was moved or restored: what the generator knows may be known to others, or to a second
 * guest. It is seeded anew, by what answers at once; without that it gives nothing until
 * random_add(). */
void random_renew(void);

/* Fills buf with n bytes, at most 65,536. MOTE_ERR_NO_ENTROPY: there are none, and buf is all zero.
 */
int random_get(void *buf, size_t n);

#endif
