/* SPDX-License-Identifier: MIT */
/*
 * What is the same on every transport: finding a device, bringing it up, configuration
 * space. Numbers in brackets are sections of the virtio specification 1.2.
 */
#include "drivers/virtio.h"

#include "platform/platform.h"

#include <stdio.h>

#define RESET_TIMEOUT_NS UINT64_C(1000000000) /* a reset takes microseconds */
#define CONFIG_TRIES     16                   /* looks at a configuration that changes meanwhile */

int virtio_find(enum virtio_id id, struct virtio_device *d)
{
    static int (*const finders[])(enum virtio_id, struct virtio_device *) = {virtio_mmio_find,
                                                                             virtio_pci_find};
    int result = MOTE_ERR_NOT_FOUND;

    for (size_t i = 0; i < sizeof finders / sizeof finders[0]; i++) {
        int found = finders[i](id, d);
        if (found == MOTE_OK)
            return MOTE_OK;
        if (found != MOTE_ERR_NOT_FOUND)
            result = found;
    }
    return result;
}

static int reset(const struct virtio_device *d)
{
    uint64_t deadline = platform_now_ns() + RESET_TIMEOUT_NS;

    d->transport->set_status(d, 0);
    while (d->transport->get_status(d) != 0)
        if (platform_now_ns() > deadline)
            return MOTE_ERR_TIMEOUT;
    return MOTE_OK;
}

static int give_up(const struct virtio_device *d, const char *why)
{
    printf("mote: virtio device at %s %llx: %s\n", d->transport->name,
           (unsigned long long)d->address, why);
    d->transport->set_status(d, VIRTIO_STATUS_FAILED);
    return MOTE_ERR_UNSUPPORTED;
}

int virtio_negotiate(struct virtio_device *d, uint64_t wanted)
{
    const struct virtio_transport *t = d->transport;
    uint8_t status = VIRTIO_STATUS_ACKNOWLEDGE;

    if (reset(d) != MOTE_OK)
        return MOTE_ERR_TIMEOUT;
    t->set_status(d, status); /* one new bit a write: Firecracker refuses two */
    t->set_status(d, status |= VIRTIO_STATUS_DRIVER);
    uint64_t offered = t->get_features(d, 0) | (uint64_t)t->get_features(d, 1) << 32;
    if ((offered & VIRTIO_F_VERSION_1) == 0)
        return give_up(d, "legacy only (VIRTIO_F_VERSION_1 is not offered)");
    uint64_t accepted = offered & (wanted | VIRTIO_F_VERSION_1 | VIRTIO_F_ORDER_PLATFORM);
    t->set_features(d, 0, (uint32_t)accepted);
    t->set_features(d, 1, (uint32_t)(accepted >> 32));
    t->set_status(d, status |= VIRTIO_STATUS_FEATURES_OK);
    if ((t->get_status(d) & VIRTIO_STATUS_FEATURES_OK) == 0) /* [3.1.1] step 6 */
        return give_up(d, "it refused our choice of features");
    return MOTE_OK;
}

int virtio_queue_init(struct virtio_device *d, uint16_t n, struct virtqueue *q)
{
    uint16_t size = d->transport->queue_max(d, n);

    if (size == 0)
        return give_up(d, "a queue is missing or in use");
    if (size > VIRTQUEUE_SIZE)
        size = VIRTQUEUE_SIZE;
    while ((size & (size - 1)) != 0) /* [2.7] a power of two */
        size &= (uint16_t)(size - 1);
    virtqueue_init(q, size);
    int result = d->transport->queue_enable(d, n, q);
    return result == MOTE_OK ? MOTE_OK : give_up(d, "a queue's doorbell is out of reach");
}

void virtio_driver_ok(const struct virtio_device *d)
{
    uint8_t status = d->transport->get_status(d);

    d->transport->set_status(d, (uint8_t)(status | VIRTIO_STATUS_DRIVER_OK));
}

void virtio_kick(const struct virtio_device *d, uint16_t n, struct virtqueue *q)
{
    if (virtqueue_kick_due(q))
        d->transport->notify(d, n);
}

int virtio_config_read64(const struct virtio_device *d, uint32_t offset, uint64_t *value)
{
    const struct virtio_transport *t = d->transport;

    for (int i = 0; i < CONFIG_TRIES; i++) {
        uint32_t before = t->config_generation(d);
        uint32_t lo = t->config_read(d, offset), hi = t->config_read(d, offset + 4);
        if (t->config_generation(d) != before)
            continue;
        *value = (uint64_t)hi << 32 | lo;
        return MOTE_OK;
    }
    return MOTE_ERR_BROKEN;
}

bool virtio_needs_reset(const struct virtio_device *d)
{
    return (d->transport->get_status(d) &
            (VIRTIO_STATUS_DEVICE_NEEDS_RESET | VIRTIO_STATUS_FAILED)) != 0;
}
