/* SPDX-License-Identifier: MIT */
/*
 * Mapping and translation of the guest's memory. See guest_memory.h. A region is
 * checked against the size of its file, because touching pages past the end of a
 * file would end the process.
 */
#include "qemu/vsockd/guest_memory.h"

#include "platform/error.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

static bool overflows(uint64_t start, uint64_t size)
{
    return start + size < start;
}

static bool layout_is_sane(const struct guest_region_layout *layout, int fd)
{
    struct stat st;

    if (layout->size == 0 || overflows(layout->guest_addr, layout->size) ||
        overflows(layout->user_addr, layout->size) || overflows(layout->file_offset, layout->size))
        return false;
    return fstat(fd, &st) == 0 && st.st_size >= 0 &&
           layout->file_offset + layout->size <= (uint64_t)st.st_size;
}

int guest_memory_add(struct guest_memory *memory, const struct guest_region_layout *layout, int fd)
{
    struct guest_region *region;
    size_t map_size;
    void *map;

    if (memory->count == GUEST_REGIONS_MAX)
        return MOTE_ERR_NO_ROOM;
    if (!layout_is_sane(layout, fd))
        return MOTE_ERR_INVALID;
    /* From the file's start: a huge page file can't be mapped at just any offset. */
    map_size = (size_t)(layout->file_offset + layout->size);
    map = mmap(NULL, map_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
    if (map == MAP_FAILED)
        return MOTE_ERR_INVALID;
    region = &memory->regions[memory->count++];
    region->layout = *layout;
    region->map = map;
    region->map_size = map_size;
    region->data = (uint8_t *)map + layout->file_offset;
    return MOTE_OK;
}

void guest_memory_clear(struct guest_memory *memory)
{
    for (int i = 0; i < memory->count; i++)
        if (memory->regions[i].map != NULL)
            munmap(memory->regions[i].map, memory->regions[i].map_size);
    memset(memory, 0, sizeof *memory);
}

uint8_t *guest_memory_at(const struct guest_memory *memory, uint64_t guest_addr, uint32_t *len)
{
    for (int i = 0; i < memory->count; i++) {
        const struct guest_region *region = &memory->regions[i];
        uint64_t offset = guest_addr - region->layout.guest_addr;

        if (guest_addr >= region->layout.guest_addr && offset < region->layout.size) {
            if (*len > region->layout.size - offset)
                *len = (uint32_t)(region->layout.size - offset);
            return region->data + offset;
        }
    }
    return NULL;
}

uint64_t guest_memory_to_user(const struct guest_memory *memory, uint64_t guest_addr)
{
    for (int i = 0; i < memory->count; i++) {
        const struct guest_region_layout *layout = &memory->regions[i].layout;

        if (guest_addr >= layout->guest_addr && guest_addr - layout->guest_addr < layout->size)
            return layout->user_addr + (guest_addr - layout->guest_addr);
    }
    return 0;
}

uint8_t *guest_memory_at_user(const struct guest_memory *memory, uint64_t user_addr, uint64_t len)
{
    for (int i = 0; i < memory->count; i++) {
        const struct guest_region *region = &memory->regions[i];
        uint64_t offset = user_addr - region->layout.user_addr;

        if (user_addr >= region->layout.user_addr && offset < region->layout.size &&
            len <= region->layout.size - offset)
            return region->data + offset;
    }
    return NULL;
}
