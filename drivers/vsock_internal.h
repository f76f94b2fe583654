/* SPDX-License-Identifier: MIT */
/*
 * What the files of the connection machine share: vsock_machine.c (the owner's side),
 * vsock_ports.c (ports), vsock_input.c (packets in), vsock_output.c (packets out).
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

/* The next ephemeral port for a connection to the peer's port; 0 when there is none. */
uint32_t vsock_take_port(struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port);

/* Lets the port pair of an unclean end rest; of too many, the one that rests longest goes. */
void vsock_quarantine(struct vsock_machine *m, const struct vsock_conn *c);

/* Whether a port pair rests. */
bool vsock_is_quarantined(const struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port,
                          uint32_t local_port);

/* Lets no pair rest any more: nothing of the old connections is on its way. */
void vsock_end_quarantine(struct vsock_machine *m);

/* Takes a free slot for a tuple; NULL when the table is full. */
struct vsock_conn *vsock_take_slot(struct vsock_machine *m, uint64_t peer_cid, uint32_t peer_port,
                                   uint32_t local_port);

/* Returns a slot to the table; its buffers are wiped. */
void vsock_free_slot(struct vsock_machine *m, struct vsock_conn *c);

/* RESPONSE was given or taken: from now on the pair rests after an unclean end. */
static inline void vsock_establish(struct vsock_conn *c)
{
    c->state = VSOCK_OPEN;
    c->established = true;
}

/* The owner learns, once, that the peer sends no more. */
void vsock_tell_end(struct vsock_conn *c);

/*
 * Ends a connection on the wire; rst says whether the peer is told. An owned one
 * becomes DEAD with VSOCK_EVENT_RESET and error; one in CLOSING is freed (after its RST).
 */
void vsock_kill(struct vsock_machine *m, struct vsock_conn *c, int error, bool rst);

/* The peer has shut both halves and nothing is left to read: answer RST, and only RST. */
void vsock_finish_if_drained(struct vsock_machine *m, struct vsock_conn *c);

/* Owes the peer a CREDIT_UPDATE when it may be waiting for one. */
void vsock_announce_credit(struct vsock_conn *c);

#endif
