/* SPDX-License-Identifier: MIT */
/*
 * The device itself: two virtqueues on one side, the connection machine on the
 * other, packets carried between them. It knows neither vhost-user nor sockets.
 * A guest that breaks the rules of its queues stops the device until the queues
 * are set up again; that is said once, on stderr.
 *
 * Rules: virtio specification 1.2, section 5.10.6.
 */
#ifndef QEMU_VSOCKD_DEVICE_H
#define QEMU_VSOCKD_DEVICE_H

#include "drivers/vsock_machine.h"
#include "qemu/vsockd/guest_memory.h"
#include "qemu/vsockd/vring.h"

#include <stdbool.h>
#include <stdint.h>

enum device_queue_index {
    DEVICE_RX = 0,
    DEVICE_TX = 1,
    DEVICE_QUEUES = 2, /* QEMU keeps the event queue for itself */
};

struct device_queue {
    struct vring ring;
    struct vring_addresses addresses;
    bool enabled;
    int kick_fd; /* -1: the queue is stopped */
    int call_fd; /* -1: no interrupts */
    int err_fd;  /* -1: nobody wants to know */
};

struct device {
    struct vsock_machine *machine;
    uint64_t host_cid;
    struct guest_memory memory;
    struct device_queue queues[DEVICE_QUEUES];
    bool running;
    bool starved; /* packets may wait for a buffer of the guest */
    bool mute;    /* no interrupts: a fault */
    struct vring_chain chain;
    uint8_t payload[VSOCK_MAX_PAYLOAD];
};

/* Makes a stopped device in front of machine. */
void device_init(struct device *device, struct vsock_machine *machine, uint64_t host_cid);

/*
 * Decides anew whether the device runs, after its queues or memory changed. When
 * queues start from the beginning the guest is a new one and the machine is reset.
 */
void device_update(struct device *device);

/* Finds the queues again, after the memory or their addresses changed. */
int device_map_queue(struct device *device, struct device_queue *queue);

/* Moves a batch of packets from the guest into the machine; returns how many. */
int device_transmit(struct device *device, uint64_t now);

/* Moves a batch of packets from the machine to the guest; returns how many. */
int device_receive(struct device *device);

/* To be asked before the caller sleeps until the next kick, which the guest leaves out
 * otherwise. False: there is something to do already. */
bool device_may_wait(struct device *device);

/* Interrupts the guest for what was finished in a queue, if it wants that. */
void device_interrupt(struct device *device, enum device_queue_index index);

#endif
