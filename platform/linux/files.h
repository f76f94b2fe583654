/* SPDX-License-Identifier: MIT */
/*
 * Files that are replaced at once or not at all, and wiped when they go. What returns a long
 * returns 0, or what its comment says, or -errno. Names are NUL-terminated and without slashes.
 */
#ifndef PLATFORM_LINUX_FILES_H
#define PLATFORM_LINUX_FILES_H

#include <linux/stat.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FILES_PATH_MAX 256   /* a path of an option, with its NUL; longer ones: -ENAMETOOLONG */
#define FILES_MADE_MAX 1025  /* of a directory that is made, with its NUL */
#define FILES_OURS     (~0u) /* an owner: whoever we are */

/* A file in a directory that is open, and how it shall be. */
struct file {
    int directory;
    const char *name;
    unsigned mode; /* exactly, whatever the umask */
    unsigned uid;  /* FILES_OURS: neither owner nor group is changed */
    unsigned gid;
};

/* The path that an option names, or otherwise; of several options the last counts. */
const char *files_option(const char *key, const char *otherwise);

/* Makes a directory with mode and its parents with 0755, as far as they are missing. Paths shorter
 * than FILES_MADE_MAX. */
long files_make_directories(const char *path, unsigned mode);

/* Opens a directory (symbolic links are followed); makes what is missing first, itself with mode,
 * its parents with 0755. The fd. */
long files_open_directory(const char *path, unsigned mode);

/* Gives an open file or directory its owner (as struct file has it) and mode, unless it has them;
 * *step is "chown" or "chmod" when that fails. */
long files_dress(int fd, unsigned mode, unsigned uid, unsigned gid, const char **step);

/*
 * Puts n bytes in the place of the file. Who reads it sees all of the old content or all of the
 * new. After an error the old stays, nothing else is left, and *step says what failed: "open",
 * "write", "chown", "chmod", "rename".
 */
long files_replace(const struct file *f, const void *data, size_t n, const char **step);

/* Writes all of it. */
long files_write(int fd, const char *data, size_t n);

/* Whether that is what statx(2) found. */
bool files_is_regular(const struct statx *file);

/* Removes a file and overwrites what it held. -ENOENT: there is no regular file of that name. */
long files_destroy(int directory, const char *name);

/* Reads a file of at most room bytes (-EFBIG) and its mode; its size. -ENOENT as above. */
long files_read(int directory, const char *name, void *buf, size_t room, uint32_t *mode);

/* A directory that is gone through, from its begin: {.directory = fd}. */
struct listing {
    int directory;
    long size, at;
    char entries[2048] __attribute__((aligned(8)));
};

/* The next name, valid until the next call; NULL: no more, or size is -errno. */
const char *files_next_of_all(struct listing *l);

/* The next name that does not begin with a dot, valid until the next call; NULL: no more. */
const char *files_next(struct listing *l);

#endif
