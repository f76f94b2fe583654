/* SPDX-License-Identifier: MIT */
/*
 * The vhost-user protocol, back end's side: reads QEMU's messages from a unix
 * socket and sets the device's memory and queues accordingly. It moves no packet.
 *
 * Rules: QEMU, docs/interop/vhost-user, as far as QEMU 7.2 to 10 use it for a
 * vsock device; what is not offered is refused.
 */
#ifndef QEMU_VSOCKD_VHOST_USER_H
#define QEMU_VSOCKD_VHOST_USER_H

#include "qemu/vsockd/device.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VHOST_USER_CONFIG_MAX 256 /* the protocol's limit for one configuration message */

struct vhost_user_state {
    uint32_t index;
    uint32_t num;
};

struct vhost_user_addr {
    uint32_t index;
    uint32_t flags;
    uint64_t desc;
    uint64_t used;
    uint64_t avail;
    uint64_t log;
};

struct vhost_user_memory {
    uint32_t count;
    uint32_t padding;
    struct guest_region_layout regions[GUEST_REGIONS_MAX];
};

struct vhost_user_config {
    uint32_t offset;
    uint32_t size;
    uint32_t flags;
    uint8_t data[VHOST_USER_CONFIG_MAX];
};

/* A message as it crosses the socket; all fields are the machine's own order. */
struct vhost_user_message {
    uint32_t request;
    uint32_t flags;
    uint32_t size; /* of the payload */
    union {
        uint64_t u64;
        struct vhost_user_state state;
        struct vhost_user_addr addr;
        struct vhost_user_memory memory;
        struct vhost_user_config config;
    } payload;
} __attribute__((packed));

#define VHOST_USER_HEADER_SIZE offsetof(struct vhost_user_message, payload)

/* Flags of a message; the version is 1. */
#define VHOST_USER_FLAG_VERSION_MASK 0x3u
#define VHOST_USER_FLAG_VERSION      0x1u
#define VHOST_USER_FLAG_REPLY        0x4u
#define VHOST_USER_FLAG_NEED_REPLY   0x8u

struct vhost_user {
    struct device *device;
    uint64_t guest_cid;
    int fd;         /* the connection with QEMU; -1 without one */
    int back_fd;    /* where we ask and QEMU answers; -1 until it has given us that */
    uint32_t asked; /* configuration changes told there */
    uint32_t answered;
    uint64_t heard; /* messages so far */
    struct vhost_user_message message;
    size_t have; /* bytes of message that arrived */
    int fds[GUEST_REGIONS_MAX];
    int fd_count;
};

enum vhost_user_result {
    VHOST_USER_GOES_ON,
    VHOST_USER_ENDED,  /* the front end closed the connection */
    VHOST_USER_FAILED, /* it broke the protocol or the socket failed; said on stderr */
};

/* Makes a back end for device, without a connection. */
void vhost_user_init(struct vhost_user *backend, struct device *device, uint64_t guest_cid);

/* Takes the messages that have arrived, and answers them. Never blocks. */
enum vhost_user_result vhost_user_receive(struct vhost_user *backend);

/*
 * Tells QEMU that the configuration has changed; asked is then this change's number.
 * QEMU reads it, interrupts the guest with a new generation, and answers. False when
 * QEMU can't be told.
 */
bool vhost_user_config_changed(struct vhost_user *backend);

/* Takes the answers to that. Never blocks. */
void vhost_user_receive_answers(struct vhost_user *backend);

#endif
