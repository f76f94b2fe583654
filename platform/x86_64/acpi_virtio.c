/* SPDX-License-Identifier: MIT */
/*
 * The virtio-mmio devices of the DSDT. Its byte code (AML) is not interpreted: behind the
 * hardware id of such a device, the resource descriptors are looked for that QEMU's microvm
 * and Firecracker write there (ACPI specification 6.5, section 6.4).
 */
#include "platform/x86_64/x86.h"

#include <string.h>

static const char hardware_id[] = "LNRO0005";

/* From the id to the end of its resources; QEMU needs 60 bytes, Firecracker about as many. */
#define NODE_MAX 128u

enum { ID_LEN = sizeof hardware_id - 1, FIXED_MEMORY_LEN = 12, INTERRUPT_LEN = 9 };

/* The tag and length of a 32-bit fixed memory range, and of one extended interrupt. */
static const uint8_t fixed_memory[] = {0x86, 0x09, 0x00};
static const uint8_t interrupt[] = {0x89, 0x06, 0x00};

/* Where a descriptor of len bytes begins in [at, end), by its first three; NULL: nowhere. */
static const uint8_t *find(const uint8_t *at, const uint8_t *end, const void *tag, size_t tag_len,
                           size_t len)
{
    for (; end - at >= (ptrdiff_t)len; at++)
        if (memcmp(at, tag, tag_len) == 0)
            return at;
    return NULL;
}

static uint32_t read32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

void acpi_find_virtio(const uint8_t *dsdt, size_t len, void (*add)(uint64_t base, uint32_t irq))
{
    const uint8_t *end = dsdt + len, *at = dsdt;

    while ((at = find(at, end, hardware_id, ID_LEN, ID_LEN)) != NULL) {
        at += ID_LEN;
        const uint8_t *node_end = end - at < NODE_MAX ? end : at + NODE_MAX;
        const uint8_t *next = find(at, node_end, hardware_id, ID_LEN, ID_LEN);
        if (next != NULL)
            node_end = next;
        const uint8_t *memory =
            find(at, node_end, fixed_memory, sizeof fixed_memory, FIXED_MEMORY_LEN);
        const uint8_t *irq = find(at, node_end, interrupt, sizeof interrupt, INTERRUPT_LEN);
        if (memory != NULL && irq != NULL)
            add(read32(memory + 4), read32(irq + 5));
    }
}
