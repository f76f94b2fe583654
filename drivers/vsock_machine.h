/* SPDX-License-Identifier: MIT */
/*
 * The vsock connection machine: packets and time in, packets and events out.
 *
 * Pure code. It touches no device, reads no clock and allocates nothing: the
 * caller owns all memory and says what time it is. The guest's driver runs it
 * over a virtqueue; qemu/vsockd runs the same code at the other end.
 *
 * Rules: virtio specification 1.2, section 5.10.6. Times are nanoseconds of one
 * monotonic clock. Connection ids are indexes into the caller's table; an id
 * belongs to its owner from the event or call that gave it until vsock_close().
 */
#ifndef DRIVERS_VSOCK_MACHINE_H
#define DRIVERS_VSOCK_MACHINE_H

#include "drivers/buffer.h"
#include "drivers/vsock_packet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VSOCK_LISTENERS_MAX  8  /* ports listened on at once: five protocols, and room */
#define VSOCK_PEERS_MAX      4  /* CIDs on the allow-list: the host, a parent, two siblings */
#define VSOCK_ORPHANS_MAX    16 /* RSTs owed to tuples without a connection; more are dropped */
#define VSOCK_QUARANTINE_MAX 16 /* port pairs that rest; of more, the oldest is forgotten */
#define VSOCK_PORT_ANY       UINT32_MAX /* vsock_listen(): every port without a listener of its own */

/* A peer that does not answer a REQUEST for so long is taken for dead (Firecracker: 2 s). */
#define VSOCK_CONNECT_TIMEOUT_NS UINT64_C(2000000000)
/* After SHUTDOWN of both halves the peer has so long to send RST. */
#define VSOCK_CLOSE_TIMEOUT_NS UINT64_C(2000000000)
/* A port pair whose connection had no clean end is not used for so long: packets of it may
 * still be on their way (Fuchsia's device: 10 s). */
#define VSOCK_QUARANTINE_NS UINT64_C(10000000000)
/* Between SHUTDOWN(SEND) and the end of a stream as its owner learns it: Fuchsia's device sends
 * the rest of its data behind the SHUTDOWN. More data makes it wait again. */
#define VSOCK_END_WAIT_NS UINT64_C(100000000)
/* Without credit, CREDIT_REQUEST is repeated at this interval, never in a loop. */
#define VSOCK_CREDIT_RETRY_NS UINT64_C(1000000000)
/* What a guest lets be unacknowledged per connection, whatever window the peer claims: Linux
 * resets a guest with about 455 packets in its queue. */
#define VSOCK_IN_FLIGHT_MAX         262144u
#define VSOCK_PACKETS_IN_FLIGHT_MAX 256u
/* A host's end uses the whole window: a guest may want all of a long line before it reads. */
#define VSOCK_UNLIMITED (UINT32_MAX / 2)

enum vsock_state {
    VSOCK_FREE = 0,
    VSOCK_REQUESTED,  /* the peer's REQUEST waits for vsock_accept() or vsock_close() */
    VSOCK_CONNECTING, /* our REQUEST waits for RESPONSE */
    VSOCK_OPEN,       /* both know each other; each half may be shut */
    VSOCK_CLOSING,    /* let go by its owner: flush, SHUTDOWN(3), wait for RST */
    VSOCK_DEAD,       /* gone on the wire; the owner has still to call vsock_close() */
};

enum vsock_event_type {
    VSOCK_EVENT_REQUESTED = 1,   /* a peer wants to connect: vsock_accept() or vsock_close() */
    VSOCK_EVENT_CONNECTED,       /* our connect was accepted */
    VSOCK_EVENT_DATA,            /* unread bytes arrived since the last such event */
    VSOCK_EVENT_ROOM,            /* vsock_reserve() had said no: now there is room, or never */
    VSOCK_EVENT_CLOSED,          /* the peer sends no more; what is unread stays readable */
    VSOCK_EVENT_RESET,           /* the connection is gone; error says why */
    VSOCK_EVENT_TRANSPORT_RESET, /* of no connection; those that there were follow with RESET */
};

struct vsock_event {
    enum vsock_event_type type;
    int conn;
    uint32_t local_port;
    uint32_t peer_port;
    int error; /* of VSOCK_EVENT_RESET: MOTE_ERR_RESET, _REFUSED or _TIMEOUT */
};

struct vsock_conn {
    /* Set by the caller before vsock_init(), then the machine's. rx.size is the window. */
    struct buffer rx;
    struct buffer tx;
    /* The machine's own. */
    uint8_t state;
    uint8_t owed;          /* control packets to send: 1 << op */
    uint8_t events;        /* events to tell: 1 << type */
    uint8_t peer_shutdown; /* SHUTDOWN flags received so far */
    uint8_t shutdown;      /* SHUTDOWN flags asked for by the owner */
    uint8_t shutdown_sent; /* SHUTDOWN flags sent */
    bool established;      /* RESPONSE was given or taken, and the end has not come */
    bool end_told;         /* VSOCK_EVENT_CLOSED was */
    int8_t error;          /* why it died */
    uint64_t peer_cid;
    uint32_t local_port;
    uint32_t peer_port;
    uint32_t rx_cnt;         /* bytes received, modulo 2^32 */
    uint32_t fwd_cnt;        /* bytes consumed by the owner */
    uint32_t fwd_announced;  /* fwd_cnt of the last packet sent */
    uint32_t tx_cnt;         /* bytes sent */
    uint32_t peer_fwd_cnt;   /* of the last packet received */
    uint32_t peer_buf_alloc; /* of the last packet received */
    uint32_t wanted;         /* room that the owner waits for; 0: it does not */
    uint32_t packets;        /* RW packets sent since the peer had consumed everything */
    uint64_t deadline;       /* of CONNECTING, CLOSING and the wait for an end; UINT64_MAX: none */
    uint64_t credit_retry;   /* when CREDIT_REQUEST may be repeated; UINT64_MAX: none was sent */
};

/* A port pair that rests. */
struct vsock_pair {
    uint64_t peer_cid;
    uint32_t peer_port;
    uint32_t local_port;
    uint64_t until;
};

struct vsock_orphan {
    uint64_t peer_cid;
    uint64_t local_cid; /* as the peer wrote it, so that it recognises its own packet */
    uint32_t local_port;
    uint32_t peer_port;
    uint16_t type;
};

struct vsock_machine {
    uint64_t local_cid;
    struct vsock_conn *conns;
    int conn_count;
    int conn_end;                    /* past the last connection that is not FREE */
    uint64_t peers[VSOCK_PEERS_MAX]; /* the allow-list; nobody else gets an answer */
    int peer_count;
    uint32_t listeners[VSOCK_LISTENERS_MAX];
    int listener_count;
    struct vsock_orphan orphans[VSOCK_ORPHANS_MAX];
    int orphan_first;
    int orphan_count;
    struct vsock_pair resting[VSOCK_QUARANTINE_MAX];
    int resting_next;
    bool was_reset;  /* VSOCK_EVENT_TRANSPORT_RESET is to be told */
    int output_turn; /* connections are served round robin */
    int event_turn;
    uint32_t in_flight_max; /* bytes and RW packets of a connection that may be unacknowledged */
    uint32_t packets_max;
    uint64_t end_wait;  /* from SHUTDOWN(SEND) to VSOCK_EVENT_CLOSED, in ns */
    uint32_t next_port; /* where the search for an ephemeral port starts */
    uint64_t now;
};

/*
 * Makes m ready to run. conns[0..count-1] have their rx and tx memory set; both
 * stay the caller's and must outlive m. port_seed (any value, better unpredictable)
 * places the first ephemeral port. Listeners and peers start empty. The limits on what
 * is in flight and end_wait are a guest's; the caller may set in_flight_max, packets_max and
 * end_wait afterwards.
 */
void vsock_init(struct vsock_machine *m, uint64_t local_cid, struct vsock_conn *conns, int count,
                uint32_t port_seed);

/* Places the next ephemeral port, as vsock_init() does: a restored snapshot must not repeat. */
void vsock_seed_ports(struct vsock_machine *m, uint32_t seed);

/* Adds a CID to the allow-list. MOTE_ERR_NO_ROOM past VSOCK_PEERS_MAX. */
int vsock_allow(struct vsock_machine *m, uint64_t cid);

/* Accepts REQUESTs to port. MOTE_ERR_ALREADY_BOUND, MOTE_ERR_NO_ROOM. */
int vsock_listen(struct vsock_machine *m, uint32_t port);

/* Stops accepting; connections stay. MOTE_ERR_NOT_FOUND. May be followed by vsock_listen(). */
int vsock_unlisten(struct vsock_machine *m, uint32_t port);

/*
 * Starts a connection from an ephemeral port; returns its id. The outcome comes as
 * an event: CONNECTED, or RESET with MOTE_ERR_REFUSED or MOTE_ERR_TIMEOUT.
 * MOTE_ERR_NO_RESOURCES: no free slot or port. MOTE_ERR_INVALID: cid is not allowed.
 */
int vsock_connect(struct vsock_machine *m, uint64_t cid, uint32_t port, uint64_t now);

/* Answers a REQUESTED connection with RESPONSE. MOTE_ERR_INVALID in any other state. */
int vsock_accept(struct vsock_machine *m, int conn);

/* The unread bytes of a connection, in one piece, valid until the next call that takes m. */
uint32_t vsock_peek(const struct vsock_machine *m, int conn, const uint8_t **data);

/* Wipes n unread bytes (n <= vsock_peek()) and gives their credit back to the peer. */
void vsock_consume(struct vsock_machine *m, int conn, uint32_t n);

/*
 * Room for sending, in one piece, of at least `least` bytes (at most the size of the send
 * buffer): returns how much. 0: there is less, and VSOCK_EVENT_ROOM will come when there is;
 * or our sending half is shut, or the peer receives no more.
 */
uint32_t vsock_reserve(struct vsock_machine *m, int conn, uint32_t least, uint8_t **space);

/* Sends n bytes that were written at vsock_reserve(); n is at most what it returned. */
void vsock_send(struct vsock_machine *m, int conn, uint32_t n);

/* Whether nothing can be sent any more: dead, shut by us, or the peer receives no more.
 * When this becomes true by the peer's doing, VSOCK_EVENT_ROOM is told. */
bool vsock_send_shut(const struct vsock_machine *m, int conn);

/* Bytes accepted by vsock_send() that no packet has taken yet. */
uint32_t vsock_unsent(const struct vsock_machine *m, int conn);

/* Shuts our halves (virtio_vsock_shutdown flags) once everything sent has left. */
void vsock_shutdown(struct vsock_machine *m, int conn, uint8_t flags);

/*
 * Ends the ownership of conn: a REQUESTED one is refused with RST; an open one is
 * flushed, shut with SHUTDOWN(3) and freed by the peer's RST or after
 * VSOCK_CLOSE_TIMEOUT_NS; a dead one is freed at once. conn is not the owner's any more.
 */
void vsock_close(struct vsock_machine *m, int conn, uint64_t now);

/* Like vsock_close(), but drops what is unsent and sends RST. */
void vsock_abort(struct vsock_machine *m, int conn);

/* vsock_close() for every connection that an owner has. */
void vsock_close_all(struct vsock_machine *m, uint64_t now);

/*
 * Takes one packet. hdr is a private copy (never device memory); data are hdr->len
 * bytes that did arrive. Anything a peer can write is legal input.
 */
void vsock_input(struct vsock_machine *m, const struct virtio_vsock_hdr *hdr, const uint8_t *data,
                 uint64_t now);

/*
 * Gives the next packet to send, control before data: returns true and fills *hdr;
 * for RW *data points at hdr->len <= max_data bytes, to be copied before the next call
 * that takes m. max_data 0: control packets only. The packet counts as sent.
 */
bool vsock_output(struct vsock_machine *m, struct virtio_vsock_hdr *hdr, const uint8_t **data,
                  uint32_t max_data);

/* Lets time pass: expired connects, closes and credit requests. */
void vsock_tick(struct vsock_machine *m, uint64_t now);

/* When vsock_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t vsock_deadline(const struct vsock_machine *m);

/* Whether vsock_next_event() has one to tell. */
bool vsock_has_events(const struct vsock_machine *m);

/* Takes the next event; false when there is none. Each owner's events come in their order. */
bool vsock_next_event(struct vsock_machine *m, struct vsock_event *event);

/*
 * The transport was reset (section 5.10.6.7): connections die without a packet, with
 * an event each; listeners and the allow-list stay; no port pair rests; the CID is the new one.
 */
void vsock_transport_reset(struct vsock_machine *m, uint64_t local_cid);

/* Connections that are not FREE, those in CLOSING included. */
int vsock_connections(const struct vsock_machine *m);

#endif
