/* SPDX-License-Identifier: MIT */
/*
 * Files of the guest that transfers read and write: of its file system under Linux
 * (platform/linux/file.c), of the store on bare metal (platform/bare/file.c), where a path is the
 * name of a blob, slashes and all. What an open file is, is a number from 0 to FILES_MAX - 1.
 */
#ifndef PLATFORM_FILE_H
#define PLATFORM_FILE_H

#include "platform/error.h"
#include "proto/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_MAX      16   /* files and lists at once */
#define FILE_PATH_MAX  1024 /* bytes of a path; on bare metal 255, as a name of the store */
#define FILE_ENTRY_MAX 256  /* bytes of a name in a list */

enum file_how {
    FILE_REPLACE,  /* nobody sees anything before file_commit(), which is atomic */
    FILE_TRUNCATE, /* in place and at once, as Bandsox's agent writes */
    FILE_APPEND,
};

#define FILE_TYPE_MASK      0170000u
#define FILE_TYPE_REGULAR   0100000u
#define FILE_TYPE_DIRECTORY 0040000u
#define FILE_TYPE_LINK      0120000u

struct file_info {
    uint64_t size;
    uint32_t mode;  /* as Linux' st_mode: permissions, and FILE_TYPE_... */
    uint64_t mtime; /* seconds since 1970; 0 on bare metal */
};

/* Why something failed, as Go has it in "open PATH: no such file or directory". */
struct file_fault {
    const char *step; /* "open" */
    const char *why;  /* "no such file or directory" */
};

/*
 * All that return an error: MOTE_ERR_INVALID: the path is longer than FILE_PATH_MAX or has a NUL
 * in it, or the number is of another use; MOTE_ERR_NOT_FOUND; MOTE_ERR_NO_RESOURCES: FILES_MAX are
 * open; MOTE_ERR_NO_ROOM: the store or the file system is full; MOTE_ERR_UNSUPPORTED: not such a
 * file can be read or written (a directory, a FIFO, a device); MOTE_ERR_IO. file_fault() has the
 * words.
 */

/* Opens a regular file to read it, from its begin; info (may be NULL) is what it is. Its number. */
int file_open(struct bytes path, struct file_info *info);

/*
 * Opens a file to write it. mode: permission bits of one that is made new, or that replaces
 * another. parents: directories that are missing are made, with 0755. With FILE_REPLACE a symbolic
 * link at the last name is replaced, never followed. Its number.
 */
int file_create(struct bytes path, uint32_t mode, enum file_how how, bool parents);

/* Reads up to n bytes, behind those that were read; 0: the end. */
long file_read(int file, void *buf, size_t n);

/* Writes n bytes, all of them or an error, after which the file can only be closed. */
int file_write(int file, const void *buf, size_t n);

/* The file is whole, and there under its name; the number is free, after an error as well. */
int file_commit(int file);

/* Ends it; the number is free. Of FILE_REPLACE without a commit nothing stays, in memory neither
 * where memory is ours. A number below 0 is taken as nothing. */
void file_close(int file);

/* What lies under a path; a symbolic link is followed. On bare metal a directory is any name that
 * others have in front of a slash, and "" and "/". */
int file_stat(struct bytes path, struct file_info *info);

/* One name of a directory; info is that of a symbolic link itself. */
struct file_entry {
    struct file_info info;
    char name[FILE_ENTRY_MAX]; /* name_len bytes and a NUL */
    size_t name_len;
};

/* Opens a directory to list it; a number that file_next() and file_close() take. */
int file_list(struct bytes path);

/* The next name, in no order, without "." and ".."; 1: there is one, 0: no more, or an error. */
int file_next(int list, struct file_entry *entry);

/*
 * Where an absolute path leads when the symbolic links in front of its last name are followed, as
 * far as there is something: cap bytes at real, its length, or an error. 0: there is no such thing
 * as a link here, and path is where it leads.
 */
long file_resolve(struct bytes path, char *real, size_t cap);

/* Why the last function failed that returned an error; valid until the next call. */
struct file_fault file_fault(void);

#endif
