/* SPDX-License-Identifier: MIT */
/* Numbers on the command line. */
#ifndef AGENT_NUMBER_H
#define AGENT_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads the n bytes at s, decimal digits and nothing else, at least one. False: they are none,
 * or the number has more than 32 bits. */
bool number_parse(const char *s, size_t n, uint32_t *value);

#endif
