/* SPDX-License-Identifier: MIT */
/*
 * The peers' view of a connection machine: a model that sees packets only, and judges each
 * one that comes out (virtio specification 1.2, section 5.10.6). It does not say which
 * packet must come, only which must not.
 */
#ifndef TESTS_FUZZ_WIRE_H
#define TESTS_FUZZ_WIRE_H

#include "drivers/vsock_machine.h"

/* Bytes of a stream tell their place in it. */
static inline uint8_t tag(uint32_t position)
{
    return (uint8_t)(position * 7 + 1);
}

/* Forgets everything; base: where the machine's counters start. */
void wire_reset(uint32_t base);

/* The transport was reset: all connections are gone. */
void wire_transport_reset(void);

/* Whether the model has no room for more connections. */
bool wire_is_full(void);

/* A packet that the machine is about to take. */
void wire_input(const struct vsock_machine *m, const struct virtio_vsock_hdr *hdr);

/* A packet that the machine sent, of at most max bytes. */
void wire_output(const struct vsock_machine *m, const struct virtio_vsock_hdr *hdr,
                 const uint8_t *data, uint32_t max);

#endif
