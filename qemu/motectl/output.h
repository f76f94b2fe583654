/* SPDX-License-Identifier: MIT */
/*
 * What motectl says and how it ends: the exit codes, the one failure text that
 * main prints, and text of the guest made safe for a terminal. Errors go to
 * standard error, everything else to standard output.
 */
#ifndef MOTECTL_OUTPUT_H
#define MOTECTL_OUTPUT_H

#include "proto/text.h"

/* Exit codes, as coreutils' timeout uses them where they overlap. */
enum status {
    STATUS_OK = 0,
    STATUS_REFUSED = 1,   /* the guest said no */
    STATUS_TIMEOUT = 124, /* no answer in time */
    STATUS_FAILED = 125,  /* motectl itself: usage, connecting, files, unexpected answers */
};

/* The longest failure text; what a guest sends beyond it is cut. */
#define FAILURE_MAX 1024

/* Records why, for failure(), and returns status. Prints nothing: a retry may follow. */
enum status fail(enum status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text of the last fail(), one line, without control characters. */
const char *failure(void);

/* Decodes t into dst as a C string without control characters; cut to fit in cap. */
const char *printable(struct text t, char *dst, size_t cap);

/* Prints an answer's line as it came. */
void print_line(const char *line, size_t len);

#endif
