/* SPDX-License-Identifier: MIT */
/*
 * Messages by which a host has the guest dial: `hostos`, `vcom` and `transfer` begin a job, `job`
 * asks for one. Each answer is a `job`: at once when the work is done, or has failed, in time.
 */
#ifndef PROTO_MOTE_JOB_H
#define PROTO_MOTE_JOB_H

#include "proto/stereos.h"

/* hostos: a command to the HostOS of the Internet Computer */
struct mote_hostos {
    struct text command; /* "notify", "get-hostos-version", ... */
    struct text message; /* of notify */
    struct text url;     /* of upgrade */
    struct text hash;
    struct text node_id; /* of set-node-id */
    uint32_t count;      /* of notify; 0: 1 */
    uint32_t port;       /* 0: that of the protocol, as in all of these */
    bool legacy;         /* a host that knows the oldest protocol only will do */
};

/* vcom: a request to a VComLink agent; data, cred and secret are base64 */
struct mote_vcom {
    struct text request; /* "ek", "sign", ... */
    struct text data;
    struct text cred;
    struct text secret;
    uint32_t index;
    uint32_t port;
};

/* transfer: a file from or to a Bandsox host */
struct mote_transfer {
    struct text request; /* "ping", "upload", "download", "download_raw" */
    struct text path;    /* as the host calls it */
    struct text file;    /* as the guest does; empty: as path */
    struct text cmd_id;
    uint32_t port;
    uint32_t mode; /* of a file that is made; 0: 0644 */
    bool checksum;
};

/* job */
struct mote_job_id {
    uint32_t id;
};

extern const struct stereos_payload_type mote_hostos_payload;
extern const struct stereos_payload_type mote_vcom_payload;
extern const struct stereos_payload_type mote_transfer_payload;
extern const struct stereos_payload_type mote_job_payload;

/* What is told of a job. */
struct mote_job {
    uint32_t id;
    const char *request; /* the message that began it */
    const char *state;   /* "running", "done", "refused", "failed" */
    const char *error;   /* error_len bytes, any; NULL: left out */
    size_t error_len;
    /* Writes the members of the result, a JSON object, without its braces; NULL: left out. */
    void (*result)(const void *of, struct out *o);
    const void *of;
};

/* Room for an answer without what is of any length, at both of its ends. */
#define MOTE_JOB_ROOM 160

/* The job answer, one whole line with its '\n'. An error is cut to what has room, at the end of a
 * character; a result that has none is left out whole, as {}; both say so: "truncated":true.
 * Returns whether all of it was written. */
bool mote_write_job(struct out *o, const struct mote_job *job);

#endif
