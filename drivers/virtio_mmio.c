/* SPDX-License-Identifier: MIT */
/*
 * virtio-mmio, version 2 (virtio specification 1.2, section 4.2). Every access is an
 * aligned 32-bit one: Firecracker refuses others.
 */
#include "drivers/virtio.h"
#include "platform/platform.h"

#include <stdio.h>

#define WINDOW_SIZE 0x200u
#define MAGIC       0x74726976u

/* [4.2.2] */
enum {
    MMIO_MAGIC_VALUE = 0x000,
    MMIO_VERSION = 0x004,
    MMIO_DEVICE_ID = 0x008,
    MMIO_DEVICE_FEATURES = 0x010,
    MMIO_DEVICE_FEATURES_SEL = 0x014,
    MMIO_DRIVER_FEATURES = 0x020,
    MMIO_DRIVER_FEATURES_SEL = 0x024,
    MMIO_QUEUE_SEL = 0x030,
    MMIO_QUEUE_NUM_MAX = 0x034,
    MMIO_QUEUE_NUM = 0x038,
    MMIO_QUEUE_READY = 0x044,
    MMIO_QUEUE_NOTIFY = 0x050,
    MMIO_INTERRUPT_ACK = 0x064,
    MMIO_STATUS = 0x070,
    MMIO_QUEUE_DESC_LOW = 0x080,
    MMIO_QUEUE_DRIVER_LOW = 0x090,
    MMIO_QUEUE_DEVICE_LOW = 0x0a0,
    MMIO_CONFIG_GENERATION = 0x0fc,
    MMIO_CONFIG = 0x100,
};

enum { INTERRUPT_USED_BUFFER = 1, INTERRUPT_CONFIGURATION = 2 };

static uint32_t read32(const struct virtio_device *d, uint32_t offset)
{
    return *(const volatile uint32_t *)(d->base + offset);
}

static void write32(const struct virtio_device *d, uint32_t offset, uint32_t v)
{
    *(volatile uint32_t *)(d->base + offset) = v;
}

static void write64(const struct virtio_device *d, uint32_t offset, const void *address)
{
    uint64_t v = (uintptr_t)address;

    write32(d, offset, (uint32_t)v);
    write32(d, offset + 4, (uint32_t)(v >> 32));
}

static uint32_t get_features(const struct virtio_device *d, uint32_t word)
{
    write32(d, MMIO_DEVICE_FEATURES_SEL, word);
    return read32(d, MMIO_DEVICE_FEATURES);
}

static void set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
    write32(d, MMIO_DRIVER_FEATURES_SEL, word);
    write32(d, MMIO_DRIVER_FEATURES, bits);
}

static uint8_t get_status(const struct virtio_device *d)
{
    return (uint8_t)read32(d, MMIO_STATUS);
}

static void set_status(const struct virtio_device *d, uint8_t status)
{
    write32(d, MMIO_STATUS, status);
}

static uint16_t queue_max(const struct virtio_device *d, uint16_t n)
{
    write32(d, MMIO_QUEUE_SEL, n);
    if (read32(d, MMIO_QUEUE_READY) != 0)
        return 0;
    uint32_t max = read32(d, MMIO_QUEUE_NUM_MAX);
    return max < UINT16_MAX ? (uint16_t)max : UINT16_MAX;
}

static int queue_enable(struct virtio_device *d, uint16_t n, const struct virtqueue *q)
{
    write32(d, MMIO_QUEUE_SEL, n);
    write32(d, MMIO_QUEUE_NUM, q->size);
    write64(d, MMIO_QUEUE_DESC_LOW, q->desc);
    write64(d, MMIO_QUEUE_DRIVER_LOW, &q->avail);
    write64(d, MMIO_QUEUE_DEVICE_LOW, &q->used);
    write32(d, MMIO_QUEUE_READY, 1);
    return MOTE_OK;
}

static void notify(const struct virtio_device *d, uint16_t n)
{
    write32(d, MMIO_QUEUE_NOTIFY, n);
}

static uint32_t config_generation(const struct virtio_device *d)
{
    return read32(d, MMIO_CONFIG_GENERATION);
}

static uint32_t config_read(const struct virtio_device *d, uint32_t offset)
{
    return read32(d, MMIO_CONFIG + offset);
}

/* Both reasons at once, unread: a read would cost another exit, and the rings tell more. */
static void acknowledge(const struct virtio_device *d)
{
    write32(d, MMIO_INTERRUPT_ACK, INTERRUPT_USED_BUFFER | INTERRUPT_CONFIGURATION);
}

static const struct virtio_transport mmio_transport = {
    .name = "mmio",
    .get_features = get_features,
    .set_features = set_features,
    .get_status = get_status,
    .set_status = set_status,
    .queue_max = queue_max,
    .queue_enable = queue_enable,
    .notify = notify,
    .config_generation = config_generation,
    .config_read = config_read,
    .acknowledge = acknowledge,
};

/* Opens a window as a device; false when the window holds none of this id. */
static bool open_window(const struct platform_mmio *window, enum virtio_id id,
                        struct virtio_device *d)
{
    uint8_t *base = platform_map(window->base, WINDOW_SIZE);

    if (base == NULL)
        return false;
    *d =
        (struct virtio_device){.transport = &mmio_transport, .address = window->base, .base = base};
    return read32(d, MMIO_MAGIC_VALUE) == MAGIC && read32(d, MMIO_DEVICE_ID) == id;
}

int virtio_mmio_find(enum virtio_id id, struct virtio_device *d)
{
    const struct platform_mmio *list;
    size_t count = platform_mmio_devices(&list);

    for (size_t i = 0; i < count; i++) {
        if (!open_window(&list[i], id, d))
            continue;
        if (read32(d, MMIO_VERSION) != 2) {
            printf("mote: virtio-mmio device at %llx has version %u, mote needs 2: start QEMU "
                   "with -global virtio-mmio.force-legacy=false\n",
                   (unsigned long long)d->address, (unsigned)read32(d, MMIO_VERSION));
            return MOTE_ERR_UNSUPPORTED;
        }
        d->interrupts = platform_irq_enable(list[i].irq);
        return MOTE_OK;
    }
    return MOTE_ERR_NOT_FOUND;
}
