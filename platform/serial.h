/* SPDX-License-Identifier: MIT */
/*
 * One serial line, for a host that speaks to the guest by it. Opened at most once. Nothing here
 * waits; input, and room for output where there was none, wake platform_wait().
 */
#ifndef PLATFORM_SERIAL_H
#define PLATFORM_SERIAL_H

#include "platform/error.h"
#include "proto/text.h"

/*
 * Opens a line and makes it transparent: eight bits, no echo. name: "ttyS0" and the like; on
 * Linux any terminal of /dev, or an absolute path. The console, if it was there, has left it: by
 * mote.bandsox=NAME, before its first byte. MOTE_ERR_NOT_FOUND: there is none of that name;
 * MOTE_ERR_UNSUPPORTED: it is no serial line; MOTE_ERR_IO.
 */
int serial_open(struct bytes name);

/* Reads up to n bytes; 0: nothing has come. */
size_t serial_read(void *buf, size_t n);

/* Writes as many of n bytes as go at once. */
size_t serial_write(const void *buf, size_t n);

/* When to look again at the latest, for a line that can't wake us by itself; UINT64_MAX: it
 * can. */
uint64_t serial_deadline(uint64_t now);

#endif
