/* SPDX-License-Identifier: MIT */
/*
 * What crosses a virtio-vsock queue: the 44-byte header and its constants, with
 * the names of the virtio specification 1.2, section 5.10. All fields are little
 * endian, as is every machine that mote runs on.
 */
#ifndef DRIVERS_VSOCK_PACKET_H
#define DRIVERS_VSOCK_PACKET_H

#include <stdint.h>

enum virtio_vsock_type {
    VIRTIO_VSOCK_TYPE_STREAM = 1,
};

enum virtio_vsock_op {
    VIRTIO_VSOCK_OP_INVALID = 0,
    VIRTIO_VSOCK_OP_REQUEST = 1,
    VIRTIO_VSOCK_OP_RESPONSE = 2,
    VIRTIO_VSOCK_OP_RST = 3,
    VIRTIO_VSOCK_OP_SHUTDOWN = 4,
    VIRTIO_VSOCK_OP_RW = 5,
    VIRTIO_VSOCK_OP_CREDIT_UPDATE = 6,
    VIRTIO_VSOCK_OP_CREDIT_REQUEST = 7,
};

/* Flags of VIRTIO_VSOCK_OP_SHUTDOWN; they describe the sender and accumulate. */
enum virtio_vsock_shutdown {
    VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE = 1, /* the sender will receive no more */
    VIRTIO_VSOCK_SHUTDOWN_F_SEND = 2,    /* the sender will send no more */
    VIRTIO_VSOCK_SHUTDOWN_BOTH = 3,
};

enum virtio_vsock_event_id {
    VIRTIO_VSOCK_EVENT_TRANSPORT_RESET = 0,
};

/* Context ids that can't be a guest's (section 5.10.4). */
#define VSOCK_CID_HYPERVISOR UINT64_C(0)
#define VSOCK_CID_LOCAL      UINT64_C(1)
#define VSOCK_CID_HOST       UINT64_C(2)
#define VSOCK_CID_ANY        UINT64_C(0xffffffff)

/* A packet's payload is never larger: Firecracker loses bytes past this. */
#define VSOCK_MAX_PAYLOAD 65536u

struct virtio_vsock_hdr {
    uint64_t src_cid;
    uint64_t dst_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint32_t len;
    uint16_t type;
    uint16_t op;
    uint32_t flags;
    uint32_t buf_alloc;
    uint32_t fwd_cnt;
} __attribute__((packed));

_Static_assert(sizeof(struct virtio_vsock_hdr) == 44, "virtio 5.10.6: the header has 44 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the header is used as it lies in memory");

#endif
