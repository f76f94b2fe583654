/* SPDX-License-Identifier: MIT */
/* Workloads that run: policies, back-off, budget, and what health and the host hear of them. */
#include "tests/unit/workloads.h"

#define READ_MAX 1024 /* what is heard of one at once */

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

/* The loop sleeps until the first of several is to start, whichever that is. */
static void test_several_wait(void **state)
{
    (void)state;
    options[2] = "mote.run=z";
    begin("mote.run=restart=always x", "mote.run=restart=always y");
    end(0, 0);
    assert_true(at(0) == 100 * MS);
    end(1, 0);
    assert_true(at(60 * MS) == 40 * MS);
    assert_true(at(100 * MS) == 60 * MS);
    app_event(&(struct endpoint_event){.type = ENDPOINT_CLOSED}); /* of the agent's: not ours */
    assert_true(at(160 * MS) == NONE);
    assert_int_equal(fakes[0].starts + fakes[1].starts, 4);
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
    end(0, 0); /* what it has said stays */
    at(0);
    assert_string_equal(console, "");
    assert_non_null(strstr(answer("{\"type\":\"logs\",\"payload\":{\"name\":\"w\"}}"),
                           "\"text\":\"one\\ntwo\",\"next\":7}}\n"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_runs_and_ends),
        TEST(test_failure_degrades),
        TEST(test_on_failure_rests_after_success),
        TEST(test_back_off),
        TEST(test_several_wait),
        TEST(test_budget),
        TEST(test_budget_comes_back_with_its_window),
        TEST(test_no_budget_at_all),
        TEST(test_start_that_fails_is_an_end),
        TEST(test_wrong_line_degrades),
        TEST(test_output_comes_before_the_end),
        TEST(test_flood_is_bounded),
        TEST(test_daemon_goes_on_writing),
        TEST(test_logs),
        TEST(test_longest_answers_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
