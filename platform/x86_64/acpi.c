/* SPDX-License-Identifier: MIT */
/*
 * The static ACPI tables that mote needs: MCFG, MADT, FADT (ACPI specification 6.5,
 * chapter 5), and TPM2 (TCG ACPI Specification 1.3, chapter 8). Lengths are bounded,
 * checksums verified; no AML is interpreted. A table that lies is taken for absent.
 */
#include "platform/x86_64/x86.h"

#include <string.h>

#define TABLE_MAX   65536u /* bytes of a table that are believed; the largest here is a few KiB */
#define TABLES_MAX  64u    /* tables looked at */
#define RSDP_FIRST  0xe0000u
#define RSDP_END    0x100000u
#define HEADER_SIZE 36u
/* "RSD PTR " as a little-endian word */
#define RSDP_SIGNATURE UINT64_C(0x2052545020445352)

struct acpi_info acpi;

struct table {
    const uint8_t *data;
    uint32_t len;
};

static uint32_t read32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t read64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static bool sum_is_zero(const uint8_t *p, uint32_t n)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == 0;
}

/* Maps a whole table once its length is known and believable. */
static struct table open_table(uint64_t phys)
{
    const uint8_t *p = paging_map_memory(phys, HEADER_SIZE);
    uint32_t len = p != NULL ? read32(p + 4) : 0;

    if (len < HEADER_SIZE || len > TABLE_MAX)
        return (struct table){0};
    p = paging_map_memory(phys, len);
    if (p == NULL || !sum_is_zero(p, len))
        return (struct table){0};
    return (struct table){p, len};
}

static void read_mcfg(const struct table *t)
{
    if (t->len < 60)
        return;
    acpi.ecam = read64(t->data + 44);
    acpi.ecam_size = ((uint64_t)t->data[55] - t->data[54] + 1) << 20;
    if (t->data[54] != 0) /* mote looks at segment 0 from bus 0 */
        acpi.ecam = 0;
}

enum { MADT_IOAPIC = 1 };

static void read_madt(const struct table *t)
{
    uint32_t at = 44;

    while (at + 2 <= t->len && t->data[at + 1] >= 2 && at + t->data[at + 1] <= t->len) {
        const uint8_t *entry = t->data + at;
        if (entry[0] == MADT_IOAPIC && entry[1] >= 12 && acpi.ioapics < 2) {
            acpi.ioapic[acpi.ioapics] = read32(entry + 4);
            acpi.ioapic_gsi[acpi.ioapics++] = read32(entry + 8);
        }
        at += entry[1];
    }
}

enum { FADT_HW_REDUCED = 1u << 20, GAS_MEMORY = 0, GAS_IO = 1 };

static void read_fadt(const struct table *t)
{
    if (t->len < 116)
        return;
    acpi.dsdt = read32(t->data + 40);
    if (t->len >= 148 && read64(t->data + 140) != 0)
        acpi.dsdt = read64(t->data + 140);
    acpi.pm1a_control = read32(t->data + 64);
    acpi.pm_timer = read32(t->data + 76);
    acpi.hw_reduced = (read32(t->data + 112) & FADT_HW_REDUCED) != 0;
    if (t->len < 256 || t->data[244] > GAS_IO)
        return;
    acpi.sleep_in_memory = t->data[244] == GAS_MEMORY;
    acpi.sleep_control = read64(t->data + 248);
}

static void read_tpm2(const struct table *t)
{
    if (t->len < 52)
        return;
    acpi.tpm_control = read64(t->data + 40);
    acpi.tpm_start_method = read32(t->data + 48);
}

static const struct {
    char signature[5];
    void (*read)(const struct table *t);
} readers[] = {{"MCFG", read_mcfg}, {"APIC", read_madt}, {"FACP", read_fadt}, {"TPM2", read_tpm2}};

static void read_table(uint64_t phys)
{
    struct table t = open_table(phys);

    for (size_t i = 0; t.data != NULL && i < sizeof readers / sizeof readers[0]; i++)
        if (memcmp(t.data, readers[i].signature, 4) == 0)
            readers[i].read(&t);
}

/* The RSDT has 4-byte entries, the XSDT 8-byte ones. */
static void read_root(uint64_t phys, uint32_t entry_size)
{
    struct table t = open_table(phys);
    uint32_t n = t.data != NULL ? (t.len - HEADER_SIZE) / entry_size : 0;

    for (uint32_t i = 0; i < n && i < TABLES_MAX; i++) {
        const uint8_t *entry = t.data + HEADER_SIZE + i * entry_size;
        read_table(entry_size == 8 ? read64(entry) : read32(entry));
    }
    acpi.present = n != 0;
}

static const uint8_t *check_rsdp(uint64_t phys)
{
    const uint8_t *p = paging_map_memory(phys, HEADER_SIZE);

    return p != NULL && read64(p) == RSDP_SIGNATURE && sum_is_zero(p, 20) ? p : NULL;
}

/*
 * Firecracker tells no address: look where a BIOS would have put it, by words, because
 * this is the longest loop before the guest is ready.
 */
static const uint8_t *find_rsdp(void)
{
    const uint64_t *at = paging_map_memory(RSDP_FIRST, RSDP_END - RSDP_FIRST);
    const uint64_t *end = at + (RSDP_END - RSDP_FIRST) / sizeof *at;

    for (; at < end; at += 2)
        if (*at == RSDP_SIGNATURE && check_rsdp((uintptr_t)at) != NULL)
            return (const uint8_t *)at;
    return NULL;
}

void acpi_read(uint64_t rsdp)
{
    const uint8_t *p = rsdp != 0 ? check_rsdp(rsdp) : find_rsdp();

    if (p == NULL)
        return;
    if (p[15] >= 2 && read64(p + 24) != 0)
        read_root(read64(p + 24), 8);
    else
        read_root(read32(p + 16), 4);
}

void acpi_virtio_devices(void (*add)(uint64_t base, uint32_t irq))
{
    struct table t = acpi.dsdt != 0 ? open_table(acpi.dsdt) : (struct table){0};

    if (t.data != NULL)
        acpi_find_virtio(t.data, t.len, add);
}
