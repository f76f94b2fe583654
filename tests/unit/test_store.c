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

static void test_abandon(void **state)
{
    char *space;
    (void)state;
    assert_int_equal(put(STORE_SECRET, "a", "one"), MOTE_OK);
    size_t free = room();
    assert_int_equal(store_begin(STORE_SECRET, "a", 1, 0600, 3, &space), MOTE_OK);
    memcpy(space, "two", 3);
    store_abandon();
    assert_memory_equal(space, "\0\0", 3);
    assert_int_equal(store_residue(), 0);
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
    assert_int_equal(room(), free);
    store_abandon(); /* nothing is begun */
    assert_true(has(STORE_SECRET, "a", "one"));
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

static void test_fault_names_the_limits(void **state)
{
    char *space;
    (void)state;
    put(STORE_SECRET, "keep", "me");
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, 70000, &space), MOTE_ERR_NO_ROOM);
    assert_string_equal(store_fault().step, "write");
    assert_string_equal(store_fault().why, "store full: 70000 bytes wanted, 65530 free; limit is "
                                           "65536 bytes and 64 names");
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
}

static void test_deleted_one_is_wiped(void **state)
{
    struct store_blob blob;
    (void)state;
    put(STORE_SECRET, "a", "first");
    put(STORE_SECRET, "b", "second");
    put(STORE_CONFIG, "b", "third");
    store_get(STORE_SECRET, "a", 1, &blob);
    const char *arena = (const char *)blob.data - 1;
    assert_int_equal(store_delete(STORE_SECRET, "b", 1), MOTE_OK);
    assert_int_equal(store_delete(STORE_SECRET, "b", 1), MOTE_ERR_NOT_FOUND);
    assert_true(is_missing(STORE_SECRET, "b"));
    assert_true(has(STORE_SECRET, "a", "first"));
    assert_true(has(STORE_CONFIG, "b", "third"));
    assert_memory_equal(arena, "afirstbthird\0\0\0\0\0\0\0\0", 20);
}

/* One that is begun is neither seen nor lost. */
static void test_delete_beside_one_that_is_begun(void **state)
{
    char *space;
    (void)state;
    put(STORE_SECRET, "a", "first");
    store_begin(STORE_SECRET, "b", 1, 0, 3, &space);
    memcpy(space, "new", 3);
    assert_int_equal(store_delete(STORE_SECRET, "b", 1), MOTE_ERR_NOT_FOUND);
    assert_int_equal(store_delete(STORE_SECRET, "a", 1), MOTE_OK);
    assert_int_equal(store_commit(), MOTE_OK);
    assert_true(has(STORE_SECRET, "b", "new"));
}

static void test_names_in_byte_order(void **state)
{
    static const char *const sorted[] = {"A", "AA", "AB", "B", "a", "\xc3\xa4"};
    static const int order[] = {3, 1, 5, 0, 4, 2};
    struct store_name next = {.name = ""};
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        put(STORE_SECRET, sorted[order[i]], "value");
        put(STORE_CONFIG, "AAA", "of another kind");
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(store_next(STORE_SECRET, next.name, next.len, &next), MOTE_OK);
        assert_int_equal(next.len, strlen(sorted[i]));
        assert_memory_equal(next.name, sorted[i], next.len);
        assert_int_equal(next.size, 5);
        assert_int_equal(next.mode, 0600);
    }
    assert_int_equal(store_next(STORE_SECRET, next.name, next.len, &next), MOTE_ERR_NOT_FOUND);
    assert_int_equal(store_next(STORE_SECRET, "AAA", 3, &next), MOTE_OK); /* which is not there */
    assert_memory_equal(next.name, "AB", 2);
    assert_int_equal(store_next(STORE_SSH_KEY, "", 0, &next), MOTE_ERR_NOT_FOUND);
}

/* Nothing of it is left behind; what somebody left there is found. */
static void test_residue(void **state)
{
    struct store_blob blob;
    (void)state;
    put(STORE_SECRET, "a", "first");
    put(STORE_SECRET, "b", "second");
    assert_int_equal(store_residue(), 0);
    store_get(STORE_SECRET, "b", 1, &blob);
    char *data = (char *)(uintptr_t)blob.data;
    store_delete(STORE_SECRET, "a", 1);
    store_delete(STORE_SECRET, "b", 1);
    assert_int_equal(store_residue(), 0);
    memcpy(data, "left", 4);
    assert_int_equal(store_residue(), 4);
    memset(data, 0, 4);
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
    assert_string_equal(store_fault().why, "a name has 1 to 255 bytes");
    assert_int_equal(store_begin(STORE_SECRET, name, STORE_NAME_MAX, 0, 1, &space), MOTE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_put_and_get, set_up),
        cmocka_unit_test_setup(test_replacing_is_atomic, set_up),
        cmocka_unit_test_setup(test_one_that_was_given_up_leaves_nothing, set_up),
        cmocka_unit_test_setup(test_abandon, set_up),
        cmocka_unit_test_setup(test_wiped_when_replaced, set_up),
        cmocka_unit_test_setup(test_wipe_forgets_everything, set_up),
        cmocka_unit_test_setup(test_trim, set_up),
        cmocka_unit_test_setup(test_full_keeps_what_it_has, set_up),
        cmocka_unit_test_setup(test_fault_names_the_limits, set_up),
        cmocka_unit_test_setup(test_deleted_one_is_wiped, set_up),
        cmocka_unit_test_setup(test_delete_beside_one_that_is_begun, set_up),
        cmocka_unit_test_setup(test_names_in_byte_order, set_up),
        cmocka_unit_test_setup(test_residue, set_up),
        cmocka_unit_test_setup(test_too_many_names, set_up),
        cmocka_unit_test_setup(test_names_have_bounds, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
