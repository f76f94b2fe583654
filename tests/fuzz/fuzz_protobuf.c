/* SPDX-License-Identifier: MIT */
/*
 * Messages of arbitrary bytes: every field lies in its message, and those whose numbers are small
 * enough to be written are read back as they were.
 */
#include "proto/protobuf.h"
#include "tests/fuzz/fuzz.h"

#define ROOM 10000 /* more than an input and its keys */

static bool is_type(enum protobuf_type type)
{
    return type == PROTOBUF_VARINT || type == PROTOBUF_FIXED64 || type == PROTOBUF_BYTES ||
           type == PROTOBUF_FIXED32;
}

/* A field is written again; if it is written at all, the last of *o is it. */
static void check_again(const struct protobuf_field *f, struct out *o)
{
    size_t at = o->len;
    struct protobuf_field back;

    if (f->type == PROTOBUF_BYTES)
        protobuf_write_bytes(o, f->number, f->bytes, f->n);
    else
        protobuf_write_u32(o, f->number, (uint32_t)f->value);
    CHECK(!o->overflow);
    const uint8_t *wire = (const uint8_t *)o->base;
    struct protobuf_reader r = {.at = wire + at, .end = wire + o->len};
    if (!protobuf_next(&r, &back)) {
        CHECK(!r.bad && o->len == at && f->n == 0 && (uint32_t)f->value == 0);
        return;
    }
    CHECK(r.at == r.end && back.number == f->number && back.n == f->n);
    CHECK(f->n == 0 || memcmp(back.bytes, f->bytes, f->n) == 0);
    CHECK(back.value == (uint32_t)f->value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *message = exact(data, size);
    char *again = exact(NULL, ROOM + 10 * size);
    struct out o = out_to(again, ROOM + 10 * size);
    struct protobuf_reader r = {.at = message, .end = message + size};
    struct protobuf_field f;

    for (const uint8_t *start = r.at; protobuf_next(&r, &f); start = r.at) {
        CHECK(!r.bad && r.at >= start + 2 && r.at <= r.end);
        CHECK(f.number != 0 && f.number <= PROTOBUF_FIELD_MAX && is_type(f.type));
        if (f.type == PROTOBUF_BYTES)
            CHECK(f.bytes > start && f.bytes + f.n == r.at && f.value == 0);
        else
            CHECK(f.bytes == NULL && f.n == 0);
        check_again(&f, &o);
    }
    CHECK(r.bad || r.at == r.end);
    CHECK(!protobuf_next(&r, &f));
    free(message);
    free(again);
    return 0;
}
