/* SPDX-License-Identifier: MIT */
/*
 * The guest's memory as the vhost-user front end shares it: a few mapped regions
 * and the translation of addresses into them. Nothing here trusts an address;
 * what is not wholly inside a region is no memory.
 *
 * Rules: QEMU, docs/interop/vhost-user, "Memory regions description".
 */
#ifndef QEMU_VSOCKD_GUEST_MEMORY_H
#define QEMU_VSOCKD_GUEST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#define GUEST_REGIONS_MAX 8 /* a memory table has no more without CONFIGURE_MEM_SLOTS */

/* One region as it comes in VHOST_USER_SET_MEM_TABLE. */
struct guest_region_layout {
    uint64_t guest_addr;
    uint64_t size;
    uint64_t user_addr; /* in the front end's address space; vring addresses use it */
    uint64_t file_offset;
};

struct guest_region {
    struct guest_region_layout layout;
    uint8_t *data; /* the region's first byte here */
    void *map;     /* what munmap() takes; NULL when the memory is not ours to unmap */
    size_t map_size;
};

struct guest_memory {
    struct guest_region regions[GUEST_REGIONS_MAX];
    int count;
};

/* Maps one more region of fd, which stays the caller's. MOTE_ERR_INVALID, MOTE_ERR_NO_ROOM. */
int guest_memory_add(struct guest_memory *memory, const struct guest_region_layout *layout, int fd);

/* Unmaps everything. */
void guest_memory_clear(struct guest_memory *memory);

/*
 * The memory at a guest-physical address: *len comes in as what is wanted and goes
 * out as what lies there in one piece, at least 1. NULL when nothing does.
 */
uint8_t *guest_memory_at(const struct guest_memory *memory, uint64_t guest_addr, uint32_t *len);

/* The front end's address of what lies at a guest-physical one; 0 when nothing does. */
uint64_t guest_memory_to_user(const struct guest_memory *memory, uint64_t guest_addr);

/* len bytes at an address of the front end; NULL unless all of them are in one region. */
uint8_t *guest_memory_at_user(const struct guest_memory *memory, uint64_t user_addr, uint64_t len);

#endif
