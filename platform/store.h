/* SPDX-License-Identifier: MIT */
/*
 * The store: named blobs (secrets, configuration, keys) behind one seam. On bare metal
 * a fixed arena (platform/bare/store.c), elsewhere files; what leaves it is wiped.
 */
#ifndef PLATFORM_STORE_H
#define PLATFORM_STORE_H

#include "platform/error.h"

#include <stddef.h>
#include <stdint.h>

/* All blobs with their names, or the longest blob where each is a file. Secrets are short; a
 * certificate chain has about 8 KiB. */
#ifndef STORE_SIZE
#define STORE_SIZE 65536
#endif

/* Blobs; an environment of secrets seldom has 20. */
#ifndef STORE_ENTRIES
#define STORE_ENTRIES 64
#endif

#define STORE_NAME_MAX 255 /* bytes of a name, as a file's */

enum store_kind {
    STORE_SECRET = 1,
    STORE_CONFIG,
    STORE_SSH_KEY,
    STORE_FILE, /* of a transfer; where there are files, they are not in the store */
};

struct store_blob {
    const void *data;
    size_t size;
    uint32_t mode; /* permission bits, for who reads it as a file */
};

/* A name of a kind, and what lies under it. */
struct store_name {
    const char *name; /* len bytes, not NUL-terminated */
    size_t len;
    size_t size; /* of the blob */
    uint32_t mode;
};

/* Why something failed: what was being done ("write", "rename"), and the reason. */
struct store_fault {
    const char *step;
    const char *why;
};

/*
 * Makes room for a blob of size bytes and returns where to write them in *space. Nothing
 * changes for readers before store_commit(). MOTE_ERR_NO_ROOM: STORE_SIZE or
 * STORE_ENTRIES is used up, a blob of the same name still counted. MOTE_ERR_INVALID:
 * the name is empty or longer than STORE_NAME_MAX. MOTE_ERR_NOT_FOUND: STORE_SSH_KEY, and
 * the system has no such user. MOTE_ERR_IO.
 */
int store_begin(enum store_kind kind, const char *name, size_t name_len, uint32_t mode, size_t size,
                char **space);

/* Makes the blob begun shorter: size bytes, at most what was asked for. */
void store_trim(size_t size);

/* Puts the blob begun in the place of any other of its kind and name, which is wiped.
 * MOTE_ERR_INVALID: none is begun. MOTE_ERR_IO. After an error what was there before stays. */
int store_commit(void);

/* Wipes what is begun, if anything is, and where store_get() has to copy, what that has read. */
void store_abandon(void);

/* Reads a blob; data stays valid until the next call that changes the store. MOTE_ERR_NOT_FOUND. */
int store_get(enum store_kind kind, const char *name, size_t name_len, struct store_blob *blob);

/* Wipes and removes a blob. MOTE_ERR_NOT_FOUND, MOTE_ERR_IO. */
int store_delete(enum store_kind kind, const char *name, size_t name_len);

/* The first name of a kind behind after in byte order; after_len 0: the first of all. *next is
 * valid until the next call that changes the store. MOTE_ERR_NOT_FOUND: there is none. */
int store_next(enum store_kind kind, const char *after, size_t after_len, struct store_name *next);

/* Why the last begin, commit or delete failed. Valid until the next of them. */
struct store_fault store_fault(void);

/* Bytes that are not zero in the store's memory where nothing is stored: 0 proves the wipe. */
size_t store_residue(void);

/* Wipes everything, a blob begun included. */
void store_wipe(void);

#endif
