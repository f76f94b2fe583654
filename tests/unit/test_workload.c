/* SPDX-License-Identifier: MIT */
/*
 * Workloads on a fake clock, with processes that do what a test says: policies, back-off, budget,
 * what health makes of it, and the way to power-off. The code is included for its state.
 */
#include "agent/lifecycle.c"
#define find find_agent
#include "agent/health.c"
#undef find
#include "agent/workload.c"
#include "agent/workload_messages.c"
#include "platform/text_file.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#define MS       UINT64_C(1000000)
#define S        NS_PER_S
#define NONE     UINT64_MAX
#define READ_MAX 1024 /* what is heard of one at once */

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

static char answer_text[STEREOS_REPLY_MAX + 1];

static const char *answer(const char *line)
{
    struct out reply = out_to(answer_text, STEREOS_REPLY_MAX);

    assert_true(dispatch_line(0, line, strlen(line), &reply));
    assert_false(reply.overflow);
    answer_text[reply.len] = '\0';
    return answer_text;
}

static void test_runs_and_ends(void **state)
{
    (void)state;
    begin("mote.run=name=web x", NULL);
    assert_string_equal(state_name(), "healthy");
    assert_true(at(1 * S) == NONE);
    assert_string_equal(answer("{\"type\":\"workloads\"}"),
                        "{\"type\":\"workloads\",\"payload\":{\"workloads\":[{\"name\":\"web\","
                        "\"running\":true,\"pid\":100,\"restarts\":0}]}}\n");
    end(0, 0);
    assert_true(at(2 * S) == NONE);
    assert_string_equal(state_name(), "ready");
    assert_string_equal(answer("{\"type\":\"workloads\"}"),
                        "{\"type\":\"workloads\",\"payload\":{\"workloads\":[{\"name\":\"web\","
                        "\"running\":false,\"status\":0,\"restarts\":0}]}}\n");
    assert_int_equal(fakes[0].starts, 1);
    assert_int_equal(app_status(), 0);
}

static void test_failure_degrades(void **state)
{
    (void)state;
    begin("mote.run=x", "mote.run=y");
    end(1, 3);
    at(1 * S);
    assert_string_equal(state_name(), "degraded");
    assert_non_null(strstr(answer("{\"type\":\"get_health\"}"),
                           "{\"name\":\"y\",\"running\":false,\"session\":\"y\",\"restarts\":0,"
                           "\"error\":\"exit status 3\"}"));
    assert_int_equal(fakes[1].starts, 1);
    assert_true(fakes[0].runs);
}

static void test_on_failure_rests_after_success(void **state)
{
    (void)state;
    begin("mote.run=restart=on-failure x", NULL);
    end(0, 1);
    assert_true(at(1 * S) == 100 * MS);
    assert_string_equal(state_name(), "degraded");
    assert_true(at(1 * S + 100 * MS) == NONE);
    assert_string_equal(state_name(), "healthy");
    assert_int_equal(fakes[0].kills, 1); /* of what the first one left */
    assert_non_null(strstr(answer("{\"type\":\"get_health\"}"), "\"restarts\":1}"));
    end(0, 0);
    assert_true(at(2 * S) == NONE);
    assert_string_equal(state_name(), "ready");
    assert_int_equal(fakes[0].starts, 2);
}

/* 100 ms, doubled up to 10 s; what ran for longer than its window begins anew. */
static void test_back_off(void **state)
{
    static const unsigned ms[] = {100, 200, 400, 800, 1600, 3200, 6400, 10000, 10000};
    uint64_t now = 0;
    (void)state;
    begin("mote.run=restart=always budget=1000 x", NULL);
    for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
        end(0, 0);
        assert_true(at(now) == ms[i] * MS);
        assert_string_equal(state_name(), "ready");
        assert_true(at(now + ms[i] * MS - 1) == 1);
        assert_false(fakes[0].runs);
        now += ms[i] * MS;
        assert_true(at(now) == NONE);
        assert_true(fakes[0].runs);
    }
    end(0, 0);
    assert_true(at(now += 60 * S) == 10 * S); /* not longer */
    at(now += 10 * S);
    end(0, 0);
    assert_true(at(now += 60 * S + 1) == 100 * MS);
    assert_int_equal(workload_at(0)->restarts, 10);
}

static void test_budget(void **state)
{
    (void)state;
    begin("mote.run=restart=on-failure budget=2 window=10 x", NULL);
    end(0, 3);
    at(0);
    at(1 * S);
    end(0, 3);
    at(1 * S);
    at(2 * S);
    assert_true(fakes[0].runs);
    end(0, 3);
    assert_true(at(10 * S) == NONE);
    assert_string_equal(state_name(), "degraded");
    assert_non_null(strstr(answer("{\"type\":\"workloads\"}"),
                           "\"running\":false,\"status\":3,\"restarts\":2,"
                           "\"error\":\"exit status 3, budget used up\"}"));
    assert_true(at(100 * S) == NONE);
    assert_int_equal(fakes[0].starts, 3);
}

static void test_budget_comes_back_with_its_window(void **state)
{
    (void)state;
    begin("mote.run=restart=always budget=1 window=10 x", NULL);
    for (uint64_t i = 0; i < 20; i++) {
        end(0, 0);
        at(i * 11 * S);
        at(i * 11 * S + 10 * S);
        assert_true(fakes[0].runs);
    }
    end(0, 0);
    at(20 * 11 * S - S); /* the restart before was 10 s ago */
    assert_string_equal(workload_at(0)->error, "exit status 0, budget used up");
}

static void test_no_budget_at_all(void **state)
{
    (void)state;
    begin("mote.run=restart=on-failure budget=0 x", NULL);
    end(0, 9);
    assert_true(at(1) == NONE);
    assert_string_equal(workload_at(0)->error, "exit status 9, budget used up");
}

static void test_start_that_fails_is_an_end(void **state)
{
    (void)state;
    start_fault = "cannot allocate memory";
    begin("mote.run=restart=on-failure x", "mote.run=y");
    assert_string_equal(workload_at(1)->error, "exit status 126");
    start_fault = NULL;
    assert_true(at(50 * MS) == 50 * MS);
    at(100 * MS);
    assert_true(fakes[0].runs);
    assert_string_equal(state_name(), "degraded");
}

static void test_exit_ends_the_guest(void **state)
{
    (void)state;
    begin("mote.run=name=run exit=yes x", "mote.run=y");
    end(0, 7);
    assert_true(at(1 * S) == 0); /* at once */
    assert_string_equal(state_name(), "shutdown");
    assert_false(app_stopped());
    assert_int_equal(fakes[1].terms, 1);
    assert_true(at(1 * S) == 0);
    assert_true(app_stopped());
    assert_int_equal(app_status(), 7);
}

static void test_exit_after_success(void **state)
{
    (void)state;
    begin("mote.run=exit=yes x", NULL);
    end(0, 0);
    at(1 * S);
    assert_string_equal(state_name(), "shutdown");
    assert_true(app_stopped());
    assert_int_equal(app_status(), 0);
}

/* Only its end for good counts. */
static void test_exit_with_restarts(void **state)
{
    (void)state;
    begin("mote.run=exit=yes restart=on-failure budget=1 x", NULL);
    end(0, 7);
    at(0);
    assert_string_equal(state_name(), "degraded");
    at(1 * S);
    assert_string_equal(state_name(), "healthy");
    end(0, 8);
    at(1 * S);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(app_status(), 8);
}

/* The first one decides, and nothing that ends after it. */
static void test_exit_of_two(void **state)
{
    (void)state;
    begin("mote.run=exit=yes x", "mote.run=exit=yes y");
    end(0, 7);
    end(1, 8);
    at(1 * S);
    assert_int_equal(app_status(), 7);
}

/* A guest that was to end with its status would wait for ever. */
static void test_exit_of_a_wrong_line(void **state)
{
    (void)state;
    begin("mote.run=exit=yes foo=1 x", NULL);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(fakes[0].starts, 0);
    assert_true(app_stopped());
    assert_int_equal(app_status(), PROCESS_CANNOT_RUN);
}

static void test_exit_of_one_that_cannot_start(void **state)
{
    (void)state;
    start_fault = "cannot allocate memory";
    begin("mote.run=exit=yes x", NULL);
    assert_string_equal(state_name(), "shutdown");
    assert_int_equal(app_status(), PROCESS_CANNOT_RUN);
}

static void test_wrong_line_degrades(void **state)
{
    (void)state;
    begin("mote.run=foo=1 x", "mote.run=y");
    assert_string_equal(state_name(), "degraded");
    assert_non_null(strstr(answer("{\"type\":\"workloads\"}"),
                           "{\"name\":\"x\",\"running\":false,\"restarts\":0,"
                           "\"error\":\"no option foo=\"}"));
    assert_int_equal(fakes[0].starts, 0);
    assert_true(fakes[1].runs);
    assert_true(at(1 * S) == NONE);
}

static void test_stop_of_nothing(void **state)
{
    (void)state;
    begin(NULL, NULL);
    assert_true(at(1) == NONE);
    assert_string_equal(state_name(), "ready");
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_true(app_stopped());
    assert_int_equal(app_status(), 0);
}

/* What the host ends is no failure of the guest's; nothing is started any more. */
static void test_stop_when_asked(void **state)
{
    (void)state;
    begin("mote.run=exit=yes restart=always x", "mote.run=restart=always y");
    end(1, 1);
    at(1 * S);
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_true(at(1 * S) == 0);
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    at(9 * S);
    assert_true(app_stopped());
    assert_int_equal(fakes[0].starts, 1);
    assert_int_equal(fakes[1].starts, 1);
    assert_int_equal(fakes[0].kills, 0);
    assert_int_equal(app_status(), 0);
}

static void test_grace(void **state)
{
    (void)state;
    begin("mote.run=x", NULL);
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    fake_now = 1 * S;
    assert_false(app_stopped());
    assert_true(at(2 * S) == 4 * S);
    fake_now = 6 * S - 1;
    assert_false(app_stopped());
    assert_int_equal(fakes[0].kills, 0);
    fake_now = 6 * S;
    assert_false(app_stopped());
    assert_int_equal(fakes[0].kills, 1);
    assert_true(at(6 * S) == 0);
    assert_true(app_stopped());
}

static void test_what_never_ends_is_left_behind(void **state)
{
    (void)state;
    begin("mote.run=x", NULL);
    fakes[0].ignores_term = fakes[0].ignores_kill = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    fake_now = 5 * S;
    assert_false(app_stopped());
    assert_true(at(5 * S) == 2 * S);
    fake_now = 7 * S;
    assert_true(app_stopped());
    assert_true(app_stopped());
}

static void test_grace_of_zero(void **state)
{
    (void)state;
    options[2] = "mote.grace=0";
    begin("mote.run=x", "mote.run=y");
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    assert_int_equal(fakes[0].kills, 1);
}

static void test_grace_that_is_no_number(void **state)
{
    (void)state;
    options[2] = "mote.grace=123456789012345678";
    begin("mote.run=x", NULL);
    fakes[0].ignores_term = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_true(at(0) == 5 * S);
}

/* Also what a leader that has ended left in its group. */
static void test_stop_of_a_group(void **state)
{
    (void)state;
    begin("mote.run=x", NULL);
    end(0, 0);
    fakes[0].group = true;
    at(1 * S);
    assert_string_equal(state_name(), "ready");
    fakes[0].ignores_kill = true;
    lifecycle_enter(LIFECYCLE_SHUTDOWN, "test");
    assert_false(app_stopped());
    assert_int_equal(fakes[0].terms, 1);
    fakes[0].group = false;
    assert_true(at(2 * S) == 0);
    assert_true(app_stopped());
    assert_int_equal(fakes[0].kills, 0);
}

static void test_output_comes_before_the_end(void **state)
{
    static char many[3 * READ_MAX + 2];
    (void)state;
    begin("mote.run=name=w x", NULL);
    memset(many, 'x', sizeof many - 1);
    fakes[0].text = many;
    end(0, 1);
    at(0);
    assert_string_equal(state_name(), "healthy");
    for (int i = 0; i < 3; i++)
        at(0);
    assert_string_equal(state_name(), "degraded");
    assert_int_equal(strlen(console), 3 * (READ_MAX + 4) + 5);
    assert_string_equal(console + strlen(console) - 5, "w: x\n");
}

/* Those that flood take turns. */
static void test_flood_is_bounded(void **state)
{
    static char flood[20000];
    (void)state;
    options[2] = "mote.run=c";
    options[3] = "mote.run=d";
    begin("mote.run=a", "mote.run=b");
    memset(flood, 'x', sizeof flood - 1);
    for (int i = 0; i < 4; i++)
        fakes[i].text = flood;
    for (int turn = 1; turn <= 8; turn++) {
        size_t heard = 0;
        at(0);
        for (int i = 0; i < 4; i++)
            heard += (size_t)(fakes[i].text - flood);
        assert_int_equal(heard, turn * TURN_BYTES_MAX);
    }
    for (int i = 0; i < 4; i++)
        assert_int_equal(fakes[i].text - flood, 8 * TURN_BYTES_MAX / 4);
}

static void test_daemon_goes_on_writing(void **state)
{
    (void)state;
    begin("mote.run=name=w x", NULL);
    end(0, 0);
    at(0);
    fakes[0].text = "late";
    at(1 * S);
    assert_string_equal(console, "");
    fakes[0].closed = true;
    at(2 * S);
    assert_string_equal(console, "w: late\n");
}

static void test_logs(void **state)
{
    (void)state;
    begin("mote.run=name=w output=ring x", "mote.run=name=c y");
    fakes[0].text = "one\ntwo";
    at(0);
    assert_string_equal(console, "");
    assert_string_equal(answer("{\"type\":\"logs\",\"payload\":{\"name\":\"w\"}}"),
                        "{\"type\":\"logs\",\"payload\":{\"name\":\"w\",\"offset\":0,"
                        "\"text\":\"one\\ntwo\",\"next\":7}}\n");
    assert_string_equal(answer("{\"type\":\"logs\",\"payload\":{\"name\":\"w\",\"offset\":4}}"),
                        "{\"type\":\"logs\",\"payload\":{\"name\":\"w\",\"offset\":4,"
                        "\"text\":\"two\",\"next\":7}}\n");
    assert_string_equal(answer("{\"type\":\"logs\",\"payload\":{\"name\":\"c\"}}"),
                        "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"logs\",\"ok\":false,"
                        "\"error\":\"logs: what c says goes to the console (output=ring keeps "
                        "it)\"}}\n");
    assert_string_equal(answer("{\"type\":\"logs\",\"payload\":{\"name\":\"z\"}}"),
                        "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"logs\",\"ok\":false,"
                        "\"error\":\"logs: no workload \\\"z\\\"\"}}\n");
    assert_non_null(strstr(answer("{\"type\":\"logs\"}"), "decode logs payload: "));
}

static void test_longest_answers_fit(void **state)
{
    static char noise[WORKLOAD_RING_SIZE + 1];
    (void)state;
    begin("mote.run=name=123456789012345678901234 output=ring x", "mote.run=y");
    memset(noise, '\1', WORKLOAD_RING_SIZE);
    fakes[0].text = noise;
    for (int i = 0; i < 40; i++)
        at(0);
    const char *got = answer(
        "{\"type\":\"logs\",\"payload\":{\"name\":\"123456789012345678901234\",\"offset\":9}}");
    assert_non_null(strstr(got, "\"offset\":9,\"text\":\"\\u0001\\u0001"));
    assert_true(strlen(got) > STEREOS_REPLY_MAX - 10);
    assert_int_equal(got[strlen(got) - 1], '\n');
}

#define TEST(name) cmocka_unit_test_setup(name, reset)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_runs_and_ends),
        TEST(test_failure_degrades),
        TEST(test_on_failure_rests_after_success),
        TEST(test_back_off),
        TEST(test_budget),
        TEST(test_budget_comes_back_with_its_window),
        TEST(test_no_budget_at_all),
        TEST(test_start_that_fails_is_an_end),
        TEST(test_exit_ends_the_guest),
        TEST(test_exit_after_success),
        TEST(test_exit_with_restarts),
        TEST(test_exit_of_two),
        TEST(test_exit_of_a_wrong_line),
        TEST(test_exit_of_one_that_cannot_start),
        TEST(test_wrong_line_degrades),
        TEST(test_stop_of_nothing),
        TEST(test_stop_when_asked),
        TEST(test_grace),
        TEST(test_what_never_ends_is_left_behind),
        TEST(test_grace_of_zero),
        TEST(test_grace_that_is_no_number),
        TEST(test_stop_of_a_group),
        TEST(test_output_comes_before_the_end),
        TEST(test_flood_is_bounded),
        TEST(test_daemon_goes_on_writing),
        TEST(test_logs),
        TEST(test_longest_answers_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
