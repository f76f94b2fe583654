/* SPDX-License-Identifier: MIT */
/*
 * Reading the guest's answers as the real host client does, with its error texts
 * (protocol StereOS, host client behaviour). Unlike it, an ack that says no is
 * shown also when it names no request or comes in the place of another answer.
 */
#ifndef MOTECTL_ANSWER_H
#define MOTECTL_ANSWER_H

#include "proto/stereos.h"
#include "qemu/motectl/output.h"

/* A row of a layout, for the member that is called as its field; and how many there are. */
#define FIELD(type, member, kind, go_type)                                                         \
    {                                                                                              \
#member, kind, (uint16_t)offsetof(struct type, member), 0, go_type                         \
    }
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct health {
    struct text state;
    struct json_raw agents;
    uint32_t uptime_seconds;
};

struct agent {
    struct text name;
    bool running;
    struct text session;
    uint32_t restarts;
    struct text error;
};

struct capabilities {
    struct text agent, version, platform;
    uint32_t protocol;
    struct json_raw messages, limits;
};

struct secrets {
    struct json_raw entries;
    bool more; /* behind the last of them */
};

/* What the guest tells of a secret. */
struct secret {
    struct text name;
    uint32_t size;
    uint32_t mode;
};

struct purged {
    uint32_t secrets, bytes, residue;
};

/* What the guest tells of a workload. */
struct workload {
    struct text name;
    bool running;
    uint32_t pid;
    uint32_t status; /* WORKLOAD_NO_STATUS: it has not ended yet */
    uint32_t restarts;
    struct text error;
};
#define WORKLOAD_NO_STATUS UINT32_MAX

/* A part of what a workload has said; offsets count modulo 2^32. */
struct log {
    uint32_t offset; /* of the first byte of text */
    struct text text;
    uint32_t next; /* where to go on; offset, when there is no more */
};

/* What the guest tells of a job. */
struct job {
    uint32_t id;
    struct text request, state;
    struct json_raw result; /* an object, of one that is done */
    struct text error;
    bool truncated; /* there was more of the error, or of the result */
};

/* Checks that line is the answer of type expected ("ack", "pong") to request. */
enum status answer_check(const char *line, size_t len, const char *expected, const char *request);

/* The same for a health answer, and reads it. The texts are views into line; all agents are
 * checked. */
enum status answer_health(const char *line, size_t len, struct health *health);

/* Takes the next agent off health->agents. Sets *found to false at the end. */
enum status answer_next_agent(struct health *health, struct agent *agent, bool *found);

/* The answers to capabilities, list_secrets and purge_secrets, in the same way. */
enum status answer_capabilities(const char *line, size_t len, struct capabilities *capabilities);
enum status answer_secrets(const char *line, size_t len, struct secrets *secrets);
enum status answer_purged(const char *line, size_t len, struct purged *purged);

/* Takes the next secret off secrets->entries. Sets *found to false at the end. */
enum status answer_next_secret(struct secrets *secrets, struct secret *secret, bool *found);

/* The answers to workloads (its array; all in it are checked) and logs. */
enum status answer_workloads(const char *line, size_t len, struct json_raw *workloads);
enum status answer_log(const char *line, size_t len, struct log *log);

/* Takes the next workload off the array. Sets *found to false at the end. */
enum status answer_next_workload(struct json_raw *workloads, struct workload *workload,
                                 bool *found);

/* The answer to request, which began a job or asks for one; result is checked. */
enum status answer_job(const char *line, size_t len, const char *request, struct job *job);

/* Takes the next member off a job's result; false: there is none. A value that is a string is
 * told without its quotes. */
bool answer_next_member(struct json_raw *result, struct text *key, struct text *value);

/* Checks as answer_check does, and reads the payload into *dst, which is all zero. */
enum status answer_read(const char *line, size_t len, const char *expected, const char *request,
                        const struct json_struct *layout, void *dst);

/* Reads json into *dst, where the caller has put what missing fields are. */
enum status answer_object(struct json_raw json, const struct json_struct *layout, void *dst);

/* Takes the next element off an array, into *dst likewise. Sets *found to false at the end. */
enum status answer_next_element(struct json_raw *left, const char *name,
                                const struct json_struct *layout, void *dst, bool *found);

/* Whether line is an ack that says no; fails with its error text if so. Anything else is fine. */
enum status answer_refusal(const char *line, size_t len);

#endif
