/* SPDX-License-Identifier: MIT */
/* Words as a POSIX shell splits them, the end of lines, and every limit. */
#include "agent/words.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define WORDS_MAX 4
#define TEXT_MAX  24

static char found[256];

/* Splits the first line of n bytes of s; found is its words, each in <>. */
static struct words split(const char *s, size_t n, size_t *taken)
{
    const char *list[WORDS_MAX + 1];
    /* Copies of exactly that size: what passes their end is caught. */
    char *exact = test_malloc(n != 0 ? n : 1), *text = test_malloc(TEXT_MAX);
    struct words w = {.list = list, .text = text, .max = WORDS_MAX, .room = TEXT_MAX};
    char *at = found;

    memcpy(exact, s, n);
    *taken = words_take(&w, exact, n);
    assert_null(list[w.count]);
    *at = '\0';
    for (size_t i = 0; w.fault == WORDS_OK && i < w.count; i++)
        at += sprintf(at, "<%s>", list[i]);
    test_free(exact);
    test_free(text);
    return w;
}

static const struct {
    const char *line, *words;
} rows[] = {
    {"", ""},
    {" \t ", ""},
    {"a", "<a>"},
    {" a\tb  c ", "<a><b><c>"},
    {"name=web sh -c 'exit 7'", "<name=web><sh><-c><exit 7>"},
    {"'a b' \"c d\" e\\ f", "<a b><c d><e f>"},
    {"'' \"\"", "<><>"},
    {"a''b\"\"c", "<abc>"},
    {"a'b c'\"d e\"f\\ g", "<ab cd ef g>"},
    {"'a\\b' '\"' '$`'", "<a\\b><\"><$`>"},
    {"'it'\\''s'", "<it's>"},
    {"\"\\\" \\\\ \\$ \\`\"", "<\" \\ $ `>"},
    {"\"\\a\\'\\ \"", "<\\a\\'\\ >"},
    {"\"it's\"", "<it's>"},
    {"\\a\\\"\\'\\\\\\$\\#", "<a\"'\\$#>"},
    {"'a\nb' \"c\nd\"", "<a\nb><c\nd>"},
    {"a\\\nb", "<ab>"},
    {"a \\\n b", "<a><b>"},
    {"\\\n", ""},
    {"\"a\\\nb\"", "<ab>"},
    {"'a\\\nb'", "<a\\\nb>"},
    {"a\\", "<a\\>"},
    {"\\", "<\\>"},
    {"# a 'b", ""},
    {" # a", ""},
    {"a # b", "<a>"},
    {"a#b", "<a#b>"},
    {"''#b", "<#b>"},
    {"'#' \\# \"#\"", "<#><#><#>"},
    {"$HOME * ~ ;", "<$HOME><*><~><;>"},
    {"a;b|c>d<e&(f)", "<a;b|c>d<e&(f)>"},
    {"\r\v\xff", "<\r\v\xff>"},
};

static void test_rows(void **state)
{
    size_t taken;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct words w = split(rows[i].line, strlen(rows[i].line), &taken);
        assert_int_equal(w.fault, WORDS_OK);
        assert_string_equal(found, rows[i].words);
        assert_int_equal(taken, strlen(rows[i].line));
    }
}

static const struct {
    const char *text;
    size_t taken;
} lines[] = {
    {"a b\nc", 4},
    {"\na", 1},
    {"'a\nb'\nc", 6},
    {"a\\\nb\nc", 5},
    {"# 'a\nb", 5},
    {"a # \\\nb", 6},
    {"a 'b\n\n' \"\n\"\n'", 12},
    {"a b c d e 'x\n'\nf", 15},
    {"a\\\\\nb", 4},
};

static void test_line_ends_outside_of_quotes(void **state)
{
    size_t taken;
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        split(lines[i].text, strlen(lines[i].text), &taken);
        assert_int_equal(taken, lines[i].taken);
    }
}

static const struct {
    const char *line;
    size_t len, at;
    enum words_fault fault;
    const char *said;
} faults[] = {
    {"a 'b", 4, 2, WORDS_UNFINISHED, "a quote that is not closed"},
    {"a\"b\nc", 5, 1, WORDS_UNFINISHED, "a quote that is not closed"},
    {"\"a\\\"", 4, 0, WORDS_UNFINISHED, "a quote that is not closed"},
    {"'", 1, 0, WORDS_UNFINISHED, "a quote that is not closed"},
    {"a b c d e", 9, 8, WORDS_TOO_MANY, "more than 4 words"},
    {"a b c d ''", 10, 8, WORDS_TOO_MANY, "more than 4 words"},
    {"123456789 123456789 1234", 24, 24, WORDS_TOO_LONG, "more than 24 bytes of words"},
    {"123456789 123456789 12345", 25, 24, WORDS_TOO_LONG, "more than 24 bytes of words"},
    {"a\0b", 3, 1, WORDS_NUL, "a NUL byte"},
    {"'\0'", 3, 1, WORDS_NUL, "a NUL byte"},
    {"\"\\\0\"", 4, 2, WORDS_NUL, "a NUL byte"},
    {"\\\0", 2, 1, WORDS_NUL, "a NUL byte"},
};

static void test_faults(void **state)
{
    char text[64];
    size_t taken;
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct out o = out_to(text, sizeof text - 1);
        struct words w = split(faults[i].line, faults[i].len, &taken);
        words_describe(&w, &o);
        text[o.len] = '\0';
        assert_int_equal(w.fault, faults[i].fault);
        assert_string_equal(text, faults[i].said);
        assert_int_equal(w.fault_at, faults[i].at);
        assert_int_equal(taken, faults[i].len);
    }
}

/* As many words, and as many bytes, as there is room for. */
static void test_limits_themselves_fit(void **state)
{
    size_t taken;
    (void)state;
    assert_int_equal(split("a b c d", 7, &taken).fault, WORDS_OK);
    assert_int_equal(split("a b c d # e", 11, &taken).count, WORDS_MAX);
    struct words w = split("123456789 123456789 123", 23, &taken);
    assert_int_equal(w.fault, WORDS_OK);
    assert_int_equal(w.used, TEXT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_line_ends_outside_of_quotes),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_limits_themselves_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
