/* SPDX-License-Identifier: MIT */
/*
 * What a guest of the Internet Computer says to its HostOS, and hears: JSON as Rust's serde_json
 * writes and reads it. One request, one answer, each ended by the end of the stream. Two forms:
 * v1, and v0 of the hosts before 2023. Pure functions.
 */
#ifndef PROTO_HOSTOS_H
#define PROTO_HOSTOS_H

#include "proto/text.h"

#define HOSTOS_PORT       19090
#define HOSTOS_ANSWER_MAX 65536 /* bytes; a longer answer counts as none */

enum hostos_command {
    HOSTOS_ATTACH_HSM = 1,
    HOSTOS_DETACH_HSM,
    HOSTOS_GET_VERSION,
    HOSTOS_GET_PROTOCOL,
    HOSTOS_UPGRADE,          /* url, hash */
    HOSTOS_NOTIFY,           /* message, count */
    HOSTOS_START_UPGRADE_VM, /* hosts since 2025 */
    HOSTOS_SET_NODE_ID,      /* node_id; hosts of 2023 and 2024 */
    HOSTOS_COMMANDS          /* one more than there are */
};

/* A command with what belongs to it; the rest is zero. */
struct hostos_request {
    enum hostos_command command;
    struct bytes url, hash, message, node_id;
    uint32_t count;
    uint32_t port; /* of the host; 0: HOSTOS_PORT */
    bool legacy;   /* the host may be of v0: it is asked first what it speaks */
};

/* The command with this name, "attach-hsm" and so on, as the newest vsock_guest has them;
 * "get-vsock-protocol", "start-upgrade-guest-vm" and "set-node-id", which it has not. */
bool hostos_command_of(struct bytes name, enum hostos_command *command);

/* Writes the command alone, as it stands in a request. Bytes that are no UTF-8 become U+FFFD.
 * legacy: as hosts of v0 know it; false: they don't, and nothing was written. */
bool hostos_write_command(struct out *o, const struct hostos_request *r, bool legacy);

/* Writes the request with this command, of a guest with this CID. */
void hostos_write(struct out *o, struct bytes command, uint32_t cid, bool legacy);

enum hostos_payload {
    HOSTOS_NO_PAYLOAD = 1,
    HOSTOS_VERSION,  /* text */
    HOSTOS_PROTOCOL, /* number */
    HOSTOS_ERROR,    /* text: the host said no, and why */
};

struct hostos_answer {
    enum hostos_payload payload;
    struct text text;   /* inside the answer */
    uint32_t number[3]; /* major, minor, patch */
};

/* Reads a whole answer; false: it is none. Rules of serde: a variant is a string or an object of
 * one key, unknown members of structs are passed over, missing and double ones are errors. The
 * names of variants stand as they are, unescaped. */
bool hostos_read(const char *json, size_t n, struct hostos_answer *a);

/* Reads the beginning of an error whose end is not there: text reaches to the end of what is, and
 * may end within an escape. False: it does not begin as an error does. */
bool hostos_read_start(const char *json, size_t n, struct hostos_answer *a);

/* Whether a host of v0 has accepted a request: it says so in these very bytes. */
bool hostos_is_accepted(const char *json, size_t n);

#endif
