/* SPDX-License-Identifier: MIT */
/*
 * Tests of the answers in proto/stereos.h: the exact bytes that the real client
 * takes, errors that are too long, and that every answer fits its limit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/stereos.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static char reply[STEREOS_REPLY_MAX + 1];

static const char *finish(const struct out *o)
{
    assert_false(o->overflow);
    reply[o->len] = '\0';
    return reply;
}

static void pong(void **state)
{
    struct out o = out_to(reply, STEREOS_REPLY_MAX);

    (void)state;
    stereos_write_pong(&o);
    assert_string_equal(finish(&o), "{\"type\":\"pong\"}\n");
}

static void health(void **state)
{
    static const struct stereos_agent agents[] = {
        {"coder", true, "coder", 0, NULL},
        {"b", false, NULL, 4294967295u, "exit <1>"},
        {"c", false, "", 1, ""},
    };
    static const struct {
        struct stereos_health health;
        const char *line;
    } answers[] = {
        {{"ready", NULL, 0, 3},
         "{\"type\":\"health\",\"payload\":{\"state\":\"ready\",\"uptime_seconds\":3}}\n"},
        {{"healthy", agents, 1, 61},
         "{\"type\":\"health\",\"payload\":{\"state\":\"healthy\",\"agents\":[{\"name\":\"coder\","
         "\"running\":true,\"session\":\"coder\",\"restarts\":0}],\"uptime_seconds\":61}}\n"},
        {{"healthy", agents, 3, UINT64_MAX},
         "{\"type\":\"health\",\"payload\":{\"state\":\"healthy\",\"agents\":[{\"name\":\"coder\","
         "\"running\":true,\"session\":\"coder\",\"restarts\":0},{\"name\":\"b\",\"running\":false,"
         "\"restarts\":4294967295,\"error\":\"exit \\u003c1\\u003e\"},{\"name\":\"c\",\"running\":"
         "false,\"restarts\":1}],\"uptime_seconds\":18446744073709551615}}\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct out o = out_to(reply, STEREOS_REPLY_MAX);

        stereos_write_health(&o, &answers[i].health);
        assert_string_equal(finish(&o), answers[i].line);
    }
}

static void ack(void **state)
{
    static const struct {
        const char *reply_to;
        const char *error;
        const char *line;
    } answers[] = {
        {"mount", NULL, "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"mount\",\"ok\":true}}\n"},
        {"mount", "", "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"mount\",\"ok\":true}}\n"},
        {"mount", "mount share0 at /x: exit status 32",
         "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"mount\",\"ok\":false,\"error\":\"mount "
         "share0 at /x: exit status 32\"}}\n"},
        {"", "unknown message type: ",
         "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"\",\"ok\":false,\"error\":\"unknown "
         "message "
         "type: \"}}\n"},
        {"a\"<", "invalid secret name: \"x/y\"",
         "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"a\\\"\\u003c\",\"ok\":false,\"error\":"
         "\"invalid secret name: \\\"x/y\\\"\"}}\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        struct out o = out_to(reply, STEREOS_REPLY_MAX);
        const char *error = answers[i].error;

        stereos_write_ack(&o, answers[i].reply_to, strlen(answers[i].reply_to), error,
                          error ? strlen(error) : 0);
        assert_string_equal(finish(&o), answers[i].line);
    }
}

/* The error of an ack: what stands between its quotes, unescaped here. */
static struct text ack_error(const char *error, size_t len)
{
    static const char before[] = "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"x\",\"ok\":false,"
                                 "\"error\":\"";
    static const char after[] = "\"}}\n";
    struct out o = out_to(reply, STEREOS_REPLY_MAX);

    stereos_write_ack(&o, "x", 1, error, len);
    finish(&o);
    assert_memory_equal(reply, before, sizeof before - 1);
    assert_string_equal(reply + o.len - (sizeof after - 1), after);
    return (struct text){reply + sizeof before - 1,
                         (uint32_t)(o.len - (sizeof before - 1) - (sizeof after - 1))};
}

static void long_errors_are_cut(void **state)
{
    char error[STEREOS_ERROR_MAX + 10], expected[STEREOS_ERROR_MAX];

    (void)state;
    memset(error, 'e', sizeof error);
    assert_int_equal(text_length(ack_error(error, STEREOS_ERROR_MAX - 1)), STEREOS_ERROR_MAX - 1);
    assert_true(text_equals_bytes(ack_error(error, STEREOS_ERROR_MAX), error, STEREOS_ERROR_MAX));
    memcpy(expected, error, sizeof expected);
    memcpy(expected + sizeof expected - 3, "...", 3);
    assert_true(
        text_equals_bytes(ack_error(error, STEREOS_ERROR_MAX + 1), expected, sizeof expected));
    assert_true(text_equals_bytes(ack_error(error, sizeof error), expected, sizeof expected));
}

/* No half character stays in front of the dots, wherever the cut falls. */
static void errors_are_cut_in_front_of_a_character(void **state)
{
    static const char *const characters[] = {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};

    (void)state;
    for (size_t i = 0; i < COUNT(characters); i++) {
        size_t width = strlen(characters[i]);

        for (size_t shift = 0; shift < width; shift++) {
            char error[STEREOS_ERROR_MAX + 10], expected[STEREOS_ERROR_MAX];
            size_t kept = STEREOS_ERROR_MAX - 3;

            for (size_t at = 0; at < sizeof error; at++)
                error[at] = at < shift ? 'e' : characters[i][(at - shift) % width];
            kept -= (kept - shift) % width;
            memcpy(expected, error, kept);
            memcpy(expected + kept, "...", 3);
            assert_true(text_equals_bytes(ack_error(error, sizeof error), expected, kept + 3));
        }
    }
}

/* Whatever bytes are answered, the answer fits STEREOS_REPLY_MAX. */
static void every_ack_fits(void **state)
{
    char type[STEREOS_TYPE_MAX], error[STEREOS_ERROR_ROOM];
    size_t longest = 0;

    (void)state;
    for (int byte = 0; byte <= 0xff; byte++) {
        for (size_t len = STEREOS_ERROR_MAX - 1; len <= sizeof error; len++) {
            struct out o = out_to(reply, STEREOS_REPLY_MAX);

            memset(type, byte, sizeof type);
            memset(error, byte, sizeof error);
            stereos_write_ack(&o, type, sizeof type, error, len);
            assert_false(o.overflow);
            assert_int_equal(reply[o.len - 1], '\n');
            longest = o.len > longest ? o.len : longest;
        }
    }
    /* and the limit is no larger than it has to be */
    assert_true(longest > 6 * (STEREOS_TYPE_MAX + STEREOS_ERROR_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pong),
        cmocka_unit_test(health),
        cmocka_unit_test(ack),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(errors_are_cut_in_front_of_a_character),
        cmocka_unit_test(every_ack_fits),
    };

    return cmocka_run_group_tests_name("stereos_write", tests, NULL, NULL);
}
