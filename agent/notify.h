/* SPDX-License-Identifier: MIT */
/*
 * Telling the host, over a connection that we make, that the guest is ready and with what
 * status it ends: READY=1 and EXIT_STATUS=n, each on a connection of its own that the host
 * closes when it has read them (systemd's vmm.notify_socket does the same). Where to, says
 * mote.notify=PORT or vsock:CID:PORT (also vsock-stream:...); without it nothing is told.
 */
#ifndef AGENT_NOTIFY_H
#define AGENT_NOTIFY_H

#include "drivers/endpoint.h"

/* Reads the option. MOTE_ERR_INVALID: it can't be understood; the console says so. */
int notify_start(void);

/* Begins to tell that the guest is ready. Whether it could, the console says. */
void notify_ready(void);

/* Begins to tell how the guest ends, at the first call; true when that is over, told or not. */
bool notify_exit(int status);

/* Takes an event if it is one of ours. */
bool notify_event(const struct endpoint_event *event);

/* Lets time pass: a host that does not answer is not waited for. */
void notify_tick(uint64_t now);

/* When notify_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t notify_deadline(void);

#endif
