/* SPDX-License-Identifier: MIT */
/*
 * Words of arbitrary bytes with limits of any size: all memory is exact, lines join to the
 * whole text, and words that are quoted again split into the same words.
 */
#include "agent/words.h"
#include "tests/fuzz/fuzz.h"

#define MAX_LIMIT 16

/* Words of one line; all memory is the caller's to free(). */
static struct words make(size_t max, size_t room)
{
    return (struct words){.list = exact(NULL, (max + 1) * sizeof(char *)),
                          .text = exact(NULL, room),
                          .max = max,
                          .room = room};
}

static void drop(struct words *w)
{
    free((void *)w->list);
    free(w->text);
}

static void check_fault(const struct words *w, const char *s, size_t taken)
{
    char text[64];
    struct out o = out_to(text, sizeof text);

    words_describe(w, &o);
    CHECK(!o.overflow && (o.len != 0) == (w->fault != WORDS_OK));
    CHECK(w->fault_at <= taken);
    if (w->fault == WORDS_UNFINISHED)
        CHECK(s[w->fault_at] == '\'' || s[w->fault_at] == '"');
    if (w->fault == WORDS_NUL)
        CHECK(s[w->fault_at] == '\0');
}

static void check_words(const struct words *w)
{
    size_t used = 0;

    CHECK(w->count <= w->max && w->used <= w->room && w->list[w->count] == NULL);
    for (size_t i = 0; w->fault == WORDS_OK && i < w->count; i++) {
        CHECK(w->list[i] == w->text + used);
        used += strlen(w->list[i]) + 1;
    }
    CHECK(w->fault != WORDS_OK || used == w->used);
}

/* A word that no shell would change; returns its end. */
static char *quote(char *at, const char *word)
{
    *at++ = '\'';
    for (; *word != '\0'; word++) {
        if (*word == '\'')
            at = (char *)memcpy(at, "'\\'", 3) + 3;
        *at++ = *word;
    }
    *at++ = '\'';
    *at++ = ' ';
    return at;
}

static void check_again(const struct words *w)
{
    char *line = exact(NULL, 4 * w->used + 3 * w->count), *end = line;
    struct words again = make(w->max, w->room);

    for (size_t i = 0; i < w->count; i++)
        end = quote(end, w->list[i]);
    CHECK(words_take(&again, line, (size_t)(end - line)) == (size_t)(end - line));
    CHECK(again.fault == WORDS_OK && again.count == w->count && again.used == w->used);
    CHECK(memcmp(again.text, w->text, w->used) == 0);
    free(line);
    drop(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size};
    size_t max = take8(&in) % MAX_LIMIT, room = take8(&in);
    char *s = exact(in.at, in.left);

    for (size_t at = 0, n; at < in.left; at += n) {
        struct words w = make(max, room);
        n = words_take(&w, s + at, in.left - at);
        CHECK(n != 0 && n <= in.left - at);
        check_fault(&w, s + at, n);
        check_words(&w);
        if (w.fault == WORDS_OK)
            check_again(&w);
        drop(&w);
    }
    free(s);
    return 0;
}
