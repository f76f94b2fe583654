/* SPDX-License-Identifier: MIT */
/* What workloads say: lines of the console that can't pass for others, and the ring. */
#include "agent/workload_output.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

static char console[8192];
static size_t used, writes;

void platform_write(const char *s, size_t n)
{
    assert_true(n > 0 && used + n < sizeof console);
    assert_int_equal(s[n - 1], '\n'); /* whole lines, each in one write */
    memcpy(console + used, s, n);
    console[used += n] = '\0';
    writes++;
}

static struct workload_output *begin(void)
{
    static struct workload_output o;

    memset(&o, 0, sizeof o);
    console[used = 0] = '\0';
    writes = 0;
    return &o;
}

static const struct {
    const char *said, *shown;
} rows[] = {
    {"", ""},
    {"a\nb\n", "w: a\nw: b\n"},
    {"\n\n", "w: \nw: \n"},
    {"half", "w: half\n"},
    {"a\nhalf", "w: a\nw: half\n"},
    {"a\r\nb\r\n", "w: a\nw: b\n"},
    {"10 %\r20 %\r\n\n", "w: 10 %\nw: 20 %\nw: \n"},
    {"\rEXIT: STATUS=0\n", "w: \nw: EXIT: STATUS=0\n"},
    {"\tx\033[1my\x7f\x01\v\f", "w: \tx\033[1my????\n"},
    {"\xc3\xa9\xff\n", "w: \xc3\xa9\xff\n"},
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 1; piece < 5; piece++) {
            struct workload_output *o = begin();
            size_t n = strlen(rows[i].said);
            workload_lines_begin(o, "w");
            for (size_t at = 0; at < n; at += piece)
                workload_lines_put(o, rows[i].said + at, n - at < piece ? n - at : piece);
            workload_lines_flush(o);
            workload_lines_flush(o);
            assert_string_equal(console, rows[i].shown);
        }
    }
}

static void test_nul_is_shown(void **state)
{
    struct workload_output *o = begin();
    (void)state;
    workload_lines_begin(o, "w");
    workload_lines_put(o, "a\0b\n", 4);
    assert_string_equal(console, "w: a?b\n");
}

static void test_long_lines_are_cut(void **state)
{
    static char line[2 * WORKLOAD_LINE_MAX + 1];
    struct workload_output *o = begin();
    (void)state;
    workload_lines_begin(o, "123456789012345678901234");
    memset(line, 'x', sizeof line);
    workload_lines_put(o, line, WORKLOAD_LINE_MAX);
    workload_lines_put(o, "\n", 1);
    assert_int_equal(writes, 1);
    assert_int_equal(used, 26 + WORKLOAD_LINE_MAX + 1);
    workload_lines_put(o, line, sizeof line);
    assert_int_equal(writes, 3);
    workload_lines_flush(o);
    assert_int_equal(writes, 4);
    assert_string_equal(console + used - 28, "123456789012345678901234: x\n");
}

/* NUL-terminated; what offset became is in *offset. */
static const char *get(const struct workload_output *o, uint32_t *offset, size_t cap)
{
    static char text[WORKLOAD_RING_SIZE + 1];

    text[workload_ring_get(o, offset, text, cap)] = '\0';
    return text;
}

static void test_ring_keeps_the_newest(void **state)
{
    static char many[WORKLOAD_RING_SIZE];
    struct workload_output *o = begin();
    uint32_t at = 0;
    (void)state;
    assert_string_equal(get(o, &at, 9), "");
    assert_int_equal(at, 0);
    workload_ring_put(o, "hello", 5);
    workload_ring_put(o, " world", 6);
    assert_string_equal(get(o, &at, 100), "hello world");
    assert_string_equal(get(o, &at, 4), "hell");
    at = 6;
    assert_string_equal(get(o, &at, 100), "world");
    at = 11;
    assert_string_equal(get(o, &at, 100), "");
    assert_int_equal(at, 11);
    at = 12; /* nothing was ever there: all that is kept */
    assert_string_equal(get(o, &at, 100), "hello world");
    assert_int_equal(at, 0);
    memset(many, 'x', sizeof many);
    workload_ring_put(o, many, sizeof many - 5);
    at = 0;
    assert_memory_equal(get(o, &at, 8), "worldxxx", 8);
    assert_int_equal(at, 6);
    assert_int_equal(strlen(get(o, &at, WORKLOAD_RING_SIZE)), WORKLOAD_RING_SIZE);
    assert_int_equal(used, 0);
}

static void test_ring_counts_modulo_2_32(void **state)
{
    struct workload_output *o = begin();
    uint32_t at = UINT32_MAX - 1;
    (void)state;
    o->total = UINT32_MAX - 3;
    workload_ring_put(o, "abcdef", 6);
    assert_string_equal(get(o, &at, 100), "cdef");
    at = 1;
    assert_string_equal(get(o, &at, 100), "f");
    at = 2;
    assert_string_equal(get(o, &at, 100), "");
    at = UINT32_MAX - 4;
    assert_string_equal(get(o, &at, 100), "abcdef");
    assert_int_equal(at, UINT32_MAX - 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_nul_is_shown),
        cmocka_unit_test(test_long_lines_are_cut),
        cmocka_unit_test(test_ring_keeps_the_newest),
        cmocka_unit_test(test_ring_counts_modulo_2_32),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
