/* SPDX-License-Identifier: MIT */
/* Limits of proto/http.h: lines, headers, extensions, and the numbers that say how long a body is.
 */
#include "tests/unit/answers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* A line of n bytes with its end. */
static size_t append_line(size_t at, const char *start, size_t n)
{
    size_t len = strlen(start);

    assert_true(at + n <= sizeof answer && len + 2 <= n);
    memset(answer + at, 'x', n);
    memcpy(answer + at, start, len);
    memcpy(answer + at + n - 2, "\r\n", 2);
    return at + n;
}

static void assert_rule(size_t n, const char *rule)
{
    static struct outcome o;

    receive_all_ways(answer, n, &o);
    assert_int_equal(o.step, rule != NULL ? HTTP_BAD : HTTP_END);
    assert_true(rule == NULL ? o.rule == NULL : strcmp(o.rule, rule) == 0);
    assert_int_equal(o.by_end, false);
}

static void test_longest_lines(void **state)
{
    static const struct {
        const char *before, *start, *after;
    } lines[] = {
        {"", "HTTP/1.1 200 ", "Content-Length: 0\r\n\r\n"},
        {OK_HEAD "Content-Length: 0\r\n", "A: ", "\r\n"},
        {CHUNKED, "0;", "\r\n"},
        {CHUNKED "0\r\n", "A: ", "\r\n"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++) {
        size_t before = append_text(0, lines[i].before);
        size_t n = append_line(before, lines[i].start, HTTP_LINE_MAX);
        assert_rule(append_text(n, lines[i].after), NULL);
        n = append_line(before, lines[i].start, HTTP_LINE_MAX + 1);
        assert_rule(append_text(n, lines[i].after), "a line of more than 1024 bytes");
        assert_rule(n - 1, "a line of more than 1024 bytes");
    }
}

static size_t append_lines(size_t at, size_t n)
{
    for (size_t len; n > 0; n -= len) {
        len = n <= 1000 ? n : n < 1010 ? 500 : 1000;
        at = append_line(at, "A: ", len);
    }
    return at;
}

static void test_longest_header(void **state)
{
    static const char end[] = "Content-Length: 0\r\n\r\n";
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        const char *rule = over != 0 ? "more than 8192 bytes of header" : NULL;
        size_t n = append_text(0, OK_HEAD);
        n = append_lines(n, HTTP_HEAD_MAX + over - n - strlen(end));
        assert_rule(append_text(n, end), rule);
        /* answers that are passed over count as well */
        n = append_text(append_lines(append_text(0, "HTTP/1.1 100\r\n"), 5000), "\r\n" OK_HEAD);
        n = append_lines(n, HTTP_HEAD_MAX + over - n - strlen(end));
        assert_rule(append_text(n, end), rule);
        /* and trailers */
        n = append_text(0, CHUNKED);
        size_t head = n;
        n = append_lines(append_text(n, "0\r\n"), HTTP_HEAD_MAX + over - head - 2);
        assert_rule(append_text(n, "\r\n"), rule);
    }
}

static void test_extensions_have_a_limit(void **state)
{
    static struct outcome o;
    (void)state;
    for (size_t over = 0; over < 2; over++) {
        size_t n = append_text(0, CHUNKED), left = HTTP_HEAD_MAX + over - n - 2;
        for (size_t len; left > 0; left -= len) {
            len = left < 1000 ? left : 1000;
            n = append_text(append_line(n, "1;", len + 3), "a\r\n");
        }
        n = append_text(n, "0\r\n\r\n");
        receive(answer, n, n, 1, &o);
        assert_int_equal(o.step, over != 0 ? HTTP_BAD : HTTP_END);
        assert_true(over == 0 || strcmp(o.rule, "more than 8192 bytes of header") == 0);
    }
}

/* -- numbers */

/* Reads the start of an answer; the reader knows then how many bytes must follow. */
static enum http_step begin(struct http_reader *r, const char *format, const char *number)
{
    struct http_piece piece;
    int n = sprintf(answer, format, number);

    *r = (struct http_reader){0};
    return http_next(r, answer, (size_t)n, false, &piece);
}

static void assert_number(const char *format, const char *number, unsigned base)
{
    struct http_reader r;
    char *end;

    errno = 0;
    uint64_t value = strtoull(number, &end, (int)base);
    bool good = errno == 0 && *end == '\0';
    enum http_step step = begin(&r, format, number);
    assert_int_equal(step == HTTP_BAD, !good);
    if (good)
        assert_true(r.left == value);
}

static void test_numbers_at_every_border(void **state)
{
    static const struct {
        const char *format;
        unsigned base;
    } kinds[] = {{CHUNKED "%s\r\n", 16}, {OK_HEAD "Content-Length: %s\r\n\r\n", 10}};
    char number[64];
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        for (unsigned digits = 1; digits < 24; digits++) {
            for (unsigned d = 0; d < kinds[i].base; d++) { /* 1000, 1999, 5555, 5000 ... */
                memset(number, "0123456789abcdef"[d], digits);
                number[digits] = '\0';
                assert_number(kinds[i].format, number, kinds[i].base);
                memset(number + 1, '0', digits - 1);
                assert_number(kinds[i].format, number, kinds[i].base);
                memset(number + 1, kinds[i].base == 16 ? 'F' : '9', digits - 1);
                assert_number(kinds[i].format, number, kinds[i].base);
            }
        }
        for (int64_t d = -40; d <= 40; d++) { /* up to and past 2^64, 2^63, 2^32 */
            static const uint64_t borders[] = {0, UINT64_C(1) << 63, UINT64_C(1) << 32};
            for (size_t b = 0; b < COUNT(borders); b++) {
                uint64_t value = borders[b] + (uint64_t)d;
                sprintf(number, kinds[i].base == 16 ? "%llx" : "%llu", (unsigned long long)value);
                assert_number(kinds[i].format, number, kinds[i].base);
            }
        }
    }
    for (unsigned last = 0; last < 10; last++) {
        sprintf(number, "1844674407370955161%u", last);
        assert_number(kinds[1].format, number, 10);
        sprintf(number, "000000000000018446744073709551615%u", last);
        assert_number(kinds[1].format, number, 10);
    }
}

/* Every text of two characters where a number must be. */
static void test_every_short_number(void **state)
{
    struct http_reader r;
    char number[3] = "";
    (void)state;
    for (unsigned a = 1; a < 256; a++) {
        for (unsigned b = 1; b < 256; b++) {
            char *end;
            number[0] = (char)a;
            number[1] = (char)b;
            size_t digits = strspn(number, "0123456789abcdefABCDEF");
            bool good = digits == 2 || (digits == 1 && strchr(" \t;", (int)b) != NULL);
            unsigned long value = strtoul(number, &end, 16);
            enum http_step step = begin(&r, CHUNKED "%s\r\n", number);
            assert_int_equal(step, good ? HTTP_MORE : HTTP_BAD);
            assert_true(!good || r.left == value);
            digits = strspn(number, "0123456789");
            good = digits == 2 || (digits == 1 && strchr(" \t", (int)b) != NULL) ||
                   (strchr(" \t", (int)a) != NULL && strspn(number + 1, "0123456789") == 1);
            value = strtoul(number, &end, 10);
            step = begin(&r, OK_HEAD "Content-Length:%s\r\n", number);
            assert_int_equal(step, good ? HTTP_MORE : HTTP_BAD);
            assert_true(!good || r.left == value);
        }
    }
}

/* A body of 2^64 - 1 bytes is read as far as it goes. */
static void test_largest_body(void **state)
{
    struct http_reader r;
    struct http_piece piece;
    (void)state;
    assert_int_equal(begin(&r, OK_HEAD "Content-Length: %s\r\n\r\n", "18446744073709551615"),
                     HTTP_MORE);
    assert_int_equal(http_next(&r, "abc", 3, false, &piece), HTTP_BODY);
    assert_int_equal(piece.n, 3);
    assert_true(r.left == UINT64_MAX - 3);
    assert_int_equal(http_next(&r, "", 0, true, &piece), HTTP_BAD);
    assert_string_equal(r.rule, MIDDLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_longest_lines),
        cmocka_unit_test(test_longest_header),
        cmocka_unit_test(test_extensions_have_a_limit),
        cmocka_unit_test(test_numbers_at_every_border),
        cmocka_unit_test(test_every_short_number),
        cmocka_unit_test(test_largest_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
