/* SPDX-License-Identifier: MIT */
/*
 * The store: named blobs (secrets, configuration, keys) behind one seam. On bare metal
 * a fixed arena (platform/bare/store.c); what leaves it is wiped.
 */
#ifndef PLATFORM_STORE_H
#define PLATFORM_STORE_H

#include "platform/error.h"

#include <stddef.h>
#include <stdint.h>

/* All blobs with their names. Secrets are short; a certificate chain has about 8 KiB. */
#ifndef STORE_SIZE
#define STORE_SIZE 65536
#endif

#define STORE_ENTRIES  64  /* blobs; an environment of secrets seldom has 20 */
#define STORE_NAME_MAX 255 /* bytes of a name, as a file's */

enum store_kind {
    STORE_SECRET = 1,
    STORE_CONFIG,
    STORE_SSH_KEY,
};

struct store_blob {
    const void *data;
    size_t size;
    uint32_t mode; /* permission bits, for who reads it as a file */
};

/*
 * Makes room for a blob of size bytes and returns where to write them in *space. Nothing
 * changes for readers before store_commit(). MOTE_ERR_NO_ROOM: STORE_SIZE or
 * STORE_ENTRIES is used up, a blob of the same name still counted. MOTE_ERR_INVALID:
 * the name is empty or longer than STORE_NAME_MAX.
 */
int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space);

/* Makes the blob begun shorter: size bytes, at most what was asked for. */
void store_trim(size_t size);

/* Puts the blob begun in the place of any other of its kind and name, which is wiped. */
void store_commit(void);

/* Reads a blob; data stays valid until the next store_begin(). MOTE_ERR_NOT_FOUND. */
int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob);

/* Bytes that a new blob and its name may have together. */
size_t store_free(void);

/* Wipes everything, a blob begun included. */
void store_wipe(void);

#endif
