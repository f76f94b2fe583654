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

extern const struct stereos_payload_type mote_list_payload;
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

/* The answers, each one whole line with its '\n'. */
void mote_write_capabilities(struct out *o, const struct mote_capabilities *c);
void mote_write_purged(struct out *o, const struct mote_purged *purged);

/* The secrets answer in parts: begin, an entry after the other, end. An entry is left out whole,
 * with false, when the end would not fit behind it; one fits STEREOS_REPLY_MAX, whatever it is. */
void mote_begin_secrets(struct out *o);
bool mote_write_secret(struct out *o, const struct mote_secret *secret);
void mote_end_secrets(struct out *o, bool more);

#endif
