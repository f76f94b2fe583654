/* SPDX-License-Identifier: MIT */
/* Users, as /etc/passwd (or the file of the option mote.passwd) has them. */
#ifndef PLATFORM_LINUX_PASSWD_H
#define PLATFORM_LINUX_PASSWD_H

#include <stddef.h>

#define PASSWD_HOME_MAX  256 /* with its NUL */
#define PASSWD_SHELL_MAX 128

struct user {
    unsigned uid;
    unsigned gid;
    char home[PASSWD_HOME_MAX];   /* absolute */
    char shell[PASSWD_SHELL_MAX]; /* empty: none is named, or it is longer than fits */
};

/* The file that is looked into. */
const char *passwd_path(void);

/* The first user of that name. 0; -ENOENT: there is none, or no such file; or -errno. A line that
 * is no user's (too few fields, an id that is no number, a home that is not absolute or longer
 * than fits) is passed over. */
long passwd_find(const char *name, size_t n, struct user *user);

#endif
