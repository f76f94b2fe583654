/* SPDX-License-Identifier: MIT */
/* What a workload says: whole lines on the console, or the newest bytes in a ring. Pure memory. */
#ifndef AGENT_WORKLOAD_OUTPUT_H
#define AGENT_WORKLOAD_OUTPUT_H

#include "agent/health.h"

/* Text of a line of the console; longer lines become several. */
#define WORKLOAD_LINE_MAX 1024
/* Bytes that a ring keeps: some screens of text. */
#define WORKLOAD_RING_SIZE 16384

struct workload_output {
    size_t prefix; /* bytes of "NAME: " */
    size_t used;   /* bytes in line, that included */
    bool after_cr;
    uint32_t total; /* bytes that ever came into the ring, modulo 2^32 */
    uint32_t kept;
    union {
        char line[HEALTH_NAME_MAX + 2 + WORKLOAD_LINE_MAX + 1];
        char ring[WORKLOAD_RING_SIZE];
    };
};

/* A console's; a ring's begins as zeros. */
void workload_lines_begin(struct workload_output *o, const char *name);

/*
 * Says text on the console, each line with the name in front: nothing that a workload writes can
 * pass for a line of mote's own. LF, CR and both together end a line; other control characters
 * than tab and escape are shown as '?'. What has no end yet waits for it.
 */
void workload_lines_put(struct workload_output *o, const char *s, size_t n);

/* Ends a line that is unfinished. */
void workload_lines_flush(struct workload_output *o);

/* Keeps text, in the place of the oldest. */
void workload_ring_put(struct workload_output *o, const char *s, size_t n);

/* Copies up to cap bytes from *offset on, or from the oldest that is kept when that is not;
 * *offset is where they were. Returns how many. */
size_t workload_ring_get(const struct workload_output *o, uint32_t *offset, char *dst, size_t cap);

#endif
