/* SPDX-License-Identifier: MIT */
/*
 * Building a request's line: the bytes that the real host client sends, key order
 * and escapes included (protocol StereOS, messages host to guest). One request at
 * a time: they share a static buffer.
 */
#ifndef MOTECTL_REQUEST_H
#define MOTECTL_REQUEST_H

#include "proto/text.h"
#include "qemu/motectl/output.h"

struct request {
    const char *type;
    struct out line;
    bool payload;        /* it has one, its brace is open */
    const char *bad_key; /* of a value that JSON can't carry; NULL: none */
};

/* Starts a request without a payload; request_payload opens one, maybe empty. */
void request_start(struct request *r, const char *type);
void request_payload(struct request *r);

/* Adds a field to the payload. Empty and zero values are not left out here. */
void request_string(struct request *r, const char *key, const char *s, size_t n);
void request_base64(struct request *r, const char *key, const void *bytes, size_t n);
void request_number(struct request *r, const char *key, uint32_t value);
void request_true(struct request *r, const char *key);

/* Ends the line; fails if it can't be sent as it is. */
enum status request_end(struct request *r);

/* Wipes the line, which may hold a secret. */
void request_wipe(struct request *r);

#endif
