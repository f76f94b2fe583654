/* SPDX-License-Identifier: MIT */
/*
 * From the payload of a message to what a client is asked: strings are decoded into memory of
 * ours for as long as it takes to begin, then wiped.
 */
#ifndef AGENT_JOB_STRINGS_H
#define AGENT_JOB_STRINGS_H

#include "proto/stereos.h"

/* A struct text of a payload, and the struct bytes of a request that it becomes. */
struct job_string {
    const char *key;   /* for errors */
    uint16_t from, to; /* offsets */
    bool base64;       /* the text stands for other bytes */
};

/* A row of them: MEMBER of struct mote_WHAT becomes that of struct WHAT_request. */
#define JOB_STRING(what, member, base64)                                                           \
    {                                                                                              \
#member, offsetof(struct mote_##what, member), offsetof(struct what##_request, member),    \
            base64                                                                                 \
    }

/* Reads n of them; the bytes are good until job_wipe_strings(). False: error says why; together
 * they may have JOB_DATA_MAX bytes. */
bool job_read_strings(const struct job_string *strings, size_t n, const void *payload,
                      void *request, struct out *error);

/* To be called whenever job_read_strings() was. */
void job_wipe_strings(void);

/* The name of a command, which the layout of the payload has bounded. */
struct bytes job_read_name(struct text t, char name[STEREOS_TYPE_MAX]);

/* unknown <what>: <name> */
void job_refuse_name(const char *what, struct text name, struct out *error);

#endif
