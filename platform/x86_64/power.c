/* SPDX-License-Identifier: MIT */
/*
 * The end of the guest, on each VMM its own way: QEMU's isa-debug-exit where present
 * carries the status; else ACPI sleep state S5; else the keyboard controller's reset,
 * which ends Firecracker; else a triple fault.
 */
#include "platform/bare/bare.h"
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define DEBUG_EXIT_PORT 0xf4
/* Keeps status 0 apart from a plain 0; qemu/run takes it off again. QEMU ends with 2v+1. */
#define DEBUG_EXIT_BIAS 0x10u

enum {
    SLP_EN = 1 << 13,      /* PM1 control; S5 is sleep type 0 on QEMU's PC */
    SLEEP_S5 = 0x34,       /* sleep control register: SLP_EN, type 5 */
    I8042_COMMAND = 0x64,  /* keyboard controller */
    I8042_RESET = 0xfe,    /* pulse the reset line */
    RESET_CONTROL = 0xcf9, /* PCI reset control */
    RESET_COLD = 0x06,
};

/* Mapped early: at the end there may be no page table left, or no sound stack. */
static uint8_t *sleep_register;

void power_init(void)
{
    if (acpi.hw_reduced && acpi.sleep_in_memory && acpi.sleep_control != 0)
        sleep_register = platform_map(acpi.sleep_control, 1);
}

/* A port that nobody answers reads all ones; the device reads zero. */
static void debug_exit(int status)
{
    if (inl(DEBUG_EXIT_PORT) == 0)
        outl(DEBUG_EXIT_PORT, ((uint32_t)status + DEBUG_EXIT_BIAS) & 0x7f);
}

static void acpi_power_off(void)
{
    if (sleep_register != NULL)
        *(volatile uint8_t *)sleep_register = SLEEP_S5;
    else if (acpi.hw_reduced && acpi.sleep_control != 0)
        outb((uint16_t)acpi.sleep_control, SLEEP_S5);
    else if (acpi.pm1a_control != 0)
        outw((uint16_t)acpi.pm1a_control, SLP_EN);
}

static _Noreturn void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) nothing = {0, 0};

    for (;;)
        __asm__ volatile("lidt %0; ud2" : : "m"(nothing));
}

/* Port writes that end a VMM may take a moment to do so. */
static void settle(void)
{
    for (int i = 0; i < 1000; i++)
        (void)inb(0x80);
}

void machine_power_off(int status)
{
    console_flush();
    debug_exit(status);
    acpi_power_off();
    settle();
    platform_reboot();
}

void platform_reboot(void)
{
    console_flush();
    outb(RESET_CONTROL, RESET_COLD);
    outb(I8042_COMMAND, I8042_RESET);
    settle();
    triple_fault();
}
