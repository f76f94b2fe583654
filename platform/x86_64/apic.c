/* SPDX-License-Identifier: MIT */
/*
 * Interrupts: the local APIC (its timer, end of interrupt) and the I/O APICs. All are
 * edge-triggered, and all they do is wake the loop. The old PIC is masked.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define MSR_APIC_BASE  0x1bu
#define APIC_ADDRESS   UINT64_C(0xfee00000)
#define IOAPIC_DEFAULT UINT64_C(0xfec00000)

enum {
    APIC_ID = 0x20,
    APIC_EOI = 0xb0,
    APIC_SPURIOUS = 0xf0,
    APIC_LVT_TIMER = 0x320,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

enum { IOREGSEL = 0x00, IOWIN = 0x10, IOAPICVER = 0x01, IOREDTBL = 0x10 };

static uint8_t *apic;

void apic_init(void)
{
    outb(0x21, 0xff); /* both PICs: everything masked */
    outb(0xa1, 0xff);
    apic = platform_map(APIC_ADDRESS, 4096);
    if (apic == NULL)
        PANIC("the page table pool is too small");
    wrmsr(MSR_APIC_BASE, APIC_ADDRESS | (rdmsr(MSR_APIC_BASE) & 0x100) | 0x800);
    mmio_write32(apic, APIC_SPURIOUS, 0x100 | VECTOR_SPURIOUS);
    mmio_write32(apic, APIC_TIMER_DIVIDE, 0xb); /* by 1 */
    mmio_write32(apic, APIC_LVT_TIMER, VECTOR_TIMER);
}

void apic_end_of_interrupt(void)
{
    mmio_write32(apic, APIC_EOI, 0);
}

void apic_timer_start(uint32_t count)
{
    mmio_write32(apic, APIC_TIMER_INITIAL, count);
}

uint32_t apic_timer_count(void)
{
    return mmio_read32(apic, APIC_TIMER_CURRENT);
}

uint32_t apic_id(void)
{
    return mmio_read32(apic, APIC_ID) >> 24;
}

struct platform_msi platform_msi(void)
{
    return (struct platform_msi){.address = APIC_ADDRESS | apic_id() << 12, .data = VECTOR_WAKE};
}

static bool route(uint64_t address, uint32_t pin)
{
    uint8_t *io = platform_map(address, 32);

    if (io == NULL)
        return false;
    mmio_write32(io, IOREGSEL, IOAPICVER);
    if (pin > (mmio_read32(io, IOWIN) >> 16 & 0xff))
        return false;
    mmio_write32(io, IOREGSEL, IOREDTBL + 2 * pin + 1);
    mmio_write32(io, IOWIN, apic_id() << 24);
    mmio_write32(io, IOREGSEL, IOREDTBL + 2 * pin);
    mmio_write32(io, IOWIN, VECTOR_WAKE); /* fixed, physical, edge, not masked */
    return true;
}

bool platform_irq_enable(uint32_t irq)
{
    if (irq == PLATFORM_NO_IRQ)
        return false;
    if (acpi.ioapics == 0)
        return route(IOAPIC_DEFAULT, irq);
    for (uint32_t i = acpi.ioapics; i-- > 0;)
        if (irq >= acpi.ioapic_gsi[i] && route(acpi.ioapic[i], irq - acpi.ioapic_gsi[i]))
            return true;
    return false;
}
