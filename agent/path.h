/* SPDX-License-Identifier: MIT */
/* Where in the guest a host may put something. */
#ifndef AGENT_PATH_H
#define AGENT_PATH_H

#include <stdbool.h>
#include <stddef.h>

/* Removes ".", "..", doubled and trailing slashes of an absolute path of n bytes, in place; how
 * many are left. There must be room for one byte. */
size_t path_clean(char *path, size_t n);

/* Whether a clean path lies neither at nor below a directory of the system (/nix, /etc, /bin,
 * /boot, /dev, /proc, /sys, /run), nor is the root. */
bool path_is_allowed(const char *path, size_t n);

/* Whether one of its parts is "..". */
bool path_goes_up(const char *path, size_t n);

#endif
