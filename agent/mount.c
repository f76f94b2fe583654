/* SPDX-License-Identifier: MIT */
/*
 * Mounts, checked as the real guest checks them (protocol StereOS, 1.6), so that a host
 * sees the same errors; then what the platform can do, which on bare metal is nothing.
 */
#include "platform/mount.h"
#include "agent/services.h"
#include "proto/utf8.h"

#include <string.h>

/* Nothing is mounted on these or below them. */
static const char *const protected_paths[] = {
    "/nix", "/etc", "/bin", "/boot", "/dev", "/proc", "/sys", "/run",
};

static const char *find_missing(const struct stereos_mount *m)
{
    if (text_length(m->tag) == 0)
        return "mount tag cannot be empty";
    if (text_length(m->guest_path) == 0)
        return "mount guest_path cannot be empty";
    if (text_length(m->fs_type) == 0)
        return "mount fs_type cannot be empty";
    return NULL;
}

/* Removes "." and "..", doubled and trailing slashes of an absolute path, in place. */
static size_t clean_path(char *path, size_t n)
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

static bool is_protected(const char *path, size_t n)
{
    for (size_t i = 0; i < sizeof protected_paths / sizeof protected_paths[0]; i++) {
        size_t len = strlen(protected_paths[i]);
        if (n >= len && memcmp(path, protected_paths[i], len) == 0 &&
            (n == len || path[len] == '/'))
            return true;
    }
    return n == 1;
}

static void out_quoted_path(struct out *o, const char *path, size_t n)
{
    uint32_t rune;

    out_str(o, "\"");
    for (size_t len; n > 0; path += len, n -= len) {
        len = utf8_decode(path, n, &rune);
        out_quoted_rune(o, rune);
    }
    out_str(o, "\"");
}

void mount_request(const union stereos_payload *p, struct out *error)
{
    const struct stereos_mount *m = &p->mount;
    const char *missing = find_missing(m);
    char path[STEREOS_PATH_MAX];
    size_t n = text_copy(m->guest_path, path, sizeof path);

    if (missing != NULL) {
        out_str(error, missing);
    } else if (!text_equals(m->fs_type, "virtiofs") && !text_equals(m->fs_type, "9p")) {
        out_str(error, "unsupported filesystem type: ");
        out_quoted(error, m->fs_type);
        out_str(error, " (must be virtiofs or 9p)");
    } else if (path[0] != '/') {
        out_str(error, "guest_path must be absolute: ");
        out_quoted(error, m->guest_path);
    } else if (is_protected(path, n = clean_path(path, n))) {
        out_str(error, "cannot mount over system directory: ");
        out_quoted_path(error, path, n);
    } else {
        out_str(error, "mount ");
        out_text(error, m->tag);
        out_str(error, " at ");
        out_bytes(error, path, n);
        out_str(error, ": ");
        out_str(error, platform_mount_refusal());
    }
}
