/* SPDX-License-Identifier: MIT */
/*
 * Workloads on a fake clock, with processes that do what a test says. The code of the agent is
 * included for its state.
 */
#ifndef TESTS_UNIT_WORKLOADS_H
#define TESTS_UNIT_WORKLOADS_H

#include "agent/lifecycle.c"
#define find find_agent
#include "agent/health.c"
#undef find
#include "agent/workload.c"
#include "agent/workload_messages.c"
#include "platform/text_file.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define MS   UINT64_C(1000000)
#define S    NS_PER_S
#define NONE UINT64_MAX

static const char *options[8]; /* KEY=VALUE */

static struct fake {
    bool runs, ended, group;
    int starts, status;
    unsigned terms, kills;
    const char *text; /* what it has written */
    bool closed;
    bool ignores_term, ignores_kill;
} fakes[PROCESSES_MAX];
static const char *start_fault;
static char console[65536];

void platform_write(const char *s, size_t n)
{
    strncat(console, s, n);
}

const char *platform_option(const char *key, const char *after, size_t *len)
{
    size_t n = strlen(key);
    bool behind = after == NULL;

    for (size_t i = 0; options[i] != NULL; i++) {
        const char *value = strchr(options[i], '=') + 1;
        if (behind && strncmp(options[i], key, n) == 0 && options[i][n] == '=') {
            *len = strlen(value);
            return value;
        }
        behind |= value == after;
    }
    return NULL;
}

int text_file_read(const char *path, char *dst, size_t cap, const char **fault)
{
    (void)path, (void)dst, (void)cap, (void)fault;
    return MOTE_ERR_NOT_FOUND;
}

int process_start(unsigned n, const struct process_request *request, const char **fault)
{
    struct fake *f = &fakes[n];

    assert_false(f->runs);
    assert_non_null(request->command[0]);
    if (start_fault != NULL) {
        *fault = start_fault;
        return MOTE_ERR_IO;
    }
    f->runs = f->group = true;
    f->ended = f->closed = false;
    f->starts++;
    return MOTE_OK;
}

int process_pid(unsigned n)
{
    return fakes[n].runs ? 100 + (int)n : 0;
}

int process_read(unsigned n, char *dst, size_t cap)
{
    struct fake *f = &fakes[n];
    size_t len = f->text == NULL ? 0 : strlen(f->text);

    if (len == 0)
        return f->closed ? MOTE_ERR_NOT_FOUND : 0;
    len = len < cap ? len : cap;
    memcpy(dst, f->text, len);
    f->text += len;
    return (int)len;
}

bool process_ended(unsigned n, int *status)
{
    *status = fakes[n].status;
    return fakes[n].ended && (fakes[n].text == NULL || *fakes[n].text == '\0');
}

static void end(unsigned n, int status)
{
    assert_true(fakes[n].runs);
    fakes[n].runs = fakes[n].group = false;
    fakes[n].ended = true;
    fakes[n].status = status;
}

void process_signal(unsigned n, bool kill)
{
    struct fake *f = &fakes[n];

    *(kill ? &f->kills : &f->terms) += 1;
    if (f->runs && !(kill ? f->ignores_kill : f->ignores_term))
        end(n, kill ? 137 : 143);
    else if (!f->runs && !f->ignores_kill)
        f->group = false;
}

bool process_left(unsigned n)
{
    return fakes[n].group;
}

static int reset(void **state)
{
    (void)state;
    memset(workloads, 0, sizeof workloads);
    memset(agents, 0, sizeof agents);
    memset(fakes, 0, sizeof fakes);
    memset(options, 0, sizeof options);
    count = agent_count = 0;
    troubled = false;
    stage = SERVING;
    exit_status = 0;
    current = LIFECYCLE_BOOTING;
    start_fault = NULL;
    console[0] = '\0';
    fake_now = 0;
    return 0;
}

static void begin(const char *first, const char *second)
{
    options[0] = first;
    options[1] = second;
    lifecycle_enter(LIFECYCLE_READY, "started");
    app_start();
}

/* Lets it be that late, and says when it wants to be called again, from now. */
static uint64_t at(uint64_t now)
{
    fake_now = now;
    uint64_t next = app_poll(now);
    return next == NONE ? NONE : next - now;
}

static const char *state_name(void)
{
    return lifecycle_name();
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

#endif
