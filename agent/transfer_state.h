/* SPDX-License-Identifier: MIT */
/* What a transfer keeps (agent/transfer.h), and what its parts have in common. */
#ifndef AGENT_TRANSFER_STATE_H
#define AGENT_TRANSFER_STATE_H

#include "agent/transfer.h"
#include "proto/bandsox.h"
#include "proto/base64.h"

#include <bearssl.h>

#define TRANSFER_MD5_TEXT 33 /* of an md5 in hex, with its NUL */

enum transfer_phase {
    TRANSFER_HASH = 1, /* an upload with a checksum: reading what will be sent */
    TRANSFER_ASK,      /* the request is to be sent */
    TRANSFER_ANSWER,   /* lines come */
    TRANSFER_SEND,     /* an upload: "ready" has come */
    TRANSFER_SENT,     /* "complete" is to come */
    TRANSFER_RECEIVE,  /* download_raw: bytes come */
    TRANSFER_TAIL,     /* download_raw: all of them came; the end is to come */
};

/* In client.state, all zero at first; path, cmd_id and file lie in client.data, and behind them
 * the line of answer. */
struct transfer {
    const struct transfer_ends *ends;
    void *arg;
    struct bandsox_reader reader;
    struct base64_decoder decoder;
    br_md5_context md5;
    uint64_t size;  /* of an upload, or as the host says */
    uint64_t moved; /* bytes read, or written */
    uint64_t chunk; /* where the chunk that comes begins */
    uint32_t turn;  /* bytes that may still be moved in this turn of the loop */
    uint32_t mode;
    int file; /* of the guest; -1: none */
    enum transfer_kind kind;
    enum transfer_phase phase;
    enum file_how how;
    struct bytes path, cmd_id, name;  /* name: of the file */
    bool is_open;                     /* ends->close() is to be called */
    bool was_read;                    /* the file, up to somewhere */
    bool has_md5;                     /* it is computed */
    char checksum[TRANSFER_MD5_TEXT]; /* "": none */
    char expected[TRANSFER_MD5_TEXT]; /* by the host; "": it does not say */
};
_Static_assert(sizeof(struct transfer) <= CLIENT_STATE_MAX, "it is the state of a client");

/* What was decoded, or is hashed, on its way; wiped at the end of each transfer. */
#ifndef TRANSFER_SCRATCH
#define TRANSFER_SCRATCH 1024
#endif
extern char transfer_scratch[TRANSFER_SCRATCH];

static inline struct transfer *transfer_of(const struct client *c)
{
    return (struct transfer *)(uintptr_t)c->state;
}

static inline size_t transfer_smaller(uint64_t a, uint64_t b)
{
    return (size_t)(a < b ? a : b);
}

/* "upload", ... */
extern const char *const transfer_kind_names[];

/* Takes what has come, within this turn's limit. */
void transfer_receive(struct client *c);

/* All that was announced has come: it is checked, and kept. */
void transfer_keep(struct client *c);

/* Fail: as the end here did (step is of ends that are no file), or as "<what>: expected A, got B".
 */
void transfer_fail_end(struct client *c, const char *step);
void transfer_fail_length(struct client *c, const char *what, uint64_t expected, uint64_t got);

/* For a file; their arg is the struct transfer. */
extern const struct transfer_ends transfer_file;

/* Opens the file that is uploaded, and learns its size; MOTE_ERR_*. */
int transfer_open_source(struct transfer *t);

/* Opens the file that is downloaded, at the first call; MOTE_ERR_*. */
int transfer_open_sink(struct transfer *t);

/* The md5 of what was moved: begin, add, and at the end its text. */
void transfer_md5_begin(struct transfer *t);
void transfer_md5_add(struct transfer *t, const void *bytes, size_t n);
void transfer_md5_end(struct transfer *t);

#endif
