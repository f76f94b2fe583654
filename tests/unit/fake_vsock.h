/* SPDX-License-Identifier: MIT */
/*
 * A kernel's AF_VSOCK in the place of drivers/socket_vsock.c, over TCP on 127.0.0.1 (the peers'
 * ports are there, too) and with the CIDs that a test wants.
 */
#ifndef TESTS_UNIT_FAKE_VSOCK_H
#define TESTS_UNIT_FAKE_VSOCK_H

#include <stdint.h>

struct fake_vsock {
    long error; /* of /dev/vsock, a -errno */
    uint32_t cid;
    uint32_t peer_cid; /* who connects */
    long listen_error; /* a -errno */
    int cids_asked;    /* how often ours was */
};

extern struct fake_vsock fake_vsock;

#endif
