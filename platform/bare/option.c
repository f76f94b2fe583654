/* SPDX-License-Identifier: MIT */
/* Words of the form KEY=VALUE on the command line, separated by blanks. */
#include "platform/platform.h"

#include <string.h>

static const char *skip_word(const char *s)
{
    while (*s != '\0' && *s != ' ')
        s++;
    while (*s == ' ')
        s++;
    return s;
}

const char *platform_option(const char *key, const char *after, size_t *len)
{
    const char *s = after != NULL ? skip_word(after) : platform_cmdline();
    size_t n = strlen(key);

    for (; *s != '\0'; s = skip_word(s)) {
        if (strncmp(s, key, n) != 0 || s[n] != '=')
            continue;
        s += n + 1;
        *len = strcspn(s, " ");
        return s;
    }
    return NULL;
}
