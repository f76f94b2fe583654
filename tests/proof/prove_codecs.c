/* SPDX-License-Identifier: MIT */
/*
 * Base64 and protobuf: in any state, with any bytes, the readers read nothing outside of what they
 * are given and write nothing outside of their room. Their numbers and those of HTTP are what a
 * plain reading of twice as many bits says, or refused.
 */
#include "tests/proof/bytes.h"

#include "proto/base64.c"
#include "proto/http.c"
#include "proto/http_parts.c"
#include "proto/out.c"
#include "proto/protobuf.c"
#include "proto/utf8.c"

#ifndef CODECS_BOUND
#define CODECS_BOUND 8 /* bytes that a reader is given */
#endif

typedef unsigned __int128 wide;

static uint8_t given[CODECS_BOUND];

/* The last n of them: to read the byte behind is an error. */
static const uint8_t *any_bytes(size_t n)
{
    ANY(given);
    ASSUME(n <= sizeof given);
    return given + sizeof given - n;
}

void prove_base64_decode(void)
{
    uint8_t room[CODECS_BOUND / 4 * 3 + 3];
    size_t n = nondet_size();
    const char *text = (const char *)any_bytes(n);
    struct base64_decoder d = {nondet_u64(), nondet_u32(), nondet_u8()};
    uint64_t at = d.at;
    long space = (long)(n / 4 * 3 + 3);

    ASSUME(d.place <= AFTER_END && at >= 4 && at <= UINT64_MAX - n);
    long got = base64_decode(&d, text, n, room + sizeof room - space);
    PROVE(got >= -1 && got <= space);
    PROVE(d.place <= AFTER_END);
    PROVE(got < 0 ? d.at + 1 >= at && d.at < at + n : d.at == at + n);
    if (got < 0)
        return;
    bool whole = base64_end(&d);
    PROVE(d.at == at + n - (!whole && d.place == 1));
}

/* What was encoded comes back, of any number of bytes. */
void prove_base64_encode(void)
{
    char text[CODECS_BOUND];
    uint8_t back[CODECS_BOUND / 4 * 3 + 3];
    struct base64_decoder d = {0};
    size_t n = nondet_size();

    ASSUME(base64_size(n) <= sizeof text && n <= sizeof text);
    const uint8_t *bytes = any_bytes(n);
    size_t len = base64_encode(text + sizeof text - base64_size(n), bytes, n);
    PROVE(len == base64_size(n));
    PROVE(base64_decode(&d, text + sizeof text - len, len, back) == (long)n && base64_end(&d));
    for (size_t i = 0; i < n; i++)
        PROVE(back[i] == bytes[i]);
}

/* The number that the bytes begin with, or one of more than 64 bits: it has no end, or too many
 * bytes. */
static wide plain_varint(const uint8_t *bytes, size_t n, size_t *len)
{
    wide value = 0;

    for (*len = 0; *len < n && *len < VARINT_MAX; ++*len) {
        value |= (wide)(bytes[*len] & 0x7f) << (7 * *len);
        if (bytes[*len] < 0x80) {
            ++*len;
            return value;
        }
    }
    return (wide)1 << 64;
}

void prove_read_varint(void)
{
    size_t n = nondet_size(), len;
    const uint8_t *bytes = any_bytes(n);
    struct protobuf_reader r = {.at = bytes, .end = bytes + n};
    uint64_t value;
    wide plain = plain_varint(bytes, n, &len);

    bool good = read_varint(&r, &value);
    PROVE(good == (plain <= UINT64_MAX));
    PROVE(!good || (value == (uint64_t)plain && r.at == bytes + len));
}

void prove_write_varint(void)
{
    char room[VARINT_MAX];
    struct out o = out_to(room, sizeof room);
    uint64_t value = nondet_u64(), back;

    write_varint(&o, value);
    PROVE(!o.overflow && o.len >= 1);
    const uint8_t *wire = (const uint8_t *)room;
    struct protobuf_reader r = {.at = wire, .end = wire + o.len};
    PROVE(read_varint(&r, &back) && back == value && r.at == r.end);
    PROVE(o.len == 1 || room[o.len - 1] != 0);
}

void prove_protobuf_next(void)
{
    size_t n = nondet_size();
    const uint8_t *bytes = any_bytes(n);
    struct protobuf_reader r = {.at = bytes, .end = bytes + n};
    struct protobuf_field f;

    bool found = protobuf_next(&r, &f);
    PROVE(found == (!r.bad && n != 0));
    PROVE(r.at >= bytes && r.at <= r.end && r.end == bytes + n);
    if (!found)
        return;
    PROVE(f.number != 0 && f.number <= PROTOBUF_FIELD_MAX && r.at >= bytes + 2);
    PROVE(f.type == PROTOBUF_VARINT || f.type == PROTOBUF_BYTES || f.type == PROTOBUF_FIXED32 ||
          f.type == PROTOBUF_FIXED64);
    PROVE(f.type == PROTOBUF_BYTES ? f.bytes >= bytes + 2 && f.bytes + f.n == r.at : f.n == 0);
}

static int plain_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

/* A chunk's size: as many digits as there are, with a value of 64 bits at most. */
void prove_http_number(void)
{
    size_t n = nondet_size(), len = 0;
    const uint8_t *s = any_bytes(n);
    wide plain = 0;
    uint64_t value;

    for (; len < n && plain_digit(s[len]) < 16; len++)
        plain = plain << 4 | (wide)plain_digit(s[len]);
    size_t got = http_number((const char *)s, n, 16, &value);
    PROVE(got == (plain <= UINT64_MAX ? len : 0));
    PROVE(got == 0 || value == (uint64_t)plain);
}
