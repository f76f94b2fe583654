/* SPDX-License-Identifier: MIT */
/* mote's own messages (proto/mote.h): exact bytes, and lists that end where the room ends. */
#include "proto/mote.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_capabilities),   cmocka_unit_test(test_purged),
        cmocka_unit_test(test_secrets),        cmocka_unit_test(test_secrets_in_any_room),
        cmocka_unit_test(test_nobody_listens), cmocka_unit_test(test_payloads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
