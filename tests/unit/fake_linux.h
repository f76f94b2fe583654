/* SPDX-License-Identifier: MIT */
/* What of Linux' platform its unit tests set: options, which life this is, the time; and a place
 * on the disk to do harm in. */
#ifndef TESTS_UNIT_FAKE_LINUX_H
#define TESTS_UNIT_FAKE_LINUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Gives mote.KEY a value, which is copied; of two options of one key the last counts. */
void fake_option(const char *key, const char *value);

/* Forgets all options. */
void fake_no_options(void);

/* What life_is_init() returns. */
extern bool fake_is_init;

/* What platform_now_ns() returns, and how much later it is after each look. */
extern uint64_t fake_time, fake_time_step;

/* An empty directory below build/, the working directory from now on; its path is absolute. */
const char *fake_enter_directory(void);

/* Removes it and all that is in it. */
void fake_leave_directory(void);

/* Whether this process can mount: it has a mount namespace of its own then. Says why not. */
bool fake_may_mount(void);

/* Whether this process is really root, who gives files away. Says so if not. */
bool fake_is_root(void);

/* Writes a file of that content; reads one (NUL-terminated, static); its mode and type as stat(2)
 * gives them, of a link itself, 0 when there is nothing. */
void fake_write(const char *path, const char *content);
const char *fake_read(const char *path);
unsigned fake_mode(const char *path);

/* Names in a directory, dot-files with them. */
size_t fake_count(const char *path);

#endif
