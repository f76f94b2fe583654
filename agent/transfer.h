/* SPDX-License-Identifier: MIT */
/*
 * Bandsox's bulk transfers: the guest dials its host, and one file goes either way. What is
 * moved is a file of the guest (platform/file.h) or, for code that is linked with the agent,
 * whatever struct transfer_ends reads and writes. Nothing grows with the size.
 *
 * The host finds where an upload goes by its cmd_id. One that it has not handed out makes it
 * write to path on its own disk: never upload with a cmd_id that did not come from the host.
 *
 * A transfer has no deadline as a whole: it fails after TRANSFER_PATIENCE_NS in which nothing
 * moved, as long as the host's own sockets wait. None but a ping is ever repeated by itself: a
 * host's registration serves once, and a second request would mean another file.
 */
#ifndef AGENT_TRANSFER_H
#define AGENT_TRANSFER_H

#include "agent/client.h"
#include "platform/file.h"

#define TRANSFER_PORT        9000
#define TRANSFER_PATIENCE_NS UINT64_C(300000000000)

/* Bytes of a cmd_id: a UUID with ":stdout" behind it has 43. */
#define TRANSFER_ID_MAX 128

/* Bytes of path: with every one of them escaped, the request still leaves in one piece. */
#define TRANSFER_PATH_MAX (ENDPOINT_SEND_BUFFER / 8)

enum transfer_kind {
    TRANSFER_PING = 1,
    TRANSFER_UPLOAD,       /* guest to host */
    TRANSFER_DOWNLOAD,     /* host to guest, in base64: what every host knows */
    TRANSFER_DOWNLOAD_RAW, /* the same in plain bytes: hosts since May 2026 */
};

/* What is moved when it is no file. Offsets only grow; an upload with a checksum is read twice,
 * each time from 0. All of them but read (download), write and commit (upload) must be there. */
struct transfer_ends {
    /* Up to n bytes at offset; how many, 0 at the end, or MOTE_ERR_*. */
    long (*read)(void *arg, uint64_t offset, void *buf, size_t n);
    /* All n bytes, or MOTE_ERR_*. */
    int (*write)(void *arg, uint64_t offset, const void *buf, size_t n);
    /* Everything was received, and is what the host meant; MOTE_ERR_* when it can't be kept. */
    int (*commit)(void *arg);
    /* It is over, once, whatever came of it. */
    void (*close)(void *arg);
    /* Why the last of them failed, for the error text. */
    const char *(*fault)(void *arg);
};

/* All zero but what is wanted. */
struct transfer_request {
    enum transfer_kind kind;
    struct bytes path;   /* what the host calls it; TRANSFER_PATH_MAX bytes at most */
    struct bytes file;   /* what it is called here; empty: as path */
    struct bytes cmd_id; /* as the host gave it; TRANSFER_ID_MAX bytes at most */
    uint32_t port;       /* 0: TRANSFER_PORT */
    uint32_t mode;       /* of a file that a download makes; 0: 0644 */
    enum file_how how;   /* of a download: FILE_REPLACE leaves nothing of one that fails; the other
                          * two write in place, as Bandsox's agent does, and are begun when the
                          * host has agreed */
    bool checksum;       /* of an upload: send its md5, for which the file is read twice */
    const struct transfer_ends *ends; /* instead of a file; must outlive the transfer */
    void *arg;                        /* theirs */
    uint64_t size;                    /* of what ends->read gives, for an upload */
};

/*
 * Begins a transfer; everything that it needs of *r is copied. The outcome is that of the client
 * (agent/client.h), which the caller frees. CLIENT_DONE reports "size" and, when it is known,
 * "checksum" (md5); CLIENT_REFUSED has the host's text. NULL: error says why; ends->close is not
 * called then.
 */
struct client *transfer_begin(const struct transfer_request *r, struct out *error);

/* "ping", "upload", "download", "download_raw"; false: it is none of them. */
bool transfer_kind_of(struct bytes name, enum transfer_kind *kind);

/* Bytes that were moved up to now, and how many there will be (0: not known yet, or none). */
uint64_t transfer_moved(const struct client *c);
uint64_t transfer_size(const struct client *c);

#endif
