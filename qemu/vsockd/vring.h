/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue, without events, indirect tables or
 * notifications: chains of the guest in, used entries out, in order, one at a
 * time. Everything the guest writes is read once and checked; the first nonsense
 * breaks the ring, and a broken ring is not touched any more.
 *
 * Rules: virtio specification 1.2, section 2.7.
 */
#ifndef QEMU_VSOCKD_VRING_H
#define QEMU_VSOCKD_VRING_H

#include "qemu/vsockd/guest_memory.h"

#include <stdbool.h>
#include <stdint.h>

#define VRING_SIZE_MAX 1024 /* QEMU's limit (VIRTQUEUE_MAX_SIZE) */
/* A descriptor that crosses a border between regions becomes one segment more. */
#define VRING_SEGMENTS_MAX (VRING_SIZE_MAX + GUEST_REGIONS_MAX)

#define VRING_DESC_F_NEXT          1
#define VRING_DESC_F_WRITE         2
#define VRING_DESC_F_INDIRECT      4
#define VRING_AVAIL_F_NO_INTERRUPT 1
#define VRING_USED_F_NO_NOTIFY     1

struct vring_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

struct vring_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[];
};

struct vring_used_elem {
    uint32_t id;
    uint32_t len;
};

struct vring_used {
    uint16_t flags;
    uint16_t idx;
    struct vring_used_elem ring[];
};

/* Where the three parts lie, in the front end's address space. */
struct vring_addresses {
    uint64_t desc;
    uint64_t avail;
    uint64_t used;
};

struct vring {
    const struct guest_memory *memory;
    const struct vring_desc *desc; /* NULL while the ring is not mapped */
    const struct vring_avail *avail;
    struct vring_used *used;
    uint16_t size;
    uint16_t index;     /* of the next chain in avail and in used: they never differ here */
    const char *broken; /* what the guest did wrong; NULL for a sound ring */
};

enum vring_direction {
    VRING_READ,  /* the device reads the chain */
    VRING_WRITE, /* the device writes it */
};

struct vring_segment {
    uint8_t *data;
    uint32_t len;
};

struct vring_chain {
    uint16_t head;
    int count;
    uint32_t total; /* bytes in all segments */
    struct vring_segment segments[VRING_SEGMENTS_MAX];
};

/* Sets the size: a power of two up to VRING_SIZE_MAX, else MOTE_ERR_INVALID. */
int vring_set_size(struct vring *ring, uint32_t size);

/* Finds the ring in memory (which must outlive it). MOTE_ERR_INVALID leaves it unmapped. */
int vring_map(struct vring *ring, const struct guest_memory *memory,
              const struct vring_addresses *addresses);

/* How many chains the guest has given so far, modulo 2^16. */
uint16_t vring_given(const struct vring *ring);

/*
 * Looks at the next available chain, of descriptors of one direction: 1 and *chain,
 * or 0 when there is none, or MOTE_ERR_BROKEN with ring->broken set. The same chain
 * is found again until vring_finish().
 */
int vring_next(struct vring *ring, enum vring_direction direction, struct vring_chain *chain);

/* Gives the chain of the last vring_next() back, with the number of bytes written to it. */
void vring_finish(struct vring *ring, const struct vring_chain *chain, uint32_t written);

/* The two halves of that: an entry that the guest can't see yet, then all of them at once. */
void vring_put(struct vring *ring, uint32_t id, uint32_t written);
void vring_publish(struct vring *ring);

/* Whether the guest wants an interrupt for what was finished. */
bool vring_wants_interrupt(const struct vring *ring);

/* Asks the guest for kicks when it adds chains, or for none while its ring is looked at anyhow. */
void vring_want_kicks(struct vring *ring, bool wanted);

/* Whether a chain waits. Asked behind vring_want_kicks(ring, true), a false means: a kick comes. */
bool vring_is_pending(const struct vring *ring);

/* Breaks a ring for a reason that only its user sees. Returns MOTE_ERR_BROKEN. */
int vring_break(struct vring *ring, const char *why);

/* Copies n bytes out of, or into, a chain from offset on; offset + n <= chain->total. */
void vring_copy_out(const struct vring_chain *chain, uint32_t offset, void *to, uint32_t n);
void vring_copy_in(const struct vring_chain *chain, uint32_t offset, const void *from, uint32_t n);

#endif
