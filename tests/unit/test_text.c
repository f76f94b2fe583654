/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/text.h and proto/utf8.h: what strings of messages decode to, what
 * the writer makes of text, and that neither passes the end of its memory. The
 * expected values are those of Go's encoding/json and strconv.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/text.h"
#include "proto/utf8.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s)     (s), sizeof(s) - 1 /* a literal and its length; it may hold NULs */
#define FFFD         "\xef\xbf\xbd"

static char arena[256];

/* A copy whose end is the end of an object, so that reading on is seen by the sanitizer. */
static struct text text_at_end(const char *json, size_t len)
{
    char *at = arena + sizeof arena - len;

    memcpy(at, json, len);
    return (struct text){at, (uint32_t)len};
}

static const struct {
    const char *json;
    size_t json_len;
    const char *value;
    size_t len;
} strings[] = {
    {BYTES(""), BYTES("")},
    {BYTES("plain"), BYTES("plain")},
    {BYTES("\\\"\\\\\\/\\b\\f\\n\\r\\t"), BYTES("\"\\/\b\f\n\r\t")},
    {BYTES("\\u003c\\u003E\\u0026"), BYTES("<>&")},
    {BYTES("a\\u0000b"), BYTES("a\0b")},
    {BYTES("\\u00e9\\u20AC"), BYTES("\xc3\xa9\xe2\x82\xac")},
    {BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), BYTES("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80")},
    {BYTES("\\ud83d\\ude00"), BYTES("\xf0\x9f\x98\x80")},
    {BYTES("\\uD83D\\uDE00"), BYTES("\xf0\x9f\x98\x80")},
    {BYTES("\\ud800\\udc00\\udbff\\udfff"), BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf")},
    {BYTES("\\ud7ff\\ue000"), BYTES("\xed\x9f\xbf\xee\x80\x80")},
    /* surrogates without their other half */
    {BYTES("\\ud800"), BYTES(FFFD)},
    {BYTES("\\udc00x"), BYTES(FFFD "x")},
    {BYTES("\\ud800\\u0041"), BYTES(FFFD "A")},
    {BYTES("\\ud800\\n"), BYTES(FFFD "\n")},
    {BYTES("\\ud800x"), BYTES(FFFD "x")},
    {BYTES("\\ud800\\ud800\\udc00"), BYTES(FFFD "\xf0\x90\x80\x80")},
    {BYTES("\\udc00\\ud800"), BYTES(FFFD FFFD)},
    {BYTES("\\udc00\\udc00"), BYTES(FFFD FFFD)},
    {BYTES("\\ud800\\ue000"), BYTES(FFFD "\xee\x80\x80")},
    /* bytes that are no UTF-8: one U+FFFD for each */
    {BYTES("\xff"), BYTES(FFFD)},
    {BYTES("a\x80z"), BYTES("a" FFFD "z")},
    {BYTES("\xc0\x80"), BYTES(FFFD FFFD)},
    {BYTES("\xc1\xbf"), BYTES(FFFD FFFD)},
    {BYTES("\xe0\x9f\xbf"), BYTES(FFFD FFFD FFFD)},
    {BYTES("\xf0\x8f\xbf\xbf"), BYTES(FFFD FFFD FFFD FFFD)},
    {BYTES("\xed\xa0\x80"), BYTES(FFFD FFFD FFFD)},
    {BYTES("\xf4\x90\x80\x80"), BYTES(FFFD FFFD FFFD FFFD)},
    {BYTES("\xf8\x88\x80\x80\x80"), BYTES(FFFD FFFD FFFD FFFD FFFD)},
    {BYTES("\xf8\x90\x80\x80"), BYTES(FFFD FFFD FFFD FFFD)},
    {BYTES("\xe2\x82"), BYTES(FFFD FFFD)},
    {BYTES("\xe2\x82\\n"), BYTES(FFFD FFFD "\n")},
    {BYTES("\xf0\x9f\x98"), BYTES(FFFD FFFD FFFD)},
    {BYTES("\xf0\x9f\xc3\xa9"), BYTES(FFFD FFFD "\xc3\xa9")},
    {BYTES("\xef\xbf\xbd"), BYTES(FFFD)},
    /* escapes that no checked line holds: they must only not be read past */
    {BYTES("\\"), BYTES(FFFD)},
    {BYTES("a\\"), BYTES("a" FFFD)},
    {BYTES("\\x"), BYTES(FFFD "x")},
    {BYTES("\\u12"), BYTES(FFFD "u12")},
    {BYTES("\\u123"), BYTES(FFFD "u123")},
    {BYTES("\\u12g4"), BYTES(FFFD "u12g4")},
    {BYTES("\\u12 4"), BYTES(FFFD "u12 4")},
    {BYTES("\\u12]4"), BYTES(FFFD "u12]4")},
    {BYTES("\\ud800\\u12"), BYTES(FFFD FFFD "u12")},
};

static void strings_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct text t = text_at_end(strings[i].json, strings[i].json_len);
        char copy[64];

        assert_int_equal(text_length(t), strings[i].len);
        assert_int_equal(text_copy(t, copy, sizeof copy), strings[i].len);
        assert_memory_equal(copy, strings[i].value, strings[i].len);
        assert_true(text_equals_bytes(t, strings[i].value, strings[i].len));
    }
}

static void all_zero_is_the_empty_string(void **state)
{
    struct text empty = {0};
    char copy[1];

    (void)state;
    assert_int_equal(text_length(empty), 0);
    assert_int_equal(text_copy(empty, copy, 0), 0);
    assert_true(text_equals(empty, ""));
    assert_false(text_equals(empty, "x"));
}

/* The other bytes end with an object, too: no more of them is read than there are. */
static bool equals_start(struct text t, const char *s, size_t n)
{
    static char other[64];

    return text_equals_bytes(t, memcpy(other + sizeof other - n, s, n), n);
}

static void equality_sees_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strings); i++) {
        struct text t = text_at_end(strings[i].json, strings[i].json_len);
        char other[64];

        memcpy(other, strings[i].value, strings[i].len);
        other[strings[i].len] = 0;
        assert_false(text_equals_bytes(t, other, strings[i].len + 1));
        for (size_t at = 0; at < strings[i].len; at++) {
            assert_false(equals_start(t, other, at));
            other[at] ^= 1;
            assert_false(text_equals_bytes(t, other, strings[i].len));
            other[at] ^= 1;
        }
    }
    assert_false(text_equals((struct text){BYTES("a\\u0000")}, "a"));
    assert_true(text_equals((struct text){BYTES("p\\u0069ng")}, "ping"));
    assert_false(text_equals((struct text){BYTES("pong")}, "ping"));
    assert_false(text_equals((struct text){BYTES("\\\\ng")}, "ping"));
}

/* A copy into too little memory stops in front of a character, and touches nothing after. */
static void copies_stop_at_a_character(void **state)
{
    static const char value[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
    static const size_t expected[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    struct text t = {BYTES("a\\u00e9\xe2\x82\xac\\ud83d\\ude00")};

    (void)state;
    for (size_t cap = 0; cap < COUNT(expected); cap++) {
        char copy[16];

        memset(copy, '#', sizeof copy);
        assert_int_equal(text_copy(t, copy, cap), expected[cap]);
        assert_memory_equal(copy, value, expected[cap]);
        for (size_t i = expected[cap]; i < sizeof copy; i++)
            assert_int_equal(copy[i], '#');
    }
}

static const struct {
    const char *json;
    size_t json_len;
    const char *quoted;
} quotes[] = {
    {BYTES(""), "\"\""},
    {BYTES("x/y"), "\"x/y\""},
    {BYTES("\\\"\\\\'"), "\"\\\"\\\\'\""},
    {BYTES("\\u0007\\b\\f\\n\\r\\t\\u000b"), "\"\\a\\b\\f\\n\\r\\t\\v\""},
    {BYTES("a\\u0000b\\u001f\x7f"), "\"a\\x00b\\x1f\\x7f\""},
    {BYTES("\xc3\xa9<&>\xf0\x9f\x98\x80"), "\"\xc3\xa9<&>\xf0\x9f\x98\x80\""},
    {BYTES("\\u0080\\u009f\\u00a0\\u00a1\\u00ad"), "\"\\u0080\\u009f\\u00a0\xc2\xa1\\u00ad\""},
    {BYTES("\\u200b\\u2028\\u2029\\ufeff"), "\"\\u200b\\u2028\\u2029\\ufeff\""},
    {BYTES("\\u2010\\u2027"), "\"\xe2\x80\x90\xe2\x80\xa7\""},
    {BYTES("\\ue000\\ufdd0\\uffff"), "\"\\ue000\\ufdd0\\uffff\""},
    {BYTES("\\ud83f\\udfff\\udbff\\udfff"), "\"\\U0001ffff\\U0010ffff\""},
    {BYTES("\xff"), "\"" FFFD "\""},
};

static void quoted_as_go_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(quotes); i++) {
        char dst[128];
        struct out o = out_to(dst, sizeof dst - 1);

        out_quoted(&o, text_at_end(quotes[i].json, quotes[i].json_len));
        assert_false(o.overflow);
        dst[o.len] = '\0';
        assert_string_equal(dst, quotes[i].quoted);
        char bytes[64];
        size_t n = text_copy((struct text){quotes[i].json, (uint32_t)quotes[i].json_len}, bytes,
                             sizeof bytes);
        o.len = 0;
        out_quoted_bytes(&o, bytes, n);
        dst[o.len] = '\0';
        assert_string_equal(dst, quotes[i].quoted);
    }
}

static const struct {
    const char *value;
    size_t len;
    const char *json;
} encodings[] = {
    {BYTES(""), "\"\""},
    {BYTES("mount share0 at /x"), "\"mount share0 at /x\""},
    {BYTES("<a>&"), "\"\\u003ca\\u003e\\u0026\""},
    {BYTES("\"\\'/"), "\"\\\"\\\\'/\""},
    {BYTES("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\""},
    {BYTES("\0\a\v\x1f\x7f"), "\"\\u0000\\u0007\\u000b\\u001f\x7f\""},
    {BYTES("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"),
     "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xaa\""},
    {BYTES("\xc3\xa9\xf0\x9f\x98\x80" FFFD), "\"\xc3\xa9\xf0\x9f\x98\x80" FFFD "\""},
    {BYTES("a\xff\xe2\x82z\xed\xa0\x80"), "\"a\\ufffd\\ufffd\\ufffdz\\ufffd\\ufffd\\ufffd\""},
};

static void json_strings_as_go_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(encodings); i++) {
        char dst[128];
        struct out o = out_to(dst, sizeof dst - 1);
        struct text value = text_at_end(encodings[i].value, encodings[i].len);

        out_json_string(&o, value.json, value.json_len);
        assert_false(o.overflow);
        dst[o.len] = '\0';
        assert_string_equal(dst, encodings[i].json);
    }
}

/* What is written as a JSON string is read back as the same text. */
static void json_strings_come_back(void **state)
{
    (void)state;
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        char value[UTF8_MAX], dst[16];
        struct out o = out_to(dst, sizeof dst);

        if (rune >= 0xd800 && rune <= 0xdfff)
            continue;
        size_t len = utf8_encode(rune, value);
        out_json_string(&o, value, len);
        assert_false(o.overflow);
        struct text t = {dst + 1, (uint32_t)o.len - 2};
        assert_true(text_equals_bytes(t, value, len));
    }
}

static void every_character_makes_the_round_trip(void **state)
{
    (void)state;
    for (uint32_t rune = 0; rune <= 0x10ffff; rune++) {
        char utf8[UTF8_MAX];
        uint32_t back;
        size_t len = utf8_encode(rune, utf8);
        bool surrogate = rune >= 0xd800 && rune <= 0xdfff;

        assert_int_equal(len, rune < 0x80 ? 1 : rune < 0x800 ? 2 : rune < 0x10000 ? 3 : 4);
        assert_int_equal(utf8_decode(utf8, len, &back), surrogate ? 1 : len);
        assert_int_equal(back, surrogate ? UTF8_REPLACEMENT : rune);
    }
}

static const struct {
    uint64_t value;
    const char *digits;
} numbers[] = {
    {0, "0"},
    {9, "9"},
    {10, "10"},
    {4294967296, "4294967296"},
    {UINT64_MAX, "18446744073709551615"},
};

static void numbers_in_decimal(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        char dst[21];
        struct out o = out_to(dst, strlen(numbers[i].digits));

        out_u64(&o, numbers[i].value);
        assert_false(o.overflow);
        assert_int_equal(o.len, strlen(numbers[i].digits));
        assert_memory_equal(dst, numbers[i].digits, o.len);
    }
}

static void writer_stops_for_good(void **state)
{
    char dst[8] = "#######";
    struct out o = out_to(dst, 5);

    (void)state;
    out_str(&o, "abc");
    out_bytes(&o, NULL, 0);
    assert_false(o.overflow);
    out_str(&o, "def");
    assert_true(o.overflow);
    assert_int_equal(o.len, 3);
    out_str(&o, "g");
    out_u64(&o, 1);
    out_str(&o, "");
    assert_true(o.overflow);
    assert_int_equal(o.len, 3);
    assert_string_equal(dst, "abc####");
}

static void writer_fills_to_the_last_byte(void **state)
{
    char dst[4] = "###";
    struct out o = out_to(dst, 3);

    (void)state;
    out_str(&o, "abc");
    out_str(&o, "");
    assert_false(o.overflow);
    assert_int_equal(o.len, 3);
    out_str(&o, "d");
    assert_true(o.overflow);
    assert_string_equal(dst, "abc");
}

/* A converted string that does not fit ends with a whole character or escape. */
static void writer_cuts_strings_at_a_character(void **state)
{
    char dst[8];
    struct out o = out_to(dst, 4);

    (void)state;
    out_text(&o, (struct text){BYTES("ab\xe2\x82\xac")});
    assert_true(o.overflow);
    assert_int_equal(o.len, 2);
    o = out_to(dst, 4);
    out_quoted(&o, (struct text){BYTES("a\\u0000b")});
    assert_true(o.overflow);
    assert_int_equal(o.len, 2);
    assert_memory_equal(dst, "\"a", 2);
    o = out_to(dst, 7);
    out_json_string(&o, BYTES("a<b"));
    assert_true(o.overflow);
    assert_int_equal(o.len, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_decode),
        cmocka_unit_test(all_zero_is_the_empty_string),
        cmocka_unit_test(equality_sees_every_byte),
        cmocka_unit_test(copies_stop_at_a_character),
        cmocka_unit_test(quoted_as_go_does),
        cmocka_unit_test(json_strings_as_go_does),
        cmocka_unit_test(json_strings_come_back),
        cmocka_unit_test(every_character_makes_the_round_trip),
        cmocka_unit_test(numbers_in_decimal),
        cmocka_unit_test(writer_stops_for_good),
        cmocka_unit_test(writer_fills_to_the_last_byte),
        cmocka_unit_test(writer_cuts_strings_at_a_character),
    };

    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
