/* SPDX-License-Identifier: MIT */
/*
 * Tests of proto/line.h. A stream is data: its bytes and the lines that must come
 * out. Every stream arrives in one piece, byte by byte, and in three pieces cut at
 * every pair of places; what comes out must never depend on that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/line.h"
#include "proto/stereos.h"

#include <stdio.h>
#include <string.h>

#define COUNT(table)  (sizeof(table) / sizeof((table)[0]))
#define LINE_MAX_TEST 8

/* The lines of a stream, each with a '|' after it, or with a '!' when it was too long. */
static const struct {
    const char *stream;
    const char *lines; /* before the stream ends */
    const char *last;  /* what its end adds */
} streams[] = {
    {"", "", ""},
    {"one\n", "one|", ""},
    {"one\ntwo\n", "one|two|", ""},
    {"one\r\ntwo\r\n", "one|two|", ""},
    {"one\r\r\n", "one\r|", ""},
    {"o\rne\n", "o\rne|", ""},
    {"\n\n\r\n\none\n\r\n\n", "one|", ""},
    {" \n\t\r\n", " |\t|", ""},
    {"one", "", "one|"},
    {"one\ntwo", "one|", "two|"},
    {"one\ntwo\r", "one|", "two|"},
    {"one\n\r", "one|", ""},
    {"\n", "", ""},
    /* one less, as long as, and one longer than the limit */
    {"1234567\n", "1234567|", ""},
    {"12345678\n", "12345678|", ""},
    {"123456789\n", "12345678!", ""},
    {"1234567\r\n", "1234567|", ""},
    {"12345678\r\n", "12345678!", ""},
    {"12345678", "", "12345678|"},
    {"123456789", "12345678!", ""},
    /* after a line that is too long the reader is in step again */
    {"one\n1234567890123456789\ntwo\n", "one|12345678!two|", ""},
    {"123456789\n\n\r\ntwo", "12345678!", "two|"},
    {"123456789\n987654321\n", "12345678!98765432!", ""},
    {"123456789\n1234567\n123456789", "12345678!1234567|12345678!", ""},
};

/* A connection: what has arrived and was not yet consumed, and the lines seen so far. */
struct connection {
    struct line_reader reader;
    char lines[64];
    size_t used;
    char data[64]; /* the last member: reading on leaves the object, and the sanitizer sees it */
};

static void take_lines(struct connection *c, bool final)
{
    struct line line;
    enum line_result result;

    do {
        char *at = c->data + sizeof c->data - c->used;

        result = line_next(&c->reader, at, c->used, LINE_MAX_TEST, final, &line);
        assert_true(line.consumed <= c->used);
        if (result != LINE_NONE) {
            size_t n = strlen(c->lines);
            assert_true(line.consumed > 0);
            snprintf(c->lines + n, sizeof c->lines - n, "%.*s%c", (int)line.len, line.text,
                     result == LINE_FOUND ? '|' : '!');
        }
        c->used -= line.consumed;
    } while (result != LINE_NONE);
    assert_true(c->used <= LINE_MAX_TEST);
}

static void arrive(struct connection *c, const char *bytes, size_t n)
{
    memmove(c->data + sizeof c->data - c->used - n, c->data + sizeof c->data - c->used, c->used);
    if (n > 0)
        memcpy(c->data + sizeof c->data - n, bytes, n);
    c->used += n;
    take_lines(c, false);
}

static void finish(struct connection *c, const char *lines, const char *last)
{
    char expected[64];

    assert_string_equal(c->lines, lines);
    take_lines(c, true);
    snprintf(expected, sizeof expected, "%s%s", lines, last);
    assert_string_equal(c->lines, expected);
    assert_int_equal(c->used, 0);
}

static void in_three_pieces_cut_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        const char *stream = streams[i].stream;
        size_t len = strlen(stream);

        for (size_t a = 0; a <= len; a++) {
            for (size_t b = a; b <= len; b++) {
                struct connection c = {0};

                arrive(&c, stream, a);
                arrive(&c, stream + a, b - a);
                arrive(&c, stream + b, len - b);
                finish(&c, streams[i].lines, streams[i].last);
            }
        }
    }
}

static void byte_by_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct connection c = {0};

        for (const char *s = streams[i].stream; *s; s++)
            arrive(&c, s, 1);
        finish(&c, streams[i].lines, streams[i].last);
    }
}

/* The end may come together with the last bytes. */
static void end_with_the_last_piece(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct connection c = {.used = strlen(streams[i].stream)};
        char expected[64];

        memcpy(c.data + sizeof c.data - c.used, streams[i].stream, c.used);
        take_lines(&c, true);
        snprintf(expected, sizeof expected, "%s%s", streams[i].lines, streams[i].last);
        assert_string_equal(c.lines, expected);
        assert_int_equal(c.used, 0);
    }
}

/* Bytes that were looked at are not looked at again: a '\n' put there is not seen. */
static void each_byte_is_looked_at_once(void **state)
{
    struct line_reader reader = {0};
    struct line line;
    char data[] = "\nabcd\n";

    (void)state;
    assert_int_equal(line_next(&reader, data, 3, LINE_MAX_TEST, false, &line), LINE_NONE);
    assert_int_equal(line.consumed, 1);
    assert_int_equal(reader.scanned, 2);
    data[1] = '\n';
    assert_int_equal(line_next(&reader, data + 1, 5, LINE_MAX_TEST, false, &line), LINE_FOUND);
    assert_int_equal(line.len, 4);
    assert_int_equal(reader.scanned, 0);
}

/* A NUL is a byte like any other. */
static void nul_is_part_of_a_line(void **state)
{
    struct line_reader reader = {0};
    struct line line;

    (void)state;
    assert_int_equal(line_next(&reader, "a\0b\n", 4, LINE_MAX_TEST, false, &line), LINE_FOUND);
    assert_int_equal(line.len, 3);
    assert_memory_equal(line.text, "a\0b", 3);
}

/* The limit of the real peers: 1,048,575 bytes are taken, one more is not. */
static void limit_of_the_peers(void **state)
{
    static const struct {
        size_t len;
        enum line_result result;
    } lines[] = {
        {STEREOS_PEER_LINE_MAX - 1, LINE_FOUND},
        {STEREOS_PEER_LINE_MAX, LINE_FOUND},
        {STEREOS_PEER_LINE_MAX + 1, LINE_TOO_LONG},
    };
    static char data[STEREOS_PEER_LINE_MAX + 2];

    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        struct line_reader reader = {0};
        struct line line;
        size_t len = lines[i].len;

        memset(data, 'x', len);
        data[len] = '\n';
        assert_int_equal(line_next(&reader, data, len + 1, STEREOS_PEER_LINE_MAX, false, &line),
                         lines[i].result);
        assert_int_equal(line.len, len < STEREOS_PEER_LINE_MAX ? len : STEREOS_PEER_LINE_MAX);
        assert_int_equal(line.consumed, len + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_three_pieces_cut_anywhere),
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(end_with_the_last_piece),
        cmocka_unit_test(each_byte_is_looked_at_once),
        cmocka_unit_test(nul_is_part_of_a_line),
        cmocka_unit_test(limit_of_the_peers),
    };

    return cmocka_run_group_tests_name("line", tests, NULL, NULL);
}
