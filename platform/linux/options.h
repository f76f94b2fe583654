/* SPDX-License-Identifier: MIT */
/*
 * Options, the same in each of mote's lives: words mote.KEY=VALUE of the kernel's command line
 * for PID 1, `--KEY VALUE` for a service. platform_option() reads both.
 */
#ifndef PLATFORM_LINUX_OPTIONS_H
#define PLATFORM_LINUX_OPTIONS_H

/* Takes the kernel's command line; says which of its mote.* words nobody knows. */
void options_from_kernel(void);

/* Takes a program's arguments. 0, or -1 after having said what is wrong with them. */
int options_from_arguments(char *const *words);

/* Prints them, one a line. */
void options_print(void);

#endif
