/* SPDX-License-Identifier: MIT */
/*
 * What the first process of a small Linux does, whatever it is for: it makes its console and
 * loads its modules first, and powers the machine off when all is done or something fails.
 */
#ifndef TESTS_LINUX_INIT_H
#define TESTS_LINUX_INIT_H

/* Mounts /dev, opens the console as standard input and output, loads what /modules names. */
void init_begin(void);

/* Powers the machine off. */
_Noreturn void power_off(void);

/* Says what failed and why (errno), and powers off. */
_Noreturn void fail(const char *what);

#endif
