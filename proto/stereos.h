/* SPDX-License-Identifier: MIT */
/*
 * The StereOS control protocol (stereosd, masterblaster): the messages as typed
 * structs, and the answers. Bytes <-> values, nothing else: what a message does
 * is the agent's business.
 */
#ifndef PROTO_STEREOS_H
#define PROTO_STEREOS_H

#include "proto/json.h"
#include "proto/text.h"

#define STEREOS_PORT 1024u

/* The longest line that the real peers take and send, without its '\n'. */
#define STEREOS_PEER_LINE_MAX 1048575u

#define STEREOS_TYPE_MAX  64  /* bytes of a message type; the longest in use has 14 */
#define STEREOS_FIELD_MAX 255 /* bytes of a name, user, tag or file-system type (NAME_MAX) */
#define STEREOS_PATH_MAX  255 /* bytes of a guest path */
#define STEREOS_ERROR_MAX 256 /* bytes of an error text; a longer one is cut and ends in "..." */

/*
 * Memory to write an error text in. More than STEREOS_ERROR_MAX, so that one whose end
 * did not fit (parts of up to STEREOS_PATH_MAX bytes) is still seen to be too long.
 */
#define STEREOS_ERROR_ROOM (2 * STEREOS_ERROR_MAX)

/*
 * The longest answer, and never less than an error text and a message type in which every
 * byte is escaped to six, and what stands around them.
 */
#ifndef STEREOS_REPLY_MAX
#define STEREOS_REPLY_MAX (6 * (STEREOS_ERROR_MAX + STEREOS_TYPE_MAX) + 96)
#endif

/* {"type":T,"payload":{...}} */
struct stereos_envelope {
    struct text type;
    struct json_raw payload; /* json == NULL: missing; the text null: present, all zero */
};

struct stereos_config {
    struct text content;
};

struct stereos_ssh_key {
    struct text user;
    struct text public_key;
};

struct stereos_secret {
    struct text name;
    struct text value;
    uint32_t mode; /* 0: as 0600 */
};

struct stereos_mount {
    struct text tag;
    struct text guest_path;
    struct text fs_type;
    bool read_only;
};

struct stereos_shutdown {
    struct text reason;
};

/* A message's payload: how it is read and how errors call it. */
struct stereos_payload_type {
    const char *what;          /* "secret": decode secret payload: ... */
    struct json_struct layout; /* its fields */
};

extern const struct stereos_payload_type stereos_config_payload;
extern const struct stereos_payload_type stereos_ssh_key_payload;
extern const struct stereos_payload_type stereos_secret_payload;
extern const struct stereos_payload_type stereos_mount_payload;
extern const struct stereos_payload_type stereos_shutdown_payload;

/*
 * Reads a line's envelope. False: *error holds the text for an ack with an empty
 * reply_to ("malformed JSON: ..."). A type longer than STEREOS_TYPE_MAX is an error too.
 */
bool stereos_read_envelope(const char *line, size_t len, struct stereos_envelope *envelope,
                           struct out *error);

/*
 * Reads the payload of a message called type. False: *error holds the text for its
 * ack ("decode secret payload: ..."), also when the payload is missing. payload has size
 * bytes, at least those of the struct that the layout is of; they are zeroed first.
 */
bool stereos_read_payload(const struct stereos_envelope *envelope, const char *type,
                          const struct stereos_payload_type *layout, void *payload, size_t size,
                          struct out *error);

/* One entry of the health answer's agents. */
struct stereos_agent {
    const char *name;
    bool running;
    const char *session; /* NULL: left out */
    uint32_t restarts;
    const char *error; /* NULL: left out */
};

struct stereos_health {
    const char *state;
    const struct stereos_agent *agents; /* left out when agent_count is 0 */
    uint32_t agent_count;
    uint64_t uptime_seconds;
};

/* The answers, each one whole line with its '\n'. */
void stereos_write_pong(struct out *o);
void stereos_write_health(struct out *o, const struct stereos_health *health);

/*
 * error: NULL or empty: ok. A text past STEREOS_ERROR_MAX is cut here, in front of a
 * character, for all its writers. reply_to: the request's type, n bytes.
 */
void stereos_write_ack(struct out *o, const char *reply_to, size_t n, const char *error,
                       size_t error_len);

#endif
