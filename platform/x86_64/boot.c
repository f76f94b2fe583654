/* SPDX-License-Identifier: MIT */
/*
 * The boot order of a PC-like guest, as straight-line calls. start.S has set up the
 * stack and the identity map; after this the agent's main() runs.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#include <stdio.h>

const char platform_name[] = "bare metal x86_64";

int main(void);
_Noreturn void boot_main(uint32_t start_info_phys);
_Noreturn void __stack_chk_fail(void);

/* The stack protector's canary; its first byte stays zero, so that no string can carry it. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x5a3c69f01e87d200;

void __stack_chk_fail(void)
{
    PANIC("stack smashed");
}

/* Not a key, so the time stamp counter must do where the processor has no entropy. */
__attribute__((no_stack_protector)) static void seed_canary(void)
{
    uint64_t seed = 0;

    if (platform_entropy(&seed, sizeof seed) != MOTE_OK)
        seed = rdtsc() * UINT64_C(0x9e3779b97f4a7c15);
    __stack_chk_guard = seed & ~UINT64_C(0xff);
}

__attribute__((no_stack_protector)) _Noreturn void boot_main(uint32_t start_info_phys)
{
    console_init();
    traps_init();
    seed_canary();
    start_info_read(start_info_phys);
    console_settle();
    printf("mote: " MOTE_VERSION " on %s, %llu KiB of RAM\n", platform_name,
           (unsigned long long)(start_info.ram / 1024));
    acpi_read(start_info.rsdp);
    power_init();
    apic_init();
    clock_init();
    devices_find();
    platform_exit(main());
}
