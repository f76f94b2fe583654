/* SPDX-License-Identifier: MIT */
/*
 * One connection over a stream socket: what arrives and what leaves, its end, its memory.
 * Internal to drivers/socket_*.c; what its owner may ask for is in drivers/socket_endpoint.c,
 * how it begins in drivers/socket_listen.c.
 *
 * Bytes are read when platform_wait() finds them and sent by socket_flush(); the kernel is told
 * what to wait for only when that changes.
 */
#ifndef DRIVERS_SOCKET_STREAM_H
#define DRIVERS_SOCKET_STREAM_H

#include "drivers/buffer.h"
#include "platform/linux/events.h"

#include <stdbool.h>
#include <stdint.h>

#define SOCKET_NEVER UINT64_MAX

/* A peer that reads as fast as we send can't hold up the others. */
#define SOCKET_SENDS_A_TURN 16

enum socket_state {
    SOCKET_FREE = 0,
    SOCKET_REQUESTED,  /* waits for endpoint_accept() or endpoint_close() */
    SOCKET_CONNECTING, /* waits for the kernel */
    SOCKET_OPEN,       /* each half may be shut */
    SOCKET_CLOSING,    /* let go by its owner: flush, shut, wait for the peer's end */
    SOCKET_DEAD,       /* without a socket; the owner has still to call endpoint_close() */
};

struct socket_conn {
    struct watch watch; /* the first: what is ready is the connection */
    enum socket_state state;
    uint32_t local_port;
    uint32_t peer_port;
    uint64_t deadline; /* CONNECTING, CLOSING; OPEN: to give memory back */
    struct buffer rx;  /* arrived, unread */
    struct buffer tx;  /* to be sent */
    uint32_t rx_touched;
    uint32_t tx_touched; /* so many bytes of the buffers have memory behind them */
    uint32_t wanted;     /* room that the owner was refused */
    uint32_t interest;   /* what the kernel watches for */
    uint8_t events;      /* untold: bit n is enum endpoint_event_type n */
    int8_t error;        /* of ENDPOINT_RESET */
    uint8_t sends_left;  /* this turn */
    bool watched;
    bool blocked;   /* the kernel takes no more for now */
    bool shut;      /* the owner sends no more */
    bool shut_told; /* and the peer knows */
    bool deaf;      /* nothing that is sent reaches the peer any more */
    bool lost;      /* sending failed so: reading, too, ends with ENDPOINT_RESET */
    bool read_end;  /* the peer sends no more */
};

static inline void socket_tell(struct socket_conn *c, int event)
{
    c->events |= (uint8_t)(1u << event);
}

/* Gives a free slot its buffers. Once for each. */
void socket_slot_init(struct socket_conn *c, uint8_t *window, uint8_t *send_buffer);

/* Begins a connection over fd in a free slot. False: the kernel has no room to watch it. */
bool socket_begin(struct socket_conn *c, int fd, enum socket_state state);

/* Closes the socket and frees the slot. reset: the peer is told that what is under way is lost,
 * where the family can say so: TCP can; vsock and unix sockets just end. */
void socket_release(struct socket_conn *c, bool reset);

/* Closes fd so that its peer sees a reset. */
void socket_refuse(int fd);

/* The connection is gone: its owner learns error, or the slot is free when there is none. */
void socket_kill(struct socket_conn *c, int error);

/* Drops n unread bytes. */
void socket_consume(struct socket_conn *c, uint32_t n);

/* Sends what can be sent, then shuts and ends what is to be, then tells the kernel what to watch
 * for. For any state. */
void socket_flush(struct socket_conn *c);

/* Its deadline is over. */
void socket_expire(struct socket_conn *c);

#endif
