/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue. See vring.h. The guest may change any
 * of its memory at any time, so each field is loaded once, by an atomic load,
 * and only the loaded value is checked and used.
 */
#include "qemu/vsockd/vring.h"

#include "platform/error.h"

#include <string.h>

#define LOAD(field)         __atomic_load_n(&(field), __ATOMIC_RELAXED)
#define STORE(field, value) __atomic_store_n(&(field), (value), __ATOMIC_RELAXED)

int vring_break(struct vring *ring, const char *why)
{
    ring->broken = why;
    return MOTE_ERR_BROKEN;
}

int vring_set_size(struct vring *ring, uint32_t size)
{
    if (size == 0 || size > VRING_SIZE_MAX || (size & (size - 1)) != 0)
        return MOTE_ERR_INVALID;
    ring->size = (uint16_t)size;
    return MOTE_OK;
}

/* One part of the ring at an address of the front end, or NULL. */
static void *part(const struct guest_memory *memory, uint64_t addr, uint64_t align, uint64_t len)
{
    return addr % align == 0 ? guest_memory_at_user(memory, addr, len) : NULL;
}

int vring_map(struct vring *ring, const struct guest_memory *memory,
              const struct vring_addresses *addresses)
{
    uint64_t n = ring->size;
    void *desc = part(memory, addresses->desc, 16, n * sizeof *ring->desc);
    void *avail = part(memory, addresses->avail, 2, sizeof *ring->avail + n * sizeof(uint16_t));
    void *used =
        part(memory, addresses->used, 4, sizeof *ring->used + n * sizeof(struct vring_used_elem));
    bool whole = n > 0 && desc != NULL && avail != NULL && used != NULL;

    ring->memory = memory;
    ring->desc = whole ? desc : NULL;
    ring->avail = whole ? avail : NULL;
    ring->used = whole ? used : NULL;
    return whole ? MOTE_OK : MOTE_ERR_INVALID;
}

uint16_t vring_given(const struct vring *ring)
{
    return __atomic_load_n(&ring->avail->idx, __ATOMIC_ACQUIRE);
}

/* The number of chains that wait. */
static int available(struct vring *ring)
{
    uint16_t waiting = (uint16_t)(vring_given(ring) - ring->index);

    if (waiting > ring->size)
        return vring_break(ring, "avail.idx is further ahead than the ring is long");
    return waiting;
}

static struct vring_desc load_desc(const struct vring_desc *from)
{
    return (struct vring_desc){
        .addr = LOAD(from->addr),
        .len = LOAD(from->len),
        .flags = LOAD(from->flags),
        .next = LOAD(from->next),
    };
}

/* Adds the memory of one descriptor to the chain. */
static int add_segments(struct vring *ring, struct vring_chain *chain, struct vring_desc desc)
{
    while (desc.len > 0) {
        struct vring_segment *segment = &chain->segments[chain->count];

        if (chain->count == VRING_SEGMENTS_MAX)
            return vring_break(ring, "a chain is scattered over too many pieces of memory");
        segment->len = desc.len;
        segment->data = guest_memory_at(ring->memory, desc.addr, &segment->len);
        if (segment->data == NULL)
            return vring_break(ring, "a descriptor points outside the guest's memory");
        chain->count++;
        desc.addr += segment->len;
        desc.len -= segment->len;
    }
    return MOTE_OK;
}

static int add_desc(struct vring *ring, enum vring_direction direction, struct vring_chain *chain,
                    struct vring_desc desc)
{
    if ((desc.flags & VRING_DESC_F_INDIRECT) != 0)
        return vring_break(ring, "a descriptor is indirect, which was not negotiated");
    if (((desc.flags & VRING_DESC_F_WRITE) != 0) != (direction == VRING_WRITE)) {
        return vring_break(ring, direction == VRING_WRITE
                                     ? "a descriptor to be written is read-only"
                                     : "a descriptor to be read is write-only");
    }
    if (desc.len == 0)
        return vring_break(ring, "a descriptor has no bytes");
    if (desc.len > UINT32_MAX - chain->total)
        return vring_break(ring, "a chain has more than 4 GiB");
    chain->total += desc.len;
    return add_segments(ring, chain, desc);
}

int vring_next(struct vring *ring, enum vring_direction direction, struct vring_chain *chain)
{
    struct vring_desc desc = {.flags = VRING_DESC_F_NEXT};
    int rc = ring->broken != NULL ? MOTE_ERR_BROKEN : available(ring);

    if (rc <= 0)
        return rc;
    desc.next = LOAD(ring->avail->ring[ring->index % ring->size]);
    chain->head = desc.next;
    chain->count = 0;
    chain->total = 0;
    /* A chain without a loop is never longer than the table. */
    for (int n = 0; (desc.flags & VRING_DESC_F_NEXT) != 0; n++) {
        if (n == ring->size)
            return vring_break(ring, "a chain is a loop");
        if (desc.next >= ring->size)
            return vring_break(ring, "a descriptor's number is past the end of the table");
        desc = load_desc(&ring->desc[desc.next]);
        rc = add_desc(ring, direction, chain, desc);
        if (rc < 0)
            return rc;
    }
    return 1;
}

void vring_put(struct vring *ring, uint32_t id, uint32_t written)
{
    struct vring_used_elem *elem = &ring->used->ring[ring->index % ring->size];

    STORE(elem->id, id);
    STORE(elem->len, written);
    ring->index++;
}

void vring_publish(struct vring *ring)
{
    __atomic_store_n(&ring->used->idx, ring->index, __ATOMIC_RELEASE);
}

void vring_finish(struct vring *ring, const struct vring_chain *chain, uint32_t written)
{
    vring_put(ring, chain->head, written);
    vring_publish(ring);
}

bool vring_wants_interrupt(const struct vring *ring)
{
    /* used.idx must be visible before the flags are read (section 2.7.7.2). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return (LOAD(ring->avail->flags) & VRING_AVAIL_F_NO_INTERRUPT) == 0;
}

void vring_want_kicks(struct vring *ring, bool wanted)
{
    STORE(ring->used->flags, wanted ? 0 : VRING_USED_F_NO_NOTIFY);
    /* The wish must be visible before the next look at avail.idx (section 2.7.10). */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool vring_is_pending(const struct vring *ring)
{
    return vring_given(ring) != ring->index;
}

/* What lies at offset of a chain, of *n bytes as many as are in one piece. */
static uint8_t *piece(const struct vring_chain *chain, uint32_t offset, uint32_t *n)
{
    const struct vring_segment *segment = chain->segments;

    while (offset >= segment->len) {
        offset -= segment->len;
        segment++;
    }
    if (*n > segment->len - offset)
        *n = segment->len - offset;
    return segment->data + offset;
}

void vring_copy_out(const struct vring_chain *chain, uint32_t offset, void *to, uint32_t n)
{
    for (uint32_t done = 0, len; done < n; done += len) {
        const uint8_t *from;

        len = n - done;
        from = piece(chain, offset + done, &len);
        memcpy((uint8_t *)to + done, from, len);
    }
}

void vring_copy_in(const struct vring_chain *chain, uint32_t offset, const void *from, uint32_t n)
{
    for (uint32_t done = 0, len; done < n; done += len) {
        uint8_t *to;

        len = n - done;
        to = piece(chain, offset + done, &len);
        memcpy(to, (const uint8_t *)from + done, len);
    }
}
