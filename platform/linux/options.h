/* SPDX-License-Identifier: MIT */
/*
 * Options, the same in each of mote's lives: words mote.KEY=VALUE of the kernel's command line
 * for PID 1, `--KEY VALUE` for a service. platform_option() reads both.
 */
#ifndef PLATFORM_LINUX_OPTIONS_H
#define PLATFORM_LINUX_OPTIONS_H

#include <stddef.h>

/* Twice what x86 keeps of a command line, and what every other architecture has. */
#define OPTIONS_TEXT_MAX 4095

/* Takes n bytes of a command line, any, at most OPTIONS_TEXT_MAX, in the place of what there was:
 * words as the kernel has them, each ended by a blank. One that is not is none; a NUL cuts one. */
void options_from_text(const char *text, size_t n);

/* Takes the kernel's command line; says which of its mote.* words nobody knows. */
void options_from_kernel(void);

/* Takes a program's arguments. 0, or -1 after having said what is wrong with them. */
int options_from_arguments(char *const *words);

/* Prints them, one a line. */
void options_print(void);

#endif
