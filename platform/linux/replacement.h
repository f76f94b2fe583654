/* SPDX-License-Identifier: MIT */
/*
 * A file that replaces another: written under a hidden name of its own in the same directory, and
 * renamed when it is whole. The errors are those of platform/file.h, with file_fault().
 */
#ifndef PLATFORM_LINUX_REPLACEMENT_H
#define PLATFORM_LINUX_REPLACEMENT_H

#include "platform/file.h"

struct replacement {
    int directory; /* open */
    uint32_t mode;
    char temporary[48]; /* the hidden name */
    char name[FILE_ENTRY_MAX];
};

/* Begins one of the file at path, which is written to; parents: missing directories are made.
 * The descriptor to write to, which stays the caller's. */
int replacement_begin(struct replacement *r, char *path, uint32_t mode, bool parents);

/* Puts what was written to fd in its place. Whatever comes of it, nothing else is left. */
int replacement_commit(const struct replacement *r, int fd);

/* Gives it up. */
void replacement_drop(const struct replacement *r);

/* Opens a directory, "" is that of the process; make: it is made if it is missing. */
int replacement_open_directory(const char *path, bool make);

/* Keeps the fault, and returns result, or the error of platform/file.h for -errno. */
int file_refuse(int result, const char *step, const char *why);
int file_fail(const char *step, long error);

#endif
