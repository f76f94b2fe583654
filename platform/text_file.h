/* SPDX-License-Identifier: MIT */
/* Small files of the guest that configure mote. */
#ifndef PLATFORM_TEXT_FILE_H
#define PLATFORM_TEXT_FILE_H

#include "platform/error.h"

#include <stddef.h>

/*
 * Reads a file whole, up to cap bytes; its length. MOTE_ERR_NOT_FOUND: there is none;
 * MOTE_ERR_TOO_LARGE; MOTE_ERR_IO. *fault is why, in the system's words.
 */
int text_file_read(const char *path, char *dst, size_t cap, const char **fault);

#endif
