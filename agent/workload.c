/* SPDX-License-Identifier: MIT */
/* The application of mote on Linux: all workloads, from the guest's start to its power-off. */
#include "agent/workload.h"

#include "agent/app.h"
#include "agent/lifecycle.h"
#include "platform/platform.h"
#include "platform/process.h"

#include <stdio.h>

#define NS_PER_S UINT64_C(1000000000)

/* What may be said in a turn of the loop, so that no flood holds up an answer. */
#define TURN_BYTES_MAX 2048

/* From SIGTERM to SIGKILL, unless mote.grace says otherwise; then for the kernel. */
#define GRACE_DEFAULT_S 5
#define KILL_NS         (2 * NS_PER_S)

static struct workload workloads[WORKLOADS_MAX];
static unsigned count;
static int exit_status = EXIT_OK;

static enum { SERVING, TERMINATING, KILLING, STOPPED } stage;
static uint64_t stage_end;

const struct workload *workload_at(size_t i)
{
    return i < count ? &workloads[i] : NULL;
}

/* The guest lives as long as this one. */
static void follow(const struct workload *w, int status)
{
    char reason[HEALTH_NAME_MAX + HEALTH_ERROR_MAX + 3];

    if (!w->config.exit || lifecycle_state() == LIFECYCLE_SHUTDOWN)
        return;
    exit_status = status;
    if (w->error[0] != '\0')
        snprintf(reason, sizeof reason, "%s: %s", w->config.name, w->error);
    else
        snprintf(reason, sizeof reason, "%s: exit status %d", w->config.name, status);
    lifecycle_enter(LIFECYCLE_SHUTDOWN, reason);
}

void app_start(void)
{
    count = workload_load(workloads);
    for (unsigned i = 0; i < count; i++) {
        struct workload *w = &workloads[i];
        w->number = i;
        workload_begin(w, platform_now_ns());
        if (w->state == WORKLOAD_REFUSED)
            follow(w, PROCESS_CANNOT_RUN);
        else if (w->state == WORKLOAD_ENDED)
            follow(w, w->status);
    }
}

/* Goes on, in the next turn, with the one behind the last that was heard. */
static void listen(void)
{
    static unsigned next;
    size_t bytes = 0;

    for (unsigned i = 0; i < count && bytes < TURN_BYTES_MAX; i++) {
        next = next + 1 < count ? next + 1 : 0;
        bytes += workload_listen(&workloads[next]);
    }
}

static bool anything_left(void)
{
    for (unsigned i = 0; i < count; i++)
        if (workloads[i].state == WORKLOAD_RUNS || process_left(i))
            return true;
    return false;
}

static void signal_all(bool kill)
{
    for (unsigned i = 0; i < count; i++)
        process_signal(i, kill);
}

static uint64_t grace_ns(void)
{
    char text[16] = "";
    size_t len;
    uint32_t seconds;
    const char *option = platform_last_option("mote.grace", &len);

    if (option == NULL)
        return GRACE_DEFAULT_S * NS_PER_S;
    if (len < sizeof text)
        memcpy(text, option, len);
    if (workload_number(text, &seconds))
        return seconds * NS_PER_S;
    printf("mote: mote.grace=%.*s: not a number of seconds\n", (int)len, option);
    return GRACE_DEFAULT_S * NS_PER_S;
}

static void begin_stop(uint64_t now)
{
    for (unsigned i = 0; i < count; i++)
        workload_retire(&workloads[i]);
    signal_all(false);
    stage = TERMINATING;
    stage_end = now + grace_ns();
}

static void give_up(void)
{
    for (unsigned i = 0; i < count; i++)
        if (workloads[i].state == WORKLOAD_RUNS || process_left(i))
            printf("mote: %s does not end; it is left behind\n", workloads[i].config.name);
    stage = STOPPED;
}

static void go_on_stopping(uint64_t now)
{
    if (stage == STOPPED || now < stage_end)
        return;
    if (stage == KILLING) {
        give_up();
        return;
    }
    signal_all(true);
    stage = KILLING;
    stage_end = now + KILL_NS;
}

/* Every stage has an end: none of them can hold up the power-off. */
bool app_stopped(void)
{
    uint64_t now = platform_now_ns();

    if (stage == SERVING)
        begin_stop(now);
    if (!anything_left())
        stage = STOPPED;
    go_on_stopping(now);
    return stage == STOPPED;
}

int app_status(void)
{
    return exit_status;
}

/* On the way to power-off, app_stopped() is to be asked as soon as its answer is new. */
static uint64_t deadline(uint64_t now)
{
    uint64_t first = stage == SERVING ? UINT64_MAX : stage_end;

    if (stage == STOPPED)
        return UINT64_MAX;
    if (lifecycle_state() == LIFECYCLE_SHUTDOWN && (stage == SERVING || !anything_left()))
        return now;
    for (unsigned i = 0; i < count; i++)
        if (workloads[i].state == WORKLOAD_WAITS && workloads[i].again < first)
            first = workloads[i].again;
    return first;
}

uint64_t app_poll(uint64_t now)
{
    listen();
    for (unsigned i = 0; i < count; i++)
        if (workload_step(&workloads[i], now))
            follow(&workloads[i], workloads[i].status);
    return deadline(now);
}

void app_event(const struct endpoint_event *event)
{
    (void)event; /* it opened nothing */
}
