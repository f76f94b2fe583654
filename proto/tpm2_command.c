/* SPDX-License-Identifier: MIT */
/* The commands (TPM 2.0 Library, part 3), but those that make objects. */
#include "proto/tpm2_write.h"

static const struct bytes none;

/* A command that has nothing behind its first handle, or nothing at all. */
static void put_short(struct out *o, enum tpm_cc cc, uint32_t handle)
{
    tpm2_end(o, tpm2_begin(o, cc, handle, 0, TPM_RS_PW));
}

void tpm2_write_startup(struct out *o, enum tpm_su su)
{
    size_t mark = tpm2_begin(o, TPM_CC_STARTUP, 0, 0, 0);

    tpm2_put16(o, (uint16_t)su);
    tpm2_end(o, mark);
}

void tpm2_write_self_test(struct out *o, bool full)
{
    size_t mark = tpm2_begin(o, TPM_CC_SELF_TEST, 0, 0, 0);

    tpm2_put8(o, full);
    tpm2_end(o, mark);
}

void tpm2_write_get_capability(struct out *o, enum tpm_cap cap, uint32_t property, uint32_t count)
{
    size_t mark = tpm2_begin(o, TPM_CC_GET_CAPABILITY, 0, 0, 0);

    tpm2_put32(o, cap);
    tpm2_put32(o, property);
    tpm2_put32(o, count);
    tpm2_end(o, mark);
}

void tpm2_write_get_random(struct out *o, uint16_t n)
{
    size_t mark = tpm2_begin(o, TPM_CC_GET_RANDOM, 0, 0, 0);

    tpm2_put16(o, n);
    tpm2_end(o, mark);
}

void tpm2_write_read_public(struct out *o, uint32_t object)
{
    put_short(o, TPM_CC_READ_PUBLIC, object);
}

void tpm2_write_flush_context(struct out *o, uint32_t handle)
{
    put_short(o, TPM_CC_FLUSH_CONTEXT, handle);
}

void tpm2_write_evict_control(struct out *o, uint32_t object, uint32_t persistent)
{
    size_t mark = tpm2_begin(o, TPM_CC_EVICT_CONTROL, TPM_RH_OWNER, object, TPM_RS_PW);

    tpm2_put32(o, persistent);
    tpm2_end(o, mark);
}

void tpm2_write_nv_read_public(struct out *o, uint32_t index)
{
    put_short(o, TPM_CC_NV_READ_PUBLIC, index);
}

void tpm2_write_nv_read(struct out *o, uint32_t auth, uint32_t index, uint16_t size,
                        uint16_t offset)
{
    size_t mark = tpm2_begin(o, TPM_CC_NV_READ, auth, index, TPM_RS_PW);

    tpm2_put16(o, size);
    tpm2_put16(o, offset);
    tpm2_end(o, mark);
}

void tpm2_write_pcr_read(struct out *o, const struct tpm2_selection *s)
{
    size_t mark = tpm2_begin(o, TPM_CC_PCR_READ, 0, 0, 0);

    tpm2_put_selection(o, s);
    tpm2_end(o, mark);
}

void tpm2_write_pcr_extend(struct out *o, uint32_t pcr, uint16_t hash, const void *digest)
{
    size_t mark = tpm2_begin(o, TPM_CC_PCR_EXTEND, pcr, 0, TPM_RS_PW);

    tpm2_put32(o, 1); /* TPML_DIGEST_VALUES: of one bank */
    tpm2_put16(o, hash);
    out_bytes(o, digest, tpm2_digest_size(hash));
    tpm2_end(o, mark);
}

void tpm2_write_quote(struct out *o, uint32_t key, struct bytes qualifying,
                      const struct tpm2_selection *s)
{
    size_t mark = tpm2_begin(o, TPM_CC_QUOTE, key, 0, TPM_RS_PW);

    tpm2_put_2b(o, qualifying);
    tpm2_put16(o, TPM_ALG_NULL);
    tpm2_put_selection(o, s);
    tpm2_end(o, mark);
}

void tpm2_write_certify(struct out *o, uint32_t object, uint32_t key, struct bytes qualifying)
{
    size_t mark = tpm2_begin(o, TPM_CC_CERTIFY, object, key, TPM_RS_PW);

    tpm2_put_2b(o, qualifying);
    tpm2_put16(o, TPM_ALG_NULL);
    tpm2_end(o, mark);
}

void tpm2_write_sign(struct out *o, uint32_t key, struct bytes digest, uint16_t scheme,
                     uint16_t hash, struct bytes ticket)
{
    size_t mark = tpm2_begin(o, TPM_CC_SIGN, key, 0, TPM_RS_PW);

    tpm2_put_2b(o, digest);
    tpm2_put_scheme(o, scheme, hash);
    if (ticket.n != 0) {
        out_bytes(o, ticket.at, ticket.n);
    } else {
        tpm2_put16(o, TPM_ST_HASHCHECK);
        tpm2_put32(o, TPM_RH_NULL);
        tpm2_put_2b(o, none);
    }
    tpm2_end(o, mark);
}

void tpm2_write_hash(struct out *o, struct bytes data, uint16_t hash, uint32_t hierarchy)
{
    size_t mark = tpm2_begin(o, TPM_CC_HASH, 0, 0, 0);

    tpm2_put_2b(o, data);
    tpm2_put16(o, hash);
    tpm2_put32(o, hierarchy);
    tpm2_end(o, mark);
}

void tpm2_write_make_credential(struct out *o, uint32_t key, struct bytes credential,
                                struct bytes name)
{
    size_t mark = tpm2_begin(o, TPM_CC_MAKE_CREDENTIAL, key, 0, 0);

    tpm2_put_2b(o, credential);
    tpm2_put_2b(o, name);
    tpm2_end(o, mark);
}

void tpm2_write_activate_credential(struct out *o, uint32_t activate, uint32_t key,
                                    uint32_t session, struct bytes blob, struct bytes secret)
{
    size_t mark = tpm2_begin(o, TPM_CC_ACTIVATE_CREDENTIAL, activate, key, session);

    tpm2_put_2b(o, blob);
    tpm2_put_2b(o, secret);
    tpm2_end(o, mark);
}

void tpm2_write_start_auth_session(struct out *o, enum tpm_se type, uint16_t hash,
                                   struct bytes nonce)
{
    size_t mark = tpm2_begin(o, TPM_CC_START_AUTH_SESSION, TPM_RH_NULL, TPM_RH_NULL, 0);

    tpm2_put_2b(o, nonce);
    tpm2_put_2b(o, none); /* no salt */
    tpm2_put8(o, (uint8_t)type);
    tpm2_put16(o, TPM_ALG_NULL); /* no encryption of parameters */
    tpm2_put16(o, hash);
    tpm2_end(o, mark);
}

void tpm2_write_policy_secret(struct out *o, uint32_t entity, uint32_t session)
{
    size_t mark = tpm2_begin(o, TPM_CC_POLICY_SECRET, entity, session, TPM_RS_PW);

    tpm2_put_2b(o, none); /* of any session, */
    tpm2_put_2b(o, none); /* for any command, */
    tpm2_put_2b(o, none); /* without a policyRef, */
    tpm2_put32(o, 0);     /* as long as the session is there */
    tpm2_end(o, mark);
}

void tpm2_write_policy_pcr(struct out *o, uint32_t session, const struct tpm2_selection *s)
{
    size_t mark = tpm2_begin(o, TPM_CC_POLICY_PCR, session, 0, 0);

    tpm2_put_2b(o, none);
    tpm2_put_selection(o, s);
    tpm2_end(o, mark);
}

void tpm2_write_policy_get_digest(struct out *o, uint32_t session)
{
    put_short(o, TPM_CC_POLICY_GET_DIGEST, session);
}

void tpm2_write_unseal(struct out *o, uint32_t item, uint32_t session)
{
    tpm2_end(o, tpm2_begin(o, TPM_CC_UNSEAL, item, 0, session));
}
