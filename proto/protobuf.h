/* SPDX-License-Identifier: MIT */
/*
 * Protocol Buffers' wire format (protobuf.dev, "Encoding"), as much of it as messages of plain
 * fields need: numbers and bytes are written, every field is read. A reader's message is a view
 * into the caller's bytes; nothing is copied. Fields come in any order and any number of times:
 * of those with one value the last counts.
 */
#ifndef PROTO_PROTOBUF_H
#define PROTO_PROTOBUF_H

#include "proto/text.h"

#define PROTOBUF_FIELD_MAX 0x1fffffffu /* the highest number that a field may have */

/* How a value lies on the wire; groups (3, 4), which are of the past, are refused. */
enum protobuf_type {
    PROTOBUF_VARINT = 0,
    PROTOBUF_FIXED64 = 1,
    PROTOBUF_BYTES = 2, /* bytes, a string, or a message */
    PROTOBUF_FIXED32 = 5,
};

/* A field as it was read. One whose number is not known, or which has not the type that it should
 * have, is to be passed over. */
struct protobuf_field {
    uint32_t number; /* 1 .. PROTOBUF_FIELD_MAX */
    enum protobuf_type type;
    uint64_t value;       /* of a number; a uint32 has its low 32 bits, whatever the others are */
    const uint8_t *bytes; /* of PROTOBUF_BYTES: n of them, in the message */
    size_t n;
};

/* What is left of a message. */
struct protobuf_reader {
    const uint8_t *at, *end;
    bool bad; /* it ends in the middle of a field, or breaks the rules of the format */
};

/* Append a field, number 1 .. PROTOBUF_FIELD_MAX. Nothing is written of 0 and of no bytes: these
 * are what a field has that is missing (proto3). */
void protobuf_write_u32(struct out *o, uint32_t number, uint32_t value);
void protobuf_write_bytes(struct out *o, uint32_t number, const void *bytes, size_t n);

/* Takes the next field off the front of the message. False: that was its end, or, r->bad, it is
 * none; it stays so. */
bool protobuf_next(struct protobuf_reader *r, struct protobuf_field *field);

#endif
