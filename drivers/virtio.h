/* SPDX-License-Identifier: MIT */
/*
 * A virtio device and the two ways it may be reached: virtio-mmio and virtio-pci,
 * both modern only, each one row of struct virtio_transport (virtio specification
 * 1.2, chapters 3 and 4).
 */
#ifndef DRIVERS_VIRTIO_H
#define DRIVERS_VIRTIO_H

#include "drivers/virtqueue.h"

#include <stddef.h>

enum virtio_id {
    VIRTIO_ID_ENTROPY = 4,
    VIRTIO_ID_VSOCK = 19,
};

/* [2.1] */
enum virtio_status {
    VIRTIO_STATUS_ACKNOWLEDGE = 1,
    VIRTIO_STATUS_DRIVER = 2,
    VIRTIO_STATUS_DRIVER_OK = 4,
    VIRTIO_STATUS_FEATURES_OK = 8,
    VIRTIO_STATUS_DEVICE_NEEDS_RESET = 64,
    VIRTIO_STATUS_FAILED = 128,
};

/* [6] Feature bits that mote accepts when they are offered. */
#define VIRTIO_F_VERSION_1      (UINT64_C(1) << 32)
#define VIRTIO_F_ORDER_PLATFORM (UINT64_C(1) << 36)

struct virtio_device;

/* Register access; nothing here decides anything. word: 0 for features 0..31, 1 for 32..63. */
struct virtio_transport {
    const char *name; /* for the console */
    uint32_t (*get_features)(const struct virtio_device *d, uint32_t word);
    void (*set_features)(const struct virtio_device *d, uint32_t word, uint32_t bits);
    uint8_t (*get_status)(const struct virtio_device *d);
    void (*set_status)(const struct virtio_device *d, uint8_t status);
    /* The largest size the device takes for queue n; 0: no such queue, or it is in use already. */
    uint16_t (*queue_max)(const struct virtio_device *d, uint16_t n);
    /* Makes a queue live. An error when its interrupt or doorbell is out of reach. */
    int (*queue_enable)(struct virtio_device *d, uint16_t n, const struct virtqueue *q);
    void (*notify)(const struct virtio_device *d, uint16_t n);
    uint32_t (*config_generation)(const struct virtio_device *d);
    uint32_t (*config_read)(const struct virtio_device *d, uint32_t offset);
    /* Takes the interrupt line back, before the rings are looked at. */
    void (*acknowledge)(const struct virtio_device *d);
};

#define VIRTIO_QUEUES_MAX 3 /* of one device; vsock has three */

struct virtio_device {
    const struct virtio_transport *transport;
    uint64_t address; /* physical address or bus/device/function, for the console */
    bool interrupts;  /* false: nothing wakes us, poll */
    /* mmio: base. pci: the structures found by the capabilities. */
    uint8_t *base;
    uint8_t *common;
    uint8_t *device;
    uint8_t *doorbell[VIRTIO_QUEUES_MAX];
    uint8_t *notify_base;
    uint32_t notify_size;
    uint32_t notify_multiplier;
    uint32_t device_size;
};

/* Finds the first device with this id on any transport. MOTE_ERR_NOT_FOUND, or what was wrong
 * with the one that was found (it has been told to the console). */
int virtio_find(enum virtio_id id, struct virtio_device *d);

/* The rows' own searches, in the order in which virtio_find() asks. */
int virtio_mmio_find(enum virtio_id id, struct virtio_device *d);
int virtio_pci_find(enum virtio_id id, struct virtio_device *d);

/* [3.1.1] Reset, status handshake, features: VERSION_1 is required, of the others those
 * both sides know. MOTE_ERR_UNSUPPORTED, MOTE_ERR_TIMEOUT (reset). */
int virtio_negotiate(struct virtio_device *d, uint64_t wanted);

/* Readies queue n with memory of the caller. MOTE_ERR_UNSUPPORTED: the device lacks it. */
int virtio_queue_init(struct virtio_device *d, uint16_t n, struct virtqueue *q);

/* The last step; from now on the device lives. Queues filled before it are not kicked yet. */
void virtio_driver_ok(const struct virtio_device *d);

/* Tells the device about new requests in queue n, when it wants to know. */
void virtio_kick(const struct virtio_device *d, uint16_t n, struct virtqueue *q);

/* [2.5] Reads 64 bits of configuration space in one consistent look. MOTE_ERR_BROKEN when
 * the configuration never stops changing. */
int virtio_config_read64(const struct virtio_device *d, uint32_t offset, uint64_t *value);

/* Whether the device has given up (DEVICE_NEEDS_RESET, FAILED). */
bool virtio_needs_reset(const struct virtio_device *d);

#endif
