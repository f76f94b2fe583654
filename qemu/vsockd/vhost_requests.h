/* SPDX-License-Identifier: MIT */
/*
 * The table of vhost-user messages that vsockd knows. It neither receives nor
 * sends: vhost_user.c checks sizes and descriptors by it, then calls the row.
 *
 * Rules: QEMU, docs/interop/vhost-user, "Front-end message types".
 */
#ifndef QEMU_VSOCKD_VHOST_REQUESTS_H
#define QEMU_VSOCKD_VHOST_REQUESTS_H

#include "qemu/vsockd/vhost_user.h"

#include <stdbool.h>
#include <stdint.h>

/* Does what a message asks; MOTE_OK or an error. A request that has a reply puts it in place. */
typedef int vhost_handler(struct vhost_user *b, struct vhost_user_message *m);

struct vhost_request {
    vhost_handler *handle;
    uint32_t size_min;
    uint32_t size_max;
    int fds_max;
    bool replies;
};

/* The row of a message, or NULL for one that is not known here. */
const struct vhost_request *vhost_request_find(uint32_t request);

#endif
