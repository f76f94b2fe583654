/* SPDX-License-Identifier: MIT */
/* From a line to its answer: the table of messages. */
#ifndef AGENT_DISPATCH_H
#define AGENT_DISPATCH_H

#include "proto/stereos.h"
#include "proto/text.h"

union payload;

/* What a message asks of its service. Nothing of it is valid any longer than the call. */
struct request {
    int conn;                     /* the connection that it came on */
    const union payload *payload; /* as the message's row says */
    struct out *reply;            /* for an answer that is not an ack, one whole line */
    struct out *error;            /* for what an ack is to say; empty: ok */
};

/* Of a message's payload. */
enum payload_rule {
    PAYLOAD_NEEDED,   /* missing or wrong, it is refused */
    PAYLOAD_OPTIONAL, /* missing, it counts as empty */
    PAYLOAD_ANYTHING, /* missing or wrong, it counts as empty */
};

/* A row of the table. What serve() writes to reply is the answer; without it, it is an ack. */
struct message {
    const char *type;
    bool (*serve)(const struct request *request); /* false: not yet, ask again */
    const struct stereos_payload_type *payload;   /* NULL: none is read */
    enum payload_rule rule;
};

/*
 * Does what a line of a connection asks for and writes the one line of its answer; reply has
 * room for STEREOS_REPLY_MAX bytes, or for none. The line may hold anything. False: there is no
 * answer yet; call again with the same line. Once conn is gone, tell dispatch_abandon().
 */
bool dispatch_line(int conn, const char *line, size_t len, struct out *reply);

/* Nobody waits any longer for the answer that was not there yet. */
void dispatch_abandon(int conn);

/* Writes the answer to a line that was not kept whole; start is what was seen of it. */
void dispatch_refuse(const char *start, size_t len, const char *why, uint64_t limit,
                     const char *unit, struct out *reply);

/* The type of the message in row i, the agent's first and then the application's; NULL behind
 * the last. */
const char *dispatch_type(size_t i);

#endif
