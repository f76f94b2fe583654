/* SPDX-License-Identifier: MIT */
/*
 * The kernel's command line, of any bytes: its words are those that a simple splitter finds, and
 * platform_option() gives of each key every value, in order.
 */
#include "tests/fuzz/fuzz.h"

/* Its words are looked at. */
#include "platform/linux/options.c"

#define KEYS 16 /* that are looked for: those of the first words */

/* A word as the line has it. */
struct span {
    const uint8_t *s;
    size_t n;
};

/* The next word: up to a blank with an even number of quotes in front of it. *s goes behind it;
 * false: there is none that ends. */
static bool next_span(const uint8_t **s, const uint8_t *end, struct span *span)
{
    size_t quotes = 0;

    span->s = *s;
    for (const uint8_t *at = *s; at < end; at++) {
        quotes += *at == '"';
        if (quotes % 2 == 0 && (*at == ' ' || *at == '\t' || *at == '\n')) {
            span->n = (size_t)(at - *s);
            *s = at + 1;
            return true;
        }
    }
    return false;
}

/* Where the value's quote would be: behind the first '=' that is not the word's beginning. */
static size_t value_of(struct span span, size_t from)
{
    for (size_t i = from + 1; i < span.n; i++)
        if (span.s[i] == '=')
            return i + 1;
    return span.n;
}

/* Writes the word up to a NUL, but for the quotes that begin it, or its value, and the one that
 * ends what they begin. */
static void strip(struct span span, char *dst)
{
    bool first = span.n > 0 && span.s[0] == '"';
    size_t value = value_of(span, first), last = span.n - 1;
    bool second = value < span.n && span.s[value] == '"';
    bool closed = (first && last > 0) || (second && last > value);

    for (size_t i = 0; i < span.n && span.s[i] != '\0'; i++) {
        bool drops = (first && i == 0) || (second && i == value) || (closed && i == last);
        if (!drops || span.s[i] != '"')
            *dst++ = (char)span.s[i];
    }
    *dst = '\0';
}

/* All words that are not empty, each with its NUL, and an empty one behind them. */
static char *split(const uint8_t *s, size_t n)
{
    char *all = exact(NULL, n + 1), *dst = all;
    const uint8_t *end = s + n;
    struct span span;

    while (next_span(&s, end, &span)) {
        strip(span, dst);
        dst += *dst != '\0' ? strlen(dst) + 1 : 0;
    }
    *dst = '\0';
    return all;
}

/* Whether the option of this key behind after is the one whose word is wanted (empty: none). */
static const char *check_next(const char *key, const char *after, const char *wanted)
{
    size_t len = 0;
    const char *value = platform_option(key, after, &len);

    CHECK((value == NULL) == (*wanted == '\0'));
    if (value != NULL) {
        CHECK(value >= words && value + len < words + sizeof words && value[len] == '\0');
        CHECK(strlen(value) == len && strcmp(value, wanted + strlen(key) + 1) == 0);
    }
    return value;
}

static void check_key(const char *all, const char *key)
{
    size_t n = strlen(key);
    const char *value = NULL;

    for (; *all != '\0'; all += strlen(all) + 1)
        if (strlen(all) > n && memcmp(all, key, n) == 0 && all[n] == '=')
            value = check_next(key, value, all);
    check_next(key, value, all);
}

static void check_all(const char *all)
{
    const char *ours = words, *theirs = all;

    for (; *theirs != '\0'; ours += strlen(ours) + 1, theirs += strlen(theirs) + 1)
        CHECK(strcmp(ours, theirs) == 0);
    CHECK(*ours == '\0');
    theirs = all;
    for (int i = 0; i < KEYS && *theirs != '\0'; i++, theirs += strlen(theirs) + 1) {
        char *key = exact(theirs, strlen(theirs) + 1);
        key[strcspn(key, "=")] = '\0';
        check_key(all, key);
        free(key);
    }
    check_key(all, "mote.run");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n = size < OPTIONS_TEXT_MAX ? size : OPTIONS_TEXT_MAX;
    char *all = split(data, n), *text = exact(data, n);

    memset(words, '!', sizeof words); /* what was there does not count */
    options_from_text(text, n);
    check_all(all);
    free(text);
    free(all);
    return 0;
}
