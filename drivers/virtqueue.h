/* SPDX-License-Identifier: MIT */
/*
 * The driver's side of a split virtqueue (virtio specification 1.2, section 2.7).
 *
 * Descriptor table and available ring are write-only: what the driver believes is
 * kept in a private shadow, and what the device writes into the used ring is checked
 * against it before it is used for anything.
 */
#ifndef DRIVERS_VIRTQUEUE_H
#define DRIVERS_VIRTQUEUE_H

#include <stdbool.h>
#include <stdint.h>

/* 32 packets of two descriptors; a power of two. Every device mote knows has 128 or more. */
#ifndef VIRTQUEUE_SIZE
#define VIRTQUEUE_SIZE 64
#endif

#define VIRTQ_DESC_F_NEXT  1
#define VIRTQ_DESC_F_WRITE 2

struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};

struct virtq_avail {
    uint16_t flags;
    uint16_t idx;
    uint16_t ring[VIRTQUEUE_SIZE];
    uint16_t used_event;
};

struct virtq_used_elem {
    uint32_t id;
    uint32_t len;
};

struct virtq_used {
    uint16_t flags;
    uint16_t idx;
    struct virtq_used_elem ring[VIRTQUEUE_SIZE];
    uint16_t avail_event;
};

/* One piece of memory of a request; device-readable pieces come first. */
struct virtq_segment {
    const void *data;
    uint32_t len;
    bool device_writes;
};

struct virtqueue {
    /* Shared with the device. */
    _Alignas(16) struct virtq_desc desc[VIRTQUEUE_SIZE];
    _Alignas(2) struct virtq_avail avail;
    _Alignas(4) struct virtq_used used;
    /* Private. */
    struct {
        uint16_t next;     /* the chain's next descriptor, or the next free one */
        uint16_t count;    /* descriptors of the chain; 0: not an outstanding head */
        uint16_t token;    /* the caller's */
        uint32_t writable; /* bytes the device may write */
    } shadow[VIRTQUEUE_SIZE];
    uint16_t size;
    uint16_t free_head;
    uint16_t free_count;
    uint16_t next_avail;
    uint16_t last_used;
    uint16_t outstanding; /* requests that the device has */
    uint16_t kicked;      /* next_avail at the last virtqueue_kick_due() */
    bool broken;
};

/* Empties the queue; size <= VIRTQUEUE_SIZE, a power of two. The device must not have it yet. */
void virtqueue_init(struct virtqueue *q, uint16_t size);

/*
 * Gives the device a request of n segments; token (any value) comes back with it. The
 * memory belongs to the device until virtqueue_take() returns the token.
 * MOTE_ERR_NO_ROOM: not enough free descriptors. MOTE_ERR_BROKEN.
 */
int virtqueue_add(struct virtqueue *q, const struct virtq_segment *segments, uint16_t n,
                  uint16_t token);

/*
 * Takes a request that the device has finished: returns its token, and in *len what
 * the device says it wrote, never more than was writable (a device may claim anything
 * for a request that it only read). MOTE_ERR_AGAIN: none. MOTE_ERR_BROKEN: the device
 * wrote nonsense, now or before; the queue must not be used again.
 */
int virtqueue_take(struct virtqueue *q, uint32_t *len);

/* Whether requests were added since the last call and the device wants to be told. */
bool virtqueue_kick_due(struct virtqueue *q);

/* How many requests were added since then. */
static inline uint16_t virtqueue_unkicked(const struct virtqueue *q)
{
    return (uint16_t)(q->next_avail - q->kicked);
}

/*
 * Asks for interrupts (a queue is born with them), or for none while its user looks by
 * itself anyhow [2.7.7]. A wish: the device may interrupt once more, or late.
 */
void virtqueue_want_interrupts(struct virtqueue *q, bool wanted);

/*
 * Whether virtqueue_take() has something to return. Asked behind
 * virtqueue_want_interrupts(q, true), a false means that an interrupt will come.
 */
bool virtqueue_is_pending(const struct virtqueue *q);

#endif
