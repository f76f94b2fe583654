/* SPDX-License-Identifier: MIT */
/*
 * Packets that no honest machine makes. Each starts as one that the victim's peer
 * could send, or in rows without a victim as one to a port of the guest from a port
 * that nobody has; then its row is added to it. See fault.h.
 */
#include "qemu/vsockd/fault.h"

#include <sched.h>
#include <stddef.h>
#include <string.h>

#define HEADER     ((uint32_t)sizeof(struct virtio_vsock_hdr))
#define GUEST_PORT 1024u
#define FREE_PORTS 20000u /* and 20,000 more: the host's own ports are above */
#define BUF_ALLOC  65536u
#define JUNK       8u    /* bytes that would spoil the victim's stream if they got there */
#define BIG        4000u /* fits a buffer of mote's; ten of these are more than two windows */
#define PAYLOAD    4096u
#define SCRIBBLES  200000u /* some milliseconds, for a guest that does not look */
#define SPELL      8192u   /* of these before somebody else may have the processor */

enum {
    REQUEST = VIRTIO_VSOCK_OP_REQUEST,
    RESPONSE = VIRTIO_VSOCK_OP_RESPONSE,
    RST = VIRTIO_VSOCK_OP_RST,
    SHUTDOWN = VIRTIO_VSOCK_OP_SHUTDOWN,
    RW = VIRTIO_VSOCK_OP_RW,
    UPDATE = VIRTIO_VSOCK_OP_CREDIT_UPDATE,
    ASK = VIRTIO_VSOCK_OP_CREDIT_REQUEST,
};

/* Lengths that are too much for any buffer, and the true one between them; other blanks. It goes
 * on until the guest gives another buffer, so that it has read this one meanwhile. */
static void scribble(const struct vring *ring, const struct vring_chain *chain)
{
    static const uint32_t lens[] = {UINT32_MAX, JUNK, UINT32_MAX - HEADER + 1, JUNK};
    static const char blanks[] = " \t";
    uint16_t before = vring_given(ring);

    for (uint32_t i = 0; i < SCRIBBLES && vring_given(ring) == before; i++) {
        vring_copy_in(chain, offsetof(struct virtio_vsock_hdr, len), &lens[i % 4], sizeof lens[0]);
        vring_copy_in(chain, HEADER + i % JUNK, &blanks[i / JUNK % 2], 1);
        if (i % SPELL == SPELL - 1)
            sched_yield();
    }
}

#define VICTIM         .needs_victim = true, .packets = 1
#define JUNK_TO_VICTIM VICTIM, .op = RW, .payload = JUNK
#define STORM          .packets = 4096

const struct fault_row fault_packets[] = {
    {"op-0", "operation 0, which is invalid", VICTIM, .op = 0},
    {"op-8", "operation 8, the first that is unknown", VICTIM, .op = 8},
    {"op-ffff", "operation 0xffff", VICTIM, .op = UINT16_MAX},
    {"type-0", "data of type 0", JUNK_TO_VICTIM, .add.type = UINT16_MAX},
    {"type-2", "data of type 2, which was not negotiated", JUNK_TO_VICTIM, .add.type = 1},
    {"type-ffff", "data of type 0xffff", JUNK_TO_VICTIM, .add.type = UINT16_MAX - 1},
    {"len-over", "one byte more in the header than arrives", JUNK_TO_VICTIM, .add.len = 1},
    {"len-huge", "0xffffffff bytes in the header", JUNK_TO_VICTIM, .add.len = UINT32_MAX - JUNK},
    {"len-wraps", "so many bytes that the header's make 0 of them", JUNK_TO_VICTIM,
     .add.len = 0 - HEADER - JUNK},
    {"len-under", "no bytes in the header where some arrive", JUNK_TO_VICTIM, .add.len = 0 - JUNK},
    {"used-0", "data of which nothing was written", JUNK_TO_VICTIM, .lies = true, .claim = 0},
    {"used-43", "a header of which one byte was not written", JUNK_TO_VICTIM, .lies = true,
     .claim = HEADER - 1},
    {"used-less", "data of which one byte was not written", JUNK_TO_VICTIM, .lies = true,
     .claim = HEADER + JUNK - 1},
    {"src-cid", "data from another CID", JUNK_TO_VICTIM, .add.src_cid = 77},
    {"src-cid-high", "data from a CID of 33 bits", JUNK_TO_VICTIM, .add.src_cid = 1ull << 32},
    {"dst-cid", "data to another CID", JUNK_TO_VICTIM, .add.dst_cid = 1},
    {"dst-cid-high", "data to a CID of 33 bits", JUNK_TO_VICTIM, .add.dst_cid = 1ull << 32},
    {"credit-zero", "a window of 0 bytes", VICTIM, .op = UPDATE, .add.buf_alloc = 0 - BUF_ALLOC},
    {"credit-huge", "a window of 4 GiB", VICTIM, .op = UPDATE, .add.buf_alloc = ~BUF_ALLOC},
    {"credit-ahead", "one byte more consumed than was sent", VICTIM, .op = UPDATE,
     .add.fwd_cnt = 1},
    {"credit-behind", "2 GiB less consumed than before", VICTIM, .op = UPDATE,
     .add.fwd_cnt = 1u << 31},
    {"credit-payload", "a credit update with data", VICTIM, .op = UPDATE, .payload = JUNK},
    {"credit-storm", "4096 requests for credit", .needs_victim = true, STORM, .op = ASK},
    {"overrun", "two and a half windows of data at once", .needs_victim = true, .packets = 10,
     .batch = 10, .op = RW, .payload = BIG, .counted = true},
    {"request-live", "a request for a connection that exists", VICTIM, .op = REQUEST},
    {"response-live", "a response in an open connection", VICTIM, .op = RESPONSE},
    {"shutdown-flags", "a shutdown with all flags but the two that are defined", VICTIM,
     .op = SHUTDOWN, .add.flags = ~3u},
    {"changed-later", "lengths and data that go on changing under the guest's eyes",
     .needs_victim = true, .packets = 200, .op = RW, .payload = JUNK, .counted = true,
     .scribble = scribble},
    {"rst-storm", "4096 resets of connections that do not exist", STORM, .op = RST},
    {"rw-storm", "4096 times data for connections that do not exist", STORM, .op = RW,
     .payload = JUNK},
    {"request-flood", "4096 requests for connections", STORM, .op = REQUEST},
    {"cid-flood", "4096 requests for connections from another CID", STORM, .op = REQUEST,
     .add.src_cid = 77},
    {"rw-early", "requests with data before the response", .packets = 200, .batch = 2,
     .op = REQUEST, .second_op = RW, .payload = JUNK},
    {"request-twice", "requests, each of them twice", .packets = 200, .batch = 2, .op = REQUEST,
     .second_op = REQUEST},
    {.name = NULL},
};

/* What the victim's peer knows, or a peer of which nobody has heard. */
static struct virtio_vsock_hdr honest_header(const struct faults *faults)
{
    const struct fault_row *row = faults->row;
    const struct vsock_conn *victim = faults->victim;
    uint32_t port = row->second_op != 0 ? faults->sent / 2 : faults->sent;
    struct virtio_vsock_hdr hdr = {
        .src_cid = faults->device->machine->local_cid,
        .dst_cid = faults->device->machine->peers[0],
        .src_port = FREE_PORTS + port,
        .dst_port = GUEST_PORT,
        .type = VIRTIO_VSOCK_TYPE_STREAM,
        .buf_alloc = BUF_ALLOC,
    };

    if (row->needs_victim) {
        hdr.src_port = victim->local_port;
        hdr.dst_port = victim->peer_port;
        hdr.fwd_cnt = victim->fwd_cnt;
    }
    return hdr;
}

static void add_to(struct virtio_vsock_hdr *hdr, const struct virtio_vsock_hdr *add)
{
    hdr->src_cid += add->src_cid;
    hdr->dst_cid += add->dst_cid;
    hdr->len += add->len;
    hdr->type = (uint16_t)(hdr->type + add->type);
    hdr->flags += add->flags;
    hdr->buf_alloc += add->buf_alloc;
    hdr->fwd_cnt += add->fwd_cnt;
}

/* Fills one buffer of the guest; returns what is to be said of the bytes written. */
static uint32_t write_packet(struct faults *faults, const struct vring_chain *chain)
{
    const struct fault_row *row = faults->row;
    bool second = row->second_op != 0 && faults->sent % 2 == 1;
    uint32_t payload = row->second_op == 0 || second ? row->payload : 0;
    struct virtio_vsock_hdr hdr = honest_header(faults);
    uint8_t data[PAYLOAD];

    hdr.op = second ? row->second_op : row->op;
    hdr.len = payload;
    add_to(&hdr, &row->add);
    /* Blanks may stand in a line; what must never arrive is none. */
    memset(data, row->scribble != NULL ? ' ' : 'x', sizeof data);
    vring_copy_in(chain, 0, &hdr, HEADER);
    vring_copy_in(chain, HEADER, data, payload);
    if (row->counted)
        faults->victim->tx_cnt += payload;
    return row->lies ? row->claim : HEADER + payload;
}

int fault_send_packets(struct faults *faults)
{
    const struct fault_row *row = faults->row;
    struct device *device = faults->device;
    struct vring *ring = &device->queues[DEVICE_RX].ring;
    uint32_t batch = row->batch != 0 ? row->batch : 1;
    int n = 0;

    while (faults->sent < row->packets && (uint16_t)(vring_given(ring) - ring->index) >= batch) {
        for (uint32_t i = 0; i < batch; i++) {
            if (vring_next(ring, VRING_WRITE, &device->chain) != 1 ||
                device->chain.total < HEADER + row->payload)
                return n; /* the honest path finds out what is wrong with it */
            vring_put(ring, device->chain.head, write_packet(faults, &device->chain));
            faults->sent++;
            n++;
        }
        vring_publish(ring);
        device_interrupt(device, DEVICE_RX);
        if (row->scribble != NULL)
            row->scribble(ring, &device->chain);
    }
    if (faults->sent == row->packets)
        faults->row = NULL;
    return n;
}
