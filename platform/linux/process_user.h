/* SPDX-License-Identifier: MIT */
/* Becoming the user that a program is to run as. */
#ifndef PLATFORM_LINUX_PROCESS_USER_H
#define PLATFORM_LINUX_PROCESS_USER_H

/*
 * Becomes a user, once: a name in the passwd file, UID, or UID:GID; NULL: stays what it is. A
 * UID's group is, unless it is told, of the same number; no user has other groups. *env is what
 * such a user's environment has, up to a NULL (HOME=..., SHELL=...). 0; -ENOENT: there is no such
 * user; -errno.
 */
long process_user_become(const char *name, const char *const **env);

#endif
