/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/protobuf.h: the requests of EVE's VComLink as they stand on its wire, answers cut
 * off at every place, every number at its borders, and keys of every type.
 */
#include "proto/protobuf.h"
#include "tests/unit/unit.h"

#include <stdlib.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static uint8_t message[1024];

static struct protobuf_reader reader(const void *bytes, size_t n)
{
    return (struct protobuf_reader){.at = bytes, .end = (const uint8_t *)bytes + n};
}

static void assert_wire(const struct out *o, const char *bytes, size_t n)
{
    assert_false(o->overflow);
    assert_int_equal(o->len, n);
    assert_memory_equal(o->base, bytes, n);
}

/* { index u32 = 1 } of keys and of an NV index. */
static void test_indices(void **state)
{
    static const struct {
        uint32_t index;
        const char *bytes;
    } rows[] = {
        {0x81000001, "\x08\x81\x80\x80\x88\x08"},
        {0x81000002, "\x08\x82\x80\x80\x88\x08"},
        {0x81000003, "\x08\x83\x80\x80\x88\x08"},
        {0x81000005, "\x08\x85\x80\x80\x88\x08"},
        {0x01c00002, "\x08\x82\x80\x80\x0e"},
        {1, "\x08\x01"},
        {127, "\x08\x7f"},
        {128, "\x08\x80\x01"},
        {UINT32_MAX, "\x08\xff\xff\xff\xff\x0f"},
        {0, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct out o = out_to((char *)message, sizeof message);
        protobuf_write_u32(&o, 1, rows[i].index);
        assert_wire(&o, rows[i].bytes, strlen(rows[i].bytes));
        struct protobuf_reader r = reader(message, o.len);
        struct protobuf_field field;
        if (protobuf_next(&r, &field)) {
            assert_int_equal(field.number, 1);
            assert_int_equal(field.type, PROTOBUF_VARINT);
            assert_int_equal(field.value, rows[i].index);
        }
        assert_false(protobuf_next(&r, &field) || r.bad);
    }
}

/* TpmRequestSign, and TpmRequestGeneratedCred with a field past 15 for its key of two bytes. */
static void test_requests(void **state)
{
    struct out o = out_to((char *)message, sizeof message);
    (void)state;
    protobuf_write_u32(&o, 1, 0x81000003);
    protobuf_write_bytes(&o, 2, "test data", 9);
    assert_wire(&o, "\x08\x83\x80\x80\x88\x08\x12\x09test data", 17);
    o.len = 0;
    protobuf_write_bytes(&o, 1, "\0\x01\x02", 3);
    protobuf_write_bytes(&o, 2, NULL, 0);
    protobuf_write_u32(&o, 3, 7);
    protobuf_write_u32(&o, 16, 1);
    protobuf_write_u32(&o, PROTOBUF_FIELD_MAX, 1);
    assert_wire(&o, "\x0a\x03\0\x01\x02\x18\x07\x80\x01\x01\xf8\xff\xff\xff\x0f\x01", 16);
}

static void test_writer_without_room(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 17; cap++) {
        struct out o = out_to((char *)message, cap);
        protobuf_write_u32(&o, 1, 0x81000003);
        protobuf_write_bytes(&o, 2, "test data", 9);
        assert_true(o.overflow && o.len <= cap);
    }
}

/* { ek bytes = 1; aik_pub bytes = 2; aik_name bytes = 3 } of 638 bytes. */
static void test_activation_parameters(void **state)
{
    static const uint32_t sizes[] = {314, 280, 36};
    struct protobuf_field field;
    size_t at = 0;
    (void)state;
    memset(message, 'x', sizeof message);
    memcpy(message, "\x0a\xba\x02", 3);
    memcpy(message + 317, "\x12\x98\x02", 3);
    memcpy(message + 600, "\x1a\x24", 2);
    struct protobuf_reader r = reader(message, 638);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(field.number, i + 1);
        assert_int_equal(field.type, PROTOBUF_BYTES);
        assert_int_equal(field.n, sizes[i]);
        at += (i < 2 ? 3 : 2) + sizes[i];
        assert_ptr_equal(field.bytes + field.n, message + at);
    }
    assert_false(protobuf_next(&r, &field) || r.bad);
    /* Cut off anywhere but between two fields, it is none. */
    for (size_t n = 0; n < 638; n++) {
        uint8_t *exact = malloc(n != 0 ? n : 1);
        memcpy(exact, message, n);
        r = reader(exact, n);
        while (protobuf_next(&r, &field))
            ;
        assert_int_equal(r.bad, n != 0 && n != 317 && n != 600);
        assert_false(protobuf_next(&r, &field));
        free(exact);
    }
}

/* The others, and what a later generation may add, are told apart and passed over. */
static void test_every_type(void **state)
{
    static const char bytes[] = "\x08\x96\x01"                         /* 150 */
                                "\x11\x01\x02\x03\x04\x05\x06\x07\x88" /* 64 bits */
                                "\x1d\x01\x02\x03\x84"                 /* 32 bits */
                                "\x22\x00"                             /* no bytes */
                                "\xaa\x06\x02hi"                       /* number 101 */
                                "\x08\x01";                            /* once more */
    static const struct {
        uint32_t number;
        enum protobuf_type type;
        uint64_t value;
        size_t n;
    } fields[] = {
        {1, PROTOBUF_VARINT, 150, 0},
        {2, PROTOBUF_FIXED64, UINT64_C(0x8807060504030201), 0},
        {3, PROTOBUF_FIXED32, 0x84030201, 0},
        {4, PROTOBUF_BYTES, 0, 0},
        {101, PROTOBUF_BYTES, 0, 2},
        {1, PROTOBUF_VARINT, 1, 0},
    };
    struct protobuf_reader r = reader(bytes, sizeof bytes - 1);
    struct protobuf_field field;
    (void)state;
    for (size_t i = 0; i < COUNT(fields); i++) {
        assert_true(protobuf_next(&r, &field));
        assert_int_equal(field.number, fields[i].number);
        assert_int_equal(field.type, fields[i].type);
        assert_true(field.value == fields[i].value);
        assert_int_equal(field.n, fields[i].n);
    }
    assert_false(protobuf_next(&r, &field) || r.bad);
}

#define NINE "\xff\xff\xff\xff\xff\xff\xff\xff\xff"

static const struct {
    const char *bytes;
    size_t n;
} bad_rows[] = {
    {"\x00", 1},                                          /* number 0 */
    {"\x00\x01", 2},                                      /* with a value */
    {"\x02\x00", 2},                                      /* with bytes */
    {"\x80\x00\x01", 3},                                  /* in two bytes */
    {"\x80\x80\x80\x80\x10\x01", 6},                      /* number 2^29 */
    {"\x88\x80\x80\x80\x80\x80\x80\x80\x80\x01\x01", 11}, /* number 2^60 + 1 */
    {"\x0b\x0c", 2},                                      /* a group */
    {"\x0c", 1},                                          /* the end of one */
    {"\x0e\x00", 2},                                      /* types that there are not */
    {"\x0f\x00", 2},
    {"\x08", 1},                  /* a value that is missing */
    {"\x08\x80", 2},              /* that has no end */
    {"\x08" NINE, 10},            /* that could be the longest */
    {"\x08" NINE "\x02", 11},     /* past 64 bits */
    {"\x08" NINE "\x81\x00", 12}, /* of eleven bytes */
    {"\x08" NINE "\xff\x01", 12},
    {"\x09\x01\x02\x03\x04\x05\x06\x07", 8},
    {"\x0d\x01\x02\x03", 4},
    {"\x0a", 1},
    {"\x0a\x01", 2},
    {"\x0a\x03hi", 4},
    {"\x0a\xff\xff\xff\xff\x0fhi", 8},
    {"\x0a" NINE "\x01hi", 13}, /* 2^64 - 1 bytes */
};

static void test_bad_rows(void **state)
{
    struct protobuf_field field;
    (void)state;
    for (size_t i = 0; i < COUNT(bad_rows); i++) {
        /* Behind a good field: that one is still read. */
        uint8_t *exact = malloc(bad_rows[i].n + 2);
        memcpy(exact, "\x08\x01", 2);
        memcpy(exact + 2, bad_rows[i].bytes, bad_rows[i].n);
        struct protobuf_reader r = reader(exact, bad_rows[i].n + 2);
        assert_true(protobuf_next(&r, &field));
        assert_false(protobuf_next(&r, &field));
        assert_true(r.bad);
        assert_false(protobuf_next(&r, &field));
        assert_true(r.bad);
        free(exact);
    }
}

/* A value in as few bytes as hold it. */
static size_t write_value(uint64_t value, uint8_t *bytes)
{
    size_t n = 0;

    for (; value >= 128; value /= 128)
        bytes[n++] = (uint8_t)(128 + value % 128);
    bytes[n++] = (uint8_t)value;
    return n;
}

static void assert_value(uint64_t value)
{
    uint8_t bytes[16] = {0x08};
    size_t n = 1 + write_value(value, bytes + 1);
    struct protobuf_field field;

    for (;; n++) {
        struct protobuf_reader r = reader(bytes, n);
        assert_true(protobuf_next(&r, &field) && !r.bad && r.at == r.end);
        assert_true(field.value == value);
        if (n == 11)
            return;
        bytes[n - 1] |= 0x80; /* in one byte more than it needs: that is legal, up to ten */
        bytes[n] = 0;
    }
}

static void test_values_at_every_border(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        for (uint64_t d = 0; d < 20; d++)
            assert_value((UINT64_C(1) << bit) + d - 10);
    /* A uint32 is the low half of what came (the high one is of a negative int32). */
    static const char minus_one[] = "\x08" NINE "\x01";
    struct protobuf_reader r = reader(minus_one, 11);
    struct protobuf_field field;
    assert_true(protobuf_next(&r, &field));
    assert_int_equal((uint32_t)field.value, UINT32_MAX);
}

static void test_written_values_at_every_border(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 32; bit++) {
        for (uint32_t d = 0; d < 20; d++) {
            uint32_t value = (UINT32_C(1) << bit) + d - 10;
            struct out o = out_to((char *)message, sizeof message);
            uint8_t bytes[11] = {0x08};
            size_t n = value == 0 ? 0 : 1 + write_value(value, bytes + 1);
            protobuf_write_u32(&o, 1, value);
            assert_wire(&o, (const char *)bytes, n);
        }
    }
}

/* Every key of up to two bytes, before a value that fits all types. */
static void test_every_short_key(void **state)
{
    uint8_t bytes[16] = {0};
    struct protobuf_field field;
    (void)state;
    for (unsigned key = 0; key < 128 * 128; key++) {
        size_t n = write_value(key, bytes);
        memset(bytes + n, 0, 8);
        struct protobuf_reader r = reader(bytes, n + 8);
        static const size_t sizes[8] = {1, 8, 1, 0, 0, 4, 0, 0};
        bool good = key >= 8 && sizes[key % 8] != 0;
        assert_int_equal(protobuf_next(&r, &field), good);
        assert_int_equal(r.bad, !good);
        if (good) {
            assert_int_equal(field.number, key / 8);
            assert_int_equal(field.type, key % 8);
            assert_ptr_equal(r.at, bytes + n + sizes[key % 8]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_indices),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_writer_without_room),
        cmocka_unit_test(test_activation_parameters),
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_bad_rows),
        cmocka_unit_test(test_values_at_every_border),
        cmocka_unit_test(test_written_values_at_every_border),
        cmocka_unit_test(test_every_short_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
