/* SPDX-License-Identifier: MIT */
#include "agent/path.h"

#include <string.h>

/* Those of the real guest (protocol StereOS, 1.6). */
static const char *const protected_paths[] = {
    "/nix", "/etc", "/bin", "/boot", "/dev", "/proc", "/sys", "/run",
};

size_t path_clean(char *path, size_t n)
{
    size_t out = 0;

    for (size_t at = 0; at < n;) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t end = slash != NULL ? (size_t)(slash - path) : n;
        size_t len = end - at;
        if (len == 2 && path[at] == '.' && path[at + 1] == '.') {
            while (out > 0 && path[--out] != '/')
                ;
        } else if (len > 0 && !(len == 1 && path[at] == '.')) {
            path[out] = '/';
            memmove(path + out + 1, path + at, len);
            out += len + 1;
        }
        at = end + 1;
    }
    if (out == 0)
        path[out++] = '/';
    return out;
}

bool path_is_allowed(const char *path, size_t n)
{
    for (size_t i = 0; i < sizeof protected_paths / sizeof protected_paths[0]; i++) {
        size_t len = strlen(protected_paths[i]);
        if (n >= len && memcmp(path, protected_paths[i], len) == 0 &&
            (n == len || path[len] == '/'))
            return false;
    }
    return n != 1;
}

bool path_goes_up(const char *path, size_t n)
{
    for (size_t at = 0; at < n;) {
        const char *slash = memchr(path + at, '/', n - at);
        size_t len = slash != NULL ? (size_t)(slash - path) - at : n - at;
        if (len == 2 && path[at] == '.' && path[at + 1] == '.')
            return true;
        at += len + 1;
    }
    return false;
}
