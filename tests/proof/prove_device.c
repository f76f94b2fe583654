/* SPDX-License-Identifier: MIT */
/*
 * The vsock device's driver between two contracts: what virtqueue_take() may return (which
 * prove_virtqueue.c proves), and what vsock_input() may be given. Buffers and lengths are the
 * device's, and it can write to its buffers at any time.
 */
#include "tests/proof/proof.h"

#include "drivers/vsock_device.c"

static struct vsock_machine machine;
/* Of each queue, bit n: request n came from it, went to it. */
static uint16_t taken[QUEUES], posted[QUEUES];
static unsigned sends_taken;

/* A block within one element of the driver's arrays: CBMC itself knows the whole array only. */
static bool is_in_one_element(const void *p, size_t n)
{
    size_t size = __CPROVER_same_object(p, rx_buffers)      ? sizeof rx_buffers[0]
                  : __CPROVER_same_object(p, tx_payloads)   ? sizeof tx_payloads[0]
                  : __CPROVER_same_object(p, tx_headers)    ? sizeof tx_headers[0]
                  : __CPROVER_same_object(p, event_buffers) ? sizeof event_buffers[0]
                                                            : SIZE_MAX;

    return n <= size && __CPROVER_POINTER_OFFSET(p) % size <= size - n;
}

/* Blocks are not moved but judged; what is copied from the device has any content. */
void *memset(void *p, int value, size_t n)
{
    (void)value;
    PROVE(__CPROVER_w_ok(p, n) && is_in_one_element(p, n));
    return p;
}

void *memcpy(void *dst, const void *src, size_t n)
{
    PROVE(__CPROVER_w_ok(dst, n) && is_in_one_element(dst, n));
    PROVE(__CPROVER_r_ok(src, n) && is_in_one_element(src, n));
    if (__CPROVER_same_object(src, rx_buffers))
        __CPROVER_havoc_slice(dst, n);
    return dst;
}

void explicit_bzero(void *p, size_t n)
{
    memset(p, 0, n);
}

int printf(const char *format, ...)
{
    return *format;
}

void virtio_kick(struct virtio_device *d, uint16_t n, struct virtqueue *q)
{
    PROVE(d == &device && n < 3 && q == &queues[n]);
}

int virtio_config_read64(struct virtio_device *d, uint32_t offset, uint64_t *value)
{
    PROVE(d == &device && offset == 0);
    *value = nondet_u64();
    return nondet_bool() ? MOTE_OK : MOTE_ERR_BROKEN;
}

static uint16_t slots_of(const struct virtqueue *q)
{
    return q == &queues[QUEUE_RX] ? RX_BUFFERS : q == &queues[QUEUE_TX] ? TX_SLOTS : EVENT_BUFFERS;
}

int virtqueue_take(struct virtqueue *q, uint32_t *len)
{
    static const uint32_t writable[] = {RX_BUFFER_SIZE, 0, sizeof(struct virtio_vsock_event)};
    uint16_t token = nondet_u16();
    ptrdiff_t n = q - queues;

    if (nondet_bool())
        return nondet_bool() ? MOTE_ERR_AGAIN : MOTE_ERR_BROKEN;
    ASSUME(token < slots_of(q) && ((taken[n] & ~posted[n]) >> token & 1) == 0);
    if (q == &queues[QUEUE_TX]) /* any two of what is busy: every turn of the loop is the same */
        ASSUME((tx_busy >> token & 1) != 0 && sends_taken++ < 2);
    *len = nondet_u32();
    ASSUME(*len <= writable[n]);
    taken[n] |= (uint16_t)(1u << token);
    posted[n] &= (uint16_t) ~(1u << token);
    return token;
}

bool virtqueue_is_pending(const struct virtqueue *q)
{
    PROVE(q >= queues && q < queues + QUEUES);
    return nondet_bool();
}

int virtqueue_add(struct virtqueue *q, const struct virtq_segment *segments, uint16_t n,
                  uint16_t token)
{
    PROVE(n == 1 || (n == 2 && q->free_count >= 2));
    PROVE(token < slots_of(q));
    for (uint16_t i = 0; i < n; i++)
        PROVE(segments[i].device_writes ? __CPROVER_w_ok(segments[i].data, segments[i].len)
                                        : __CPROVER_r_ok(segments[i].data, segments[i].len));
    posted[q - queues] |= (uint16_t)(1u << token);
    return MOTE_OK;
}

/* Its contract: a private header, and hdr->len bytes that did arrive, in one buffer. */
void vsock_input(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr, const uint8_t *data,
                 uint64_t now)
{
    (void)now;
    PROVE(m == &machine && !__CPROVER_same_object(hdr, rx_buffers));
    PROVE(__CPROVER_same_object(data, rx_buffers));
    size_t offset = (size_t)(data - &rx_buffers[0][0]) % RX_BUFFER_SIZE;
    PROVE(offset == sizeof *hdr && hdr->len <= RX_BUFFER_SIZE - offset);
}

bool vsock_output(struct vsock_machine *m, struct virtio_vsock_hdr *hdr, const uint8_t **data,
                  uint32_t max_data)
{
    static const uint8_t sent[TX_PAYLOAD_SIZE];

    PROVE(m == &machine && __CPROVER_w_ok(hdr, sizeof *hdr));
    hdr->len = nondet_u32();
    ASSUME(hdr->len <= max_data && hdr->len <= sizeof sent);
    *data = sent;
    return nondet_bool();
}

void vsock_transport_reset(struct vsock_machine *m, uint64_t local_cid)
{
    PROVE(m == &machine && local_cid > VSOCK_CID_HOST && local_cid < VSOCK_CID_ANY);
}

/* Every buffer that came goes back, unless the device is given up. */
static void check_turn(int result, int most)
{
    PROVE(result == MOTE_ERR_BROKEN || (result >= 0 && result <= most));
    PROVE(result < 0 || taken[QUEUE_RX] == posted[QUEUE_RX]);
    PROVE(result < 0 || taken[QUEUE_EVENT] == posted[QUEUE_EVENT]);
}

void prove_device_rx(void)
{
    ANY(event_buffers);
    check_turn(take_rx(&machine, nondet_u64()), RX_BUFFERS);
}

void prove_device_deliver(void)
{
    uint32_t len = nondet_u32();
    uint16_t slot = nondet_u16();

    ASSUME(slot < RX_BUFFERS && len <= RX_BUFFER_SIZE);
    deliver(&machine, slot, len, nondet_u64());
}

void prove_device_events(void)
{
    ANY(event_buffers);
    check_turn(take_events(&machine), EVENT_BUFFERS);
}

void prove_device_tx(void)
{
    tx_busy = nondet_u32();
    ASSUME(tx_busy < UINT32_C(1) << TX_SLOTS);
    uint32_t before = tx_busy;
    int result = take_tx();
    PROVE(result == MOTE_ERR_BROKEN || result >= 0);
    PROVE(tx_busy == (before & ~(uint32_t)taken[QUEUE_TX]));
}

void prove_device_send(void)
{
    tx_busy = nondet_u32();
    queues[QUEUE_TX].free_count = nondet_u16();
    ASSUME(tx_busy < UINT32_C(1) << TX_SLOTS);
    uint32_t before = tx_busy, sent;
    bool any = send_one(&machine);
    sent = posted[QUEUE_TX];
    PROVE((before & sent) == 0 && tx_busy == (before | sent));
    PROVE(any == (sent != 0));
}
