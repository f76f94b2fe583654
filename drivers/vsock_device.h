/* SPDX-License-Identifier: MIT */
/*
 * The virtio-vsock device (virtio specification 1.2, section 5.10): moves packets
 * between its queues and a connection machine.
 */
#ifndef DRIVERS_VSOCK_DEVICE_H
#define DRIVERS_VSOCK_DEVICE_H

#include "drivers/vsock_machine.h"

/* Finds and starts the device; *cid is the guest's. MOTE_ERR_NOT_FOUND, MOTE_ERR_UNSUPPORTED,
 * MOTE_ERR_BROKEN (the console says why). Once. */
int vsock_device_start(uint64_t *cid);

/*
 * Takes what has arrived to m. Never waits: a full transmit queue does not stop reception.
 * MOTE_ERR_BROKEN: the device broke its specification and is not touched any more (the
 * console says so once).
 */
int vsock_device_poll(struct vsock_machine *m, uint64_t now);

/*
 * Sends what m has to send, as far as there are slots; the rest goes when some are free.
 * True: that made an event, so there may be more to send; the device is told of all
 * packets at the call that returns false.
 */
bool vsock_device_flush(struct vsock_machine *m);

/* Whether the device wakes platform_wait(); if not, poll it often. */
bool vsock_device_interrupts(void);

/*
 * To be called behind vsock_device_flush(), right before platform_wait(), which the device wakes
 * from then on until the next vsock_device_poll(). False: there is something to do already, poll.
 */
bool vsock_device_may_wait(void);

#endif
