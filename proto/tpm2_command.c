/* SPDX-License-Identifier: MIT */
/* The commands (TPM 2.0 Library, part 3), but those that make objects. */
#include "proto/tpm2_write.h"

void tpm2_write_startup(struct out *o, enum tpm_su su)
{
    tpm2_put_command(o, TPM_CC_STARTUP, 0, su);
}

void tpm2_write_shutdown(struct out *o, enum tpm_su su)
{
    tpm2_put_command(o, TPM_CC_SHUTDOWN, 0, su);
}

void tpm2_write_self_test(struct out *o, bool full)
{
    tpm2_put_command(o, TPM_CC_SELF_TEST, 0, full);
}

void tpm2_write_get_capability(struct out *o, enum tpm_cap cap, uint32_t property, uint32_t count)
{
    tpm2_put_command(o, TPM_CC_GET_CAPABILITY, 0, cap, property, count);
}

void tpm2_write_get_random(struct out *o, uint16_t n)
{
    tpm2_put_command(o, TPM_CC_GET_RANDOM, 0, n);
}

void tpm2_write_read_public(struct out *o, uint32_t object)
{
    tpm2_put_command(o, TPM_CC_READ_PUBLIC, 0, object);
}

void tpm2_write_flush_context(struct out *o, uint32_t handle)
{
    tpm2_put_command(o, TPM_CC_FLUSH_CONTEXT, 0, handle);
}

void tpm2_write_evict_control(struct out *o, uint32_t object, uint32_t persistent)
{
    tpm2_put_command(o, TPM_CC_EVICT_CONTROL, TPM_RS_PW, TPM_RH_OWNER, object, persistent);
}

void tpm2_write_nv_read_public(struct out *o, uint32_t index)
{
    tpm2_put_command(o, TPM_CC_NV_READ_PUBLIC, 0, index);
}

void tpm2_write_nv_read(struct out *o, uint32_t auth, uint32_t index, uint16_t size,
                        uint16_t offset)
{
    tpm2_put_command(o, TPM_CC_NV_READ, TPM_RS_PW, auth, index, size, offset);
}

void tpm2_write_pcr_read(struct out *o, const struct tpm2_selection *s)
{
    tpm2_put_command(o, TPM_CC_PCR_READ, 0, s);
}

void tpm2_write_pcr_extend(struct out *o, uint32_t pcr, uint16_t hash, const void *digest)
{
    struct bytes value = {digest, tpm2_digest_size(hash)};

    tpm2_put_command(o, TPM_CC_PCR_EXTEND, TPM_RS_PW, pcr, 1, hash, value); /* of one bank */
}

void tpm2_write_quote(struct out *o, uint32_t key, struct bytes qualifying,
                      const struct tpm2_selection *s)
{
    tpm2_put_command(o, TPM_CC_QUOTE, TPM_RS_PW, key, qualifying, s);
}

void tpm2_write_certify(struct out *o, uint32_t object, uint32_t key, struct bytes qualifying)
{
    tpm2_put_command(o, TPM_CC_CERTIFY, TPM_RS_PW, object, key, qualifying);
}

void tpm2_write_sign(struct out *o, uint32_t key, struct bytes digest, uint16_t scheme,
                     uint16_t hash, struct bytes ticket)
{
    static const char null_ticket[] = {'\x80', 0x24, 0x40, 0, 0, 7, 0, 0};

    if (ticket.n == 0)
        ticket = (struct bytes){null_ticket, sizeof null_ticket};
    tpm2_put_command(o, TPM_CC_SIGN, TPM_RS_PW, key, digest, scheme, hash, ticket);
}

void tpm2_write_hash(struct out *o, struct bytes data, uint16_t hash, uint32_t hierarchy)
{
    tpm2_put_command(o, TPM_CC_HASH, 0, data, hash, hierarchy);
}

void tpm2_write_make_credential(struct out *o, uint32_t key, struct bytes credential,
                                struct bytes name)
{
    tpm2_put_command(o, TPM_CC_MAKE_CREDENTIAL, 0, key, credential, name);
}

void tpm2_write_activate_credential(struct out *o, uint32_t activate, uint32_t key,
                                    uint32_t session, struct bytes blob, struct bytes secret)
{
    tpm2_put_command(o, TPM_CC_ACTIVATE_CREDENTIAL, session, activate, key, blob, secret);
}

void tpm2_write_start_auth_session(struct out *o, enum tpm_se type, uint16_t hash,
                                   struct bytes nonce)
{
    tpm2_put_command(o, TPM_CC_START_AUTH_SESSION, 0, TPM_RH_NULL, TPM_RH_NULL, nonce, type, hash);
}

void tpm2_write_policy_secret(struct out *o, uint32_t entity, uint32_t session)
{
    tpm2_put_command(o, TPM_CC_POLICY_SECRET, TPM_RS_PW, entity, session);
}

void tpm2_write_policy_pcr(struct out *o, uint32_t session, const struct tpm2_selection *s)
{
    tpm2_put_command(o, TPM_CC_POLICY_PCR, 0, session, s);
}

void tpm2_write_policy_get_digest(struct out *o, uint32_t session)
{
    tpm2_put_command(o, TPM_CC_POLICY_GET_DIGEST, 0, session);
}

void tpm2_write_unseal(struct out *o, uint32_t item, uint32_t session)
{
    tpm2_put_command(o, TPM_CC_UNSEAL, session, item);
}
