/* SPDX-License-Identifier: MIT */
/*
 * Splits text into words as a POSIX shell does (XCU 2.2, 2.3): blanks separate; '...' is
 * literal; in "..." a backslash quotes only $, `, ", \ and a newline; outside of quotes it
 * quotes what follows; a newline in quotes is kept, one behind a backslash is not there; # at
 * the start of a word begins a comment. Nothing is expanded, and no character is an operator.
 */
#ifndef AGENT_WORDS_H
#define AGENT_WORDS_H

#include "proto/text.h"

enum words_fault {
    WORDS_OK,
    WORDS_UNFINISHED, /* a quote that is not closed */
    WORDS_TOO_MANY,   /* more than max words */
    WORDS_TOO_LONG,   /* more than room bytes */
    WORDS_NUL,        /* a byte that no word can hold */
};

struct words {
    /* The caller's memory. */
    const char **list; /* room for max words and a NULL behind them */
    char *text;        /* the words, each with its NUL */
    size_t max;
    size_t room; /* bytes at text */
    /* What words_take() found. */
    size_t count;
    size_t used; /* bytes at text */
    enum words_fault fault;
    size_t fault_at; /* where in s; a quote that is not closed: where it was opened */
};

/*
 * Takes the first line off s (len bytes, any) and splits it. Returns the bytes that it had,
 * with its newline; everything, when a quote is not closed. count is 0 for an empty line; on
 * a fault nothing of the list may be used.
 */
size_t words_take(struct words *w, const char *s, size_t len);

/* Says what is wrong: "more than 128 words". */
void words_describe(const struct words *w, struct out *o);

#endif
