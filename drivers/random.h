/* SPDX-License-Identifier: MIT */
/*
 * The agent's random generator: HMAC-DRBG with SHA-256 (NIST SP 800-90A, 10.1.2, of BearSSL) over
 * all sources that there are: those of drivers/entropy.h, and the TPM. One of them that is honest
 * is enough. It takes its first seed when it is first asked, and fails closed: without a seed, and
 * behind a transport reset until it has a new one, there are no bytes.
 */
#ifndef DRIVERS_RANDOM_H
#define DRIVERS_RANDOM_H

#include <stddef.h>

#define RANDOM_SEED 32 /* bytes that are asked of each source */

/* Mixes in n bytes of another source (the TPM). RANDOM_SEED bytes and more are a seed. */
void random_add(const void *bytes, size_t n);

/* The guest was moved or restored: what the generator knows may be known to others, or to another
 * guest. It needs a seed before it gives bytes again. */
void random_renew(void);

/* Fills buf with n bytes, at most 65,536. MOTE_ERR_NO_ENTROPY: no source gives a seed; buf is all
 * zero. The first time, and behind random_renew(), it may wait for a virtio-rng device. */
int random_get(void *buf, size_t n);

#endif
