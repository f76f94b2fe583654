/* SPDX-License-Identifier: MIT */
/*
 * An answer's frame: header, handle, parameterSize and sessions (TPM 2.0 Library, part 1, 18.10).
 * The reader stands still once something was not there.
 */
#include "proto/tpm2_write.h"

#define SIZE_AT 2 /* in a header */
#define CODE_AT 6

struct tpm2_reader tpm2_reader_of(struct bytes b)
{
    const uint8_t *at = (const uint8_t *)b.at;

    return (struct tpm2_reader){at, b.n != 0 ? at + b.n : at, false}; /* at may be NULL */
}

struct bytes tpm2_bytes(struct tpm2_reader *r, size_t n)
{
    struct bytes b = {(const char *)r->at, n};

    if (r->bad || n > (size_t)(r->end - r->at)) {
        r->bad = true;
        return (struct bytes){0};
    }
    r->at += n;
    return b;
}

/* A big-endian number of n bytes. */
static uint64_t read_number(struct tpm2_reader *r, size_t n)
{
    struct bytes b = tpm2_bytes(r, n);
    uint64_t v = 0;

    for (size_t i = 0; i < b.n; i++)
        v = v << 8 | (uint8_t)b.at[i];
    return v;
}

uint8_t tpm2_u8(struct tpm2_reader *r)
{
    return (uint8_t)read_number(r, 1);
}

uint16_t tpm2_u16(struct tpm2_reader *r)
{
    return (uint16_t)read_number(r, 2);
}

uint32_t tpm2_u32(struct tpm2_reader *r)
{
    return (uint32_t)read_number(r, 4);
}

uint64_t tpm2_u64(struct tpm2_reader *r)
{
    return read_number(r, 8);
}

struct bytes tpm2_2b(struct tpm2_reader *r)
{
    return tpm2_bytes(r, tpm2_u16(r));
}

static uint32_t number_at(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

uint32_t tpm2_size(const void *header, size_t n)
{
    return n < TPM2_HEADER_SIZE ? 0 : number_at((const uint8_t *)header + SIZE_AT);
}

enum tpm_cc tpm2_command_code(const void *command)
{
    return (enum tpm_cc)number_at((const uint8_t *)command + CODE_AT);
}

/* What is wrong with the header, or with the bytes behind it if it tells an error. */
static const char *check_header(const struct tpm2_command *c, struct tpm2_reader *r, size_t n,
                                uint32_t *rc)
{
    uint16_t tag = tpm2_u16(r);
    uint32_t size = tpm2_u32(r);

    *rc = tpm2_u32(r);
    if (r->bad)
        return "it is shorter than a header";
    if (size != n)
        return "its size is not what it says";
    if (*rc != TPM_RC_SUCCESS && (tag != TPM_ST_NO_SESSIONS || r->at != r->end))
        return "it tells an error, but is no error's answer";
    if (*rc == TPM_RC_SUCCESS && tag != (c->auths != 0 ? TPM_ST_SESSIONS : TPM_ST_NO_SESSIONS))
        return "its tag is not its command's";
    return NULL;
}

/* The parameters end where parameterSize says; behind them an authorization for each of the
 * command's, and nothing else. */
static const char *split_sessions(const struct tpm2_command *c, struct tpm2_reader *r)
{
    uint32_t n = tpm2_u32(r);
    struct bytes parameters = tpm2_bytes(r, n);

    if (r->bad)
        return "its parameters pass its end";
    for (unsigned i = 0; i < c->auths; i++) {
        (void)tpm2_2b(r); /* the TPM's nonce */
        (void)tpm2_u8(r);
        (void)tpm2_2b(r); /* an HMAC, for sessions that have a key */
    }
    if (r->bad || r->at != r->end)
        return "its sessions are not its command's";
    r->at = (const uint8_t *)parameters.at;
    r->end = r->at + parameters.n;
    return NULL;
}

static const char *read_answer(const struct tpm2_command *c, size_t n, struct tpm2_answer *a)
{
    struct tpm2_reader *r = &a->parameters;
    const char *wrong = check_header(c, r, n, &a->rc);

    if (wrong != NULL || a->rc != TPM_RC_SUCCESS)
        return wrong;
    if (c->has_answer_handle)
        a->handle = tpm2_u32(r);
    if (r->bad)
        return "it ends before its handle";
    return c->auths != 0 ? split_sessions(c, r) : NULL;
}

bool tpm2_read_answer(enum tpm_cc cc, const void *answer, size_t n, struct tpm2_answer *a,
                      const char **rule)
{
    const struct tpm2_command *c = tpm2_find_command(cc);

    *a = (struct tpm2_answer){.parameters = tpm2_reader_of((struct bytes){answer, n})};
    const char *wrong = c == NULL ? "its command is not known" : read_answer(c, n, a);
    if (wrong != NULL)
        *rule = wrong;
    return wrong == NULL;
}
