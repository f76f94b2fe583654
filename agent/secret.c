/* SPDX-License-Identifier: MIT */
/* Secrets: a name that could be a file's, a value, a mode (protocol StereOS, 1.6 and 1.7). */
#include "agent/services.h"

#include <string.h>

#define MODE_DEFAULT 0600u
#define MODE_MASK    0777u

/*
 * A name that can serve as a file's, in one directory: the real guest lets "." and "/"
 * through, which is a known defect, and readers of its directory skip dot-files.
 */
static bool is_simple(const char *name, size_t n)
{
    if (name[0] == '.' || memchr(name, '/', n) != NULL)
        return false;
    for (size_t i = 0; i + 1 < n; i++)
        if (name[i] == '.' && name[i + 1] == '.')
            return false;
    return true;
}

static bool check_name(struct text name, const char *bytes, size_t n, struct out *error)
{
    if (n == 0) {
        out_str(error, "secret name cannot be empty");
        return false;
    }
    if (!is_simple(bytes, n)) {
        out_str(error, "invalid secret name: ");
        out_quoted(error, name);
        out_str(error, " (must be a simple filename)");
        return false;
    }
    if (memchr(bytes, '\0', n) != NULL) {
        out_str(error, "write secret ");
        out_quoted(error, name);
        out_str(error, ": open: invalid argument");
        return false;
    }
    return true;
}

/* <step> secret "n": <why> */
static void write_fault(struct text name, struct out *error)
{
    struct store_fault fault = store_fault();

    out_str(error, fault.step);
    out_str(error, " secret ");
    out_quoted(error, name);
    out_str(error, ": ");
    out_str(error, fault.why);
}

bool secret_inject(const struct request *r)
{
    const struct stereos_secret *s = &r->payload->secret;
    char name[STEREOS_FIELD_MAX];
    size_t name_len = text_copy(s->name, name, sizeof name);
    size_t len = text_length(s->value);
    uint32_t mode = s->mode != 0 ? s->mode & MODE_MASK : MODE_DEFAULT;
    char *space;

    if (!check_name(s->name, name, name_len, r->error))
        return true;
    int result = store_begin(STORE_SECRET, name, name_len, mode, len, &space);
    if (result == MOTE_OK) {
        text_copy(s->value, space, len);
        result = store_commit();
    }
    if (result != MOTE_OK)
        write_fault(s->name, r->error);
    return true;
}
