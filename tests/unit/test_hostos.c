/* SPDX-License-Identifier: MIT */
/* What goes to the HostOS and comes from it, byte for byte. */
#include "proto/hostos.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#define BYTES(literal)                                                                             \
    (struct bytes)                                                                                 \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define ARCHIVE "https://example.org/u.tar.zst"

/* Each command in both forms, of CID 3. */
static const struct {
    struct hostos_request request;
    const char *v1, *v0;
} forms[] = {
    {{.command = HOSTOS_ATTACH_HSM},
     "{\"sender_cid\":3,\"message\":\"attach-hsm\"}",
     "{\"message\":\"attach-hsm\",\"sender_cid\":\"3\"}"},
    {{.command = HOSTOS_DETACH_HSM},
     "{\"sender_cid\":3,\"message\":\"detach-hsm\"}",
     "{\"message\":\"detach-hsm\",\"sender_cid\":\"3\"}"},
    {{.command = HOSTOS_GET_VERSION}, "{\"sender_cid\":3,\"message\":\"GetHostOSVersion\"}", NULL},
    {{.command = HOSTOS_GET_PROTOCOL}, "{\"sender_cid\":3,\"message\":\"GetVsockProtocol\"}", NULL},
    {{.command = HOSTOS_UPGRADE, .url = BYTES(ARCHIVE), .hash = BYTES("0123abcd")},
     "{\"sender_cid\":3,\"message\":{\"upgrade\":{\"url\":\"" ARCHIVE
     "\",\"target-hash\":\"0123abcd\"}}}",
     "{\"message\":\"upgrade[" ARCHIVE " 0123abcd]\",\"sender_cid\":\"3\"}"},
    {{.command = HOSTOS_NOTIFY, .message = BYTES("Yo!"), .count = 1},
     "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":1,\"message\":\"Yo!\"}}}",
     "{\"message\":\"notify[1, Yo!]\",\"sender_cid\":\"3\"}"},
    {{.command = HOSTOS_START_UPGRADE_VM},
     "{\"sender_cid\":3,\"message\":\"start-upgrade-guest-vm\"}",
     NULL},
    {{.command = HOSTOS_SET_NODE_ID, .node_id = BYTES("n-1")},
     "{\"sender_cid\":3,\"message\":{\"set-node-id\":{\"node-id\":\"n-1\"}}}",
     "{\"message\":\"set-node-id[n-1]\",\"sender_cid\":\"3\"}"},
};

static void assert_written(const struct out *o, const char *expected)
{
    assert_false(o->overflow);
    assert_int_equal(o->len, strlen(expected));
    assert_memory_equal(o->base, expected, o->len);
}

static bool write_request(struct out *o, const struct hostos_request *r, uint32_t cid, bool legacy)
{
    char command[256];
    struct out part = out_to(command, sizeof command);

    if (!hostos_write_command(&part, r, legacy))
        return false;
    assert_false(part.overflow);
    hostos_write(o, (struct bytes){command, part.len}, cid, legacy);
    return true;
}

static void test_every_form(void **state)
{
    (void)state;
    assert_int_equal(COUNT(forms), HOSTOS_COMMANDS - 1);
    for (size_t i = 0; i < COUNT(forms); i++) {
        char buffer[256];
        struct out o = out_to(buffer, sizeof buffer);
        assert_true(write_request(&o, &forms[i].request, 3, false));
        assert_written(&o, forms[i].v1);
        o = out_to(buffer, sizeof buffer);
        assert_int_equal(write_request(&o, &forms[i].request, 3, true), forms[i].v0 != NULL);
        assert_written(&o, forms[i].v0 != NULL ? forms[i].v0 : "");
    }
}

static void test_numbers(void **state)
{
    struct hostos_request r = {
        .command = HOSTOS_NOTIFY, .message = BYTES("Hello World"), .count = UINT32_MAX};
    char buffer[128];
    struct out o = out_to(buffer, sizeof buffer);
    (void)state;

    assert_true(write_request(&o, &r, UINT32_MAX, false));
    assert_written(&o, "{\"sender_cid\":4294967295,\"message\":"
                       "{\"notify\":{\"count\":4294967295,\"message\":\"Hello World\"}}}");
    o = out_to(buffer, sizeof buffer);
    r.count = 0;
    assert_true(write_request(&o, &r, 0, true));
    assert_written(&o, "{\"message\":\"notify[0, Hello World]\",\"sender_cid\":\"0\"}");
}

/* Rust's serde_json leaves <, >, &, / and U+2028 as they are; Go does not. */
static void test_escapes(void **state)
{
    static const struct {
        struct bytes text;
        const char *json;
    } rows[] = {
        {BYTES("\"\\"), "\\\"\\\\"},
        {BYTES("\b\f\n\r\t"), "\\b\\f\\n\\r\\t"},
        {BYTES("\0\x01\x0b\x1a\x1f"), "\\u0000\\u0001\\u000b\\u001a\\u001f"},
        {BYTES("<>&/'\x7f\xe2\x80\xa8"), "<>&/'\x7f\xe2\x80\xa8"},
        {BYTES("%u%c\xc3\xa4\xf0\x9f\x98\x80"), "%u%c\xc3\xa4\xf0\x9f\x98\x80"},
        {BYTES("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd"},
        {BYTES(""), ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hostos_request r = {.command = HOSTOS_SET_NODE_ID, .node_id = rows[i].text};
        char buffer[128], expected[128];
        struct out o = out_to(buffer, sizeof buffer);
        assert_true(write_request(&o, &r, 1, false));
        snprintf(expected, sizeof expected,
                 "{\"sender_cid\":1,\"message\":{\"set-node-id\":{\"node-id\":\"%s\"}}}",
                 rows[i].json);
        assert_written(&o, expected);
    }
}

static void test_no_room(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(forms); i++) {
        char buffer[256];
        struct out command = out_to(buffer, sizeof buffer);
        assert_true(hostos_write_command(&command, &forms[i].request, false));
        for (size_t cap = 0; cap < command.len; cap++) {
            char less[256];
            struct out o = out_to(less, cap);
            assert_true(hostos_write_command(&o, &forms[i].request, false));
            assert_true(o.overflow);
        }
    }
}

static void test_names(void **state)
{
    static const char *const names[] = {NULL,
                                        "attach-hsm",
                                        "detach-hsm",
                                        "get-hostos-version",
                                        "get-vsock-protocol",
                                        "upgrade",
                                        "notify",
                                        "start-upgrade-guest-vm",
                                        "set-node-id"};
    static const struct bytes others[] = {BYTES(""), BYTES("Notify"), BYTES("notify "),
                                          BYTES("notif"), BYTES("GetHostOSVersion")};
    enum hostos_command command;
    (void)state;
    for (int i = 1; i < HOSTOS_COMMANDS; i++) {
        assert_true(hostos_command_of((struct bytes){names[i], strlen(names[i])}, &command));
        assert_int_equal(command, i);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(hostos_command_of(others[i], &command));
}

/* The answer in memory of exactly its size. */
static bool read_exactly(bool (*reader)(const char *, size_t, struct hostos_answer *),
                         const char *json, size_t n, struct hostos_answer *a, char text[64])
{
    char *copy = malloc(n + 1);
    assert_non_null(copy);
    char *from = copy + 1; /* without a byte behind, n = 0 included */
    memcpy(from, json, n);
    bool good = reader(from, n, a);
    memset(text, 0, 64);
    if (good && (a->payload == HOSTOS_VERSION || a->payload == HOSTOS_ERROR))
        text_copy(a->text, text, 63);
    free(copy);
    return good;
}

static void test_answers(void **state)
{
    static const struct {
        const char *json;
        enum hostos_payload payload;
        const char *text;
        uint32_t number[3];
    } rows[] = {
        {"{\"Ok\":\"NoPayload\"}", HOSTOS_NO_PAYLOAD, "", {0}},
        {" {\n\"Ok\"\t: \r\"NoPayload\" } \n", HOSTOS_NO_PAYLOAD, "", {0}},
        {"{\"Ok\":{\"HostOSVersion\":\"hostos_version\"}}", HOSTOS_VERSION, "hostos_version", {0}},
        {"{ \"Ok\" : { \"HostOSVersion\" : \"}\\\"{\" } }", HOSTOS_VERSION, "}\"{", {0}},
        {"{\"Ok\":{\"HostOSVersion\":\"\"}}\n", HOSTOS_VERSION, "", {0}},
        {"{\"Ok\":{\"HostOSVsockVersion\":{\"major\":1,\"minor\":0,\"patch\":0}}}",
         HOSTOS_PROTOCOL,
         "",
         {1, 0, 0}},
        {"{\"Ok\" :{ \"HostOSVsockVersion\": {\"patch\" :4294967295 ,\n\"minor\": 2 , \"major\":1 "
         "} } }",
         HOSTOS_PROTOCOL,
         "",
         {1, 2, UINT32_MAX}},
        {"{\"Ok\":{\"HostOSVsockVersion\":{\"a\":{\"major\":[7,{},\"}]\"]},\"major\":1,\"b\":[ ] "
         ",\"minor\":2,\"c\":null , \"patch\":3,\"d\":-1.5e3,\"e\":\"\\\"\",\"f\":{ }}}}",
         HOSTOS_PROTOCOL,
         "",
         {1, 2, 3}},
        {"{\"Err\":\"no HSM device found\"}", HOSTOS_ERROR, "no HSM device found", {0}},
        {"{\"Err\":\"\"}", HOSTOS_ERROR, "", {0}},
        {" { \"Err\" : \"a \\\"b\\\" \\\\ \\n\\u00e4\\ud83d\\ude00 {}\" } ",
         HOSTOS_ERROR,
         "a \"b\" \\ \n\xc3\xa4\xf0\x9f\x98\x80 {}",
         {0}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hostos_answer a;
        char text[64];
        assert_true(read_exactly(hostos_read, rows[i].json, strlen(rows[i].json), &a, text));
        assert_int_equal(a.payload, rows[i].payload);
        assert_string_equal(text, rows[i].text);
        assert_memory_equal(a.number, rows[i].number, sizeof a.number);
    }
}

#define PROTOCOL(members) "{\"Ok\":{\"HostOSVsockVersion\":{" members "}}}"

static void test_no_answers(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "Error response",
        "null",
        "\"Ok\"",
        "[]",
        "{}",
        "{ }",
        "{\"Ok\":\"NoPayload\"", /* the closing brace is missing */
        "{\"Ok\":\"NoPayload\"}}",
        "{\"Ok\":\"NoPayload\"} x",
        "{\"Ok\":\"NoPayload\"}{\"Ok\":\"NoPayload\"}",
        "{\"Ok\":\"NoPayload\",\"Ok\":\"NoPayload\"}",
        "{\"Ok\":\"NoPayload\",\"Err\":\"no\"}",
        "{\"Err\":\"no\",\"x\":1}",
        "{\"ok\":\"NoPayload\"}",
        "{\"Ok\":\"nopayload\"}",
        "{\"Ok\":\"HostOSVersion\"}",
        "{\"Ok\":null}",
        "{\"Ok\":{}}",
        "{\"Ok\":[\"NoPayload\"]}",
        "{\"Ok\":{\"NoPayload\":\"\"}}",
        "{\"Ok\":{\"Other\":\"1\"}}",
        "{\"Ok\":{\"HostOSVersion\":1}}",
        "{\"Ok\":{\"HostOSVersion\":null}}",
        "{\"Ok\":{\"HostOSVersion\":\"1\",\"HostOSVersion\":\"1\"}}",
        "{\"Ok\":{\"HostOSVersion\":\"1\",\"x\":1}}",
        "{\"Err\":1}",
        "{\"Err\":null}",
        "{\"Err\":{\"text\":\"no\"}}",
        "{\"Err\":\"\\x\"}",
        "{\"Err\":\"\n\"}",
        "{\"Ok\":{\"HostOSVsockVersion\":\"1.0.0\"}}",
        "{\"Ok\":{\"HostOSVsockVersion\":[]}}",
        PROTOCOL(""),
        PROTOCOL("\"major\":1,\"minor\":0"),
        PROTOCOL("\"major\":1,\"patch\":0"),
        PROTOCOL("\"minor\":1,\"patch\":0"),
        PROTOCOL("\"major\":1,\"minor\":0,\"patch\":0,\"major\":1"),
        PROTOCOL("\"major\":1,\"minor\":0,\"minor\":0"),
        PROTOCOL("\"Major\":1,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":-1,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":1.0,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":1e0,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":1E0,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":\"1\",\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":null,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":1,\"minor\":0,\"patch\":4294967296"),
        PROTOCOL("\"major\":1,\"minor\":0,\"patch\":18446744073709551617"),
        PROTOCOL("\"major\":01,\"minor\":0,\"patch\":0"),
        PROTOCOL("\"major\":1,\"minor\":0,\"patch\":0,"),
        "{\"message\": \"accepted request\", \"status\": \"ok\"}",
        "{\"message\": \"invalid request\", \"status\": \"error\"}",
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct hostos_answer a;
        char text[64];
        if (read_exactly(hostos_read, rows[i], strlen(rows[i]), &a, text))
            fail_msg("taken for an answer: %s", rows[i]);
    }
}

/* No beginning of an answer is an answer, wherever the stream is split. */
static void test_splits(void **state)
{
    static const char *const rows[] = {
        "{\"Ok\":\"NoPayload\"}", "{\"Ok\":{\"HostOSVersion\":\"hostos_version\"}}",
        PROTOCOL("\"major\":1,\"minor\":0,\"patch\":0"), "{\"Err\":\"a \\\"b\\\" \\u00e4\"}"};
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t n = 0; n < strlen(rows[i]); n++) {
            struct hostos_answer a;
            char text[64];
            assert_false(read_exactly(hostos_read, rows[i], n, &a, text));
        }
}

static void test_starts_of_errors(void **state)
{
    static const struct {
        const char *json;
        const char *text;
    } rows[] = {
        {"{\"Err\":\"", ""},
        {" {\t\"Err\" :\n\"abc", "abc"},
        {"{\"Err\":\"a\\\"b\\\\", "a\"b\\"},
        {"{\"Err\":\"abc\"", "abc"},
        {"{\"Err\":\"a\\\"b\"  }", "a\"b"},
    };
    static const char *const others[] = {
        "", "{", "{\"Err\"", "{\"Err\":", "{\"Err\":1", "\"Err\":\"", "{\"Ok\":\"NoPayl", "{\"Er"};
    struct hostos_answer a;
    char text[64];
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(read_exactly(hostos_read_start, rows[i].json, strlen(rows[i].json), &a, text));
        assert_int_equal(a.payload, HOSTOS_ERROR);
        assert_string_equal(text, rows[i].text);
    }
    for (size_t i = 0; i < COUNT(others); i++)
        assert_false(read_exactly(hostos_read_start, others[i], strlen(others[i]), &a, text));
    /* Within an escape: what is left of it is the caller's. */
    assert_true(read_exactly(hostos_read_start, "{\"Err\":\"a\\", 10, &a, text));
    assert_int_equal(a.text.json_len, 2);
}

static void test_accepted(void **state)
{
    static const char accepted[] = "{\"message\": \"accepted request\", \"status\": \"ok\"}";
    static const char tight[] = "{\"message\":\"accepted request\",\"status\":\"ok\"}";
    static const char other[] = "{\"message\": \"accepted requesT\", \"status\": \"ok\"}";
    (void)state;
    assert_true(hostos_is_accepted(accepted, sizeof accepted - 1));
    assert_false(hostos_is_accepted(accepted, sizeof accepted));
    assert_false(hostos_is_accepted(accepted, sizeof accepted - 2));
    assert_false(hostos_is_accepted(other, sizeof other - 1));
    assert_false(hostos_is_accepted(tight, sizeof tight - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_no_answers),
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_starts_of_errors),
        cmocka_unit_test(test_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
