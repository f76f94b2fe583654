/* SPDX-License-Identifier: MIT */
/* What a C library does before main(): finds what the kernel left on the stack. */
#include "platform/linux/life.h"

#include "platform/platform.h"

#include <linux/auxvec.h>

#include <string.h>

void linux_start(long *stack);
_Noreturn void __stack_chk_fail(void);

/* The canary; seeded before the first function that has one. */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard = 0x5a3c69f01e87d200;

void __stack_chk_fail(void)
{
    PANIC("stack overwritten");
}

static const void *find_auxiliary(const unsigned long *vector, unsigned long type)
{
    for (; vector[0] != AT_NULL; vector += 2)
        if (vector[0] == type)
            return (const void *)vector[1];
    return NULL;
}

/* The low byte is zero: a string that runs over can't write it. */
__attribute__((optimize("no-stack-protector"))) static void seed_canary(const void *random)
{
    uintptr_t seed;

    if (random == NULL)
        return;
    memcpy(&seed, random, sizeof seed);
    __stack_chk_guard = seed & ~UINT64_C(0xff);
}

__attribute__((optimize("no-stack-protector"))) void linux_start(long *stack)
{
    char **arguments = (char **)(stack + 1);
    char **environment = arguments + stack[0] + 1;
    char **end = environment;

    while (*end != NULL)
        end++;
    const unsigned long *auxiliary = (const unsigned long *)(end + 1);
    seed_canary(find_auxiliary(auxiliary, AT_RANDOM));
    life_run(arguments, (const char *const *)environment,
             find_auxiliary(auxiliary, AT_SYSINFO_EHDR));
}
