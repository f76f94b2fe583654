/* SPDX-License-Identifier: MIT */
/*
 * A device that misbehaves when it is told to: the table of what it can do wrong, and
 * the doing of it. It all happens beside the honest path: packets that no machine made
 * go into the guest's buffers, entries that make no sense into its used rings, or a
 * queue is left alone. The tables are in fault_packets.c, fault_rings.c and fault.c.
 *
 * Rules that are broken: virtio specification 1.2, sections 2.7 and 5.10.6.
 */
#ifndef QEMU_VSOCKD_FAULT_H
#define QEMU_VSOCKD_FAULT_H

#include "qemu/vsockd/device.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum fault_queue {
    FAULT_RX = DEVICE_RX,
    FAULT_TX = DEVICE_TX,
    FAULT_EVENT = DEVICE_QUEUES,
};

/* What goes on until it is ended. */
enum fault_lasting {
    FAULT_HOLD_RX = 1,
    FAULT_HOLD_TX = 2,
    FAULT_MUTE = 4,
    FAULT_CONFIG_STORM = 8,
};

/* One thing to do wrong: packets, a used ring, or something left undone. */
struct fault_row {
    const char *name;
    const char *what;  /* for the help */
    bool needs_victim; /* it is done to a connection */
    /* Packets: how many, and of them how many become visible to the guest together. */
    uint32_t packets;
    uint32_t batch;
    /* Their operation; when there is a second, they come in pairs of the same ports. */
    uint16_t op;
    uint16_t second_op;
    uint32_t payload;            /* bytes behind the header (of the second, in pairs) */
    struct virtio_vsock_hdr add; /* what is added to the fields of an honest header */
    /* The guest may take the payload; or else our machine would not believe its credit. */
    bool counted;
    bool lies; /* about the bytes written: it claims */
    uint32_t claim;
    /* Writes over a packet that is visible already. */
    void (*scribble)(const struct vring *ring, const struct vring_chain *chain);
    /* A used ring: spoils it where the next chain's entry belongs. */
    enum fault_queue queue;
    void (*spoil)(struct vring *ring, const struct vring_chain *chain);
    /* Neither: bits of enum fault_lasting. */
    uint32_t lasting;
};

/* The tables, each with an empty row at its end. */
extern const struct fault_row fault_packets[];
extern const struct fault_row fault_rings[];
extern const struct fault_row fault_lasting[];

struct faults {
    struct device *device;
    const struct fault_row *row; /* what is being done; NULL: nothing */
    struct vsock_conn *victim;
    uint32_t sent; /* packets of it so far */
    uint32_t lasting;
    uint64_t event_queue; /* guest-physical address of a struct virtqueue; 0: not known */
    struct vring event_ring;
};

/* The row of a name, or NULL. */
const struct fault_row *fault_find(const char *name);

/* Writes a line about each row. */
void fault_print(FILE *to);

/* Prepares to misbehave over device, which must outlive it. */
void faults_init(struct faults *faults, struct device *device);

/*
 * Starts a fault. victim_port: the host's port of the connection that has to suffer.
 * Returns NULL, or why that can't be done.
 */
const char *faults_start(struct faults *faults, const struct fault_row *row, uint64_t victim_port);

/* Ends everything that was started. */
void faults_end(struct faults *faults);

/* Does what can be done now, before anything else looks at the queues; returns how much. */
int faults_run(struct faults *faults);

/* Whether a fault has something left that does not wait for the guest to send. */
bool faults_busy(const struct faults *faults);

/* Whether a queue is to be left alone. */
bool faults_hold(const struct faults *faults, enum device_queue_index queue);

/* Finds the event queue; false when there is none at faults->event_queue. */
bool faults_open_event_queue(struct faults *faults);

/* Writes an event, and interrupts. False when the guest has no buffer for it there. */
bool faults_send_event(struct faults *faults, uint32_t id);

/* One step of a row with packets, or of one with a used ring: how many chains were used. */
int fault_send_packets(struct faults *faults);
int fault_spoil_ring(struct faults *faults);

#endif
