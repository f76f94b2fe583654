/* SPDX-License-Identifier: MIT */
/*
 * Commands of a guest of the Internet Computer to its HostOS: one request in one packet, our half
 * of the connection closed, the answer read to its end. That suits every host: those that read
 * once, and those that read to the end.
 */
#ifndef AGENT_HOSTOS_H
#define AGENT_HOSTOS_H

#include "agent/client.h"
#include "proto/hostos.h"

/* Bytes of a request: hosts to 2026 read 4096 at most, and we keep it while v0 is asked for. */
#define HOSTOS_KEPT_MAX    (CLIENT_DATA_MAX - 256)
#define HOSTOS_REQUEST_MAX (HOSTOS_KEPT_MAX < 4095 ? HOSTOS_KEPT_MAX : 4095)

/*
 * Begins a command; the texts are copied. NULL: error says why. The two that ask for a version are
 * asked once more after a transport reset; no other is, since nobody knows what the host has done.
 * All of it has five minutes, which an upgrade needs. Errors of the host are passed on as it says
 * them, as far as CLIENT_DATA_MAX goes.
 */
struct client *hostos_begin(const struct hostos_request *r, struct out *error);

/* Of a CLIENT_DONE: what vsock_guest prints, "1.0.0" or the HostOS's version; empty: nothing. */
struct bytes hostos_version(const struct client *c);

#endif
