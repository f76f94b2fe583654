/* SPDX-License-Identifier: MIT */
#include "agent/words.h"

/* What is left of the text, and the words so far. */
struct cursor {
    struct words *w;
    const char *start, *at, *end;
    bool in_word;
};

/* The first fault counts; what is behind it is only looked at for the line's end. */
static void fail(struct cursor *c, enum words_fault fault, const char *where)
{
    if (c->w->fault != WORDS_OK)
        return;
    c->w->fault = fault;
    c->w->fault_at = (size_t)(where - c->start);
}

static void put(struct cursor *c, char byte)
{
    if (c->w->used == c->w->room)
        fail(c, WORDS_TOO_LONG, c->at);
    if (c->w->fault == WORDS_OK)
        c->w->text[c->w->used++] = byte;
}

static void begin_word(struct cursor *c)
{
    if (c->in_word)
        return;
    c->in_word = true;
    if (c->w->count == c->w->max)
        fail(c, WORDS_TOO_MANY, c->at);
    if (c->w->fault == WORDS_OK)
        c->w->list[c->w->count++] = c->w->text + c->w->used;
}

static void end_word(struct cursor *c)
{
    if (c->in_word)
        put(c, '\0');
    c->in_word = false;
}

/* A byte that means itself; one that is NUL would end its word. */
static void take_byte(struct cursor *c)
{
    if (*c->at == '\0')
        fail(c, WORDS_NUL, c->at);
    put(c, *c->at);
    c->at++;
}

/* A backslash with what it quotes; all but the bytes of quotable leave it as it is (NULL: it
 * quotes any). At the end of the text it is a backslash. */
static void take_escape(struct cursor *c, const char *quotable)
{
    const char *next = c->at + 1;

    if (next < c->end && *next == '\n') {
        c->at += 2;
        return;
    }
    begin_word(c);
    if (next < c->end && (quotable == NULL || (*next != '\0' && strchr(quotable, *next) != NULL)))
        c->at++;
    take_byte(c);
}

static void take_quoted(struct cursor *c)
{
    const char *opened = c->at;
    char quote = *opened;

    begin_word(c);
    c->at++;
    while (c->at < c->end && *c->at != quote) {
        if (quote == '"' && *c->at == '\\')
            take_escape(c, "$`\"\\");
        else
            take_byte(c);
    }
    if (c->at == c->end)
        fail(c, WORDS_UNFINISHED, opened);
    else
        c->at++;
}

static void take_comment(struct cursor *c)
{
    while (c->at < c->end && *c->at != '\n')
        c->at++;
}

/* Takes what begins here, but for the newline that ends the line. */
static void take_next(struct cursor *c)
{
    switch (*c->at) {
    case ' ':
    case '\t':
        end_word(c);
        c->at++;
        return;
    case '\'':
    case '"':
        take_quoted(c);
        return;
    case '\\':
        take_escape(c, NULL);
        return;
    case '#':
        if (!c->in_word) {
            take_comment(c);
            return;
        }
        break;
    }
    begin_word(c);
    take_byte(c);
}

size_t words_take(struct words *w, const char *s, size_t len)
{
    struct cursor c = {.w = w, .start = s, .at = s, .end = s + len};

    w->count = w->used = w->fault_at = 0;
    w->fault = WORDS_OK;
    while (c.at < c.end && *c.at != '\n')
        take_next(&c);
    end_word(&c);
    w->list[w->count] = NULL;
    return (size_t)(c.at - s) + (c.at < c.end ? 1 : 0);
}

void words_describe(const struct words *w, struct out *o)
{
    static const char *const texts[] = {
        [WORDS_OK] = "",
        [WORDS_UNFINISHED] = "a quote that is not closed",
        [WORDS_NUL] = "a NUL byte",
    };

    if (w->fault == WORDS_TOO_MANY || w->fault == WORDS_TOO_LONG) {
        bool many = w->fault == WORDS_TOO_MANY;
        out_str(o, "more than ");
        out_u64(o, many ? w->max : w->room);
        out_str(o, many ? " words" : " bytes of words");
        return;
    }
    out_str(o, texts[w->fault]);
}
