/* SPDX-License-Identifier: MIT */
/* picolibc's standard output: the console. A new line starts at the left. */
#include "platform/platform.h"

#include <stdio.h>

static int put(char c, FILE *f)
{
    (void)f;
    if (c == '\n')
        platform_write("\r\n", 2);
    else
        platform_write(&c, 1);
    return 0;
}

static FILE console = FDEV_SETUP_STREAM(put, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdout = &console;
FILE *const stderr = &console;
