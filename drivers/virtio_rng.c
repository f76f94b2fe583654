/* SPDX-License-Identifier: MIT */
/*
 * One request at a time into one small buffer. Waits by sleeping, because entropy is
 * wanted at the start, before there is a loop that could do something else meanwhile.
 */
#include "drivers/virtio_rng.h"

#include "drivers/virtio.h"
#include "platform/platform.h"

#include <string.h>

#define CHUNK      64 /* bytes asked for at a time: two keys */
#define TIMEOUT_NS UINT64_C(1000000000)
/* How long to sleep where the device has no interrupt. */
#define LOOK_NS UINT64_C(1000000)

static struct virtqueue queue;
static struct virtio_device device;
static uint8_t buffer[CHUNK];

int virtio_rng_start(void)
{
    int result = virtio_find(VIRTIO_ID_ENTROPY, &device);

    if (result == MOTE_OK)
        result = virtio_negotiate(&device, 0);
    if (result == MOTE_OK)
        result = virtio_queue_init(&device, 0, &queue);
    if (result == MOTE_OK)
        virtio_driver_ok(&device);
    return result;
}

/* Returns how many bytes the device wrote into buffer. */
static int request(uint32_t *len)
{
    uint64_t deadline = platform_now_ns() + TIMEOUT_NS;
    int result = virtqueue_add(&queue, &(struct virtq_segment){buffer, CHUNK, true}, 1, 0);

    if (result != MOTE_OK)
        return result;
    virtio_kick(&device, 0, &queue);
    while ((result = virtqueue_take(&queue, len)) == MOTE_ERR_AGAIN) {
        uint64_t now = platform_now_ns();
        if (now > deadline)
            return MOTE_ERR_TIMEOUT;
        platform_wait(now + LOOK_NS);
        device.transport->acknowledge(&device);
    }
    return result;
}

int virtio_rng_read(void *buf, size_t n)
{
    uint8_t *to = buf;

    while (n != 0) {
        uint32_t len = 0;
        if (request(&len) < 0 || len == 0)
            return MOTE_ERR_NO_ENTROPY;
        uint32_t use = len < n ? len : (uint32_t)n;
        memcpy(to, buffer, use);
        explicit_bzero(buffer, sizeof buffer);
        to += use;
        n -= use;
    }
    return MOTE_OK;
}
