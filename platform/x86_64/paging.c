/* SPDX-License-Identifier: MIT */
/*
 * Adds to the identity map what the start code left out: device registers (uncached,
 * writable) and the firmware's tables (cached, read only), in pages of 2 MiB, never
 * executable. Tables come from a small pool; the image itself is out of reach.
 */
#include "platform/platform.h"
#include "platform/x86_64/x86.h"

#define PAGE_SIZE  UINT64_C(4096)
#define LARGE_PAGE UINT64_C(0x200000)

enum { PRESENT = 1, WRITE = 2, NO_CACHE = 0x18, LARGE = 0x80 };
#define NX           (UINT64_C(1) << 63)
#define ADDRESS_MASK UINT64_C(0x000ffffffffff000)

extern uint64_t page_pml4[512];
extern uint8_t page_pool[], page_pool_end[];
extern uint8_t __image_start[], __image_end[];
extern uint64_t __image_tables[], __image_tables_end[]; /* one entry per page from address 0 */

static uint8_t *pool_next = page_pool;

/* With the page of addresses behind it that stands for page zero. */
static uint64_t image_end(void)
{
    return (uintptr_t)__image_end + PAGE_SIZE;
}

/* The table below an entry, taken from the pool (zeroed by start.S) when there is none. */
static uint64_t *next_table(uint64_t *entry)
{
    if ((*entry & PRESENT) == 0) {
        if (pool_next == page_pool_end)
            return NULL;
        *entry = (uintptr_t)pool_next | PRESENT | WRITE;
        pool_next += PAGE_SIZE;
    }
    return (*entry & LARGE) != 0 ? NULL : (uint64_t *)(uintptr_t)(*entry & ADDRESS_MASK);
}

/* Entries that exist stay as they are: the first mapping of a page wins. */
static bool map_large(uint64_t at, uint64_t flags)
{
    uint64_t *pdpt = next_table(&page_pml4[at >> 39 & 511]);
    uint64_t *directory = pdpt != NULL ? next_table(&pdpt[at >> 30 & 511]) : NULL;

    if (directory == NULL)
        return false;
    uint64_t *entry = &directory[at >> 21 & 511];
    if ((*entry & PRESENT) == 0)
        *entry = at | flags | LARGE | PRESENT | NX;
    return true;
}

/* The first megabytes are mapped by pages of 4 KiB; what is free behind the image is, too. */
static void map_small(uint64_t at, uint64_t flags)
{
    uint64_t *entry = &__image_tables[at / PAGE_SIZE];

    if ((*entry & PRESENT) == 0)
        *entry = at | flags | PRESENT | NX;
}

static bool map_range(uint64_t phys, size_t len, uint64_t flags)
{
    uint64_t end = phys + len, at = phys & ~(PAGE_SIZE - 1);
    uint64_t small_end = (uint64_t)(__image_tables_end - __image_tables) * PAGE_SIZE;

    if (len == 0 || end < phys || end > UINT64_C(1) << 47)
        return false;
    for (; at < end && at < small_end; at += PAGE_SIZE)
        map_small(at, flags);
    for (at &= ~(LARGE_PAGE - 1); at < end; at += LARGE_PAGE)
        if (!map_large(at, flags))
            return false;
    return true;
}

void *platform_map(uint64_t phys, size_t len)
{
    /* The first megabytes hold the image; no VMM puts a device there. */
    if (phys < image_end() || !map_range(phys, len, WRITE | NO_CACHE))
        return NULL;
    return (void *)(uintptr_t)phys;
}

const void *paging_map_memory(uint64_t phys, size_t len)
{
    uint64_t end = phys + len;

    if (end < phys)
        return NULL;
    if (end <= PAGE_SIZE) /* page zero is not mapped where it lies: start.S has an alias of it */
        return __image_end + phys;
    bool low = phys >= PAGE_SIZE && end <= (uintptr_t)__image_start;
    if (!low && (phys < image_end() || !map_range(phys, len, 0)))
        return NULL;
    return (const void *)(uintptr_t)phys;
}
