/* SPDX-License-Identifier: MIT */
/*
 * Secrets that this guest's TPM alone can open: what comes over the wire is worth nothing to those
 * who see it. The TPM gives the secret itself or, of one that is longer than a TPM can keep, the
 * key of ChaCha20-Poly1305 (RFC 8439) that opens it.
 */
#include "agent/secret.h"
#include "agent/tpm_messages.h"
#include "proto/base64.h"

#include <bearssl.h>

#define KEY_SIZE 32u
#define TAG_SIZE 16u

/* What the cipher's functions need of the stack (make stack: 496 bytes), and leave keys in. */
#define CIPHER_STACK 576

static __attribute__((noinline)) void wipe_stack(void)
{
    char below[CIPHER_STACK];

    explicit_bzero(below, sizeof below);
}

/* In a time that does not tell where they differ. */
static bool is_same(const uint8_t *a, const uint8_t *b, size_t n)
{
    uint32_t difference = 0;

    for (size_t i = 0; i < n; i++)
        difference |= (uint32_t)(a[i] ^ b[i]);
    return difference == 0;
}

/* Opens *n bytes at value in their place; *n becomes the size of the secret. The key is used once,
 * so its nonce can be zero. NULL, or why it can't be opened. */
static const char *decrypt(uint8_t *value, size_t *n, struct bytes key,
                           const struct secret_name *name)
{
    static const uint8_t nonce[12];
    uint8_t tag[TAG_SIZE];

    if (key.n != KEY_SIZE)
        return "the TPM holds no key of 32 bytes for it";
    if (*n < TAG_SIZE)
        return "value is shorter than its tag";
    *n -= TAG_SIZE;
    br_poly1305_ctmul_run(key.at, nonce, value, *n, name->bytes, name->len, tag, br_chacha20_ct_run,
                          0);
    wipe_stack();
    bool is_good = is_same(tag, value + *n, TAG_SIZE);
    explicit_bzero(tag, sizeof tag);
    return is_good ? NULL : "value was not made with this key for this name";
}

/* Makes of base64 at value, *n characters, what it stands for. */
static const char *decode(char *value, size_t *n)
{
    struct base64_decoder d = {0};
    long size = base64_decode(&d, value, *n, value);

    *n = (size_t)size;
    return size >= 0 && base64_end(&d) ? NULL : "value is no base64";
}

static void keep_value(const struct secret_name *name, const struct mote_tpm *p, uint32_t mode,
                       struct bytes key, struct out *error)
{
    size_t n = text_length(p->value);
    char *space = secret_begin(name, mode, n, error);
    const char *why;

    if (space == NULL)
        return;
    text_copy(p->value, space, n);
    if ((why = decode(space, &n)) == NULL &&
        (why = decrypt((uint8_t *)space, &n, key, name)) == NULL) {
        store_trim(n);
        secret_commit(name, error);
        return;
    }
    store_abandon();
    secret_refuse(error, "write", name, why);
}

static void keep(const struct request *r, const struct tpm_op *op)
{
    const struct mote_tpm *p = &r->payload->tpm;
    uint32_t mode = p->mode != 0 ? p->mode : SECRET_MODE;
    struct bytes content = op->out.a;
    struct secret_name name;
    char *space;

    if (!secret_read_name(p->name, "write", &name, r->error))
        return;
    if (p->value.json != NULL) {
        keep_value(&name, p, mode, content, r->error);
    } else if ((space = secret_begin(&name, mode, content.n, r->error)) != NULL) {
        memcpy(space, content.at, content.n);
        secret_commit(&name, r->error);
    }
}

/* Not inlined: its name need not be on the stack when keep() has one. */
static __attribute__((noinline)) bool check(const struct mote_tpm *p, struct out *error)
{
    struct secret_name name;

    if (!secret_read_name(p->name, "write", &name, error))
        return false;
    if ((p->credential.json != NULL) != (p->private.json != NULL))
        return true;
    secret_refuse(error, "write", &name, "either a credential or what was sealed");
    return false;
}

bool tpm_inject_secret(const struct request *r)
{
    static const struct tpm_message by_credential = {&tpm_recipe_activate, tpm_fill_credential,
                                                     keep, .has_effect = true};
    static const struct tpm_message by_seal = {&tpm_recipe_unseal, tpm_fill_sealed, keep,
                                               .has_effect = true};
    const struct mote_tpm *p = &r->payload->tpm;

    return !check(p, r->error) ||
           tpm_serve(r, p->credential.json != NULL ? &by_credential : &by_seal);
}
