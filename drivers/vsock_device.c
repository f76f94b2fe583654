/* SPDX-License-Identifier: MIT */
/*
 * Queues and buffers of the vsock device. A received header is copied once and judged
 * by its copy, because the device can still write to the original. Numbers in
 * brackets are sections of the virtio specification 1.2.
 */
#include "drivers/vsock_device.h"

#include "drivers/virtio.h"
#include "platform/platform.h"

#include <stdio.h>
#include <string.h>

enum { QUEUE_RX, QUEUE_TX, QUEUE_EVENT, QUEUES };

#define VIRTIO_VSOCK_F_STREAM            (UINT64_C(1) << 0)
#define VIRTIO_VSOCK_F_NO_IMPLIED_STREAM (UINT64_C(1) << 2)

/* Header and payload in one piece. Two connections' windows full of packets. */
#define RX_BUFFERS     10
#define RX_BUFFER_SIZE 4096
/* As long as the longest thing a connection can have to send. */
#define TX_PAYLOAD_SIZE 4096
#define TX_DATA_SLOTS   8
/* Slots that data packets leave to control packets; they have no payload. */
#define TX_SLOTS_FOR_CONTROL 4
#define TX_SLOTS             (TX_DATA_SLOTS + TX_SLOTS_FOR_CONTROL)
/* One would do; Linux posts 8, and QEMU loses the event when none is posted. */
#define EVENT_BUFFERS 4

struct virtio_vsock_event {
    uint32_t id;
};

static uint8_t rx_buffers[RX_BUFFERS][RX_BUFFER_SIZE]
    __attribute__((aligned(16), section(".noinit")));
static uint8_t tx_payloads[TX_DATA_SLOTS][TX_PAYLOAD_SIZE]
    __attribute__((aligned(16), section(".noinit")));
static struct virtio_vsock_hdr tx_headers[TX_SLOTS];
static struct virtio_vsock_event event_buffers[EVENT_BUFFERS];
static struct virtqueue queues[QUEUES];
static struct virtio_device device;
static uint32_t tx_busy; /* bit n: slot n is the device's */
static bool broken;

_Static_assert(TX_SLOTS < 32 && 2 * TX_SLOTS <= VIRTQUEUE_SIZE, "slots fit mask and queue");
_Static_assert(RX_BUFFER_SIZE - sizeof(struct virtio_vsock_hdr) <= VSOCK_MAX_PAYLOAD,
               "Firecracker loses bytes of larger packets");

static int fail(const char *why)
{
    if (!broken)
        printf("mote: vsock: %s\n", why);
    broken = true;
    return MOTE_ERR_BROKEN;
}

static void post_rx(uint16_t slot)
{
    /* A device may hand a buffer back untouched: no old packet must be found in it. */
    *(struct virtio_vsock_hdr *)rx_buffers[slot] = (struct virtio_vsock_hdr){0};
    virtqueue_add(&queues[QUEUE_RX],
                  &(struct virtq_segment){rx_buffers[slot], RX_BUFFER_SIZE, true}, 1, slot);
}

static void post_event(uint16_t slot)
{
    virtqueue_add(&queues[QUEUE_EVENT],
                  &(struct virtq_segment){&event_buffers[slot], sizeof event_buffers[slot], true},
                  1, slot);
}

/* [5.10.4] The upper half is zero and some ids can't be a guest's. */
static int read_cid(uint64_t *cid)
{
    int result = virtio_config_read64(&device, 0, cid);

    if (result != MOTE_OK)
        return fail("the configuration never stops changing");
    if (*cid <= VSOCK_CID_HOST || *cid >= VSOCK_CID_ANY) {
        printf("mote: vsock: CID %llu can't be a guest's\n", (unsigned long long)*cid);
        return MOTE_ERR_UNSUPPORTED;
    }
    return MOTE_OK;
}

int vsock_device_start(uint64_t *cid)
{
    int result = virtio_find(VIRTIO_ID_VSOCK, &device);

    if (result == MOTE_OK)
        result =
            virtio_negotiate(&device, VIRTIO_VSOCK_F_STREAM | VIRTIO_VSOCK_F_NO_IMPLIED_STREAM);
    for (uint16_t n = 0; n < QUEUES && result == MOTE_OK; n++)
        result = virtio_queue_init(&device, n, &queues[n]);
    if (result == MOTE_OK)
        result = read_cid(cid);
    if (result != MOTE_OK)
        return result;
    for (uint16_t i = 0; i < RX_BUFFERS; i++)
        post_rx(i);
    for (uint16_t i = 0; i < EVENT_BUFFERS; i++)
        post_event(i);
    virtio_driver_ok(&device); /* buffers before, kicks after: the specification forbids others */
    virtio_kick(&device, QUEUE_RX, &queues[QUEUE_RX]);
    virtio_kick(&device, QUEUE_EVENT, &queues[QUEUE_EVENT]);
    printf("mote: vsock: CID %llu, virtio-%s at %llx%s\n", (unsigned long long)*cid,
           device.transport->name, (unsigned long long)device.address,
           device.interrupts ? "" : ", polled");
    return MOTE_OK;
}

/* One packet from a buffer of which the device wrote len bytes. */
static void deliver(struct vsock_machine *m, uint16_t slot, uint32_t len, uint64_t now)
{
    struct virtio_vsock_hdr hdr;

    if (len < sizeof hdr)
        return;
    memcpy(&hdr, rx_buffers[slot], sizeof hdr);
    if (hdr.len > len - sizeof hdr) /* it claims more than arrived */
        return;
    vsock_input(m, &hdr, rx_buffers[slot] + sizeof hdr, now);
}

/* What follows takes what the device has finished, returns how much, or MOTE_ERR_BROKEN. */

/* [5.10.6.7] The reset event: connections are gone and the CID may be another. */
static int take_events(struct vsock_machine *m)
{
    int n;

    for (n = 0; n < EVENT_BUFFERS; n++) { /* a turn, as in take_rx() */
        uint32_t len;
        int slot = virtqueue_take(&queues[QUEUE_EVENT], &len);
        if (slot == MOTE_ERR_AGAIN)
            break;
        if (slot < 0)
            return fail("the device wrote nonsense into the event queue");
        uint32_t id = event_buffers[slot].id;
        post_event((uint16_t)slot);
        if (len != sizeof event_buffers[slot] || id != VIRTIO_VSOCK_EVENT_TRANSPORT_RESET)
            continue;
        uint64_t cid;
        if (read_cid(&cid) != MOTE_OK)
            return fail("no CID after a transport reset");
        printf("mote: vsock: transport reset, CID %llu\n", (unsigned long long)cid);
        vsock_transport_reset(m, cid);
    }
    if (n != 0)
        virtio_kick(&device, QUEUE_EVENT, &queues[QUEUE_EVENT]);
    return n;
}

static int take_rx(struct vsock_machine *m, uint64_t now)
{
    int n;

    /* A device that is faster than we are must not keep us here: one ring full a turn. */
    for (n = 0; n < RX_BUFFERS; n++) {
        uint32_t len;
        int slot = virtqueue_take(&queues[QUEUE_RX], &len);
        if (slot == MOTE_ERR_AGAIN)
            break;
        if (slot < 0)
            return fail("the device wrote nonsense into the receive queue");
        /* What was sent behind a reset is for the new CID, and must not die with the old. */
        if (virtqueue_is_pending(&queues[QUEUE_EVENT]) && take_events(m) < 0)
            return MOTE_ERR_BROKEN;
        deliver(m, (uint16_t)slot, len, now);
        explicit_bzero(rx_buffers[slot], len); /* it may have been part of a secret */
        post_rx((uint16_t)slot);
    }
    /* A device has the half that it was told of when it may lack the half that it was not. */
    if (2 * virtqueue_unkicked(&queues[QUEUE_RX]) >= queues[QUEUE_RX].outstanding)
        virtio_kick(&device, QUEUE_RX, &queues[QUEUE_RX]);
    return n;
}

/* What was sent may have been a secret. */
static void wipe_payload(int slot)
{
    uint32_t len = tx_headers[slot].len; /* the device has seen it, and may have changed it */

    if (slot < TX_DATA_SLOTS)
        memset(tx_payloads[slot], 0, len < TX_PAYLOAD_SIZE ? len : TX_PAYLOAD_SIZE);
}

static int take_tx(void)
{
    uint32_t len;
    int slot, n = 0;

    for (; (slot = virtqueue_take(&queues[QUEUE_TX], &len)) >= 0; n++) {
        wipe_payload(slot);
        tx_busy &= ~(UINT32_C(1) << slot);
    }
    return slot == MOTE_ERR_BROKEN ? fail("the device wrote nonsense into the transmit queue") : n;
}

/* The lowest slot that is not the device's; TX_SLOTS: none. Those with a payload are lowest. */
static uint16_t idle_slot(void)
{
    return (uint16_t)__builtin_ctz(~tx_busy | UINT32_C(1) << TX_SLOTS);
}

/* Whether data may go; a device may hold fewer packets than we have slots. */
static bool has_data_slot(void)
{
    return idle_slot() < TX_DATA_SLOTS && queues[QUEUE_TX].free_count >= 2;
}

static bool send_one(struct vsock_machine *m)
{
    uint16_t slot = idle_slot();
    struct virtio_vsock_hdr *hdr = &tx_headers[slot];
    const uint8_t *data;

    if (slot == TX_SLOTS || queues[QUEUE_TX].free_count == 0)
        return false;
    if (!vsock_output(m, hdr, &data, has_data_slot() ? TX_PAYLOAD_SIZE : 0))
        return false;
    tx_busy |= UINT32_C(1) << slot;
    /* Header and payload apart, the payload in one piece: some devices skip other shapes. */
    struct virtq_segment segments[] = {{hdr, sizeof *hdr, false}, {NULL, hdr->len, false}};
    if (hdr->len != 0) {
        memcpy(tx_payloads[slot], data, hdr->len);
        segments[1].data = tx_payloads[slot];
    }
    virtqueue_add(&queues[QUEUE_TX], segments, hdr->len != 0 ? 2 : 1, slot);
    return true;
}

int vsock_device_poll(struct vsock_machine *m, uint64_t now)
{
    int tx, rx, events;

    if (broken)
        return MOTE_ERR_BROKEN;
    virtqueue_want_interrupts(&queues[QUEUE_RX], false);
    if ((tx = take_tx()) < 0 || (rx = take_rx(m, now)) < 0 || (events = take_events(m)) < 0)
        return MOTE_ERR_BROKEN;
    /* A device that gives up interrupts. To ask it in every turn would cost an exit each. */
    bool idle = tx + rx + events == 0;
    return idle && virtio_needs_reset(&device) ? fail("the device needs a reset") : MOTE_OK;
}

bool vsock_device_flush(struct vsock_machine *m)
{
    while (!broken && send_one(m))
        ;
    if (vsock_has_events(m))
        return true;
    if (!broken)
        virtio_kick(&device, QUEUE_TX, &queues[QUEUE_TX]);
    return false;
}

bool vsock_device_interrupts(void)
{
    return device.interrupts;
}

bool vsock_device_may_wait(void)
{
    bool pending = false;

    if (broken)
        return false;
    device.transport->acknowledge(&device);
    for (int i = 0; i < QUEUES; i++) {
        /* A finished send concerns only somebody who waits for its slot. */
        bool wanted = i != QUEUE_TX || !has_data_slot();
        virtqueue_want_interrupts(&queues[i], wanted);
        pending |= wanted && virtqueue_is_pending(&queues[i]);
    }
    return !pending;
}
