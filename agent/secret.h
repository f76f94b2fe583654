/* SPDX-License-Identifier: MIT */
/* What the messages have in common that put a secret into the store, or name one. */
#ifndef AGENT_SECRET_H
#define AGENT_SECRET_H

#include "proto/stereos.h"

#define SECRET_MODE 0600u /* of a secret that comes without one */

/* A name, decoded. */
struct secret_name {
    char bytes[STEREOS_FIELD_MAX];
    size_t len;
};

/* Decodes and checks a name that step ("write") is to be done with. False: error says why not. */
bool secret_read_name(struct text text, const char *step, struct secret_name *name,
                      struct out *error);

/* <step> secret "n": <why> */
void secret_refuse(struct out *error, const char *step, const struct secret_name *name,
                   const char *why);

/* Room for a value of len bytes in the store (store_begin()); NULL: error says why not. */
char *secret_begin(const struct secret_name *name, uint32_t mode, size_t len, struct out *error);

/* Puts what was begun in the place of what lies under the name. */
void secret_commit(const struct secret_name *name, struct out *error);

#endif
