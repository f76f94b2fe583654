/* SPDX-License-Identifier: MIT */
/*
 * The virtqueue: from any state that keeps the invariant, whatever the device has written
 * or writes meanwhile, an operation stays in bounds and keeps the invariant. So does any
 * number of operations, as virtqueue_init() makes it true.
 */
#include "tests/proof/proof.h"

static uint16_t used_index; /* as it was when it was loaded */

static uint64_t device_load(const void *p, size_t n)
{
    PROVE(__CPROVER_r_ok(p, n));
    if (n == sizeof used_index)
        return used_index = nondet_u16();
    return nondet_u32();
}

/* The device may write at any moment: each load of a shared field gives what it likes. */
#define __atomic_load_n(p, order) ((__typeof__(*(p)))device_load(p, sizeof *(p)))

#include "drivers/virtqueue.c"

#define FREE VIRTQUEUE_SIZE /* the owner of a free descriptor */

static struct virtqueue q;

/* The witness of an orderly shadow: to which list a descriptor belongs, and where in it. */
static uint8_t owner[VIRTQUEUE_SIZE]; /* the chain's head, or FREE */
static uint8_t place[VIRTQUEUE_SIZE];

static uint16_t list_length(uint16_t list)
{
    return list == FREE ? q.free_count : q.shadow[list].count;
}

/* The list's next descriptor is where the shadow says. */
static bool leads_on(uint16_t i)
{
    uint16_t next = q.shadow[i].next;

    return place[i] + 1 == list_length(owner[i]) ||
           (next < q.size && owner[next] == owner[i] && place[next] == place[i] + 1);
}

static bool is_orderly_at(uint16_t i)
{
    if (owner[i] != FREE && owner[i] >= q.size)
        return false;
    uint16_t head = owner[i] == FREE ? q.free_head : owner[i];
    return (q.shadow[i].count != 0) == (owner[i] == i) && place[i] < list_length(owner[i]) &&
           (place[i] == 0) == (i == head) && leads_on(i);
}

/* Free descriptors and outstanding chains share the queue out, and nothing is in two lists. */
static bool is_sound(void)
{
    unsigned total = q.free_count, heads = 0;

    if (q.size == 0 || q.size > VIRTQUEUE_SIZE || (q.size & (q.size - 1)) != 0)
        return false;
    if (q.free_count != 0 && (q.free_head >= q.size || owner[q.free_head] != FREE))
        return false;
    for (uint16_t i = 0; i < q.size; i++) {
        if (!is_orderly_at(i))
            return false;
        total += q.shadow[i].count;
        heads += q.shadow[i].count != 0;
    }
    return total == q.size && heads == q.outstanding;
}

static void any_queue(void)
{
    ANY(q);
    q.broken = nondet_bool();
    ANY(owner);
    ANY(place);
    ASSUME(is_sound());
}

static void own(uint16_t from, uint16_t to, uint16_t shift)
{
    for (uint16_t i = 0; i < q.size; i++) {
        if (owner[i] == to)
            place[i] = (uint8_t)(place[i] + shift);
        if (owner[i] == from)
            owner[i] = (uint8_t)to;
    }
}

void prove_virtqueue_take(void)
{
    uint32_t len;

    any_queue();
    struct virtqueue before = q;
    int token = virtqueue_take(&q, &len);
    PROVE(token >= 0 || token == MOTE_ERR_BROKEN || token == MOTE_ERR_AGAIN);
    PROVE((token == MOTE_ERR_BROKEN) == q.broken);
    if (token >= 0) {
        uint16_t head = q.free_head, finished = (uint16_t)(used_index - before.last_used);
        PROVE(finished >= 1 && finished <= before.outstanding);
        PROVE(head < q.size && before.shadow[head].count != 0);
        PROVE(token == before.shadow[head].token);
        PROVE(len <= before.shadow[head].writable);
        PROVE(q.outstanding == before.outstanding - 1);
        PROVE(q.last_used == (uint16_t)(before.last_used + 1));
        own(head, FREE, before.shadow[head].count);
    }
    PROVE(is_sound());
}

void prove_virtqueue_add(void)
{
    struct virtq_segment segments[VIRTQUEUE_SIZE];
    uint16_t n = nondet_u16(), token = nondet_u16();
    uint64_t writable = 0;

    any_queue();
    for (uint16_t i = 0; i < VIRTQUEUE_SIZE; i++) {
        segments[i].data = (const void *)(uintptr_t)nondet_u64();
        segments[i].len = nondet_u32();
        segments[i].device_writes = nondet_bool();
        writable += segments[i].device_writes && i < n ? segments[i].len : 0;
    }
    ASSUME(writable <= UINT32_MAX);
    struct virtqueue before = q;
    int result = virtqueue_add(&q, segments, n, token);
    PROVE((result == MOTE_OK) == (!before.broken && n != 0 && n <= before.free_count));
    if (result == MOTE_OK) {
        uint16_t head = before.free_head, at = head;
        PROVE(q.avail.ring[before.next_avail % q.size] == head);
        PROVE(q.avail.idx == (uint16_t)(before.next_avail + 1) && q.avail.idx == q.next_avail);
        PROVE(q.shadow[head].token == token && q.shadow[head].writable == writable);
        for (uint16_t i = 0; i < n; i++, at = before.shadow[at].next) {
            const struct virtq_desc *d = &q.desc[at];
            PROVE(d->addr == (uintptr_t)segments[i].data && d->len == segments[i].len);
            PROVE(((d->flags & VIRTQ_DESC_F_WRITE) != 0) == segments[i].device_writes);
            PROVE(((d->flags & VIRTQ_DESC_F_NEXT) != 0) == (i + 1 < n));
            PROVE(i + 1 == n || d->next == before.shadow[at].next);
        }
        for (uint16_t i = 0; i < q.size; i++) {
            if (owner[i] == FREE && place[i] < n)
                owner[i] = (uint8_t)head;
            else if (owner[i] == FREE)
                place[i] = (uint8_t)(place[i] - n);
        }
    }
    PROVE(is_sound());
}

void prove_virtqueue_init(void)
{
    uint16_t size = nondet_u16();

    ASSUME(size == 1 || size == 2 || size == 4);
    ANY(q);
    virtqueue_init(&q, size);
    for (uint16_t i = 0; i < VIRTQUEUE_SIZE; i++) {
        owner[i] = FREE;
        place[i] = (uint8_t)i;
    }
    PROVE(is_sound() && q.free_count == size && q.outstanding == 0 && !q.broken);
}
