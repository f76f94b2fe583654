/* SPDX-License-Identifier: MIT */
/* One request and one answer, on a fresh connection: what most verbs are made of. */
#ifndef MOTECTL_EXCHANGE_H
#define MOTECTL_EXCHANGE_H

#include "qemu/motectl/request.h"
#include "qemu/motectl/verbs.h"

/* An answer's line, in the stream's buffer, and how long it took. */
struct answer {
    const char *line;
    size_t len;
    int64_t elapsed_ns; /* from the first byte sent */
};

/* Sends the request and waits for a line. The request is wiped whatever happens. */
enum status exchange(const struct call *call, struct request *r, struct answer *answer);

/* A request whose answer is an ack; says what came of it. */
enum status exchange_ack(const struct call *call, struct request *r);

/* Whether the user wants answers as they came. */
bool wants_json(const struct call *call);

#endif
