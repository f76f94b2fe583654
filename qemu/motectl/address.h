/* SPDX-License-Identifier: MIT */
/*
 * Where a guest is reached: unix:PATH:PORT (a hybrid vsock socket, where CONNECT
 * and a port come first), unix:PATH (a plain one), vsock:CID[:PORT] and
 * tcp:HOST:PORT. The forms are those that other vsock tools take.
 */
#ifndef MOTECTL_ADDRESS_H
#define MOTECTL_ADDRESS_H

#include "qemu/motectl/output.h"

#define HOST_MAX 255 /* bytes of a host name (RFC 1035 section 2.3.4) */

enum address_kind {
    ADDRESS_HYBRID,
    ADDRESS_UNIX,
    ADDRESS_VSOCK,
    ADDRESS_TCP,
};

struct address {
    const char *text; /* as the user wrote it, for messages */
    enum address_kind kind;
    char path[108]; /* hybrid, unix: sun_path's size, with its NUL */
    char host[HOST_MAX + 1];
    uint32_t cid;
    uint32_t port;
};

/* Reads text into *address; text must outlive it. */
enum status address_parse(const char *text, struct address *address);

/* Opens a non-blocking connection to address: after CONNECT and OK if it is hybrid. */
enum status address_connect(const struct address *address, int64_t deadline, int *fd);

#endif
