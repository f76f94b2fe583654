/* SPDX-License-Identifier: MIT */
/* The virtio entropy device (virtio specification 1.2, section 5.4). */
#ifndef DRIVERS_VIRTIO_RNG_H
#define DRIVERS_VIRTIO_RNG_H

#include <stddef.h>

/* Finds and starts the device. MOTE_ERR_NOT_FOUND, or why it can't be used. Once. */
int virtio_rng_start(void);

/* Fills buf; waits for the device, a second at most. MOTE_ERR_NO_ENTROPY: it gave too little. */
int virtio_rng_read(void *buf, size_t n);

#endif
