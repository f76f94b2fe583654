/* SPDX-License-Identifier: MIT */
/*
 * The failure text and printing. What comes from a guest is printed only after its
 * control characters are taken out: a guest must not drive the user's terminal.
 * --json and raw are the exceptions, they show the bytes as they came.
 */
#include "qemu/motectl/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static char failure_text[FAILURE_MAX];

/* The bytes of the control character at s, 0 if there is none. C1 controls (U+0080 to
 * U+009F, two bytes) count too: some terminals obey them. */
static size_t control_length(const unsigned char *s)
{
    if (s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
        return 2;
    return s[0] < 0x20 || s[0] == 0x7f ? 1 : 0;
}

static void remove_controls(char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        size_t n = control_length((const unsigned char *)text + i);

        memset(text + i, '?', n);
    }
}

enum status fail(enum status status, const char *format, ...)
{
    char text[FAILURE_MAX]; /* because an argument may be the last failure's text */
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    remove_controls(text);
    memcpy(failure_text, text, sizeof(text));
    return status;
}

const char *failure(void)
{
    return failure_text;
}

const char *printable(struct text t, char *dst, size_t cap)
{
    size_t n = text_copy(t, dst, cap - 1);

    dst[n] = '\0';
    for (size_t i = 0; i < n; i++)
        if (dst[i] == '\0')
            dst[i] = '?';
    remove_controls(dst);
    return dst;
}

void print_line(const char *line, size_t len)
{
    fwrite(line, 1, len, stdout);
    putchar('\n');
}
