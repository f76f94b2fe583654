/* SPDX-License-Identifier: MIT */
/*
 * virtio-pci, modern (virtio specification 1.2, section 4.1): the structures are found
 * by vendor capabilities; interrupts come as one MSI-X message for all queues.
 */
#include "drivers/pci.h"
#include "drivers/virtio.h"
#include "platform/platform.h"

#include <stdio.h>

#define PCI_VENDOR_VIRTIO  0x1af4u
#define PCI_DEVICE_MODERN  0x1040u /* plus the virtio id */
#define PCI_DEVICE_VSOCK_T 0x1012u /* the transitional id of vsock */
#define PCI_DEVICE_RNG_T   0x1005u /* and of the entropy source */
#define NO_VECTOR          0xffffu

/* [4.1.4] cfg_type, and where the capability has its fields. */
enum { CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_DEVICE = 4 };
enum { CAP_CFG_TYPE = 3, CAP_BAR = 4, CAP_OFFSET = 8, CAP_LENGTH = 12, CAP_MULTIPLIER = 16 };

/* [4.1.4.3] */
enum {
    COMMON_DEVICE_FEATURE_SELECT = 0,
    COMMON_DEVICE_FEATURE = 4,
    COMMON_DRIVER_FEATURE_SELECT = 8,
    COMMON_DRIVER_FEATURE = 12,
    COMMON_MSIX_CONFIG = 16,
    COMMON_DEVICE_STATUS = 20,
    COMMON_CONFIG_GENERATION = 21,
    COMMON_QUEUE_SELECT = 22,
    COMMON_QUEUE_SIZE = 24,
    COMMON_QUEUE_MSIX_VECTOR = 26,
    COMMON_QUEUE_ENABLE = 28,
    COMMON_QUEUE_NOTIFY_OFF = 30,
    COMMON_QUEUE_DESC = 32,
    COMMON_QUEUE_DRIVER = 40,
    COMMON_QUEUE_DEVICE = 48,
    COMMON_LENGTH = 56,
};

static uint8_t read8(const uint8_t *p)
{
    return *(const volatile uint8_t *)p;
}

static uint16_t read16(const uint8_t *p)
{
    return *(const volatile uint16_t *)(const void *)p;
}

static uint32_t read32(const uint8_t *p)
{
    return *(const volatile uint32_t *)(const void *)p;
}

static void write8(uint8_t *p, uint8_t v)
{
    *(volatile uint8_t *)p = v;
}

static void write16(uint8_t *p, uint16_t v)
{
    *(volatile uint16_t *)(void *)p = v;
}

static void write32(uint8_t *p, uint32_t v)
{
    *(volatile uint32_t *)(void *)p = v;
}

static void write64(uint8_t *p, uint64_t v)
{
    write32(p, (uint32_t)v); /* [4.1.3.1] 64-bit fields as two halves */
    write32(p + 4, (uint32_t)(v >> 32));
}

static uint32_t get_features(const struct virtio_device *d, uint32_t word)
{
    write32(d->common + COMMON_DEVICE_FEATURE_SELECT, word);
    return read32(d->common + COMMON_DEVICE_FEATURE);
}

static void set_features(const struct virtio_device *d, uint32_t word, uint32_t bits)
{
    write32(d->common + COMMON_DRIVER_FEATURE_SELECT, word);
    write32(d->common + COMMON_DRIVER_FEATURE, bits);
}

static uint8_t get_status(const struct virtio_device *d)
{
    return read8(d->common + COMMON_DEVICE_STATUS);
}

static void set_status(const struct virtio_device *d, uint8_t status)
{
    write8(d->common + COMMON_DEVICE_STATUS, status);
}

static uint16_t queue_max(const struct virtio_device *d, uint16_t n)
{
    write16(d->common + COMMON_QUEUE_SELECT, n);
    return read16(d->common + COMMON_QUEUE_ENABLE) != 0 ? 0 : read16(d->common + COMMON_QUEUE_SIZE);
}

static int queue_enable(struct virtio_device *d, uint16_t n, const struct virtqueue *q)
{
    uint8_t *c = d->common;

    write16(c + COMMON_QUEUE_SELECT, n);
    uint64_t at = (uint64_t)read16(c + COMMON_QUEUE_NOTIFY_OFF) * d->notify_multiplier;
    if (at + 2 > d->notify_size || at % 2 != 0)
        return MOTE_ERR_BROKEN;
    d->doorbell[n] = d->notify_base + at;
    if (d->interrupts) {
        write16(c + COMMON_QUEUE_MSIX_VECTOR, 0);
        d->interrupts = read16(c + COMMON_QUEUE_MSIX_VECTOR) == 0; /* [4.1.5.1.2] */
    }
    write16(c + COMMON_QUEUE_SIZE, q->size);
    write64(c + COMMON_QUEUE_DESC, (uintptr_t)q->desc);
    write64(c + COMMON_QUEUE_DRIVER, (uintptr_t)&q->avail);
    write64(c + COMMON_QUEUE_DEVICE, (uintptr_t)&q->used);
    write16(c + COMMON_QUEUE_ENABLE, 1);
    return MOTE_OK;
}

static void notify(const struct virtio_device *d, uint16_t n)
{
    write16(d->doorbell[n], n);
}

static uint32_t config_generation(const struct virtio_device *d)
{
    return read8(d->common + COMMON_CONFIG_GENERATION);
}

static uint32_t config_read(const struct virtio_device *d, uint32_t offset)
{
    return offset + 4 <= d->device_size ? read32(d->device + offset) : 0;
}

static void acknowledge(const struct virtio_device *d)
{
    (void)d; /* a message leaves no line up */
}

static const struct virtio_transport pci_transport = {
    .name = "pci",
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

/* Maps the structures that the vendor capabilities name; the first of each type counts. */
static bool map_structures(uint16_t bdf, struct virtio_device *d)
{
    uint8_t at = 0;

    for (int n = 0; n < PCI_CAPABILITIES_MAX; n++) { /* the list may have a loop */
        at = pci_capability_next(bdf, PCI_CAP_VENDOR, at);
        if (at == 0)
            break;
        uint8_t type = pci_read8(bdf, at + CAP_CFG_TYPE), bar = pci_read8(bdf, at + CAP_BAR);
        uint32_t offset = platform_pci_read(bdf, at + CAP_OFFSET);
        uint32_t len = platform_pci_read(bdf, at + CAP_LENGTH);

        if (offset % (type == CAP_NOTIFY ? 2 : 4) != 0) /* [4.1.4.3.1, 4.1.4.4.1, 4.1.4.6.1] */
            continue;
        if (type == CAP_COMMON && d->common == NULL && len >= COMMON_LENGTH) {
            d->common = pci_map_bar(bdf, bar, offset, len);
        } else if (type == CAP_NOTIFY && d->notify_base == NULL) {
            d->notify_base = pci_map_bar(bdf, bar, offset, len);
            d->notify_size = len;
            d->notify_multiplier = platform_pci_read(bdf, at + CAP_MULTIPLIER);
        } else if (type == CAP_DEVICE && d->device == NULL) {
            d->device = pci_map_bar(bdf, bar, offset, len);
            d->device_size = d->device != NULL ? len : 0;
        }
    }
    return d->common != NULL && d->notify_base != NULL;
}

/* MSI-X table entry 0 gets our message. [PCI 3.0, 6.8.2] */
static bool enable_msix(uint16_t bdf, struct virtio_device *d)
{
    enum { MSIX_ENABLE = 1u << 31, MSIX_MASK_ALL = 1u << 30, ENTRY_SIZE = 16 };
    uint8_t at = pci_capability_next(bdf, PCI_CAP_MSIX, 0);

    if (at == 0)
        return false;
    uint32_t table = platform_pci_read(bdf, at + 4u);
    uint8_t *entry = pci_map_bar(bdf, table & 7, table & ~7u, ENTRY_SIZE);
    if (entry == NULL)
        return false;
    struct platform_msi msi = platform_msi();
    uint32_t control = platform_pci_read(bdf, at);
    platform_pci_write(bdf, at, (control | MSIX_ENABLE) & ~(uint32_t)MSIX_MASK_ALL);
    write64(entry, msi.address);
    write32(entry + 8, msi.data);
    write32(entry + 12, 0); /* not masked */
    write16(d->common + COMMON_MSIX_CONFIG, NO_VECTOR);
    return true;
}

struct search {
    enum virtio_id id;
    uint32_t transitional;
    uint16_t bdf;
};

static bool matches(uint16_t bdf, uint32_t id, void *context)
{
    struct search *s = context;
    uint32_t device = id >> 16;

    if ((id & 0xffff) != PCI_VENDOR_VIRTIO ||
        (device != PCI_DEVICE_MODERN + s->id && device != s->transitional))
        return false;
    s->bdf = bdf;
    return true;
}

int virtio_pci_find(enum virtio_id id, struct virtio_device *d)
{
    struct search s = {
        .id = id, .transitional = id == VIRTIO_ID_VSOCK ? PCI_DEVICE_VSOCK_T : PCI_DEVICE_RNG_T};

    if (!pci_visit(matches, &s))
        return MOTE_ERR_NOT_FOUND;
    *d = (struct virtio_device){.transport = &pci_transport, .address = s.bdf};
    if (!map_structures(s.bdf, d)) {
        printf("mote: virtio-pci device %04x has no modern structures that can be reached\n",
               (unsigned)s.bdf);
        return MOTE_ERR_UNSUPPORTED;
    }
    pci_enable(s.bdf);
    d->interrupts = enable_msix(s.bdf, d);
    return MOTE_OK;
}
