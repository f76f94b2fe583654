/* SPDX-License-Identifier: MIT */
/*
 * Programs that run on behalf of the user: the application of mote on Linux (agent/app.h). What
 * is shared by its files; how one goes on is decided here, what a process is by
 * platform/process.h.
 */
#ifndef AGENT_WORKLOAD_H
#define AGENT_WORKLOAD_H

#include "agent/workload_config.h"
#include "agent/workload_output.h"

#define WORKLOADS_MAX HEALTH_AGENTS_MAX

enum workload_state {
    WORKLOAD_NEW,
    WORKLOAD_REFUSED, /* its line is wrong: never started */
    WORKLOAD_RUNS,
    WORKLOAD_WAITS, /* to be started again */
    WORKLOAD_ENDED, /* for good */
};

struct workload {
    struct workload_config config;
    struct workload_output output;
    unsigned number; /* of its process */
    enum workload_state state;
    bool has_status; /* it has ended once, with status */
    int status;
    uint32_t restarts;
    uint32_t spent;                   /* restarts since window_begin */
    uint64_t started, again;          /* platform_now_ns() times: the last start, the next */
    uint64_t window_begin, delay;     /* ns */
    char error[HEALTH_ERROR_MAX + 1]; /* empty: none */
};

/*
 * Fills list with what the options mote.run and the file of mote.workloads say; how many there
 * are. What is wrong is said on the console, and the workload is WORKLOAD_REFUSED.
 */
unsigned workload_load(struct workload list[WORKLOADS_MAX]);

/* Starts one that was loaded; tells health about it, also when it is refused. */
void workload_begin(struct workload *w, uint64_t now);

/* Takes what it has written now; how many bytes. */
size_t workload_listen(struct workload *w);

/* Sees whether it has ended and starts it again when it is time to. True: it has ended for good
 * just now. */
bool workload_step(struct workload *w, uint64_t now);

/* It is not started any more. */
void workload_retire(struct workload *w);

/* Number i, or NULL behind the last. */
const struct workload *workload_at(size_t i);

#endif
