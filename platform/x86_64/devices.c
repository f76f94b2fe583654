/* SPDX-License-Identifier: MIT */
/*
 * Where devices are. PCI: by ECAM when ACPI has an MCFG, else by the ports CF8/CFC.
 * virtio-mmio: from the command line (microvm without ACPI, Firecracker); else, on a
 * machine without PCI, from the DSDT; else microvm's window is scanned. A TPM: from the table
 * TPM2, else where every PC has it.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#include <stdlib.h>

#define MMIO_MAX       24u /* microvm has 24 slots with ACPI, 8 without */
#define MICROVM_WINDOW UINT64_C(0xfeb00000)
#define MICROVM_STRIDE 0x200u
#define VIRTIO_MAGIC   0x74726976u
#define TPM_BASE       UINT64_C(0xfed40000)
#define TPM_PAGE       UINT64_C(0x1000)

static struct platform_mmio mmio[MMIO_MAX];
static size_t mmio_count;
static uint8_t *ecam;
static bool has_cf8;

enum { CONFIG_ADDRESS = 0xcf8, CONFIG_DATA = 0xcfc, POST_CODES = 0x80 };

/* An address on the ports; bit 31 enables it, and reads back only where PCI is. */
static uint32_t cf8_address(uint16_t bdf, uint16_t offset)
{
    return 0x80000000u | (uint32_t)bdf << 8 | (offset & 0xfcu);
}

uint32_t platform_pci_read(uint16_t bdf, uint16_t offset)
{
    uint64_t at = (uint64_t)bdf << 12 | (offset & 0xffcu);

    if (ecam != NULL)
        return at < acpi.ecam_size ? mmio_read32(ecam, (uint32_t)at) : UINT32_MAX;
    if (!has_cf8)
        return UINT32_MAX;
    outl(CONFIG_ADDRESS, cf8_address(bdf, offset));
    return inl(CONFIG_DATA);
}

void platform_pci_write(uint16_t bdf, uint16_t offset, uint32_t value)
{
    uint64_t at = (uint64_t)bdf << 12 | (offset & 0xffcu);

    if (ecam != NULL && at < acpi.ecam_size) {
        mmio_write32(ecam, (uint32_t)at, value);
    } else if (has_cf8) {
        outl(CONFIG_ADDRESS, cf8_address(bdf, offset));
        outl(CONFIG_DATA, value);
    }
}

static void find_pci(void)
{
    if (acpi.ecam != 0)
        ecam = platform_map(acpi.ecam, acpi.ecam_size);
    if (ecam != NULL)
        return;
    /* Where nobody answers a read, KVM may hand out what was written last: write another. */
    outl(CONFIG_ADDRESS, 0x80000000u);
    outl(POST_CODES, 0);
    has_cf8 = inl(CONFIG_ADDRESS) == 0x80000000u;
}

static void add_mmio(uint64_t base, uint32_t irq)
{
    if (mmio_count < MMIO_MAX)
        mmio[mmio_count++] = (struct platform_mmio){base, irq};
}

/* virtio_mmio.device=SIZE@BASE:IRQ[:ID], as Linux has it; false when it is written otherwise. */
static bool parse_mmio(const char *s)
{
    char *end;

    strtoull(s, &end, 0);
    if (*end == 'K' || *end == 'M')
        end++;
    if (*end != '@')
        return false;
    uint64_t base = strtoull(end + 1, &end, 0);
    if (*end != ':' || base == 0)
        return false;
    unsigned long irq = strtoul(end + 1, &end, 0);
    add_mmio(base, (uint32_t)irq);
    return true;
}

/* The first interrupt of microvm's slots depends on its second I/O APIC. */
static uint32_t microvm_first_irq(void)
{
    if (!acpi.present)
        return 5;
    return acpi.ioapics == 2 ? 24 : 16;
}

static void scan_microvm(void)
{
    const uint8_t *window = platform_map(MICROVM_WINDOW, MMIO_MAX * MICROVM_STRIDE);

    for (uint32_t i = 0; window != NULL && i < MMIO_MAX; i++) {
        if (mmio_read32(window, i * MICROVM_STRIDE) != VIRTIO_MAGIC)
            return;
        add_mmio(MICROVM_WINDOW + i * MICROVM_STRIDE, microvm_first_irq() + i);
    }
}

void devices_find(void)
{
    const char *option = NULL;
    size_t len;

    while ((option = platform_option("virtio_mmio.device", option, &len)) != NULL)
        parse_mmio(option);
    find_pci();
    if (mmio_count != 0 || platform_pci_read(0, 0) != UINT32_MAX)
        return;
    acpi_virtio_devices(add_mmio);
    if (mmio_count == 0)
        scan_microvm();
}

size_t platform_mmio_devices(const struct platform_mmio **list)
{
    *list = mmio;
    return mmio_count;
}

/* Start methods of the table TPM2 [TCG ACPI Specification 1.3, table 7]; 0: there is no table. */
enum { TPM_NO_TABLE = 0, TPM_FIFO = 6, TPM_CRB = 7 };

/* The FIFO's address is fixed [PTP 6.2]; the CRB's control area lies among its registers. */
struct platform_tpm platform_tpm(void)
{
    struct platform_tpm tpm = {.start_method = acpi.tpm_start_method};

    if (tpm.start_method == TPM_NO_TABLE || tpm.start_method == TPM_FIFO)
        tpm.base = TPM_BASE;
    else if (tpm.start_method == TPM_CRB)
        tpm.base = acpi.tpm_control & ~(TPM_PAGE - 1);
    return tpm;
}
