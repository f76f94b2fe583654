/* SPDX-License-Identifier: MIT */
/*
 * Where the store's blobs lie as files: secrets in one directory, the configuration, and each
 * user's authorized_keys. The paths are what users of StereOS know, or those of options.
 */
#ifndef PLATFORM_LINUX_PLACE_H
#define PLATFORM_LINUX_PLACE_H

#include "platform/linux/files.h"
#include "platform/linux/passwd.h"
#include "platform/store.h"

struct place {
    enum store_kind kind;
    struct user user; /* STORE_SSH_KEY: whose key it is */
    char directory[FILES_PATH_MAX + 8];
    char name[STORE_NAME_MAX + 1]; /* of the file in it */
};

/* Finds out where a blob lies. 0, -EINVAL: no file can be called that, -ENOENT: there is no such
 * user, -ENAMETOOLONG, or what kept the users from being read. */
long place_find(enum store_kind kind, const char *name, size_t name_len, struct place *p);

/* The directory of the secrets alone: the name is empty. 0 or -ENAMETOOLONG. */
long place_find_secrets(struct place *p);

/* Makes the directories that the users of StereOS expect to find before anything is in them: of
 * the secrets and of the configuration. What can't be made is said. */
void place_begin(void);

/* Opens the directory; the fd or -errno. */
long place_open(const struct place *p);

/* The same, and makes it what it shall be: there, with its mode and owner. On an error *step is
 * "open", "mkdir", "chown" or "chmod". */
long place_make(const struct place *p, const char **step);

#endif
