/* SPDX-License-Identifier: MIT */
/* The store: replacement, a full store, and that what is gone is wiped. */
#include "platform/store.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static int set_up(void **state)
{
    (void)state;
    store_wipe();
    return 0;
}

static int put(enum store_kind kind, const char *name, const char *value)
{
    char *space;
    int result = store_begin(kind, name, strlen(name), 0600, strlen(value), &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, value, strlen(value));
    return store_commit();
}

/* Bytes of values and names that the store still has room for: the refusal names them. */
static size_t room(void)
{
    char *space;
    const char *free;

    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, SIZE_MAX, &space), MOTE_ERR_NO_ROOM);
    assert_non_null(free = strstr(store_fault().why, "wanted, "));
    return strtoul(free + strlen("wanted, "), NULL, 10);
}

static bool has(enum store_kind kind, const char *name, const char *value)
{
    struct store_blob blob;

    return store_get(kind, name, strlen(name), &blob) == MOTE_OK && blob.size == strlen(value) &&
           memcmp(blob.data, value, blob.size) == 0;
}

static bool is_missing(enum store_kind kind, const char *name)
{
    struct store_blob blob;

    return store_get(kind, name, strlen(name), &blob) == MOTE_ERR_NOT_FOUND;
}

static void test_put_and_get(void **state)
{
    struct store_blob blob;
    (void)state;
    assert_int_equal(put(STORE_SECRET, "a", "one"), MOTE_OK);
    assert_int_equal(put(STORE_CONFIG, "a", "two"), MOTE_OK);
    assert_true(has(STORE_SECRET, "a", "one"));
    assert_true(has(STORE_CONFIG, "a", "two"));
    assert_true(is_missing(STORE_SSH_KEY, "a"));
    assert_int_equal(store_get(STORE_SECRET, "a", 1, &blob), MOTE_OK);
    assert_int_equal(blob.mode, 0600);
}

static void test_replacing_is_atomic(void **state)
{
    char *space;
    (void)state;
    put(STORE_SECRET, "before", "x");
    put(STORE_SECRET, "name", "old");
    put(STORE_SECRET, "after", "y");
    assert_int_equal(store_begin(STORE_SECRET, "name", 4, 0600, 5, &space), MOTE_OK);
    memcpy(space, "newer", 5);
    assert_true(has(STORE_SECRET, "name", "old")); /* until it is committed */
    store_commit();
    assert_true(has(STORE_SECRET, "name", "newer"));
    assert_true(has(STORE_SECRET, "before", "x"));
    assert_true(has(STORE_SECRET, "after", "y"));
}

static void test_one_that_was_given_up_leaves_nothing(void **state)
{
    char *space;
    size_t before = room();
    (void)state;
    store_begin(STORE_SECRET, "name", 4, 0600, 5, &space);
    memcpy(space, "lost!", 5);
    assert_int_equal(put(STORE_SECRET, "other", "x"), MOTE_OK);
    assert_true(is_missing(STORE_SECRET, "name"));
    assert_int_equal(room(), before - 6);
    assert_memory_equal(space - 4, "other", 5); /* it lies where the other had been */
}

static void test_wiped_when_replaced(void **state)
{
    struct store_blob blob;
    (void)state;
    put(STORE_SECRET, "name", "a longer secret");
    store_get(STORE_SECRET, "name", 4, &blob);
    const char *arena = (const char *)blob.data - 4;
    put(STORE_SECRET, "name", "short");
    assert_memory_equal(arena, "nameshort", 9);
    for (int i = 9; i < 40; i++)
        assert_int_equal(arena[i], 0);
}

static void test_wipe_forgets_everything(void **state)
{
    struct store_blob blob;
    (void)state;
    put(STORE_SECRET, "name", "secret");
    store_get(STORE_SECRET, "name", 4, &blob);
    const char *arena = (const char *)blob.data - 4;
    store_wipe();
    assert_true(is_missing(STORE_SECRET, "name"));
    for (int i = 0; i < 10; i++)
        assert_int_equal(arena[i], 0);
    assert_int_equal(room(), STORE_SIZE);
}

static void test_trim(void **state)
{
    char *space;
    (void)state;
    store_begin(STORE_SSH_KEY, "u", 1, 0600, 8, &space);
    memcpy(space, "key\n\n\n\n\n", 8);
    store_trim(4);
    store_commit();
    assert_true(has(STORE_SSH_KEY, "u", "key\n"));
    assert_int_equal(room(), STORE_SIZE - 5);
}

static void test_full_keeps_what_it_has(void **state)
{
    char *space;
    (void)state;
    put(STORE_SECRET, "keep", "me");
    size_t left = room();
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, left, &space), MOTE_ERR_NO_ROOM);
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, SIZE_MAX, &space), MOTE_ERR_NO_ROOM);
    assert_true(has(STORE_SECRET, "keep", "me"));
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, left - 1, &space), MOTE_OK);
    store_commit();
    assert_int_equal(room(), 0);
    assert_int_equal(put(STORE_SECRET, "keep", "other"), MOTE_ERR_NO_ROOM);
    assert_true(has(STORE_SECRET, "keep", "me"));
}

static void test_too_many_names(void **state)
{
    char name[16];
    (void)state;
    for (int i = 0; i < STORE_ENTRIES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(put(STORE_SECRET, name, "v"), MOTE_OK);
    }
    assert_int_equal(put(STORE_SECRET, "more", "v"), MOTE_ERR_NO_ROOM);
    assert_true(has(STORE_SECRET, "n0", "v"));
    assert_true(has(STORE_SECRET, name, "v"));
}

static void test_names_have_bounds(void **state)
{
    char name[STORE_NAME_MAX + 1], *space;
    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(store_begin(STORE_SECRET, name, 0, 0, 1, &space), MOTE_ERR_INVALID);
    assert_int_equal(store_begin(STORE_SECRET, name, sizeof name, 0, 1, &space), MOTE_ERR_INVALID);
    assert_int_equal(store_begin(STORE_SECRET, name, STORE_NAME_MAX, 0, 1, &space), MOTE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_put_and_get, set_up),
        cmocka_unit_test_setup(test_replacing_is_atomic, set_up),
        cmocka_unit_test_setup(test_one_that_was_given_up_leaves_nothing, set_up),
        cmocka_unit_test_setup(test_wiped_when_replaced, set_up),
        cmocka_unit_test_setup(test_wipe_forgets_everything, set_up),
        cmocka_unit_test_setup(test_trim, set_up),
        cmocka_unit_test_setup(test_full_keeps_what_it_has, set_up),
        cmocka_unit_test_setup(test_too_many_names, set_up),
        cmocka_unit_test_setup(test_names_have_bounds, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
