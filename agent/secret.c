/* SPDX-License-Identifier: MIT */
/*
 * Secrets: a name that could be a file's, a value, a mode (protocol StereOS, 1.6 and 1.7); and
 * what StereOS has no messages for: list, delete, rotate, purge.
 */
#include "agent/secret.h"

#include "agent/services.h"

#include <string.h>

#define MODE_MASK 0777u

void secret_refuse(struct out *error, const char *step, const struct secret_name *name,
                   const char *why)
{
    out_str(error, step);
    out_str(error, " secret ");
    out_quoted_bytes(error, name->bytes, name->len);
    out_str(error, ": ");
    out_str(error, why);
}

/*
 * A name that can serve as a file's, in one directory: the real guest lets "." and "/"
 * through, which is a known defect, and readers of its directory skip dot-files.
 */
static bool is_simple(const struct secret_name *name)
{
    if (name->bytes[0] == '.' || memchr(name->bytes, '/', name->len) != NULL)
        return false;
    for (size_t i = 0; i + 1 < name->len; i++)
        if (name->bytes[i] == '.' && name->bytes[i + 1] == '.')
            return false;
    return true;
}

bool secret_read_name(struct text text, const char *step, struct secret_name *name,
                      struct out *error)
{
    name->len = text_copy(text, name->bytes, sizeof name->bytes);
    if (name->len == 0) {
        out_str(error, "secret name cannot be empty");
        return false;
    }
    if (!is_simple(name)) {
        out_str(error, "invalid secret name: ");
        out_quoted_bytes(error, name->bytes, name->len);
        out_str(error, " (must be a simple filename)");
        return false;
    }
    if (memchr(name->bytes, '\0', name->len) != NULL) {
        secret_refuse(error, step, name, "open: invalid argument");
        return false;
    }
    return true;
}

char *secret_begin(const struct secret_name *name, uint32_t mode, size_t len, struct out *error)
{
    char *space;

    if (store_begin(STORE_SECRET, name->bytes, name->len, mode & MODE_MASK, len, &space) == MOTE_OK)
        return space;
    secret_refuse(error, store_fault().step, name, store_fault().why);
    return NULL;
}

void secret_commit(const struct secret_name *name, struct out *error)
{
    if (store_commit() != MOTE_OK)
        secret_refuse(error, store_fault().step, name, store_fault().why);
}

static void replace(const struct secret_name *name, struct text value, uint32_t mode,
                    struct out *error)
{
    size_t len = text_length(value);
    char *space = secret_begin(name, mode, len, error);

    if (space == NULL)
        return;
    text_copy(value, space, len);
    secret_commit(name, error);
}

bool secret_inject(const struct request *r)
{
    const struct stereos_secret *s = &r->payload->secret;
    struct secret_name name;

    if (secret_read_name(s->name, "write", &name, r->error))
        replace(&name, s->value, s->mode != 0 ? s->mode : SECRET_MODE, r->error);
    return true;
}

bool secret_rotate(const struct request *r)
{
    const struct stereos_secret *s = &r->payload->secret;
    struct store_blob old;
    struct secret_name name;

    if (!secret_read_name(s->name, "rotate", &name, r->error))
        return true;
    if (store_get(STORE_SECRET, name.bytes, name.len, &old) != MOTE_OK)
        secret_refuse(r->error, "rotate", &name, "not found");
    else
        replace(&name, s->value, s->mode != 0 ? s->mode : old.mode, r->error);
    return true;
}

static int delete (const struct secret_name *name, struct out *error)
{
    int result = store_delete(STORE_SECRET, name->bytes, name->len);

    if (result != MOTE_OK)
        secret_refuse(error, "delete", name,
                      result == MOTE_ERR_NOT_FOUND ? "not found" : store_fault().why);
    return result;
}

bool secret_delete(const struct request *r)
{
    struct secret_name name;

    if (secret_read_name(r->payload->name.name, "delete", &name, r->error))
        delete (&name, r->error);
    return true;
}

/* Goes on to the next name; *size is that of its value. False: it was the last. */
static bool next(struct secret_name *name, struct mote_secret *secret)
{
    struct store_name found;

    if (store_next(STORE_SECRET, name->bytes, name->len, &found) != MOTE_OK)
        return false;
    name->len = found.len;
    memcpy(name->bytes, found.name, found.len);
    *secret = (struct mote_secret){name->bytes, name->len, found.size, found.mode};
    return true;
}

bool secret_list(const struct request *r)
{
    struct text after = r->payload->list.after;
    struct mote_secret secret;
    struct secret_name name;
    bool more;
    int n = 0;

    name.len = text_copy(after, name.bytes, sizeof name.bytes);
    mote_begin_secrets(r->reply);
    while ((more = next(&name, &secret)) && n < MOTE_SECRETS_MAX &&
           mote_write_secret(r->reply, &secret))
        n++;
    mote_end_secrets(r->reply, more);
    return true;
}

/* What a secret came through on its way into the store is wiped long since. */
bool secret_purge(const struct request *r)
{
    struct mote_purged purged = {0};
    struct mote_secret secret;
    struct secret_name name = {.len = 0};

    while (next(&name, &secret)) {
        if (delete (&name, r->error) != MOTE_OK)
            return true;
        purged.secrets++;
        purged.bytes += secret.size;
    }
    purged.residue = store_residue();
    mote_write_purged(r->reply, &purged);
    return true;
}
