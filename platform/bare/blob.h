/* SPDX-License-Identifier: MIT */
/*
 * Blobs of the store by number: several that grow at the same time, hidden until they are whole,
 * and one that is read in parts. A number is > 0 and stays, wherever the blob moves; when the blob
 * is gone, MOTE_ERR_NOT_FOUND. MOTE_ERR_NO_ROOM as store_begin() has it, with store_fault().
 */
#ifndef PLATFORM_BARE_BLOB_H
#define PLATFORM_BARE_BLOB_H

#include "platform/store.h"

/* A blob of no bytes that no reader sees yet; its number, MOTE_ERR_INVALID (as store_begin()) or
 * MOTE_ERR_NO_ROOM. */
int blob_new(enum store_kind kind, const char *name, size_t name_len, uint32_t mode);

/* The number of the blob that readers see under a name, or MOTE_ERR_NOT_FOUND. */
int blob_find(enum store_kind kind, const char *name, size_t name_len);

/* Reads a blob; data stays valid until the next call that changes the store. */
int blob_get(int id, struct store_blob *blob);

/* Puts n bytes behind those of the blob. MOTE_ERR_NO_ROOM: nothing is written. */
int blob_append(int id, const void *data, size_t n);

/* Wipes what the blob has; it stays. */
int blob_truncate(int id);

/* Puts the blob in the place of any other of its kind and name, which is wiped. */
int blob_show(int id);

/* Wipes and removes a blob, hidden or not. */
void blob_drop(int id);

/* The blob behind number after (0: the first) that readers see; its number and *found (valid until
 * the next call that changes the store), or MOTE_ERR_NOT_FOUND. */
int blob_next(enum store_kind kind, int after, struct store_name *found);

#endif
