/* SPDX-License-Identifier: MIT */
/*
 * A host that a guest has dialled, in the place of the endpoint: what it says is what a test
 * puts there, what it hears is kept. And files that are nothing but memory.
 */
#ifndef TESTS_UNIT_FAKE_HOST_H
#define TESTS_UNIT_FAKE_HOST_H

#include "drivers/endpoint.h"
#include "platform/file.h"

#define HOST_CONNS  12
#define HOST_MEMORY (512 * 1024)

struct host_conn {
    bool is_open;
    uint32_t port;
    char said[HOST_MEMORY];  /* to the guest: what it has not taken yet */
    char heard[HOST_MEMORY]; /* from the guest */
    size_t said_len, heard_len;
    size_t room;        /* that the guest has to send; SIZE_MAX: any */
    int closes, aborts; /* by the guest, of all that had this number */
};

extern struct host_conn host[HOST_CONNS];
extern int host_connect_result; /* what endpoint_connect() says instead of a number; 0: a number */
extern int host_connects;

void host_reset(void);

#define FAKE_FILES 12

struct fake_file {
    char name[64];
    char bytes[HOST_MEMORY];
    size_t len;
    uint32_t mode;
};

extern struct fake_file fake_files[FAKE_FILES];
extern int fake_file_opens;   /* that were not closed yet */
extern size_t fake_file_room; /* bytes that may be written to files; SIZE_MAX: any */
extern bool fake_file_stuck;  /* a commit fails */
extern enum file_how fake_file_how;
extern uint32_t fake_file_mode; /* of the last file_create() */

struct fake_file *fake_file(const char *name); /* NULL: there is none */
struct fake_file *fake_file_make(const char *name, const void *bytes, size_t n);

#endif
