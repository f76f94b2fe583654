/* SPDX-License-Identifier: MIT */
#include "platform/linux/process_user.h"

#include "platform/linux/passwd.h"
#include "platform/linux/sys.h"

#include <stdio.h>
#include <string.h>

/* As an id this means "leave it as it is" to setuid(2). */
#define NO_ID UINT32_MAX

/* Takes a decimal number below NO_ID off the front of *s. */
static bool take_id(const char **s, unsigned *id)
{
    const char *start = *s;
    uint64_t value = 0;

    for (; **s >= '0' && **s <= '9' && value < NO_ID; (*s)++)
        value = value * 10 + (uint64_t)(**s - '0');
    *id = (unsigned)value;
    return *s != start && value < NO_ID;
}

/* UID or UID:GID. */
static bool read_ids(const char *s, struct user *user)
{
    if (!take_id(&s, &user->uid))
        return false;
    user->gid = user->uid;
    if (*s == ':') {
        s++;
        if (!take_id(&s, &user->gid))
            return false;
    }
    return *s == '\0';
}

/* In this order: who is nobody any more may change nothing else. */
static long become(const struct user *user)
{
    long result = sys_setgroups(0, NULL);

    if (result == 0)
        result = sys_setgid(user->gid);
    if (result == 0)
        result = sys_setuid(user->uid);
    return result;
}

/* What is inherited is root's, or the one's whom a service runs as; root alone is looked up. */
static void stay(struct user *user)
{
    if (sys_getuid() != 0 || passwd_find("root", 4, user) != 0)
        strcpy(user->home, "/");
}

long process_user_become(const char *name, const char *const **env)
{
    static struct user user = {.home = "/"};
    static char home[PASSWD_HOME_MAX + 8], shell[PASSWD_SHELL_MAX + 8], entry[64], log_name[72];
    static const char *list[] = {home, shell, NULL, NULL, NULL};
    long result = 0;

    if (name == NULL) {
        stay(&user);
    } else if (read_ids(name, &user)) {
        result = become(&user);
    } else {
        if ((result = passwd_find(name, strlen(name), &user)) == 0)
            result = become(&user);
        snprintf(entry, sizeof entry, "USER=%s", name);
        snprintf(log_name, sizeof log_name, "LOGNAME=%s", name);
        list[2] = entry;
        list[3] = log_name;
    }
    snprintf(home, sizeof home, "HOME=%s", user.home);
    snprintf(shell, sizeof shell, "SHELL=%s", user.shell[0] != '\0' ? user.shell : "/bin/sh");
    *env = list;
    return result;
}
