/* SPDX-License-Identifier: MIT */
/*
 * mote's own messages, beyond StereOS: the same envelope, one line out for each line in. What
 * a guest knows of them, capabilities says; one without them answers "unknown message type".
 */
#ifndef PROTO_MOTE_H
#define PROTO_MOTE_H

#include "proto/stereos.h"

/* Grows when a message changes in a way that a host must know of. */
#define MOTE_PROTOCOL 1u

/* list_secrets */
struct mote_list {
    struct text after; /* names behind this one; empty: from the first */
};

/* delete_secret */
struct mote_name {
    struct text name;
};

/* logs */
struct mote_logs {
    struct text name;
    uint32_t offset; /* of the first byte that is wanted; they are counted modulo 2^32 */
};

extern const struct stereos_payload_type mote_list_payload;
extern const struct stereos_payload_type mote_logs_payload;
extern const struct stereos_payload_type mote_name_payload;

/* A limit that a host can meet. */
struct mote_limit {
    const char *name;
    uint64_t value;
};

struct mote_capabilities {
    const char *version;
    const char *platform;
    const char *(*message)(size_t i); /* the types that are understood; NULL behind the last */
    const struct mote_limit *limits;
    size_t limit_count;
};

/* Entries of a secrets answer: it can be read by who has our own limit of keys and values. */
#define MOTE_SECRETS_MAX 32
_Static_assert(MOTE_SECRETS_MAX * 7 + 16 <= JSON_TOKENS_MAX, "three keys and values, an object");

/* An entry of the secrets answer: everything but the value. */
struct mote_secret {
    const char *name; /* name_len bytes */
    size_t name_len;
    uint64_t size;
    uint32_t mode;
};

struct mote_purged {
    uint64_t secrets; /* that there were */
    uint64_t bytes;   /* of their values */
    uint64_t residue; /* bytes that are left of anything */
};

/* An entry of the workloads answer. */
struct mote_workload {
    const char *name;
    int pid;         /* 0, unless it runs */
    bool has_status; /* it has ended once, */
    int status;      /* with this exit status */
    uint32_t restarts;
    const char *error; /* NULL: left out */
};

/* What a workload has said, from an offset on. */
struct mote_log {
    const char *name;
    uint32_t offset;
    const char *text; /* n bytes, any */
    size_t n;
};

/* The answers, each one whole line with its '\n'. */
void mote_write_capabilities(struct out *o, const struct mote_capabilities *c);
void mote_write_purged(struct out *o, const struct mote_purged *purged);

/* The secrets answer in parts: begin, an entry after the other, end. An entry is left out whole,
 * with false, when the end would not fit behind it; one fits STEREOS_REPLY_MAX, whatever it is. */
void mote_begin_secrets(struct out *o);
bool mote_write_secret(struct out *o, const struct mote_secret *secret);
void mote_end_secrets(struct out *o, bool more);

/* The workloads answer: workload(i) fills in number i; false: there are no more. */
void mote_write_workloads(struct out *o, bool (*workload)(size_t i, struct mote_workload *w));

/* The log answer, with as much of the text as has room; its next is the offset behind that. */
void mote_write_log(struct out *o, const struct mote_log *log);

#endif
