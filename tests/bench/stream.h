/* SPDX-License-Identifier: MIT */
/* What the clients of the benchmarks share: unix sockets, a clock, and the times of many turns. */
#ifndef BENCH_STREAM_H
#define BENCH_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_S   UINT64_C(1000000000)
#define PATIENCE_S 60 /* for any answer: who is silent for so long has failed */

/* Of the monotonic clock. */
uint64_t now_ns(void);

/* A connection to the unix socket at path on which receiving waits for so many seconds at most;
 * -1 when there is none. */
int stream_connect(const char *path, int seconds);

/* All of the n bytes, or false. */
bool stream_send(int fd, const void *data, size_t n);
bool stream_receive(int fd, void *data, size_t n);

/* Sends request and expects answer, both strings; false when anything else comes. */
bool stream_ask(int fd, const char *request, const char *answer);

/* Does so n times, n > 0, and prints what it took: min_ns, p50_ns and p99_ns. False: not at all. */
bool stream_time(int fd, const char *request, const char *answer, uint64_t n);

#endif
