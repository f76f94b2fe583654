/* SPDX-License-Identifier: MIT */
/*
 * Mounts, checked as the real guest checks them (protocol StereOS, 1.6), so that a host
 * sees the same errors; then what the platform can do, which on bare metal is nothing.
 */
#include "platform/mount.h"
#include "agent/health.h"
#include "agent/path.h"
#include "agent/services.h"
#include "drivers/endpoint.h"

#include <string.h>

_Static_assert(ENDPOINT_CONNECTIONS <= MOUNT_JOBS, "a connection's number is an owner's");

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

static void write_not_allowed(struct out *o, const char *path, size_t n)
{
    out_str(o, "cannot mount over system directory: ");
    out_quoted_bytes(o, path, n);
}

static void write_no_mount_point(struct out *o, const char *path, size_t n, const char *fault)
{
    out_str(o, "create mount point ");
    out_quoted_bytes(o, path, n);
    out_str(o, ": ");
    out_str(o, fault);
}

static void write_failed(struct out *o, struct text tag, const char *path, size_t n,
                         const char *fault)
{
    out_str(o, "mount ");
    out_text(o, tag);
    out_str(o, " at ");
    out_bytes(o, path, n);
    out_str(o, ": ");
    out_str(o, fault);
}

/* A clean path, as what the path in *path stands for; false: *error says what is wrong. */
static bool check(const struct stereos_mount *m, char *path, size_t *n, struct out *error)
{
    const char *missing = find_missing(m);

    if (missing != NULL) {
        out_str(error, missing);
    } else if (!text_equals(m->fs_type, "virtiofs") && !text_equals(m->fs_type, "9p")) {
        out_str(error, "unsupported filesystem type: ");
        out_quoted(error, m->fs_type);
        out_str(error, " (must be virtiofs or 9p)");
    } else if (path[0] != '/') {
        out_str(error, "guest_path must be absolute: ");
        out_quoted(error, m->guest_path);
    } else if (!path_is_allowed(path, *n = path_clean(path, *n))) {
        write_not_allowed(error, path, *n);
    } else if (memchr(path, '\0', *n) != NULL) {
        write_no_mount_point(error, path, *n, "invalid argument");
    } else {
        return true;
    }
    return false;
}

/* A name of the system: NUL-terminated, and without one inside. */
static bool copy_tag(struct text tag, char dst[STEREOS_FIELD_MAX + 1])
{
    size_t n = text_copy(tag, dst, STEREOS_FIELD_MAX);

    dst[n] = '\0';
    return strlen(dst) == n;
}

static int attempt(int conn, const struct stereos_mount *m, const char *path, const char **fault)
{
    char tag[STEREOS_FIELD_MAX + 1];
    const struct mount_request request = {
        .tag = tag,
        .path = path,
        .fs_type = text_equals(m->fs_type, "9p") ? "9p" : "virtiofs",
        .read_only = m->read_only,
        .allowed = path_is_allowed,
    };

    *fault = "invalid argument";
    return copy_tag(m->tag, tag) ? mount_attempt(conn, &request, fault) : MOTE_ERR_UNSUPPORTED;
}

bool mount_share(const struct request *r)
{
    const struct stereos_mount *m = &r->payload->mount;
    char path[STEREOS_PATH_MAX + 1];
    size_t n = text_copy(m->guest_path, path, STEREOS_PATH_MAX);
    const char *fault;

    if (!check(m, path, &n, r->error))
        return true;
    path[n] = '\0';
    int result = attempt(r->conn, m, path, &fault);
    if (result == MOTE_ERR_AGAIN)
        return false;
    if (result == MOTE_ERR_INVALID)
        write_not_allowed(r->error, fault, strlen(fault));
    else if (result == MOTE_ERR_NOT_FOUND)
        write_no_mount_point(r->error, path, n, fault);
    else if (result != MOTE_OK)
        write_failed(r->error, m->tag, path, n, fault);
    if (result != MOTE_ERR_INVALID && result != MOTE_ERR_UNSUPPORTED)
        health_trouble(r->error->base, r->error->len); /* or its end */
    return true;
}
