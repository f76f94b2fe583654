/* SPDX-License-Identifier: MIT */
/* One workload: from its start to its end for good. */
#include "agent/workload.h"

#include "platform/process.h"

#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)

/* Between an end and the next start: doubled each time, until it has run for its window. */
#define DELAY_MIN_NS UINT64_C(100000000)
#define DELAY_MAX_NS (10 * NS_PER_S)

/* What is taken at once, so that one that floods does not hold up the others. */
#define READ_SIZE 1024

_Static_assert(WORKLOADS_MAX <= PROCESSES_MAX, "each has a process");
_Static_assert(WORKLOAD_WORDS_MAX <= PROCESS_ENV_MAX, "no variable is left out");

static uint64_t window_ns(const struct workload *w)
{
    return w->config.window_s * NS_PER_S;
}

static void report(const struct workload *w)
{
    health_report(w->config.name, w->state == WORKLOAD_RUNS, w->config.name,
                  w->error[0] != '\0' ? w->error : NULL);
}

/* Whether the budget has a restart left; takes it. */
static bool take_restart(struct workload *w, uint64_t now)
{
    if (w->spent == 0 || now - w->window_begin > window_ns(w)) {
        w->window_begin = now;
        w->spent = 0;
    }
    if (w->spent >= w->config.budget)
        return false;
    w->spent++;
    return true;
}

static void wait_for_restart(struct workload *w, uint64_t now)
{
    if (w->delay == 0 || now - w->started > window_ns(w))
        w->delay = DELAY_MIN_NS;
    else
        w->delay = w->delay * 2 < DELAY_MAX_NS ? w->delay * 2 : DELAY_MAX_NS;
    w->state = WORKLOAD_WAITS;
    w->again = now + w->delay;
}

static bool wants_restart(const struct workload *w)
{
    return w->config.restart == WORKLOAD_RESTART_ALWAYS ||
           (w->config.restart == WORKLOAD_RESTART_ON_FAILURE && w->status != 0);
}

/* A clean end is no error, unless it was to run for ever. */
static void judge_end(struct workload *w, uint64_t now)
{
    const char *what_next = "";

    w->state = WORKLOAD_ENDED;
    if (wants_restart(w)) {
        if (take_restart(w, now))
            wait_for_restart(w, now);
        what_next = w->state == WORKLOAD_WAITS ? ", starts again" : ", budget used up";
    }
    if (w->status != 0 || (what_next[0] != '\0' && w->state == WORKLOAD_ENDED))
        snprintf(w->error, sizeof w->error, "exit status %d%s", w->status, what_next);
    printf("mote: %s: exit status %d%s\n", w->config.name, w->status, what_next);
}

static void end(struct workload *w, int status, uint64_t now)
{
    w->status = status;
    w->has_status = true;
    if (w->config.output == WORKLOAD_CONSOLE)
        workload_lines_flush(&w->output);
    judge_end(w, now);
    report(w);
}

static void start(struct workload *w, uint64_t now)
{
    const struct process_request request = {.command = w->config.command,
                                            .env = w->config.env,
                                            .dir = w->config.dir,
                                            .user = w->config.user};
    const char *fault;

    w->state = WORKLOAD_RUNS;
    w->started = now;
    w->error[0] = '\0';
    if (process_start(w->number, &request, &fault) == MOTE_OK) {
        report(w);
        return;
    }
    printf("mote: %s: cannot start: %s\n", w->config.name, fault);
    end(w, PROCESS_CANNOT_RUN, now);
}

void workload_begin(struct workload *w, uint64_t now)
{
    if (w->config.output == WORKLOAD_CONSOLE)
        workload_lines_begin(&w->output, w->config.name);
    if (w->state == WORKLOAD_REFUSED)
        report(w);
    else
        start(w, now);
}

size_t workload_listen(struct workload *w)
{
    char text[READ_SIZE];
    int n = process_read(w->number, text, sizeof text);

    if (w->config.output == WORKLOAD_RING)
        workload_ring_put(&w->output, text, n < 0 ? 0 : (size_t)n);
    else if (n >= 0)
        workload_lines_put(&w->output, text, (size_t)n);
    else
        workload_lines_flush(&w->output);
    return n < 0 ? 0 : (size_t)n;
}

/* What the last one left behind must not stand in the way of the next. */
static void start_again(struct workload *w, uint64_t now)
{
    process_signal(w->number, true);
    w->restarts++;
    start(w, now);
}

bool workload_step(struct workload *w, uint64_t now)
{
    enum workload_state before = w->state;
    int status;

    if (w->state == WORKLOAD_WAITS && now >= w->again)
        start_again(w, now);
    else if (w->state == WORKLOAD_RUNS && process_ended(w->number, &status))
        end(w, status, now);
    return w->state == WORKLOAD_ENDED && before != WORKLOAD_ENDED;
}

void workload_retire(struct workload *w)
{
    w->config.restart = WORKLOAD_RESTART_NO;
    if (w->state == WORKLOAD_WAITS)
        w->state = WORKLOAD_ENDED;
}
