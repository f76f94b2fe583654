/* SPDX-License-Identifier: MIT */
/*
 * SSH keys: one key per user, replaced and not appended, with exactly one newline at
 * its end (protocol StereOS, 1.6). Which users there are is the store's business: bare metal
 * knows none, so any name will do.
 */
#include "agent/services.h"

#include <string.h>

#define KEY_MODE 0600u

/* The longest known type with its blank has 35 bytes. */
#define TYPE_MAX 40

static const char *const key_types[] = {
    "ssh-ed25519 ",
    "ssh-rsa ",
    "ecdsa-sha2-nistp256 ",
    "ecdsa-sha2-nistp384 ",
    "ecdsa-sha2-nistp521 ",
    "sk-ssh-ed25519@openssh.com ",
    "sk-ecdsa-sha2-nistp256@openssh.com ",
};

static bool has_known_type(struct text key)
{
    char start[TYPE_MAX];
    size_t n = text_copy(key, start, sizeof start);

    for (size_t i = 0; i < sizeof key_types / sizeof key_types[0]; i++) {
        size_t len = strlen(key_types[i]);
        if (n >= len && memcmp(start, key_types[i], len) == 0)
            return true;
    }
    return false;
}

static const char *find_fault(const struct stereos_ssh_key *k)
{
    if (text_length(k->user) == 0)
        return "user cannot be empty";
    if (text_length(k->public_key) == 0)
        return "public_key cannot be empty";
    if (!has_known_type(k->public_key))
        return "invalid SSH public key format: must start with a recognized key type (e.g., "
               "ssh-ed25519)";
    return NULL;
}

/* Keeps the key; the errors are the store's. */
static int keep(const struct stereos_ssh_key *k)
{
    char user[STEREOS_FIELD_MAX];
    size_t user_len = text_copy(k->user, user, sizeof user);
    size_t len = text_length(k->public_key);
    char *space;

    /* A byte more than the key, for the newline it may lack. */
    int result = store_begin(STORE_SSH_KEY, user, user_len, KEY_MODE, len + 1, &space);
    if (result != MOTE_OK)
        return result;
    text_copy(k->public_key, space, len);
    while (len > 0 && space[len - 1] == '\n')
        len--;
    space[len++] = '\n';
    store_trim(len);
    return store_commit();
}

bool ssh_key_inject(const struct request *r)
{
    const struct stereos_ssh_key *k = &r->payload->ssh_key;
    const char *fault = find_fault(k);

    if (fault != NULL) {
        out_str(r->error, fault);
        return true;
    }
    int result = keep(k);
    if (result == MOTE_ERR_NOT_FOUND) {
        out_str(r->error, "lookup user ");
        out_quoted(r->error, k->user);
        out_str(r->error, ": user: unknown user ");
        out_text(r->error, k->user);
    } else if (result != MOTE_OK) {
        out_str(r->error, store_fault().why);
    }
    return true;
}
