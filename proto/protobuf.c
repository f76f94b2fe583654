/* SPDX-License-Identifier: MIT */
/* Protocol Buffers' wire format: a key (number and type) and a value, again and again. */
#include "proto/protobuf.h"

#define TYPE_BITS  3u
#define VARINT_MAX 10u /* bytes: of 64 bits, seven in each */

static void write_varint(struct out *o, uint64_t value)
{
    uint8_t bytes[VARINT_MAX];
    size_t n = 0;

    for (; value > 0x7f; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    out_bytes(o, bytes, n);
}

static void write_key(struct out *o, uint32_t number, enum protobuf_type type)
{
    write_varint(o, number << TYPE_BITS | type);
}

void protobuf_write_u32(struct out *o, uint32_t number, uint32_t value)
{
    if (value == 0)
        return;
    write_key(o, number, PROTOBUF_VARINT);
    write_varint(o, value);
}

void protobuf_write_bytes(struct out *o, uint32_t number, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    write_key(o, number, PROTOBUF_BYTES);
    write_varint(o, n);
    out_bytes(o, bytes, n);
}

/* A number of any length that holds it; what would be past 64 bits is refused, as Go does. */
static bool read_varint(struct protobuf_reader *r, uint64_t *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 7 * VARINT_MAX && r->at < r->end; shift += 7) {
        uint8_t byte = *r->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return shift < 63 || byte <= 1;
    }
    return false;
}

/* A number of as many bytes as its type says, the lowest first. */
static bool read_fixed(struct protobuf_reader *r, struct protobuf_field *field)
{
    size_t n = field->type == PROTOBUF_FIXED64 ? 8 : field->type == PROTOBUF_FIXED32 ? 4 : 0;

    if (n == 0 || n > (size_t)(r->end - r->at))
        return false;
    memcpy(&field->value, r->at, n); /* little-endian, as the machines are that this is for */
    r->at += n;
    return true;
}

static bool read_bytes(struct protobuf_reader *r, struct protobuf_field *field)
{
    uint64_t n;

    if (!read_varint(r, &n) || n > (size_t)(r->end - r->at))
        return false;
    field->bytes = r->at;
    field->n = (size_t)n;
    r->at += n;
    return true;
}

static bool read_field(struct protobuf_reader *r, struct protobuf_field *field)
{
    uint64_t key;

    if (!read_varint(r, &key) || key >> TYPE_BITS == 0 || key >> TYPE_BITS > PROTOBUF_FIELD_MAX)
        return false;
    *field = (struct protobuf_field){.number = (uint32_t)(key >> TYPE_BITS),
                                     .type = (enum protobuf_type)(key & 7)};
    if (field->type == PROTOBUF_VARINT)
        return read_varint(r, &field->value);
    if (field->type == PROTOBUF_BYTES)
        return read_bytes(r, field);
    return read_fixed(r, field);
}

bool protobuf_next(struct protobuf_reader *r, struct protobuf_field *field)
{
    if (r->bad || r->at == r->end)
        return false;
    r->bad = !read_field(r, field);
    return !r->bad;
}
