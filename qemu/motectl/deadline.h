/* SPDX-License-Identifier: MIT */
/*
 * Reading, writing and sleeping until a moment of the monotonic clock, on
 * non-blocking descriptors. Interrupted calls go on; partial ones are completed.
 * Errors are negative errno values, -ETIMEDOUT when the moment has passed.
 */
#ifndef MOTECTL_DEADLINE_H
#define MOTECTL_DEADLINE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MS_NS     INT64_C(1000000)
#define SECOND_NS (1000 * MS_NS)

/* Nanoseconds of the monotonic clock; a deadline is one of these. */
int64_t clock_now(void);

/* The earlier of a deadline and so many nanoseconds from now. */
int64_t deadline_within(int64_t deadline, int64_t ns);

void sleep_ns(int64_t ns);

/* Waits for events (as for poll) on fd. 0, or a negative error. */
int wait_for(int fd, short events, int64_t deadline);

/* Sends all n bytes. 0, or a negative error. */
int send_all(int fd, const char *bytes, size_t n, int64_t deadline);

/* Receives 1 to n bytes. The count, 0 at the end of the stream, or a negative error. */
ssize_t receive_some(int fd, char *dst, size_t n, int64_t deadline);

#endif
