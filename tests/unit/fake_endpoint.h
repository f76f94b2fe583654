/* SPDX-License-Identifier: MIT */
/*
 * An endpoint for those that dial, and for who is dialled: connections that are what a test makes
 * of them. Events are the test's own to tell.
 */
#ifndef TESTS_UNIT_FAKE_ENDPOINT_H
#define TESTS_UNIT_FAKE_ENDPOINT_H

#include "drivers/endpoint.h"

#define FAKE_CONNECTIONS 16

enum fake_end {
    FAKE_FREE = 0,
    FAKE_OPEN,
    FAKE_CLOSED,
    FAKE_ABORTED,
};

struct fake_connection {
    enum fake_end is;
    uint32_t port;
    bool shut;      /* our half */
    bool is_full;   /* there is no room to send */
    char *received; /* what the peer has sent and was not consumed */
    size_t received_len;
    char sent[8192];
    size_t sent_len;
};

/* The connection that the last endpoint_connect() made is fake_connections[fake_newest]. */
extern struct fake_connection fake_connections[FAKE_CONNECTIONS];
extern int fake_newest;

/* What endpoint_connect() returns instead of a connection; 0: one. */
extern int fake_connect_error;
extern int fake_connects; /* calls of it */

/* What endpoint_accept() returns; 0: the connection is up, with nothing received or sent. */
extern int fake_accept_error;

/* All connections are as at the start. */
void fake_endpoint_reset(void);

/* The peer of a connection sends n bytes, on top of those that were not read. */
void fake_endpoint_receive(int conn, const void *bytes, size_t n);

/* How many are open. */
int fake_endpoint_open(void);

#endif
