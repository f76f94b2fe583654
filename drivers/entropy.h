/* SPDX-License-Identifier: MIT */
/* Random bytes fit for keys: the processor's own, else those of a virtio-rng device. */
#ifndef DRIVERS_ENTROPY_H
#define DRIVERS_ENTROPY_H

#include <stddef.h>

/* Looks for a source and names it: "RDSEED or RDRAND", "virtio-rng", or NULL for none. Once. */
const char *entropy_start(void);

/*
 * Fills buf with n bytes. MOTE_ERR_NO_ENTROPY: there is no source, and buf is
 * unchanged or partly filled: no key may be made of it. May wait up to a second for
 * a virtio-rng device; not for use inside the loop.
 */
int entropy_get(void *buf, size_t n);

#endif
