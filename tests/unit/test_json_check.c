/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/json_check.h: what is JSON, what is not and which error says so,
 * and the limit on depth. The texts are those of Go's encoding/json for the same
 * input.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/json.h"
#include "proto/json_check.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s)     (s), sizeof(s) - 1 /* a literal and its length; it may hold NULs */

static char arena[1024];
static char error_text[256];

/* A copy whose end is the end of an object, so that reading on is seen by the sanitizer. */
static const char *at_end(const char *json, size_t len)
{
    return memcpy(arena + sizeof arena - len, json, len);
}

static bool check(const char *json, size_t len)
{
    struct out error = out_to(error_text, sizeof error_text - 1);
    bool ok = json_check(at_end(json, len), len, &error);

    error_text[error.len] = '\0';
    assert_true(ok == (error.len == 0));
    return ok;
}

static const char *const good[] = {
    "null",
    "true",
    " false ",
    "\"\"",
    "0",
    "-0",
    "10",
    "-1.5e+10",
    "1E5",
    "0.0e-0",
    "{}",
    "[]",
    "\t{ }\r\n",
    "[ [ ] , { } , 1 ]",
    "{\"a\":1,\"b\":[true,null,{\"c\":\"\"}]}",
    "{ \"a\" : 1 , \"\" : \"\" }",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF\"",
    "\"\x7f\xff\xc0\x80 {[,:\"",
};

static void good_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(check(good[i], strlen(good[i])));
}

#define ENDED       "unexpected end of JSON input"
#define BAD(c)      "invalid character '" c "' "
#define NO_VALUE    "looking for beginning of value"
#define NO_KEY      "looking for beginning of object key string"
#define IN_STRING   "in string literal"
#define IN_HEX      "in \\u hexadecimal character escape"
#define IN_NUMBER   "in numeric literal"
#define IN_FRACTION "after decimal point in numeric literal"
#define IN_EXPONENT "in exponent of numeric literal"
#define AFTER_ALL   "after top-level value"

static const struct {
    const char *json;
    size_t len;
    const char *error;
} bad[] = {
    {BYTES(""), ENDED},
    {BYTES(" \t\r\n"), ENDED},
    {BYTES("{"), ENDED},
    {BYTES("["), ENDED},
    {BYTES("{\"a"), ENDED},
    {BYTES("{\"a\""), ENDED},
    {BYTES("{\"a\":"), ENDED},
    {BYTES("{\"a\":1"), ENDED},
    {BYTES("{\"a\":1,"), ENDED},
    {BYTES("{\"a\":{}"), ENDED},
    {BYTES("[1"), ENDED},
    {BYTES("[1,"), ENDED},
    {BYTES("\"abc"), ENDED},
    /* cut off in a word, a number or an escape: Go blames a space after the end */
    {BYTES("tr"), BAD(" ") "in literal true (expecting 'u')"},
    {BYTES("fals"), BAD(" ") "in literal false (expecting 'e')"},
    {BYTES("[n"), BAD(" ") "in literal null (expecting 'u')"},
    {BYTES("-"), BAD(" ") IN_NUMBER},
    {BYTES("1."), BAD(" ") IN_FRACTION},
    {BYTES("1e"), BAD(" ") IN_EXPONENT},
    {BYTES("1e+"), BAD(" ") IN_EXPONENT},
    {BYTES("\"\\"), BAD(" ") "in string escape code"},
    {BYTES("\"\\u00"), BAD(" ") IN_HEX},
    /* where a value has to begin */
    {BYTES("hello"), BAD("h") NO_VALUE},
    {BYTES("}"), BAD("}") NO_VALUE},
    {BYTES("+1"), BAD("+") NO_VALUE},
    {BYTES(".5"), BAD(".") NO_VALUE},
    {BYTES("[,"), BAD(",") NO_VALUE},
    {BYTES("[1,]"), BAD("]") NO_VALUE},
    {BYTES("{\"a\":}"), BAD("}") NO_VALUE},
    {BYTES("\xef\xbb\xbf{}"), BAD("\xc3\xaf") NO_VALUE},
    /* how the character is named */
    {BYTES("'"), BAD("\\'") NO_VALUE},
    {BYTES("{}\""), BAD("\"") AFTER_ALL},
    {BYTES("\\"), BAD("\\\\") NO_VALUE},
    {BYTES("\0"), BAD("\\x00") NO_VALUE},
    {BYTES("\a"), BAD("\\a") NO_VALUE},
    {BYTES("\v"), BAD("\\v") NO_VALUE},
    {BYTES("\x7f"), BAD("\\x7f") NO_VALUE},
    {BYTES("\x80"), BAD("\\u0080") NO_VALUE},
    {BYTES("\xa0"), BAD("\\u00a0") NO_VALUE},
    {BYTES("\xad"), BAD("\\u00ad") NO_VALUE},
    {BYTES("\xff"), BAD("\xc3\xbf") NO_VALUE},
    /* words */
    {BYTES("the"), BAD("h") "in literal true (expecting 'r')"},
    {BYTES("fAlse"), BAD("A") "in literal false (expecting 'a')"},
    {BYTES("nulL"), BAD("L") "in literal null (expecting 'l')"},
    {BYTES("truex"), BAD("x") AFTER_ALL},
    /* objects */
    {BYTES("{1"), BAD("1") NO_KEY},
    {BYTES("{]"), BAD("]") NO_KEY},
    {BYTES("{\"a\":1,}"), BAD("}") NO_KEY},
    {BYTES("{\"a\":1,,"), BAD(",") NO_KEY},
    {BYTES("{\"a\" 1"), BAD("1") "after object key"},
    {BYTES("{\"a\",1"), BAD(",") "after object key"},
    {BYTES("{\"a\":1 \"b\""), BAD("\"") "after object key:value pair"},
    {BYTES("{\"a\":1]"), BAD("]") "after object key:value pair"},
    {BYTES("{\"a\":[]:"), BAD(":") "after object key:value pair"},
    {BYTES("{\"a\":01}"), BAD("1") "after object key:value pair"},
    /* arrays */
    {BYTES("[1 2"), BAD("2") "after array element"},
    {BYTES("[{}}"), BAD("}") "after array element"},
    {BYTES("[1:"), BAD(":") "after array element"},
    {BYTES("[[1}"), BAD("}") "after array element"},
    {BYTES("{\"a\":[{}]]"), BAD("]") "after object key:value pair"},
    /* a second value */
    {BYTES("{}x"), BAD("x") AFTER_ALL},
    {BYTES("{} {}"), BAD("{") AFTER_ALL},
    {BYTES("{}\0"), BAD("\\x00") AFTER_ALL},
    {BYTES("1 2"), BAD("2") AFTER_ALL},
    {BYTES("01"), BAD("1") AFTER_ALL},
    {BYTES("[]]"), BAD("]") AFTER_ALL},
    {BYTES("{}\v"), BAD("\\v") AFTER_ALL},
    /* strings */
    {BYTES("\"a\nb\""), BAD("\\n") IN_STRING},
    {BYTES("\"a\0b\""), BAD("\\x00") IN_STRING},
    {BYTES("\"\x1f\""), BAD("\\x1f") IN_STRING},
    {BYTES("\"\\x\""), BAD("x") "in string escape code"},
    {BYTES("\"\\'\""), BAD("\\'") "in string escape code"},
    {BYTES("\"\\\0\""), BAD("\\x00") "in string escape code"},
    {BYTES("\"\\u12\""), BAD("\"") IN_HEX},
    {BYTES("\"\\u12g4\""), BAD("g") IN_HEX},
    {BYTES("\"\\u123g\""), BAD("g") IN_HEX},
    {BYTES("\"\\u\0000\""), BAD("\\x00") IN_HEX},
    {BYTES("{\"\\q\":1}"), BAD("q") "in string escape code"},
    /* numbers */
    {BYTES("-x"), BAD("x") IN_NUMBER},
    {BYTES("--1"), BAD("-") IN_NUMBER},
    {BYTES("1.e"), BAD("e") IN_FRACTION},
    {BYTES("1.-"), BAD("-") IN_FRACTION},
    {BYTES("1ee"), BAD("e") IN_EXPONENT},
    {BYTES("1e+-"), BAD("-") IN_EXPONENT},
    {BYTES("1.5.5"), BAD(".") AFTER_ALL},
    {BYTES("0x1"), BAD("x") AFTER_ALL},
};

static void bad_syntax(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_false(check(bad[i].json, bad[i].len));
        assert_string_equal(error_text, bad[i].error);
    }
}

/* No line that was cut off is taken for a whole one. */
static void every_start_of_an_object_is_bad(void **state)
{
    static const char json[] = "{\"a\":[1,-2.5e+3,true,null],\"b\\u00e9\":{\"c\":\"\\n\"}}";

    (void)state;
    for (size_t len = 0; len < sizeof json - 1; len++)
        assert_false(check(json, len));
    assert_true(check(json, sizeof json - 1));
}

/* open and close, n times each. */
static size_t nest(char *dst, size_t n, const char *open, const char *close)
{
    struct out o = out_to(dst, 1024);

    for (size_t i = 0; i < n; i++)
        out_str(&o, open);
    for (size_t i = 0; i < n; i++)
        out_str(&o, close);
    assert_false(o.overflow);
    return o.len;
}

static void depth_has_a_limit(void **state)
{
    static const struct {
        size_t depth;
        bool ok;
    } depths[] = {
        {JSON_DEPTH_MAX - 1, true},
        {JSON_DEPTH_MAX, true},
        {JSON_DEPTH_MAX + 1, false},
        {99, false},
    };
    static char json[1024];

    (void)state;
    for (size_t i = 0; i < COUNT(depths); i++) {
        assert_true(check(json, nest(json, depths[i].depth, "[", "]")) == depths[i].ok);
        if (!depths[i].ok)
            assert_string_equal(error_text, "nested too deep: limit is 32 levels");
        /* the innermost object is empty and has no key */
        size_t len = nest(json, depths[i].depth - 1, "{\"a\":", "}");
        size_t middle = (depths[i].depth - 1) * 5;
        memmove(json + middle + 2, json + middle, len - middle);
        memcpy(json + middle, "{}", 2);
        assert_true(check(json, len + 2) == depths[i].ok);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_syntax),
        cmocka_unit_test(bad_syntax),
        cmocka_unit_test(every_start_of_an_object_is_bad),
        cmocka_unit_test(depth_has_a_limit),
    };

    return cmocka_run_group_tests_name("json_check", tests, NULL, NULL);
}
