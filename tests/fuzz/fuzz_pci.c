/* SPDX-License-Identifier: MIT */
/*
 * PCI functions whose configuration space and registers are the input: the walk over buses
 * and capabilities, BARs, and a virtio device brought up as far as it lets itself. Mapped
 * registers are memory of exactly the size that was asked for.
 */
#include "drivers/pci.h"
#include "drivers/virtio.h"
#include "platform/platform.h"
#include "tests/fuzz/fuzz.h"

#include <unistd.h>

#define FUNCTIONS   5
#define SPACE       256u
#define MAPPINGS    64
#define MAP_MAX     65536u
#define BAR_FIRST   0x10
#define BAR_END     0x28
#define READS_MAX   2000000u /* all 256 buses, 32 devices, and then some */
#define NOTIFY_SIZE 2

static const uint16_t bdfs[FUNCTIONS] = {0x0000, 0x0008, 0x0009, 0x0100, 0xff18};
static uint8_t spaces[FUNCTIONS][SPACE];
static uint8_t bar_bits[FUNCTIONS]; /* log2 of the size of every BAR */
static uint32_t reads;
static uint64_t now;
static struct input in;
static struct mapping {
    uint8_t *memory;
} mappings[MAPPINGS];
static size_t mapping_count;

static int function_of(uint16_t bdf)
{
    for (int i = 0; i < FUNCTIONS; i++)
        if (bdfs[i] == bdf)
            return i;
    return -1;
}

uint32_t platform_pci_read(uint16_t bdf, uint16_t offset)
{
    int f = function_of(bdf);
    uint32_t v = UINT32_MAX;

    CHECK(++reads < READS_MAX); /* a walk has an end */
    if (f >= 0 && (offset & 0xffcu) < SPACE)
        memcpy(&v, &spaces[f][offset & 0xfcu], sizeof v);
    return v;
}

void platform_pci_write(uint16_t bdf, uint16_t offset, uint32_t value)
{
    int f = function_of(bdf);

    CHECK(f >= 0 && offset % 4 == 0 && offset < SPACE);
    if (offset >= BAR_FIRST && offset < BAR_END && value == UINT32_MAX) {
        uint64_t size_mask = ~((UINT64_C(1) << bar_bits[f] % 64) - 1);
        bool high = bar_bits[f] >= 128 && offset % 8 == 4;
        value = (uint32_t)(high ? size_mask >> 32 : size_mask) | spaces[f][offset] % 16u;
    }
    /* The upper half of the command's word is the status, which zeros do not change. */
    memcpy(&spaces[f][offset], &value, offset == 4 ? 2 : sizeof value);
}

void *platform_map(uint64_t phys, size_t len)
{
    CHECK(len != 0);
    if (phys + len < phys || len > MAP_MAX || mapping_count == MAPPINGS)
        return NULL;
    /* Where a BAR lies in a word is part of what the device says. */
    uint8_t *memory = exact(NULL, len + phys % 16);
    mappings[mapping_count++].memory = memory;
    take_bytes(&in, memory + phys % 16, len < 64 ? len : 64);
    return memory + phys % 16;
}

struct platform_msi platform_msi(void)
{
    return (struct platform_msi){.address = 0xfee00000, .data = 0x20};
}

uint64_t platform_now_ns(void)
{
    return now += UINT64_C(300000000);
}

int virtio_mmio_find(enum virtio_id id, struct virtio_device *d)
{
    (void)id;
    (void)d;
    return MOTE_ERR_NOT_FOUND;
}

static bool count_function(uint16_t bdf, uint32_t id, void *context)
{
    uint8_t *visited = context;
    int f = function_of(bdf);

    CHECK(f >= 0 && id != UINT32_MAX && !visited[f]); /* each at most once */
    visited[f] = 1;
    return false;
}

static void visit_all(void)
{
    uint8_t visited[FUNCTIONS] = {0};

    CHECK(!pci_visit(count_function, visited));
    for (int f = 0; f < FUNCTIONS; f++) {
        uint8_t at = pci_capability_next(bdfs[f], PCI_CAP_MSIX, 0);
        CHECK(at == 0 || (at >= 0x40 && at % 4 == 0));
    }
}

/* Brings the device up as a driver would; registers are memory, so some help is needed. */
static void start(struct virtio_device *d, bool help)
{
    static struct virtqueue queue;
    uint64_t value;

    if (virtio_negotiate(d, 1) != MOTE_OK)
        return;
    for (uint16_t n = 0; n < VIRTIO_QUEUES_MAX; n++) {
        if (help)
            memset(d->common + 28, 0, 2); /* queue_enable is one for each queue */
        if (virtio_queue_init(d, n, &queue) != MOTE_OK)
            return;
        CHECK(queue.size != 0 && queue.size <= VIRTQUEUE_SIZE);
        CHECK(d->doorbell[n] >= d->notify_base &&
              d->doorbell[n] + NOTIFY_SIZE <= d->notify_base + d->notify_size);
        virtqueue_add(&queue, &(struct virtq_segment){&value, sizeof value, true}, 1, 0);
        virtio_kick(d, n, &queue);
    }
    virtio_driver_ok(d);
    CHECK(virtio_config_read64(d, 0, &value) == MOTE_OK);
    virtio_needs_reset(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct virtio_device d = {0};

    in = (struct input){data, size};
    uint8_t choice = take8(&in);
    reads = 0;
    now = 0;
    memset(spaces, 0xff, sizeof spaces);
    for (unsigned f = 0; f < FUNCTIONS; f++) {
        bar_bits[f] = take8(&in);
        if ((choice >> f & 1) != 0)
            take_bytes(&in, spaces[f], SPACE);
    }
    visit_all();
    if (virtio_find(choice < 128 ? VIRTIO_ID_VSOCK : VIRTIO_ID_ENTROPY, &d) == MOTE_OK)
        start(&d, (choice & 32) != 0);
    while (mapping_count != 0)
        free(mappings[--mapping_count].memory);
    return 0;
}
