/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/json.h with a struct of each kind of field: the decoder rules,
 * the limits, and lines that were cut off. The expected texts are those of Go's
 * encoding/json for the same input. Syntax has a file of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/json.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))
#define BYTES(s)     (s), sizeof(s) - 1 /* a literal and its length; it may hold NULs */

static char arena[8192];
static char error_text[256];

/* A copy whose end is the end of an object, so that reading on is seen by the sanitizer. */
static const char *at_end(const char *json, size_t len)
{
    return memcpy(arena + sizeof arena - len, json, len);
}

/* A struct with a field of each kind. */
struct thing {
    struct text skin;
    uint32_t mode;
    bool dry;
    struct json_raw raw;
    struct text name;
};

static const struct json_field thing_fields[] = {
    {"skin", JSON_STRING, offsetof(struct thing, skin), 0, "zoo.Skin"},
    {"mode", JSON_UINT32, offsetof(struct thing, mode), 0, "uint32"},
    {"dry", JSON_BOOL, offsetof(struct thing, dry), 0, "bool"},
    {"raw", JSON_RAW, offsetof(struct thing, raw), 0, "json.RawMessage"},
    {"na-me", JSON_STRING, offsetof(struct thing, name), 4, "string"},
};

static const struct json_struct thing_layout = {"zoo.Thing", thing_fields, COUNT(thing_fields)};

static bool read_thing(const char *json, size_t len, struct thing *thing)
{
    struct out error = out_to(error_text, sizeof error_text - 1);

    memset(thing, 0, sizeof *thing);
    bool ok = json_read(at_end(json, len), len, &thing_layout, thing, &error);
    error_text[error.len] = '\0';
    assert_true(ok == (error.len == 0));
    return ok;
}

static const struct {
    const char *json;
    const char *skin;
    uint32_t mode;
    bool dry;
    const char *raw; /* NULL: missing */
    const char *name;
} things[] = {
    {"{}", "", 0, false, NULL, ""},
    {"null", "", 0, false, NULL, ""},
    {" \t{ } ", "", 0, false, NULL, ""},
    {" null ", "", 0, false, NULL, ""},
    {"{\"skin\":\"a\",\"mode\":384,\"dry\":true,\"raw\":{},\"na-me\":\"b\"}", "a", 384, true, "{}",
     "b"},
    {"{\"na-me\":\"b\",\"raw\":[1],\"dry\":false,\"mode\":7,\"skin\":\"\"}", "", 7, false, "[1]",
     "b"},
    {"\r{ \"mode\" : 7 ,\n\"skin\"\t:\"x\" } ", "x", 7, false, NULL, ""},
    /* integers */
    {"{\"mode\":0}", "", 0, false, NULL, ""},
    {"{\"mode\":4294967295}", "", 4294967295u, false, NULL, ""},
    /* any value, as it stands */
    {"{\"raw\":null}", "", 0, false, "null", ""},
    {"{\"raw\":\"a\\n\"}", "", 0, false, "\"a\\n\"", ""},
    {"{\"raw\":\"\"}", "", 0, false, "\"\"", ""},
    {"{\"raw\": -1.5e3 }", "", 0, false, "-1.5e3", ""},
    {"{\"raw\": { \"mode\" : [ 1 ] } ,\"mode\":2}", "", 2, false, "{ \"mode\" : [ 1 ] }", ""},
    /* null leaves a field as it is */
    {"{\"skin\":null,\"mode\":null,\"dry\":null,\"na-me\":null}", "", 0, false, NULL, ""},
    {"{\"skin\":\"a\",\"skin\":null,\"mode\":1,\"mode\":null,\"dry\":true,\"dry\":null}", "a", 1,
     true, NULL, ""},
    /* the last of several wins */
    {"{\"skin\":\"a\",\"mode\":1,\"skin\":\"b\",\"MODE\":2,\"raw\":1,\"raw\":2}", "b", 2, false,
     "2", ""},
    {"{\"dry\":true,\"dry\":false}", "", 0, false, NULL, ""},
    /* keys: any case, Unicode's folding, escapes */
    {"{\"SKIN\":\"a\",\"Mode\":3,\"dRY\":true,\"NA-me\":\"n\"}", "a", 3, true, NULL, "n"},
    {"{\"\xc5\xbf\xe2\x84\xaain\":\"a\"}", "a", 0, false, NULL, ""},
    {"{\"\\u017F\\u212ain\":\"a\"}", "a", 0, false, NULL, ""},
    {"{\"\\u0073\\u004bin\":\"a\"}", "a", 0, false, NULL, ""},
    /* keys that are none of the struct's */
    {"{\"\":1,\"ski\":1,\"skins\":1,\"skin \":1,\"skin\\u0000\":1}", "", 0, false, NULL, ""},
    {"{\"s\xff\":1,\"NA\\rME\":1,\"\xc3\x9f\":1,\"na_me\":1}", "", 0, false, NULL, ""},
    {"{\"x\":{\"mode\":9,\"y\":[{\"mode\":8}]},\"mode\":1,\"z\":[[],{}]}", "", 1, false, NULL, ""},
    {"{\"x\":{\"skin\":1}}", "", 0, false, NULL, ""},
};

static void values_are_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(things); i++) {
        struct thing t;

        assert_true(read_thing(things[i].json, strlen(things[i].json), &t));
        assert_true(text_equals(t.skin, things[i].skin));
        assert_true(text_equals(t.name, things[i].name));
        assert_int_equal(t.mode, things[i].mode);
        assert_true(t.dry == things[i].dry);
        assert_true((t.raw.json == NULL) == (things[i].raw == NULL));
        if (things[i].raw) {
            assert_int_equal(t.raw.len, strlen(things[i].raw));
            assert_memory_equal(t.raw.json, things[i].raw, t.raw.len);
        }
    }
}

#define CANNOT "json: cannot unmarshal "
#define VALUE  " into Go value of type zoo.Thing"
#define FIELD  " into Go struct field Thing."

static const struct {
    const char *json;
    const char *error;
} mismatches[] = {
    {"[]", CANNOT "array" VALUE},
    {" [{}] ", CANNOT "array" VALUE},
    {"\"skin\"", CANNOT "string" VALUE},
    {"17", CANNOT "number" VALUE},
    {"-1", CANNOT "number" VALUE},
    {"true", CANNOT "bool" VALUE},
    {"false", CANNOT "bool" VALUE},
    {"{\"skin\":1}", CANNOT "number" FIELD "skin of type zoo.Skin"},
    {"{\"skin\":-1.5}", CANNOT "number" FIELD "skin of type zoo.Skin"},
    {"{\"skin\":true}", CANNOT "bool" FIELD "skin of type zoo.Skin"},
    {"{\"SKIN\":[]}", CANNOT "array" FIELD "skin of type zoo.Skin"},
    {"{\"na-me\":{}}", CANNOT "object" FIELD "na-me of type string"},
    {"{\"mode\":\"384\"}", CANNOT "string" FIELD "mode of type uint32"},
    {"{\"mode\":false}", CANNOT "bool" FIELD "mode of type uint32"},
    {"{\"mode\":{}}", CANNOT "object" FIELD "mode of type uint32"},
    {"{\"mode\":[1]}", CANNOT "array" FIELD "mode of type uint32"},
    {"{\"mode\":384.0}", CANNOT "number 384.0" FIELD "mode of type uint32"},
    {"{\"mode\":1e2}", CANNOT "number 1e2" FIELD "mode of type uint32"},
    {"{\"mode\":-1}", CANNOT "number -1" FIELD "mode of type uint32"},
    {"{\"mode\":-0}", CANNOT "number -0" FIELD "mode of type uint32"},
    {"{\"mode\":4294967296}", CANNOT "number 4294967296" FIELD "mode of type uint32"},
    {"{\"mode\":42949672950}", CANNOT "number 42949672950" FIELD "mode of type uint32"},
    {"{\"mode\":18446744073709551617}",
     CANNOT "number 18446744073709551617" FIELD "mode of type uint32"},
    {"{\"dry\":1}", CANNOT "number" FIELD "dry of type bool"},
    {"{\"dry\":\"true\"}", CANNOT "string" FIELD "dry of type bool"},
    /* the first counts */
    {"{\"dry\":1,\"mode\":-1,\"skin\":0}", CANNOT "number" FIELD "dry of type bool"},
    {"{\"mode\":-1,\"mode\":1}", CANNOT "number -1" FIELD "mode of type uint32"},
    {"{\"na-me\":\"12345\",\"dry\":1}", "na-me too long: limit is 4 bytes"},
    {"{\"dry\":1,\"na-me\":\"12345\"}", CANNOT "number" FIELD "dry of type bool"},
    /* syntax comes before types, wherever it is */
    {"{\"dry\":1,", "unexpected end of JSON input"},
    {"[]x", "invalid character 'x' after top-level value"},
};

static void wrong_types_are_told(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mismatches); i++) {
        struct thing t;

        assert_false(read_thing(mismatches[i].json, strlen(mismatches[i].json), &t));
        assert_string_equal(error_text, mismatches[i].error);
    }
}

static void fields_after_a_wrong_one_are_read(void **state)
{
    struct thing t;

    (void)state;
    assert_false(
        read_thing(BYTES("{\"skin\":[1,{}],\"mode\":5,\"na-me\":\"12345\",\"dry\":true}"), &t));
    assert_int_equal(t.skin.json_len, 0);
    assert_int_equal(t.name.json_len, 0);
    assert_int_equal(t.mode, 5);
    assert_true(t.dry);
}

/* The limit is on what the string says, not on how it is spelled. */
static void strings_have_a_limit(void **state)
{
    static const struct {
        const char *json;
        bool ok;
    } names[] = {
        {"{\"na-me\":\"123\"}", true},          {"{\"na-me\":\"1234\"}", true},
        {"{\"na-me\":\"12345\"}", false},       {"{\"na-me\":\"\\u0031234\"}", true},
        {"{\"na-me\":\"123\xc3\xa9\"}", false}, {"{\"na-me\":\"1\\ud800\"}", true},
        {"{\"na-me\":\"\xff\xff\"}", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++) {
        struct thing t;

        assert_true(read_thing(names[i].json, strlen(names[i].json), &t) == names[i].ok);
        if (!names[i].ok)
            assert_string_equal(error_text, "na-me too long: limit is 4 bytes");
    }
}

/* {"x":[1,1,...],"mode":7}: so many keys and values in all, counting the outer object. */
static size_t object_of(char *json, size_t cap, size_t tokens)
{
    struct out o = out_to(json, cap);

    out_str(&o, "{\"x\":[1");
    for (size_t i = 6; i < tokens; i++)
        out_str(&o, ",1");
    out_str(&o, "],\"mode\":7}");
    assert_false(o.overflow);
    return o.len;
}

static void tokens_have_a_limit(void **state)
{
    static const struct {
        size_t tokens;
        bool ok;
    } counts[] = {
        {JSON_TOKENS_MAX - 1, true},
        {JSON_TOKENS_MAX, true},
        {JSON_TOKENS_MAX + 1, false},
        {4000, false},
        {6, true}, /* nothing is left of the one before */
    };
    static char json[sizeof arena];

    (void)state;
    for (size_t i = 0; i < COUNT(counts); i++) {
        struct thing t;

        size_t len = object_of(json, sizeof json, counts[i].tokens);
        assert_true(read_thing(json, len, &t) == counts[i].ok);
        assert_int_equal(t.mode, counts[i].ok ? 7 : 0);
        if (!counts[i].ok)
            assert_string_equal(error_text, "too many keys and values: limit is 256");
    }
}

/* An error that does not fit is cut; nothing is written past the end. */
static void errors_stay_in_their_memory(void **state)
{
    static const char json[] = "{\"mode\":12345678901234567890123456789012345678901234567890}";

    (void)state;
    for (size_t cap = 0; cap < 64; cap++) {
        char text[65];
        struct out error = out_to(text + sizeof text - cap, cap);
        struct thing t = {0};

        assert_false(json_read(json, sizeof json - 1, &thing_layout, &t, &error));
        assert_true(error.overflow);
        assert_true(error.len <= cap);
    }
}

static const struct {
    const char *json;
    const char *value; /* NULL: not found */
} cut_lines[] = {
    {"", NULL},
    {"{", NULL},
    {"{\"type\":\"a\"", "a"},
    {"{\"type\":\"a", NULL},
    {"{\"type\":", NULL},
    {"{\"type\"", NULL},
    {"{ \"Type\" : \"a\\u0062\" , \"payload\":{\"content\":\"xxxx", "ab"},
    {"{\"TYPE\":\"a\",\"payload\":{\"content\":\"x\\", "a"},
    {"{\"type\":\"a\",\"payload\":{\"content\":\"x\\u0", "a"},
    {"{\"payload\":{\"type\":\"b\"},\"type\":\"a\",\"x\":tr", "a"},
    {"{\"payload\":{\"type\":\"b\"},\"type\":\"a", NULL},
    {"{\"payload\":{\"type\":\"b\",\"x\":\"xxx", NULL},
    {"{\"x\":[\"type\",\"b\"],\"y\":12,\"type\":\"a\",", "a"},
    {"{\"type\":\"a\",\"type\":\"b\",\"x\":[[[", "b"},
    {"{\"type\":\"a\",\"type\":1,\"x\":", "a"},
    {"{\"type\":1,\"x\":", NULL},
    {"{\"type\":[\"a\"],\"x\":", NULL},
    {"{\"x\":\"type\",\"y\":\"a\",\"z", NULL},
    {"{\"type\":\"\",\"x\":\"", ""},
    {"[\"type\",\"a\",", NULL},
    {"\"type\":\"a\",", NULL},
    {"{\"type\" \"a\",", NULL},
    {"{\"type\",\"a\":1,", NULL},
    {"{:\"type\":\"a\",", "a"}, /* malformed, but not past naming */
    {"[\"type\":\"a\",", NULL},
    {"{\"x\":1 :type :\"a\",", NULL},
    {"garbage", NULL},
    {"]}", NULL},
    {"{}}}", NULL},
    {"{\"type\":\"a\"}}", "a"},
};

static void start_of_a_line_names_its_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cut_lines); i++) {
        size_t len = strlen(cut_lines[i].json);
        struct text value = {0};
        bool found = json_peek_string(at_end(cut_lines[i].json, len), len, "type", &value);

        assert_true(found == (cut_lines[i].value != NULL));
        if (found)
            assert_true(text_equals(value, cut_lines[i].value));
    }
}

/* Also when there is more on the line than tokens to hold it. */
static void start_of_a_line_may_have_any_number_of_tokens(void **state)
{
    static char json[sizeof arena];
    struct out o = out_to(json, sizeof json);
    struct text value;

    (void)state;
    out_str(&o, "{\"type\":\"a\",\"x\":[1");
    for (int i = 0; i < 1000; i++)
        out_str(&o, ",1");
    assert_true(json_peek_string(json, o.len, "type", &value));
    assert_true(text_equals(value, "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(wrong_types_are_told),
        cmocka_unit_test(fields_after_a_wrong_one_are_read),
        cmocka_unit_test(strings_have_a_limit),
        cmocka_unit_test(tokens_have_a_limit),
        cmocka_unit_test(errors_stay_in_their_memory),
        cmocka_unit_test(start_of_a_line_names_its_message),
        cmocka_unit_test(start_of_a_line_may_have_any_number_of_tokens),
    };

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
