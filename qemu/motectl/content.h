/* SPDX-License-Identifier: MIT */
/*
 * Reading a whole file, or standard input, into one static buffer. Plain read(2):
 * a secret must not stay behind in a buffer of stdio.
 */
#ifndef MOTECTL_CONTENT_H
#define MOTECTL_CONTENT_H

#include <sys/types.h>

#include "qemu/motectl/output.h"

/* Reads file (NULL or "-": standard input). Fails if it is too long for a request. */
enum status content_read(const char *file, const char **content, size_t *len);

/* Wipes what was read last. */
void content_wipe(void);

/* read(2) that goes on when interrupted. The count, 0 at the end, or -1 with errno. */
ssize_t read_some(int fd, char *dst, size_t n);

#endif
