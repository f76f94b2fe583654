/* SPDX-License-Identifier: MIT */
/*
 * picolibc's standard output: the console, line by line. One write for each, so that what the
 * kernel prints does not end in the middle of one, and the kernel's log, which makes a record
 * of each write, can serve, too.
 */
#include "platform/platform.h"

#include <stdio.h>

/* Longer lines are written in pieces. */
#define LINE_MAX 256

static char line[LINE_MAX];
static size_t used;

static int put(char c, FILE *f)
{
    (void)f;
    line[used++] = c;
    if (c == '\n' || used == sizeof line) {
        platform_write(line, used);
        used = 0;
    }
    return 0;
}

static FILE stream = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &stream;
FILE *const stderr = &stream;
