/* SPDX-License-Identifier: MIT */
#include "platform/linux/clock.h"

#include "platform/linux/sys.h"
#include "platform/platform.h"

#include <linux/elf.h>

#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

typedef int clock_function(int clock, struct __kernel_timespec *time);

static clock_function *vdso_clock;
static uint64_t start;

/* What of the vDSO's dynamic section is needed to find a name. */
struct names {
    const Elf64_Sym *symbols;
    const char *names;
    const uint32_t *hash; /* buckets, chains, ...: there are as many symbols as chains */
};

/* The kernel made it, the vDSO is trusted. Its addresses count from where it lies. */
static bool find_dynamic(const uint8_t *base, struct names *found)
{
    const Elf64_Ehdr *header = (const void *)base;
    const Elf64_Phdr *segment = (const void *)(base + header->e_phoff);
    const Elf64_Dyn *entry = NULL;

    for (unsigned i = 0; i < header->e_phnum; i++)
        if (segment[i].p_type == PT_DYNAMIC)
            entry = (const void *)(base + segment[i].p_offset);
    for (; entry != NULL && entry->d_tag != DT_NULL; entry++) {
        const void *at = base + entry->d_un.d_ptr;
        if (entry->d_tag == DT_SYMTAB)
            found->symbols = at;
        else if (entry->d_tag == DT_STRTAB)
            found->names = at;
        else if (entry->d_tag == DT_HASH)
            found->hash = at;
    }
    return found->symbols != NULL && found->names != NULL && found->hash != NULL;
}

static clock_function *find_clock(const uint8_t *base)
{
    struct names d = {0};

    if (base == NULL || !find_dynamic(base, &d))
        return NULL;
    for (uint32_t i = 0; i < d.hash[1]; i++)
        if (strcmp(d.names + d.symbols[i].st_name, "__vdso_clock_gettime") == 0)
            return (clock_function *)(uintptr_t)(base + d.symbols[i].st_value);
    return NULL;
}

static uint64_t read_clock(void)
{
    struct __kernel_timespec now;

    if (vdso_clock == NULL || vdso_clock(CLOCK_MONOTONIC, &now) != 0)
        sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

void clock_start(const void *vdso)
{
    vdso_clock = find_clock(vdso);
    start = read_clock();
}

uint64_t platform_now_ns(void)
{
    return read_clock() - start;
}
