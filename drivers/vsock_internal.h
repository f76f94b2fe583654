/* SPDX-License-Identifier: MIT */
/*
 * What the three files of the connection machine share: vsock_machine.c (the
 * owner's side), vsock_input.c (packets in), vsock_output.c (packets out).
 */
#ifndef DRIVERS_VSOCK_INTERNAL_H
#define DRIVERS_VSOCK_INTERNAL_H

#include "drivers/vsock_machine.h"

#define VSOCK_NEVER UINT64_MAX

static inline uint8_t bit(int n)
{
    return (uint8_t)(1u << n);
}

/* Whether the machine answers this CID. */
bool vsock_is_allowed(const struct vsock_machine *m, uint64_t cid);

/* Whether a REQUEST to port finds a listener. */
bool vsock_is_listening(const struct vsock_machine *m, uint32_t port);

/* Takes a free slot for a tuple; NULL when the table is full. */
struct vsock_conn *vsock_take_slot(struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port,
                                   uint32_t local_port);

/* Returns a slot to the table; its buffers are wiped. */
void vsock_free_slot(struct vsock_conn *c);

/*
 * Ends a connection on the wire; rst says whether the peer is told. An owned one
 * becomes DEAD with VSOCK_EVENT_RESET and error; one in CLOSING is freed (after its RST).
 */
void vsock_kill(struct vsock_conn *c, int error, bool rst);

/* The peer has shut both halves and nothing is left to read: answer RST, and only RST. */
void vsock_finish_if_drained(struct vsock_conn *c);

/* Owes the peer a CREDIT_UPDATE when it may be waiting for one. */
void vsock_announce_credit(struct vsock_conn *c);

#endif
