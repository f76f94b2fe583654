/* SPDX-License-Identifier: MIT */
/*
 * Packets between the virtqueues and the connection machine. See device.h. What
 * the guest sends is copied out of its memory before anything looks at it.
 */
#include "qemu/vsockd/device.h"

#include "platform/error.h"

#include <err.h>
#include <string.h>
#include <unistd.h>

#define HEADER ((uint32_t)sizeof(struct virtio_vsock_hdr))
/* Packets of one direction in a row, so that neither starves the other or the sockets. */
#define BATCH 256

void device_init(struct device *device, struct vsock_machine *machine, uint64_t host_cid)
{
    memset(device, 0, sizeof *device);
    device->machine = machine;
    device->host_cid = host_cid;
    for (int i = 0; i < DEVICE_QUEUES; i++) {
        device->queues[i].kick_fd = -1;
        device->queues[i].call_fd = -1;
        device->queues[i].err_fd = -1;
    }
}

static bool is_ready(const struct device_queue *queue)
{
    return queue->ring.desc != NULL && queue->ring.broken == NULL && queue->kick_fd >= 0 &&
           queue->enabled;
}

void device_update(struct device *device)
{
    const struct device_queue *rx = &device->queues[DEVICE_RX];
    const struct device_queue *tx = &device->queues[DEVICE_TX];
    bool running = is_ready(rx) && is_ready(tx);

    /* Queues that go on in the middle belong to a guest that was only paused. */
    if (running && !device->running && rx->ring.index == 0 && tx->ring.index == 0)
        vsock_transport_reset(device->machine, device->host_cid);
    device->running = running;
}

int device_map_queue(struct device *device, struct device_queue *queue)
{
    return vring_map(&queue->ring, &device->memory, &queue->addresses);
}

/* An eventfd that nobody drains may be full; then it is signalled already. */
static void signal_event(int fd)
{
    const uint64_t one = 1;

    if (fd >= 0 && write(fd, &one, sizeof one) < 0)
        return;
}

void device_interrupt(struct device *device, enum device_queue_index index)
{
    const struct device_queue *queue = &device->queues[index];

    if (!device->mute && vring_wants_interrupt(&queue->ring))
        signal_event(queue->call_fd);
}

/* Says once why the device stops. */
static void stop_broken(struct device *device, enum device_queue_index index)
{
    const struct device_queue *queue = &device->queues[index];

    warnx("the guest broke its %s queue: %s; the device stops until the guest sets it up again",
          index == DEVICE_RX ? "receive" : "transmit", queue->ring.broken);
    signal_event(queue->err_fd);
    device_update(device);
}

/* Takes the packet in device->chain; false when it is none. */
static bool transmit_one(struct device *device, struct vring *ring, uint64_t now)
{
    const struct vring_chain *chain = &device->chain;
    struct virtio_vsock_hdr hdr;

    if (chain->total < HEADER || chain->total > HEADER + VSOCK_MAX_PAYLOAD) {
        vring_break(ring, chain->total < HEADER ? "a packet is shorter than its header"
                                                : "a packet has more than 65536 bytes of payload");
        return false;
    }
    vring_copy_out(chain, 0, &hdr, HEADER);
    if (hdr.len != chain->total - HEADER) {
        vring_break(ring, "a packet's len is not what its chain holds");
        return false;
    }
    vring_copy_out(chain, HEADER, device->payload, hdr.len);
    vring_finish(ring, chain, 0);
    vsock_input(device->machine, &hdr, device->payload, now);
    return true;
}

int device_transmit(struct device *device, uint64_t now)
{
    struct device_queue *queue = &device->queues[DEVICE_TX];
    int n = 0;

    if (device->running)
        vring_want_kicks(&queue->ring, false);
    while (device->running && n < BATCH) {
        int rc = vring_next(&queue->ring, VRING_READ, &device->chain);

        if (rc == 0)
            break;
        if (rc < 0 || !transmit_one(device, &queue->ring, now)) {
            stop_broken(device, DEVICE_TX);
            return n;
        }
        n++;
    }
    if (n > 0)
        device_interrupt(device, DEVICE_TX);
    return n;
}

/* Fills the buffer in device->chain with the machine's next packet; false when there is none. */
static bool receive_one(struct device *device, struct vring *ring)
{
    const struct vring_chain *chain = &device->chain;
    struct virtio_vsock_hdr hdr;
    const uint8_t *data;

    if (!vsock_output(device->machine, &hdr, &data, chain->total - HEADER))
        return false;
    vring_copy_in(chain, 0, &hdr, HEADER);
    if (hdr.len > 0)
        vring_copy_in(chain, HEADER, data, hdr.len);
    vring_finish(ring, chain, HEADER + hdr.len);
    return true;
}

int device_receive(struct device *device)
{
    struct device_queue *queue = &device->queues[DEVICE_RX];
    int n = 0;

    while (device->running && n < BATCH) {
        int rc = vring_next(&queue->ring, VRING_WRITE, &device->chain);

        if (rc > 0 && device->chain.total < HEADER)
            rc = vring_break(&queue->ring, "a buffer has no room for a packet's header");
        if (rc < 0) {
            stop_broken(device, DEVICE_RX);
            return n;
        }
        /* Without a buffer packets stay in the machine, where they are still in order. */
        device->starved = rc == 0;
        if (rc == 0 || !receive_one(device, &queue->ring))
            break;
        n++;
    }
    if (n > 0)
        device_interrupt(device, DEVICE_RX);
    return n;
}

bool device_may_wait(struct device *device)
{
    struct vring *rx = &device->queues[DEVICE_RX].ring, *tx = &device->queues[DEVICE_TX].ring;

    if (!device->running)
        return true;
    vring_want_kicks(tx, true);
    vring_want_kicks(rx, device->starved);
    return !vring_is_pending(tx) && !(device->starved && vring_is_pending(rx));
}
