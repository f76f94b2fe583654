/* SPDX-License-Identifier: MIT */
/*
 * How a command is put together out of what a table says of it (TPM 2.0 Library, part 1, 18, and
 * part 3).
 */
#include "proto/tpm2_write.h"

#include <stdarg.h>

#define CONTINUE_SESSION 1 /* whoever has begun one flushes it, whatever comes */

static const struct tpm2_command commands[] = {
    {TPM_CC_EVICT_CONTROL, 2, 1, false, "EvictControl\0d"},
    {TPM_CC_CREATE_PRIMARY, 1, 1, true, "CreatePrimary\0{zz}tzzz"},
    {TPM_CC_SELF_TEST, 0, 0, false, "SelfTest\0u"},
    {TPM_CC_STARTUP, 0, 0, false, "Startup\0w"},
    {TPM_CC_SHUTDOWN, 0, 0, false, "Shutdown\0w"},
    {TPM_CC_ACTIVATE_CREDENTIAL, 2, 2, false, "ActivateCredential\0bb"},
    {TPM_CC_CERTIFY, 2, 2, false, "Certify\0bn"},
    {TPM_CC_NV_READ, 2, 1, false, "NV_Read\0ww"},
    {TPM_CC_POLICY_SECRET, 2, 1, false, "PolicySecret\0zzzzz"},
    {TPM_CC_CREATE, 1, 1, false, "Create\0{zb}{wwdbnz}zzz"},
    {TPM_CC_LOAD, 1, 1, true, "Load\0bb"},
    {TPM_CC_QUOTE, 1, 1, false, "Quote\0bns"},
    {TPM_CC_SIGN, 1, 1, false, "Sign\0bhr"},
    {TPM_CC_UNSEAL, 1, 1, false, "Unseal\0"},
    {TPM_CC_FLUSH_CONTEXT, 0, 0, false, "FlushContext\0d"},
    {TPM_CC_MAKE_CREDENTIAL, 1, 0, false, "MakeCredential\0bb"},
    {TPM_CC_NV_READ_PUBLIC, 1, 0, false, "NV_ReadPublic\0"},
    {TPM_CC_READ_PUBLIC, 1, 0, false, "ReadPublic\0"},
    {TPM_CC_START_AUTH_SESSION, 2, 0, true, "StartAuthSession\0bzunw"},
    {TPM_CC_GET_CAPABILITY, 0, 0, false, "GetCapability\0ddd"},
    {TPM_CC_GET_RANDOM, 0, 0, false, "GetRandom\0w"},
    {TPM_CC_HASH, 0, 0, false, "Hash\0bwd"},
    {TPM_CC_PCR_READ, 0, 0, false, "PCR_Read\0s"},
    {TPM_CC_POLICY_PCR, 1, 0, false, "PolicyPCR\0zs"},
    {TPM_CC_PCR_EXTEND, 1, 1, false, "PCR_Extend\0dwr"},
    {TPM_CC_POLICY_GET_DIGEST, 1, 0, false, "PolicyGetDigest\0"},
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

    return c == NULL ? "a command" : c->words;
}

/* The low n bytes of v, the highest first. */
static void store(char *at, size_t n, size_t v)
{
    for (; n > 0; v >>= 8)
        at[--n] = (char)v;
}

static void put_low(struct out *o, size_t n, uint32_t v)
{
    char b[4];

    store(b, n, v);
    out_bytes(o, b, n);
}

void tpm2_put16(struct out *o, uint32_t v)
{
    put_low(o, 2, v);
}

void tpm2_put32(struct out *o, uint32_t v)
{
    put_low(o, 4, v);
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
        store(o->base + mark - 2, 2, n);
}

void tpm2_put_2b(struct out *o, struct bytes b)
{
    size_t mark = tpm2_open(o);

    out_bytes(o, b.at, b.n);
    tpm2_close(o, mark);
}

void tpm2_put_scheme(struct out *o, uint32_t scheme, uint32_t hash)
{
    tpm2_put16(o, scheme);
    if (scheme != TPM_ALG_NULL)
        tpm2_put16(o, hash);
}

static void put_selection(struct out *o, const struct tpm2_selection *s)
{
    uint32_t p = s->pcrs;

    tpm2_put32(o, 1);
    tpm2_put16(o, s->hash);
    tpm2_put32(o, TPM2_PCRS / 8 << 24 | (p & 0xff) << 16 | (p & 0xff00) | (p >> 16 & 0xff));
}

/* A va_list that can be handed on. Taking something off it is long code: once for each type. */
struct arguments {
    va_list list;
};

static void put_bytes(struct out *o, char letter, struct arguments *a)
{
    struct bytes b = va_arg(a->list, struct bytes);

    if (letter == 'b')
        tpm2_put_2b(o, b);
    else
        out_bytes(o, b.at, b.n);
}

static void put_structure(struct out *o, char letter, struct arguments *a)
{
    const void *p = va_arg(a->list, const void *);

    if (letter == 's')
        put_selection(o, p);
    else
        tpm2_write_template(o, p);
}

static void put_number(struct out *o, char letter, struct arguments *a)
{
    uint32_t v = va_arg(a->list, uint32_t);

    if (letter == 'h')
        tpm2_put_scheme(o, v, va_arg(a->list, uint32_t));
    else
        put_low(o, letter == 'u' ? 1 : letter == 'w' ? 2 : 4, v);
}

static void put_parameter(struct out *o, char letter, struct arguments *a)
{
    if (letter == 'z' || letter == 'n')
        tpm2_put16(o, letter == 'n' ? TPM_ALG_NULL : 0);
    else if (letter == 'b' || letter == 'r')
        put_bytes(o, letter, a);
    else if (letter == 's' || letter == 't')
        put_structure(o, letter, a);
    else
        put_number(o, letter, a);
}

static void put_parameters(struct out *o, const char *letters, struct arguments *a)
{
    size_t mark = 0;

    for (; *letters != '\0'; letters++)
        if (*letters == '{')
            mark = tpm2_open(o);
        else if (*letters == '}')
            tpm2_close(o, mark);
        else
            put_parameter(o, *letters, a);
}

static void put_auths(struct out *o, unsigned auths, uint32_t session)
{
    static const char no_secret[] = {0, 0, CONTINUE_SESSION, 0, 0}; /* nonce, TPMA_SESSION, HMAC */

    if (auths != 0)
        tpm2_put32(o, (uint32_t)(4 + sizeof no_secret) * auths);
    for (; auths > 0; auths--) {
        tpm2_put32(o, auths == 1 ? session : TPM_RS_PW);
        out_bytes(o, no_secret, sizeof no_secret);
    }
}

void tpm2_put_command(struct out *o, enum tpm_cc cc, uint32_t session, ...)
{
    const struct tpm2_command *c = tpm2_find_command(cc);
    size_t mark = o->len;
    struct arguments a;

    va_start(a.list, session);
    tpm2_put16(o, c->auths != 0 ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS);
    tpm2_put32(o, 0);
    tpm2_put32(o, cc);
    for (unsigned i = 0; i < c->handles; i++)
        put_parameter(o, 'd', &a);
    put_auths(o, c->auths, session);
    put_parameters(o, c->words + strlen(c->words) + 1, &a);
    va_end(a.list);
    if (o->overflow)
        o->len = mark;
    else
        store(o->base + mark + 2, 4, o->len - mark); /* behind the tag */
}
