/* SPDX-License-Identifier: MIT */
/*
 * Used rings that no honest device writes, on the receive, transmit and event queue,
 * and events. The guest's next chain is taken and the entry for it spoilt, or another
 * one is put in its place. See fault.h.
 */
#include "drivers/virtqueue.h"
#include "platform/error.h"
#include "qemu/vsockd/fault.h"

#include <stddef.h>

#define EVENT_UNKNOWN 7u
#define EVENT_SIZE    4u
#define IDX_JUMP      1000 /* more than any ring of mote's holds, or may hold unread */

static void id_past(struct vring *ring, const struct vring_chain *chain)
{
    vring_put(ring, ring->size, chain->total);
}

static void id_huge(struct vring *ring, const struct vring_chain *chain)
{
    vring_put(ring, UINT32_MAX, chain->total);
}

/* Whether the head of a chain is one that the guest waits for. */
static bool is_outstanding(const struct vring *ring, uint32_t head)
{
    for (uint16_t i = ring->index; i != vring_given(ring); i++)
        if (ring->avail->ring[i % ring->size] == head)
            return true;
    return false;
}

/* Inside the table, but of no chain that the guest waits for. Mote begins at the other end:
 * a low number may be of a chain that was used, but not seen by the guest yet. */
static void id_idle(struct vring *ring, const struct vring_chain *chain)
{
    uint32_t id = ring->size - 1u;

    while (id > 0 && is_outstanding(ring, id))
        id--;
    vring_put(ring, id, chain->total);
}

static void id_twice(struct vring *ring, const struct vring_chain *chain)
{
    vring_put(ring, chain->head, chain->total);
    vring_put(ring, chain->head, chain->total);
}

static void idx_jump(struct vring *ring, const struct vring_chain *chain)
{
    (void)chain;
    ring->index = (uint16_t)(ring->index + IDX_JUMP);
}

static void idx_back(struct vring *ring, const struct vring_chain *chain)
{
    (void)chain;
    ring->index = (uint16_t)(ring->index - IDX_JUMP);
}

static void len_over(struct vring *ring, const struct vring_chain *chain)
{
    vring_put(ring, chain->head, chain->total + 1);
}

static void len_huge(struct vring *ring, const struct vring_chain *chain)
{
    vring_put(ring, chain->head, UINT32_MAX);
}

/* A reset, if it were as long as an event. */
static void len_short(struct vring *ring, const struct vring_chain *chain)
{
    const uint32_t id = VIRTIO_VSOCK_EVENT_TRANSPORT_RESET;

    vring_copy_in(chain, 0, &id, sizeof id);
    vring_put(ring, chain->head, EVENT_SIZE - 1);
}

static void event_unknown(struct vring *ring, const struct vring_chain *chain)
{
    const uint32_t id = EVENT_UNKNOWN;

    vring_copy_in(chain, 0, &id, sizeof id);
    vring_put(ring, chain->head, EVENT_SIZE);
}

const struct fault_row fault_rings[] = {
    {"rx-id-past", "the first id past the table", .queue = FAULT_RX, .spoil = id_past},
    {"rx-id-huge", "id 0xffffffff", .queue = FAULT_RX, .spoil = id_huge},
    {"rx-id-idle", "an id that the guest did not make available", .queue = FAULT_RX,
     .spoil = id_idle},
    {"rx-id-twice", "an id two times", .queue = FAULT_RX, .spoil = id_twice},
    {"rx-idx-jump", "1000 entries that are not there", .queue = FAULT_RX, .spoil = idx_jump},
    {"rx-idx-back", "1000 entries less than before", .queue = FAULT_RX, .spoil = idx_back},
    {"rx-len-over", "one byte more written than there is room", .queue = FAULT_RX,
     .spoil = len_over},
    {"rx-len-huge", "0xffffffff bytes written", .queue = FAULT_RX, .spoil = len_huge},
    {"tx-id-past", "likewise, at the guest's next packet", .queue = FAULT_TX, .spoil = id_past},
    {"tx-id-huge", "likewise", .queue = FAULT_TX, .spoil = id_huge},
    {"tx-id-idle", "likewise", .queue = FAULT_TX, .spoil = id_idle},
    {"tx-id-twice", "likewise", .queue = FAULT_TX, .spoil = id_twice},
    {"tx-idx-jump", "likewise", .queue = FAULT_TX, .spoil = idx_jump},
    {"tx-idx-back", "likewise", .queue = FAULT_TX, .spoil = idx_back},
    {"tx-len-huge", "likewise, though nothing was to be written", .queue = FAULT_TX,
     .spoil = len_huge},
    {"event-id-past", "likewise, in the event queue", .queue = FAULT_EVENT, .spoil = id_past},
    {"event-id-idle", "likewise", .queue = FAULT_EVENT, .spoil = id_idle},
    {"event-idx-jump", "likewise", .queue = FAULT_EVENT, .spoil = idx_jump},
    {"event-len-over", "likewise", .queue = FAULT_EVENT, .spoil = len_over},
    {"event-len-short", "a reset that is one byte short", .queue = FAULT_EVENT, .spoil = len_short},
    {"event-unknown", "event 7", .queue = FAULT_EVENT, .spoil = event_unknown},
    {.name = NULL},
};

bool faults_open_event_queue(struct faults *faults)
{
    const struct guest_memory *memory = &faults->device->memory;
    struct vring *ring = &faults->event_ring;
    uint64_t at = guest_memory_to_user(memory, faults->event_queue);
    const struct vring_addresses addresses = {
        .desc = at + offsetof(struct virtqueue, desc),
        .avail = at + offsetof(struct virtqueue, avail),
        .used = at + offsetof(struct virtqueue, used),
    };

    *ring = (struct vring){0};
    if (faults->event_queue == 0 || vring_set_size(ring, VIRTQUEUE_SIZE) != MOTE_OK ||
        vring_map(ring, memory, &addresses) != MOTE_OK)
        return false;
    ring->index = ring->used->idx; /* QEMU writes no events, so that it is ours alone */
    return true;
}

bool faults_send_event(struct faults *faults, uint32_t id)
{
    struct vring_chain *chain = &faults->device->chain;
    struct vring *ring = &faults->event_ring;

    if (!faults_open_event_queue(faults) || vring_next(ring, VRING_WRITE, chain) != 1 ||
        chain->total < sizeof id)
        return false;
    vring_copy_in(chain, 0, &id, sizeof id);
    vring_put(ring, chain->head, sizeof id);
    vring_publish(ring);
    /* QEMU has the event queue's interrupt; the guest looks at all queues whichever comes. */
    device_interrupt(faults->device, DEVICE_RX);
    return true;
}

int fault_spoil_ring(struct faults *faults)
{
    enum fault_queue queue = faults->row->queue;
    struct vring_chain *chain = &faults->device->chain;
    struct vring *ring =
        queue == FAULT_EVENT ? &faults->event_ring : &faults->device->queues[queue].ring;

    if (queue == FAULT_EVENT && !faults_open_event_queue(faults))
        return 0;
    if (vring_next(ring, queue == FAULT_TX ? VRING_READ : VRING_WRITE, chain) != 1)
        return 0;
    faults->row->spoil(ring, chain);
    faults->row = NULL;
    vring_publish(ring);
    device_interrupt(faults->device, queue == FAULT_TX ? DEVICE_TX : DEVICE_RX);
    return 1;
}
