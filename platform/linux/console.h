/* SPDX-License-Identifier: MIT */
/* Where platform_write() and printf() go: by default to the standard output. */
#ifndef PLATFORM_LINUX_CONSOLE_H
#define PLATFORM_LINUX_CONSOLE_H

/* Opens the machine's console as standard input, output and error, as PID 1 needs it; where
 * there is none, or it is the line of mote.bandsox=, the kernel's log, and where that can't be
 * had, nothing. Says which, or NULL. */
const char *console_open(void);

/* Writes to fd from now on; -1: nothing is written. */
void console_use(int fd);

/* Writes nothing any more if what is written to is the line of mote.bandsox=. */
void console_leave_line(void);

#endif
