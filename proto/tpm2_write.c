/* SPDX-License-Identifier: MIT */
/*
 * The frame of a command: what a table says of it, and its sessions (TPM 2.0 Library, part 1, 18).
 */
#include "proto/tpm2_write.h"

#define CONTINUE_SESSION 1 /* TPMA_SESSION: whoever has begun it flushes it, whatever comes */

static const struct tpm2_command commands[] = {
    {TPM_CC_EVICT_CONTROL, 2, 1, false, "EvictControl"},
    {TPM_CC_CREATE_PRIMARY, 1, 1, true, "CreatePrimary"},
    {TPM_CC_SELF_TEST, 0, 0, false, "SelfTest"},
    {TPM_CC_STARTUP, 0, 0, false, "Startup"},
    {TPM_CC_ACTIVATE_CREDENTIAL, 2, 2, false, "ActivateCredential"},
    {TPM_CC_CERTIFY, 2, 2, false, "Certify"},
    {TPM_CC_NV_READ, 2, 1, false, "NV_Read"},
    {TPM_CC_POLICY_SECRET, 2, 1, false, "PolicySecret"},
    {TPM_CC_CREATE, 1, 1, false, "Create"},
    {TPM_CC_LOAD, 1, 1, true, "Load"},
    {TPM_CC_QUOTE, 1, 1, false, "Quote"},
    {TPM_CC_SIGN, 1, 1, false, "Sign"},
    {TPM_CC_UNSEAL, 1, 1, false, "Unseal"},
    {TPM_CC_FLUSH_CONTEXT, 1, 0, false,
     "FlushContext"}, /* its parameter lies where a handle does */
    {TPM_CC_MAKE_CREDENTIAL, 1, 0, false, "MakeCredential"},
    {TPM_CC_NV_READ_PUBLIC, 1, 0, false, "NV_ReadPublic"},
    {TPM_CC_READ_PUBLIC, 1, 0, false, "ReadPublic"},
    {TPM_CC_START_AUTH_SESSION, 2, 0, true, "StartAuthSession"},
    {TPM_CC_GET_CAPABILITY, 0, 0, false, "GetCapability"},
    {TPM_CC_GET_RANDOM, 0, 0, false, "GetRandom"},
    {TPM_CC_HASH, 0, 0, false, "Hash"},
    {TPM_CC_PCR_READ, 0, 0, false, "PCR_Read"},
    {TPM_CC_POLICY_PCR, 1, 0, false, "PolicyPCR"},
    {TPM_CC_PCR_EXTEND, 1, 1, false, "PCR_Extend"},
    {TPM_CC_POLICY_GET_DIGEST, 1, 0, false, "PolicyGetDigest"},
};

const struct tpm2_command *tpm2_find_command(uint32_t code)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (commands[i].code == code)
            return &commands[i];
    return NULL;
}

const char *tpm2_command_name(enum tpm_cc cc)
{
    const struct tpm2_command *c = tpm2_find_command(cc);

    return c == NULL ? "a command" : c->name;
}

static void store16(char *at, size_t v)
{
    at[0] = (char)(v >> 8);
    at[1] = (char)v;
}

void tpm2_put8(struct out *o, uint8_t v)
{
    out_bytes(o, &v, 1);
}

void tpm2_put16(struct out *o, uint16_t v)
{
    char b[2];

    store16(b, v);
    out_bytes(o, b, sizeof b);
}

void tpm2_put32(struct out *o, uint32_t v)
{
    char b[4];

    store16(b, v >> 16);
    store16(b + 2, v);
    out_bytes(o, b, sizeof b);
}

void tpm2_put_2b(struct out *o, struct bytes b)
{
    if (b.n > UINT16_MAX)
        o->overflow = true;
    tpm2_put16(o, (uint16_t)b.n);
    out_bytes(o, b.at, b.n);
}

void tpm2_put_scheme(struct out *o, uint16_t scheme, uint16_t hash)
{
    tpm2_put16(o, scheme);
    if (scheme != TPM_ALG_NULL)
        tpm2_put16(o, hash);
}

void tpm2_put_selection(struct out *o, const struct tpm2_selection *s)
{
    uint32_t pcrs = s->pcrs;

    tpm2_put32(o, 1);
    tpm2_put16(o, s->hash);
    tpm2_put8(o, TPM2_PCRS / 8);
    for (size_t i = 0; i < TPM2_PCRS / 8; i++, pcrs >>= 8)
        tpm2_put8(o, (uint8_t)pcrs);
}

size_t tpm2_open(struct out *o)
{
    tpm2_put16(o, 0);
    return o->len;
}

void tpm2_close(struct out *o, size_t mark)
{
    size_t n = o->len - mark;

    if (n > UINT16_MAX)
        o->overflow = true;
    if (!o->overflow)
        store16(o->base + mark - 2, n);
}

static void put_auths(struct out *o, unsigned auths, uint32_t session)
{
    tpm2_put32(o, 9 * auths); /* the bytes of one, which has neither nonce nor password */
    for (; auths > 0; auths--) {
        tpm2_put32(o, auths == 1 ? session : TPM_RS_PW);
        tpm2_put16(o, 0);
        tpm2_put8(o, CONTINUE_SESSION);
        tpm2_put16(o, 0);
    }
}

size_t tpm2_begin(struct out *o, enum tpm_cc cc, uint32_t first, uint32_t second, uint32_t session)
{
    const struct tpm2_command *c = tpm2_find_command(cc);
    size_t mark = o->len;

    tpm2_put16(o, c->auths != 0 ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS);
    tpm2_put32(o, 0);
    tpm2_put32(o, cc);
    if (c->handles > 0)
        tpm2_put32(o, first);
    if (c->handles > 1)
        tpm2_put32(o, second);
    if (c->auths > 0)
        put_auths(o, c->auths, session);
    return mark;
}

void tpm2_end(struct out *o, size_t mark)
{
    size_t n = o->len - mark;

    if (o->overflow) {
        o->len = mark;
        return;
    }
    store16(o->base + mark + 2, n >> 16);
    store16(o->base + mark + 4, n);
}
