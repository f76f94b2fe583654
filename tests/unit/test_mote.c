/* SPDX-License-Identifier: MIT */
/* mote's own messages (proto/mote.h): exact bytes, and lists that end where the room ends. */
#include "proto/mote.h"
#include "proto/mote_job.h"
#include "tests/unit/unit.h"

static char text[STEREOS_REPLY_MAX + 1];

static const char *finish(const struct out *o)
{
    assert_false(o->overflow);
    text[o->len] = '\0';
    return text;
}

static const char *const types[] = {"ping", "a\"b", NULL};

static const char *type_of(size_t i)
{
    return types[i];
}

static const char *no_type(size_t i)
{
    (void)i;
    return NULL;
}

static void test_capabilities(void **state)
{
    static const struct mote_limit limits[] = {{"line", 1}, {"store", UINT64_MAX}};
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_capabilities(&o, &(struct mote_capabilities){"1.2", "a <b>", type_of, limits, 2});
    assert_string_equal(finish(&o),
                        "{\"type\":\"capabilities\",\"payload\":{\"agent\":\"mote\",\"version\":"
                        "\"1.2\",\"protocol\":1,\"platform\":\"a \\u003cb\\u003e\",\"messages\":["
                        "\"ping\",\"a\\\"b\"],\"limits\":{\"line\":1,"
                        "\"store\":18446744073709551615}}}\n");
    o.len = 0;
    mote_write_capabilities(&o, &(struct mote_capabilities){"", "", no_type, NULL, 0});
    assert_non_null(strstr(finish(&o), "\"messages\":[],\"limits\":{}}}\n"));
}

static void test_purged(void **state)
{
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_purged(&o, &(struct mote_purged){1, 22, 333});
    assert_string_equal(finish(&o), "{\"type\":\"purged\",\"payload\":{\"secrets\":1,\"bytes\":22,"
                                    "\"residue\":333}}\n");
}

static void test_secrets(void **state)
{
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_begin_secrets(&o);
    assert_true(mote_write_secret(&o, &(struct mote_secret){"a\nb", 3, 7, 0600}));
    assert_true(mote_write_secret(&o, &(struct mote_secret){"c", 1, 0, 0}));
    mote_end_secrets(&o, false);
    assert_string_equal(finish(&o), "{\"type\":\"secrets\",\"payload\":{\"secrets\":["
                                    "{\"name\":\"a\\nb\",\"size\":7,\"mode\":384},"
                                    "{\"name\":\"c\",\"size\":0,\"mode\":0}],\"more\":false}}\n");
}

/* With any room, each entry is there whole or not at all, and the end always is. */
static void test_secrets_in_any_room(void **state)
{
    static const struct mote_secret secret = {"name", 4, 1234, 0777};
    (void)state;
    for (size_t cap = 60; cap < 400; cap++) {
        struct out o = out_to(test_malloc(cap), cap);
        int count = 0, seen = 0;
        mote_begin_secrets(&o);
        while (mote_write_secret(&o, &secret))
            count++;
        mote_end_secrets(&o, true);
        memcpy(text, o.base, o.len);
        for (const char *at = finish(&o); (at = strstr(at, "\"mode\":511}")) != NULL; at++)
            seen++;
        assert_int_equal(seen, count);
        assert_non_null(strstr(text, "],\"more\":true}}\n"));
        assert_true(cap - o.len < 48); /* another one would not have fitted */
        test_free(o.base);
    }
}

static void test_nobody_listens(void **state)
{
    struct out o = out_to(NULL, 0);
    (void)state;
    mote_begin_secrets(&o);
    assert_false(mote_write_secret(&o, &(struct mote_secret){"a", 1, 0, 0}));
    mote_end_secrets(&o, true);
    assert_int_equal(o.len, 0);
}

static void test_payloads(void **state)
{
    static const char line[] = "{\"after\":\"x\",\"NAME\":\"y\"}";
    struct stereos_envelope e = {.payload = {line, sizeof line - 1}};
    struct out error = out_to(text, STEREOS_REPLY_MAX);
    struct mote_list list;
    struct mote_name name;
    (void)state;
    assert_true(stereos_read_payload(&e, "t", &mote_list_payload, &list, sizeof list, &error));
    assert_true(text_equals(list.after, "x"));
    assert_true(stereos_read_payload(&e, "t", &mote_name_payload, &name, sizeof name, &error));
    assert_true(text_equals(name.name, "y"));
}

static bool no_workload(size_t i, struct mote_workload *w)
{
    (void)i, (void)w;
    return false;
}

static bool workload(size_t i, struct mote_workload *w)
{
    static const struct mote_workload list[] = {
        {.name = "web", .pid = 7},
        {.name = "db", .has_status = true, .status = 255, .restarts = UINT32_MAX, .error = "a<"},
    };

    if (i < 2)
        *w = list[i];
    return i < 2;
}

static void test_workloads(void **state)
{
    struct out o = out_to(text, STEREOS_REPLY_MAX);
    (void)state;
    mote_write_workloads(&o, workload);
    assert_string_equal(
        finish(&o), "{\"type\":\"workloads\",\"payload\":{\"workloads\":[{\"name\":\"web\","
                    "\"running\":true,\"pid\":7,\"restarts\":0},{\"name\":\"db\",\"running\":"
                    "false,\"status\":255,\"restarts\":4294967295,\"error\":\"a\\u003c\"}]}}\n");
    o.len = 0;
    mote_write_workloads(&o, no_workload);
    assert_string_equal(finish(&o), "{\"type\":\"workloads\",\"payload\":{\"workloads\":[]}}\n");
}

#define LOG_BEGIN "{\"type\":\"logs\",\"payload\":{\"name\":\"w\",\"offset\":4294967290,\"text\":\""
#define LOG_END   "\",\"next\":4294967295}}\n"

/* The answer to a log in room bytes, or NULL when it does not fit. */
static const char *write_log(const char *said, size_t n, size_t room)
{
    struct out o = out_to(text, room);

    memset(text, '#', sizeof text);
    mote_write_log(&o, &(struct mote_log){"w", UINT32_MAX - 5, said, n});
    assert_true(o.len <= room && text[room] == '#');
    return o.overflow ? NULL : finish(&o);
}

/* As much of the text as fits, by whole characters; next goes round at 2^32. */
static void test_log(void **state)
{
    static const size_t around = sizeof LOG_BEGIN - 1 + sizeof LOG_END; /* and one to spare */
    (void)state;
    assert_string_equal(write_log("a\n\0\xff\xc3\xa9", 6, 1000),
                        LOG_BEGIN "a\\n\\u0000\\ufffd\xc3\xa9\",\"next\":0}}\n");
    assert_string_equal(write_log("", 0, 1000), LOG_BEGIN "\",\"next\":4294967290}}\n");
    assert_string_equal(write_log("abcdefgh", 8, around + 5), LOG_BEGIN "abcde" LOG_END);
    assert_string_equal(write_log("abcd\001f", 6, around + 9),
                        LOG_BEGIN "abcd\",\"next\":4294967294}}\n");
    assert_string_equal(write_log("abcd\xc3\xa9", 6, around + 5),
                        LOG_BEGIN "abcd\",\"next\":4294967294}}\n");
    assert_string_equal(write_log("abc", 3, around), LOG_BEGIN "\",\"next\":4294967290}}\n");
    for (size_t room = 0; room + 3 < around; room++)
        assert_null(write_log("abc", 3, room));
}

static void test_logs_payload(void **state)
{
    static const char line[] = "{\"type\":\"logs\",\"payload\":{\"name\":\"w\",\"offset\":7}}";
    struct out error = out_to(text, STEREOS_REPLY_MAX);
    struct stereos_envelope envelope = {0};
    struct mote_logs logs;
    (void)state;
    assert_true(stereos_read_envelope(line, strlen(line), &envelope, &error));
    assert_true(
        stereos_read_payload(&envelope, "logs", &mote_logs_payload, &logs, sizeof logs, &error));
    assert_true(text_equals(logs.name, "w"));
    assert_int_equal(logs.offset, 7);
}

static void write_member(const void *of, struct out *o)
{
    out_str(o, of);
}

/* Whatever room there is, the line is whole, and says when not all of it is there. */
static void test_jobs_fit(void **state)
{
    static const char member[] = "\"ek\":\""
                                 "01234567890123456789012345678901234567890123456789012345678901234"
                                 "567890123456789012345678\"";
    const struct mote_job done = {.id = UINT32_MAX,
                                  .request = "hostos",
                                  .state = "done",
                                  .result = write_member,
                                  .of = member};
    const struct mote_job failed = {.id = UINT32_MAX,
                                    .request = "hostos",
                                    .state = "failed",
                                    .error = member,
                                    .error_len = sizeof member - 1};
    (void)state;
    for (size_t cap = 0; cap < 260; cap++) {
        for (int i = 0; i < 2; i++) {
            struct out o = out_to(text, cap);
            bool is_whole = mote_write_job(&o, i == 0 ? &done : &failed);
            assert_int_equal(o.overflow, cap < MOTE_JOB_ROOM);
            assert_true(o.len <= cap);
            if (o.overflow)
                continue;
            assert_string_equal(finish(&o) + o.len - 3, "}}\n");
            assert_int_equal(is_whole, strstr(text, "truncated") == NULL);
            assert_true(is_whole || cap < 230);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capabilities),   cmocka_unit_test(test_purged),
        cmocka_unit_test(test_secrets),        cmocka_unit_test(test_secrets_in_any_room),
        cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_payloads),
        cmocka_unit_test(test_workloads),      cmocka_unit_test(test_log),
        cmocka_unit_test(test_logs_payload),   cmocka_unit_test(test_jobs_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
