/* SPDX-License-Identifier: MIT */
/*
 * Reads struct hvm_start_info (Xen's public/arch-x86/hvm/start_info.h) and copies what
 * is needed out of it: the memory that it lies in is not ours. The VMM is checked like
 * any stranger: an address that cannot be mapped counts as absent.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define HVM_START_MAGIC 0x336ec578u
#define HVM_MEMMAP_RAM  1u
#define MEMMAP_MAX      128u /* entries looked at; real maps have about ten */

/* Packed: nothing says that the VMM lays them out at addresses that are aligned. */
struct hvm_start_info {
    uint32_t magic, version, flags, nr_modules;
    uint64_t modlist_paddr, cmdline_paddr, rsdp_paddr;
    uint64_t memmap_paddr; /* from version 1 on */
    uint32_t memmap_entries, reserved;
} __attribute__((packed));

struct hvm_modlist_entry {
    uint64_t paddr, size, cmdline_paddr, reserved;
} __attribute__((packed));

struct hvm_memmap_entry {
    uint64_t addr, size;
    uint32_t type, reserved;
} __attribute__((packed));

struct start_info start_info;

static void copy_cmdline(uint64_t phys)
{
    for (size_t i = 0; phys != 0 && i < sizeof start_info.cmdline - 1; i++) {
        const char *c = paging_map_memory(phys + i, 1);
        if (c == NULL || *c == '\0')
            break;
        start_info.cmdline[i] = *c;
    }
}

static void read_module(const struct hvm_start_info *info)
{
    const struct hvm_modlist_entry *m = paging_map_memory(info->modlist_paddr, sizeof *m);

    if (info->nr_modules == 0 || m == NULL)
        return;
    start_info.module = m->paddr;
    start_info.module_size = m->size;
}

static void read_memory_map(const struct hvm_start_info *info)
{
    uint32_t n = info->memmap_entries < MEMMAP_MAX ? info->memmap_entries : MEMMAP_MAX;
    const struct hvm_memmap_entry *map = paging_map_memory(info->memmap_paddr, n * sizeof *map);

    for (uint32_t i = 0; map != NULL && i < n; i++)
        if (map[i].type == HVM_MEMMAP_RAM)
            start_info.ram += map[i].size;
}

void start_info_read(uint32_t phys)
{
    const struct hvm_start_info *info = paging_map_memory(phys, sizeof *info);

    if (info == NULL || info->magic != HVM_START_MAGIC)
        return;
    copy_cmdline(info->cmdline_paddr);
    start_info.rsdp = info->rsdp_paddr;
    read_module(info);
    if (info->version >= 1)
        read_memory_map(info);
}

const char *platform_cmdline(void)
{
    return start_info.cmdline;
}

const void *platform_module(size_t *len)
{
    *len = start_info.module_size;
    if (start_info.module_size == 0)
        return NULL;
    return paging_map_memory(start_info.module, start_info.module_size);
}
