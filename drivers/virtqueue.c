/* SPDX-License-Identifier: MIT */
/*
 * Numbers in brackets are sections of the virtio specification 1.2. Barriers: a
 * descriptor must be visible before the index that publishes it, and the index before
 * the look at whether a kick is wanted; a used entry is read only after its index.
 */
#include "drivers/virtqueue.h"

#include "platform/error.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct virtq_desc) == 16, "[2.7.5]");
_Static_assert(offsetof(struct virtq_used, ring) == 4, "[2.7.8]");

#define VIRTQ_USED_F_NO_NOTIFY     1
#define VIRTQ_AVAIL_F_NO_INTERRUPT 1

void virtqueue_init(struct virtqueue *q, uint16_t size)
{
    memset(q, 0, sizeof *q);
    q->size = size;
    q->free_count = size;
    for (uint16_t i = 0; i < size; i++)
        q->shadow[i].next = (uint16_t)(i + 1);
}

/* Writes one descriptor of a chain; next is the one behind it, if it is not the last. */
static void write_descriptor(struct virtq_desc *d, const struct virtq_segment *s, bool last,
                             uint16_t next)
{
    uint16_t flags = s->device_writes ? VIRTQ_DESC_F_WRITE : 0;

    d->addr = (uintptr_t)s->data;
    d->len = s->len;
    d->flags = last ? flags : flags | VIRTQ_DESC_F_NEXT;
    d->next = next;
}

int virtqueue_add(struct virtqueue *q, const struct virtq_segment *segments, uint16_t n,
                  uint16_t token)
{
    if (q->broken)
        return MOTE_ERR_BROKEN;
    if (n == 0 || n > q->free_count)
        return MOTE_ERR_NO_ROOM;
    uint16_t head = q->free_head, at = head;
    uint32_t writable = 0;
    for (uint16_t i = 1; i <= n; i++, segments++) {
        uint16_t next = q->shadow[at].next;
        write_descriptor(&q->desc[at], segments, i == n, next);
        writable += segments->device_writes ? segments->len : 0;
        at = next;
    }
    q->free_head = at;
    q->free_count = (uint16_t)(q->free_count - n);
    q->shadow[head].count = n;
    q->shadow[head].token = token;
    q->shadow[head].writable = writable;
    q->avail.ring[q->next_avail % q->size] = head;
    q->next_avail++;
    q->outstanding++;
    __atomic_store_n(&q->avail.idx, q->next_avail, __ATOMIC_RELEASE);
    return MOTE_OK;
}

/* The chain's descriptors become free again. */
static void release(struct virtqueue *q, uint16_t head)
{
    uint16_t last = head;

    for (uint16_t i = 1; i < q->shadow[head].count; i++)
        last = q->shadow[last].next;
    q->shadow[last].next = q->free_head;
    q->free_head = head;
    q->free_count = (uint16_t)(q->free_count + q->shadow[head].count);
    q->shadow[head].count = 0;
    q->outstanding--;
}

static int broken(struct virtqueue *q)
{
    q->broken = true;
    return MOTE_ERR_BROKEN;
}

int virtqueue_take(struct virtqueue *q, uint32_t *len)
{
    if (q->broken)
        return MOTE_ERR_BROKEN;
    uint16_t done = (uint16_t)(__atomic_load_n(&q->used.idx, __ATOMIC_ACQUIRE) - q->last_used);
    if (done == 0)
        return MOTE_ERR_AGAIN;
    if (done > q->outstanding) /* more finished than there is */
        return broken(q);
    const struct virtq_used_elem *e = &q->used.ring[q->last_used % q->size];
    uint32_t id = __atomic_load_n(&e->id, __ATOMIC_RELAXED);
    uint32_t written = __atomic_load_n(&e->len, __ATOMIC_RELAXED);
    if (id >= q->size || q->shadow[id].count == 0) /* not a head, or not one it has */
        return broken(q);
    uint32_t writable = q->shadow[id].writable;
    if (written > writable && writable != 0)
        return broken(q);
    q->last_used++;
    *len = writable != 0 ? written : 0;
    release(q, (uint16_t)id);
    return q->shadow[id].token;
}

bool virtqueue_kick_due(struct virtqueue *q)
{
    if (q->kicked == q->next_avail || q->broken)
        return false;
    q->kicked = q->next_avail;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* [2.7.13.4.1] */
    return (__atomic_load_n(&q->used.flags, __ATOMIC_RELAXED) & VIRTQ_USED_F_NO_NOTIFY) == 0;
}

void virtqueue_want_interrupts(struct virtqueue *q, bool wanted)
{
    __atomic_store_n(&q->avail.flags, wanted ? 0 : VIRTQ_AVAIL_F_NO_INTERRUPT, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* [2.7.7.1] the wish before the next look */
}

bool virtqueue_is_pending(const struct virtqueue *q)
{
    return __atomic_load_n(&q->used.idx, __ATOMIC_RELAXED) != q->last_used;
}
