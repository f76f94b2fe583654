/* SPDX-License-Identifier: MIT */
/*
 * Sources of random bytes fit for keys: the processor's own and a virtio-rng device, or the kernel.
 * Keys are made by drivers/random.h, of all of them together.
 */
#ifndef DRIVERS_ENTROPY_H
#define DRIVERS_ENTROPY_H

#include <stddef.h>

/* Looks for the sources and names them: "RDSEED or RDRAND, virtio-rng", or NULL for none. Once. */
const char *entropy_start(void);

/*
 * Fills buf with n bytes of the first source that works. MOTE_ERR_NO_ENTROPY: there is none, and
 * buf is unchanged or partly filled: no key may be made of it. May wait up to a second for a
 * virtio-rng device; not for use inside the loop.
 */
int entropy_get(void *buf, size_t n);

/* Hands n bytes, 64 at most, of each source to take(), which may not keep the pointer. Returns how
 * many gave theirs. Waits as entropy_get(). */
int entropy_each(void (*take)(const void *bytes, size_t n), size_t n);

#endif
