/* SPDX-License-Identifier: MIT */
/* The serial line of platform/serial.h by its name, before it is opened for use. */
#ifndef PLATFORM_LINUX_LINE_H
#define PLATFORM_LINUX_LINE_H

#include "proto/text.h"

#define LINE_PATH_MAX 128

/* A terminal of /dev, or by an absolute path, without waiting for it: an fd, or -errno. */
long line_open(struct bytes name);

/* Whether fd is the same terminal, under whatever name it was opened. */
bool line_is(struct bytes name, int fd);

#endif
