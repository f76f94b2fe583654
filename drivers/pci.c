/* SPDX-License-Identifier: MIT */
/*
 * Walks the buses and reads capabilities and BARs. What a device says is bounded: a
 * capability list may loop, a BAR may claim any size.
 */
#include "drivers/pci.h"

#include "platform/platform.h"

enum {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BAR0 = 0x10,
    PCI_SECONDARY_BUS = 0x19,
    PCI_CAPABILITIES = 0x34,
};

enum {
    COMMAND_MEMORY = 2,
    COMMAND_MASTER = 4,
    STATUS_CAPABILITIES = 1 << 20, /* in the word of PCI_COMMAND */
    HEADER_BRIDGE = 1,
    HEADER_MULTIFUNCTION = 0x80,
    BAR_IO = 1,
    BAR_64 = 4,
};

#define BUSES 256

uint8_t pci_read8(uint16_t bdf, uint16_t offset)
{
    return (uint8_t)(platform_pci_read(bdf, offset & 0xffcu) >> (offset & 3) * 8);
}

uint16_t pci_read16(uint16_t bdf, uint16_t offset)
{
    return (uint16_t)(platform_pci_read(bdf, offset & 0xffcu) >> (offset & 2) * 8);
}

/* The buses behind bridges that were seen, each at most once however the bridges loop. */
struct bus_set {
    uint8_t todo[BUSES / 8];
    uint8_t seen[BUSES / 8];
};

static void add_bus(struct bus_set *s, uint8_t bus)
{
    if ((s->seen[bus / 8] >> bus % 8 & 1) != 0)
        return;
    s->seen[bus / 8] |= (uint8_t)(1 << bus % 8);
    s->todo[bus / 8] |= (uint8_t)(1 << bus % 8);
}

static int take_bus(struct bus_set *s)
{
    for (int bus = 0; bus < BUSES; bus++) {
        if ((s->todo[bus / 8] >> bus % 8 & 1) == 0)
            continue;
        s->todo[bus / 8] &= (uint8_t) ~(1 << bus % 8);
        return bus;
    }
    return MOTE_ERR_NOT_FOUND;
}

struct visitor {
    bool (*visit)(uint16_t bdf, uint32_t id, void *context);
    void *context;
    struct bus_set buses;
};

static bool visit_slot(struct visitor *v, uint16_t slot)
{
    for (uint16_t function = 0; function < 8; function++) {
        uint16_t bdf = slot | function;
        uint32_t id = platform_pci_read(bdf, PCI_ID);
        if (id == UINT32_MAX && function == 0)
            return false;
        if (id == UINT32_MAX)
            continue;
        uint8_t header = pci_read8(bdf, PCI_HEADER_TYPE);
        if ((header & ~HEADER_MULTIFUNCTION) == HEADER_BRIDGE)
            add_bus(&v->buses, pci_read8(bdf, PCI_SECONDARY_BUS));
        if (v->visit(bdf, id, v->context))
            return true;
        if (function == 0 && (header & HEADER_MULTIFUNCTION) == 0)
            return false;
    }
    return false;
}

bool pci_visit(bool (*visit)(uint16_t bdf, uint32_t id, void *context), void *context)
{
    struct visitor v = {.visit = visit, .context = context};
    int bus;

    add_bus(&v.buses, 0);
    while ((bus = take_bus(&v.buses)) >= 0)
        for (uint16_t device = 0; device < 32; device++)
            if (visit_slot(&v, (uint16_t)((unsigned)bus << 8 | (unsigned)device << 3)))
                return true;
    return false;
}

uint8_t pci_capability_next(uint16_t bdf, enum pci_capability id, uint8_t after)
{
    if ((platform_pci_read(bdf, PCI_COMMAND) & STATUS_CAPABILITIES) == 0)
        return 0;
    uint8_t at = pci_read8(bdf, after != 0 ? after + 1u : (unsigned)PCI_CAPABILITIES) & 0xfc;
    for (int hops = 0; hops < PCI_CAPABILITIES_MAX && at >= 0x40; hops++) {
        if (pci_read8(bdf, at) == id)
            return at;
        at = pci_read8(bdf, at + 1u) & 0xfc;
    }
    return 0;
}

void pci_enable(uint16_t bdf)
{
    uint32_t command = pci_read16(bdf, PCI_COMMAND);

    platform_pci_write(bdf, PCI_COMMAND, command | COMMAND_MEMORY | COMMAND_MASTER);
}

/* The size that a BAR's writable bits tell; decoding is off meanwhile. */
static uint64_t bar_size(uint16_t bdf, uint16_t at, bool wide)
{
    uint32_t command = pci_read16(bdf, PCI_COMMAND);
    uint32_t lo = platform_pci_read(bdf, at);
    uint32_t hi = wide ? platform_pci_read(bdf, at + 4u) : 0;

    platform_pci_write(bdf, PCI_COMMAND, command & ~(uint32_t)COMMAND_MEMORY);
    platform_pci_write(bdf, at, UINT32_MAX);
    uint64_t mask = platform_pci_read(bdf, at) & ~0xfu;
    platform_pci_write(bdf, at, lo);
    if (wide) {
        platform_pci_write(bdf, at + 4u, UINT32_MAX);
        mask |= (uint64_t)platform_pci_read(bdf, at + 4u) << 32;
        platform_pci_write(bdf, at + 4u, hi);
    } else {
        mask |= UINT64_C(0xffffffff) << 32;
    }
    platform_pci_write(bdf, PCI_COMMAND, command);
    return mask == 0 ? 0 : ~mask + 1;
}

void *pci_map_bar(uint16_t bdf, uint8_t bar, uint32_t offset, uint32_t len)
{
    uint16_t at = (uint16_t)(PCI_BAR0 + 4 * bar);

    if (bar > 5)
        return NULL;
    uint32_t lo = platform_pci_read(bdf, at);
    bool wide = (lo & BAR_64) != 0;
    if ((lo & BAR_IO) != 0 || (wide && bar == 5))
        return NULL;
    uint64_t base = lo & ~0xfu;
    if (wide)
        base |= (uint64_t)platform_pci_read(bdf, at + 4u) << 32;
    if (base == 0 || len == 0 || (uint64_t)offset + len > bar_size(bdf, at, wide))
        return NULL;
    return platform_map(base + offset, len);
}
