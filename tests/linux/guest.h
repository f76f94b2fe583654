/* SPDX-License-Identifier: MIT */
/*
 * What the files of the Linux guest share: guest.c (main), serve.c (the loop and its
 * connections), services.c (what each port does). One thread; all memory is static.
 */
#ifndef TESTS_LINUX_GUEST_H
#define TESTS_LINUX_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CHUNK       65536 /* of one read or write */
#define LINE_MAX    4096  /* unanswered bytes of lines; a longer line ends its connection */
#define ANSWER_RATE 17    /* an empty line has one byte, its answer has so many */

struct service;

struct conn {
    int fd; /* -1: the slot is free */
    const struct service *service;
    bool connecting;
    bool blocked;  /* waits for room to send, and reads nothing meanwhile */
    bool last;     /* the guest powers off behind what is to be sent */
    bool answered; /* what the client wants to know is put */
    uint32_t crc;
    uint64_t total; /* the N that the client asked for, or bytes counted */
    uint64_t left;
    size_t in_len;
    size_t out_at;
    size_t out_len;
    char in[LINE_MAX];
    char out[LINE_MAX * ANSWER_RATE];
};

/* What is done with a connection; both return false when it is over, and serve.c closes it. */
struct service {
    uint32_t port;                    /* listened on; 0 for the service of our own connects */
    bool (*start)(struct conn *conn); /* once, when it is connected; NULL: nothing to do */
    bool (*run)(struct conn *conn);   /* whenever something may have come or left */
};

/* The services by port, ended by one whose run is NULL. */
extern const struct service services[];

/* Sends back all that comes until the end, behind a first line "hello <total>". */
extern const struct service echo_service;

/* Port 1024. */
bool lines_run(struct conn *conn);

/* Bytes that came; 0 when none are there yet, and -1 when no more will come. */
ssize_t conn_receive(const struct conn *conn, char *to, size_t room);

/* Bytes that went; 0 with blocked set when there is no room, and -1 when nobody takes them. */
ssize_t conn_transmit(struct conn *conn, const char *data, size_t n);

/* Appends to what is to be sent; the caller knows that it fits. */
void conn_put(struct conn *conn, const void *data, size_t n);

/* Sends what was put, as far as there is room; false when nobody takes it. */
bool conn_flush(struct conn *conn);

/* Fills the tables that the services use. */
void services_init(void);

/* Listens on the ports of all services. */
void serve_listen(void);

/* Starts count connections to a port of the host, all at the same time. */
void serve_connect(uint32_t port, uint32_t count);

/* Turns the loop for ever. */
_Noreturn void serve_run(void);

#endif
