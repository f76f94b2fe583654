/* SPDX-License-Identifier: MIT */
/*
 * The vsock endpoint: the seam between the agent and how bytes reach its host. On bare
 * metal drivers/vsock_endpoint.c serves it over mote's own connection machine; under a
 * kernel drivers/socket_endpoint.c over vsock, TCP or unix sockets, of which the peers of the
 * last two count as the host. One endpoint, one thread; nothing waits.
 *
 * A connection is a small number that belongs to the caller from ENDPOINT_REQUESTED
 * (or endpoint_connect()) until endpoint_close() or endpoint_abort().
 */
#ifndef DRIVERS_ENDPOINT_H
#define DRIVERS_ENDPOINT_H

#include "platform/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Connections at once. Each costs its window and its send buffer; more get RST. */
#ifndef ENDPOINT_CONNECTIONS
#define ENDPOINT_CONNECTIONS 12
#endif

/* Unread bytes of a connection: the longest line with its '\n'. A power of two. */
#ifndef ENDPOINT_WINDOW
#define ENDPOINT_WINDOW 16384
#endif

/* Unsent bytes of a connection: two of the longest answers, and a packet of a page. */
#ifndef ENDPOINT_SEND_BUFFER
#define ENDPOINT_SEND_BUFFER 4096
#endif

#define ENDPOINT_CID_HOST UINT64_C(2)

enum endpoint_event_type {
    ENDPOINT_REQUESTED = 1, /* a peer wants to connect: endpoint_accept(), or _close() to refuse */
    ENDPOINT_CONNECTED,     /* our connect was accepted */
    ENDPOINT_DATA,          /* there are new bytes to read */
    ENDPOINT_ROOM,          /* endpoint_reserve() had said no: now there is room, or never
                             * (endpoint_send_shut()) */
    ENDPOINT_CLOSED,        /* the peer sends no more; unread bytes stay readable */
    ENDPOINT_RESET,         /* the connection is gone; error: _RESET, _REFUSED, _TIMEOUT */
    /* Of no connection (conn is -1): the guest was moved or restored. endpoint_cid() may be
     * another, each connection follows with ENDPOINT_RESET, listeners stay; and what must be
     * nobody else's (keys to come, tokens, deadlines) is to be made anew. */
    ENDPOINT_TRANSPORT_RESET,
};

struct endpoint_event {
    enum endpoint_event_type type;
    int conn;
    uint32_t local_port;
    uint32_t peer_port;
    int error;
};

/* Finds the device and starts it. MOTE_ERR_NOT_FOUND, or why it can't be used. Once. */
int endpoint_start(void);

/* Our context id, 0 where there is none. Changes with a transport reset. */
uint64_t endpoint_cid(void);

/* Adds a CID to the allow-list; it starts empty, and others get no answer. MOTE_ERR_NO_ROOM. */
int endpoint_allow(uint64_t cid);

/* Accepts connections to port. MOTE_ERR_ALREADY_BOUND, MOTE_ERR_NO_ROOM; under a kernel, when it
 * refuses, MOTE_ERR_UNSUPPORTED or _INVALID, after the console was told why. */
int endpoint_listen(uint32_t port);

/* Ends listening; connections stay, and the port may be listened on again. MOTE_ERR_NOT_FOUND. */
int endpoint_unlisten(uint32_t port);

/* Starts a connection; the outcome is ENDPOINT_CONNECTED or ENDPOINT_RESET.
 * MOTE_ERR_NO_RESOURCES: no slot or port. MOTE_ERR_INVALID: cid is not on the allow-list.
 * MOTE_ERR_UNSUPPORTED: no way leads there (by TCP nobody knows where the host is). */
int endpoint_connect(uint64_t cid, uint32_t port);

/* Answers ENDPOINT_REQUESTED with yes. MOTE_ERR_INVALID: the peer has gone meanwhile. */
int endpoint_accept(int conn);

/* The unread bytes, in one piece, valid until the next call; returns how many. */
uint32_t endpoint_peek(int conn, const char **data);

/* Wipes and drops n unread bytes, and gives their room back to the peer. */
void endpoint_consume(int conn, uint32_t n);

/* Room to send, in one piece, of at least `least` bytes (ENDPOINT_SEND_BUFFER at most); returns
 * how much. 0: there is less, and ENDPOINT_ROOM comes when there is; or nothing can be sent. */
uint32_t endpoint_reserve(int conn, uint32_t least, char **space);

/* Sends n bytes that were written at endpoint_reserve(). */
void endpoint_send(int conn, uint32_t n);

/* Whether nothing can be sent any more. */
bool endpoint_send_shut(int conn);

/* We send no more; what was sent still leaves. Reading goes on. */
void endpoint_shutdown(int conn);

/* Ends ownership; what was sent still leaves, then the peer sees an orderly end. */
void endpoint_close(int conn);

/* Ends ownership at once; the peer sees a reset. */
void endpoint_abort(int conn);

/* endpoint_close() for every connection that there is. */
void endpoint_close_all(void);

/* The next event; false when there is none. Events of a connection come in order. */
bool endpoint_next_event(struct endpoint_event *event);

/*
 * Takes what has arrived and lets time pass; call it at the start of every turn of the loop,
 * before the events. MOTE_ERR_BROKEN: the device broke its specification; nothing will ever
 * come again.
 */
int endpoint_poll(void);

/* Sends what the turn has produced; call it at the end of every turn. True: there are events
 * already, of room that this has made; take them, and call it again. */
bool endpoint_flush(void);

/* When endpoint_poll() must be called at the latest, in platform_now_ns() time. */
uint64_t endpoint_deadline(void);

/*
 * To be asked behind endpoint_flush(), right before platform_wait(), which arrivals wake from
 * then on until the next endpoint_poll(). False: there is something to do already.
 */
bool endpoint_may_wait(void);

/* Connections on the wire, those that are still closing included. */
int endpoint_connections(void);

#endif
