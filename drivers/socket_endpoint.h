/* SPDX-License-Identifier: MIT */
/* What the parts of the endpoint over sockets ask of its whole. Internal to drivers/socket_*.c. */
#ifndef DRIVERS_SOCKET_ENDPOINT_H
#define DRIVERS_SOCKET_ENDPOINT_H

#include "drivers/endpoint.h"
#include "drivers/socket_stream.h"

/* Whether a peer is on the allow-list. */
bool socket_is_allowed(uint64_t cid);

/* A free slot, or NULL; taken by socket_begin(). */
struct socket_conn *socket_take_slot(void);

/* A connection was reset, perhaps all of them because the guest was moved: looks whether our
 * CID is another. */
void socket_check_cid(void);

#endif
