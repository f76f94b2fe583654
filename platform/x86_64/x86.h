/* SPDX-License-Identifier: MIT */
/*
 * The parts of platform/x86_64 to each other, in the order in which boot.c starts
 * them, and the few instructions that C has no words for.
 */
#ifndef PLATFORM_X86_64_X86_H
#define PLATFORM_X86_64_X86_H

#include "proto/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* console.c: a 16550 at 0x3f8, 115200 8n1. Absent ones swallow what is written. */
void console_init(void);
void console_flush(void);

/* Leaves the port, now that the command line is known, if somebody else is to have it. */
void console_settle(void);

/* serial.c: the I/O port of "ttyS0" to "ttyS3", 0: none of these; whether a UART answers there;
 * and how one is set up: 115200 8n1, no interrupt. */
uint16_t serial_port(struct bytes name);
bool serial_is_there(uint16_t port);
void serial_init(uint16_t port);

/* traps.c: exceptions that end the guest, and the interrupts that wake it. */
#define VECTOR_WAKE     0x20 /* every device */
#define VECTOR_TIMER    0x21
#define VECTOR_SPURIOUS 0x2f /* the local APIC wants its low four bits set */
void traps_init(void);

/* Sleeps until an interrupt; returns at once when one has come since the last call. */
void traps_sleep(void);

/* paging.c: the identity map is made by start.S; these add to it. */

/* Maps physical memory that is not ours to read (tables of the firmware): cached, read only. */
const void *paging_map_memory(uint64_t phys, size_t len);

/* start_info.c: what the PVH boot protocol hands over. Copies; may be overwritten afterwards. */
struct start_info {
    char cmdline[2048]; /* Firecracker's limit; a longer one is cut */
    uint64_t rsdp;
    uint64_t module; /* module 0, the initrd: address and size; 0: none */
    uint64_t module_size;
    uint64_t ram; /* bytes of usable memory in the map */
};
extern struct start_info start_info;
void start_info_read(uint32_t phys);

/* acpi.c: what the tables say, each 0 or empty when there is no such table. */
struct acpi_info {
    uint64_t ecam; /* MCFG: PCI configuration space of segment 0 */
    uint64_t ecam_size;
    uint64_t ioapic[2]; /* MADT: addresses, and the first interrupt of each */
    uint32_t ioapic_gsi[2];
    uint32_t ioapics;
    uint32_t pm_timer; /* FADT: I/O port of the 3.58 MHz counter */
    uint32_t pm1a_control;
    bool hw_reduced;
    bool sleep_in_memory; /* FADT sleep control register: memory, else I/O port */
    uint64_t sleep_control;
    uint64_t dsdt;             /* its address */
    uint32_t tpm_start_method; /* TPM2 */
    uint64_t tpm_control;      /* address of the control area */
    bool present;
};
extern struct acpi_info acpi;
void acpi_read(uint64_t rsdp);

/* Calls add for every virtio-mmio device that the DSDT tells of. */
void acpi_virtio_devices(void (*add)(uint64_t base, uint32_t irq));

/* acpi_virtio.c: the same for the bytes of a DSDT. They may be anything. */
void acpi_find_virtio(const uint8_t *dsdt, size_t len, void (*add)(uint64_t base, uint32_t irq));

/* apic.c: the local APIC's timer and end-of-interrupt; the I/O APICs. */
void apic_init(void);
void apic_end_of_interrupt(void);
void apic_timer_start(uint32_t count); /* one shot; 0 stops it */
uint32_t apic_timer_count(void);
uint32_t apic_id(void);

/* clock.c: calibrates the TSC and the APIC timer once; the timer's interrupt tells it so. */
void clock_init(void);
void clock_timer_ended(void);

/* devices.c: finds the virtio-mmio windows and how PCI is reached. */
void devices_find(void);

/* power.c */
void power_init(void);

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port));
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;
    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

static inline uint32_t mmio_read32(const void *base, uint32_t offset)
{
    return *(const volatile uint32_t *)((const uint8_t *)base + offset);
}

static inline void mmio_write32(void *base, uint32_t offset, uint32_t v)
{
    *(volatile uint32_t *)((uint8_t *)base + offset) = v;
}

#endif
