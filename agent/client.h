/* SPDX-License-Identifier: MIT */
/*
 * Exchanges that the guest begins: it dials its host, asks, and takes the answer. Each is a
 * small state machine with a deadline; none waits, and several go on at once. What is said
 * on the wire is a protocol's (struct client_protocol), the rest is here: the connection, time,
 * what becomes of a transport reset, and one place for the answer.
 *
 * The owner of a client begins it, asks client_status() in its turns of the loop, reads the
 * outcome and frees it. client_tick() runs before owners are asked, so they miss nothing.
 */
#ifndef AGENT_CLIENT_H
#define AGENT_CLIENT_H

#include "drivers/endpoint.h"
#include "proto/text.h"

/* Exchanges at once: the transfers of a host that restores a folder. */
#ifndef CLIENTS_MAX
#define CLIENTS_MAX 8
#endif

/* Bytes of an answer that are kept: an EK certificate has 1.5 KiB. A real IC host can say 64 KiB.
 */
#ifndef CLIENT_DATA_MAX
#define CLIENT_DATA_MAX 2048
#endif

#define CLIENT_ERROR_MAX 256 /* bytes of an error text of ours */
#define CLIENT_STATE_MAX 640 /* bytes that a protocol keeps for an exchange */

enum client_status {
    CLIENT_RUNNING = 1,
    CLIENT_DONE,    /* the protocol's report() tells what came of it */
    CLIENT_REFUSED, /* the peer said no; error is its text, as it came */
    CLIENT_FAILED,  /* error says what went wrong, and begins with the peer's name */
};

struct client;

/* How a protocol acts; constant. After client_done(), client_refused() or client_fail() nothing
 * more of it is called but report() and end(). */
struct client_protocol {
    const char *peer; /* in error texts: "hostos" */
    /* The connection is up: begin to ask. Of every connection: behind client_redial(), and when
     * all is asked once more (may_repeat) or a transport reset came before this was called. */
    void (*connected)(struct client *c);
    /* There are new bytes (endpoint_peek() of c->conn), or c->peer_done is new, or there is room
     * to send again. */
    void (*progress)(struct client *c);
    /* The connection is gone, or could not be made (MOTE_ERR_RESET, _REFUSED, _TIMEOUT), or the
     * deadline has passed with a connection (MOTE_ERR_TIMEOUT): true when this was dealt with, by
     * an end or client_redial(), and then with a new c->deadline if that has passed; false: it
     * fails with the usual text. NULL: as false. */
    bool (*lost)(struct client *c, int error);
    /* Writes what came of a CLIENT_DONE as the members of a JSON object, without its braces;
     * nothing when there is nothing to say. */
    void (*report)(const struct client *c, struct out *o);
    /* The exchange ends, however: what it holds (an open file) is to be given back. May be NULL. */
    void (*end)(struct client *c);
    /* However it ends, what was sent leaves first, and the peer sees an end and no reset: for
     * hosts to which half a request does harm. */
    bool is_orderly;
};

struct client {
    const struct client_protocol *protocol; /* NULL: the place is free */
    enum client_status status;
    int conn;          /* -1: none; the endpoint's number of the connection that is up */
    uint32_t port;     /* of the host */
    bool is_connected; /* it may be read and written */
    bool peer_done;    /* the peer sends no more; unread bytes stay readable */
    bool may_repeat;   /* set by who begins it: asking twice does no harm. After a transport reset
                        * or a restored snapshot it is asked once more, len and seen at 0; so is
                        * any that had no connection yet, as it was. All others fail. */
    bool may_go;       /* set by its owner: once it has ended, its place is anybody's */
    bool was_moved;    /* of the connection: a transport reset has ended it */
    bool wants_turn;   /* client_again() */
    uint64_t patience; /* what it was begun with, ns; begins anew with what is asked once more */
    uint64_t deadline; /* of all of it, platform_now_ns() time */
    uint64_t next_try; /* to connect, while all connections are in use; UINT64_MAX: not wanted */
    uint32_t id;       /* unlike that of any other until they wrap; never 0 */
    const char *error; /* error_len bytes, not NUL-terminated */
    size_t error_len;
    size_t len;    /* bytes in data that count */
    size_t used;   /* bytes in data that are wiped at the end: as many as ever counted */
    uint64_t seen; /* bytes that client_collect() has taken, kept or not */
    char *data; /* CLIENT_DATA_MAX bytes of its own: the answer, or whatever the protocol keeps */
    char why[CLIENT_ERROR_MAX];
    _Alignas(8) char state[CLIENT_STATE_MAX]; /* the protocol's, all zero at first */
};

/* A place for an exchange; NULL: all CLIENTS_MAX are in use. When none is free, it is that of the
 * oldest that has ended and may_go. Its state and data are the caller's to fill in, then
 * client_begin(). */
struct client *client_new(const struct client_protocol *protocol);

/* Whether client_new() would find one. */
bool client_has_place(void);

/* The one with this id, of an owner that has set may_go; NULL: its place was given away. */
struct client *client_find(uint32_t id);

/* Dials port of the host (CID 2); all of the exchange has patience_ns. Its outcome may be there
 * at once, as an error. */
void client_begin(struct client *c, uint32_t port, uint64_t patience_ns);

/* Gives the place back and wipes it; what still runs is broken off, and the peer sees a reset. */
void client_free(struct client *c);

/* -- for protocols */

/* Ends the connection, if there is one, and makes another; state and data stay. */
void client_redial(struct client *c);

/* Sends n bytes (ENDPOINT_SEND_BUFFER at most), all in one piece; false: there is no room for
 * them yet, and progress() is called when there is. */
bool client_send(struct client *c, const void *bytes, size_t n);

/* Takes all unread bytes: as many as have room go behind data, the others are counted only. */
void client_collect(struct client *c);

/* There is more to do than the loop should be held by: progress() is called in its next turn,
 * whether anything comes or not. */
void client_again(struct client *c);

/* It has worked; the connection is closed in order. */
void client_done(struct client *c);

/* The peer said no, in n bytes at text, which lie in c->data or live for ever. Closed in order. */
void client_refused(struct client *c, const char *text, size_t n);

/* Gives up, and says why: "<peer>: <text>" with the arguments as printf() has them. The peer sees
 * a reset. */
void client_fail(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -- for the loop */

/* Takes an event if it is of one of our connections. ENDPOINT_TRANSPORT_RESET is looked at, and
 * left to others as well (false). */
bool client_event(const struct endpoint_event *event);

/* Lets time pass: deadlines, and connections that had to wait. */
void client_tick(uint64_t now);

/* When client_tick() must be called at the latest; UINT64_MAX when nothing waits. */
uint64_t client_deadline(void);

#endif
