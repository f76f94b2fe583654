/* SPDX-License-Identifier: MIT */
/* Files of the store: they grow beside each other and beside secrets, and leave nothing behind. */
#include "platform/bare/blob.h"
#include "platform/file.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

static int set_up(void **state)
{
    (void)state;
    store_wipe();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < FILES_MAX; i++)
        file_close(i);
    assert_int_equal(store_residue(), 0);
    return 0;
}

static struct bytes path_of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static int create(const char *path, enum file_how how)
{
    return file_create(path_of(path), 0640, how, true);
}

static int put(const char *path, enum file_how how, const char *content)
{
    int file = create(path, how);

    if (file < 0)
        return file;
    int result = file_write(file, content, strlen(content));
    return result == MOTE_OK ? file_commit(file) : result;
}

static int put_secret(const char *name, const char *value)
{
    char *space;
    int result = store_begin(STORE_SECRET, name, strlen(name), 0600, strlen(value), &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, value, strlen(value));
    return store_commit();
}

static bool has(enum store_kind kind, const char *name, const char *value)
{
    struct store_blob blob;

    return store_get(kind, name, strlen(name), &blob) == MOTE_OK && blob.size == strlen(value) &&
           memcmp(blob.data, value, blob.size) == 0;
}

static bool is_missing(const char *path)
{
    struct file_info info;

    return file_stat(path_of(path), &info) == MOTE_ERR_NOT_FOUND;
}

/* Bytes that the store has left; the refusal names them. */
static size_t room(void)
{
    char *space;
    const char *free;

    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, SIZE_MAX, &space), MOTE_ERR_NO_ROOM);
    assert_non_null(free = strstr(store_fault().why, "wanted, "));
    return strtoul(free + strlen("wanted, "), NULL, 10);
}

static void assert_fault(const char *step, const char *why)
{
    assert_string_equal(file_fault().step, step);
    assert_string_equal(file_fault().why, why);
}

static void test_read_by_parts(void **state)
{
    struct file_info info;
    char buf[8];
    (void)state;
    put("/top/f", FILE_REPLACE, "0123456789");
    int f = file_open(path_of("/top/f"), &info);
    assert_int_equal(info.size, 10);
    assert_int_equal(info.mode, FILE_TYPE_REGULAR | 0640);
    assert_int_equal(info.mtime, 0);
    assert_int_equal(file_read(f, buf, 8), 8);
    assert_memory_equal(buf, "01234567", 8);
    put_secret("one", "that moves nothing");
    put("/before", FILE_REPLACE, "x");
    assert_int_equal(file_read(f, buf, 8), 2);
    assert_memory_equal(buf, "89", 2);
    assert_int_equal(file_read(f, buf, 8), 0);
    assert_int_equal(file_write(f, "x", 1), MOTE_ERR_IO);
    assert_int_equal(file_commit(f), MOTE_ERR_IO);
    assert_int_equal(file_read(f, buf, 8), MOTE_ERR_IO);
    assert_fault("read", "bad file descriptor");
}

/* A reader never gets half of one and half of the other. */
static void test_replaced_while_it_is_read(void **state)
{
    char c;
    (void)state;
    put("f", FILE_REPLACE, "old");
    int f = file_open(path_of("f"), NULL);
    assert_int_equal(file_read(f, &c, 1), 1);
    put("f", FILE_REPLACE, "new");
    assert_int_equal(file_read(f, &c, 1), MOTE_ERR_NOT_FOUND);
    assert_fault("read", "no such file or directory");
}

static void test_replaced_at_once(void **state)
{
    (void)state;
    put("f", FILE_REPLACE, "a long old content");
    size_t before = room();
    int f = create("f", FILE_REPLACE);
    assert_int_equal(file_write(f, "new", 3), MOTE_OK);
    assert_int_equal(file_write(f, "er", 2), MOTE_OK);
    assert_true(has(STORE_FILE, "f", "a long old content"));
    assert_int_equal(file_commit(f), MOTE_OK);
    assert_true(has(STORE_FILE, "f", "newer"));
    assert_int_equal(room(), before + strlen("a long old content") - 5);
}

static void test_given_up_leaves_nothing(void **state)
{
    size_t before = room();
    (void)state;
    int f = create("f", FILE_REPLACE), g = create("g", FILE_REPLACE);
    file_write(f, "secret", 6);
    file_write(g, "secret", 6);
    file_write(f, "secret", 6);
    assert_true(is_missing("f"));
    assert_int_equal(room(), before - 2 - 18);
    file_close(f);
    file_close(g);
    assert_int_equal(room(), before);
    assert_int_equal(store_residue(), 0);
    assert_true(is_missing("f"));
    file_close(f); /* no harm */
    file_close(-1);
    file_close(FILES_MAX);
}

/* As many as there may be, a byte each in turn, while secrets come and go between them. */
static void test_all_grow_beside_secrets(void **state)
{
    enum { BYTES = 300 };
    static char expected[BYTES + 1];
    int files[FILES_MAX];
    char name[16], value[32];
    (void)state;
    for (int i = 0; i < FILES_MAX; i++) {
        snprintf(name, sizeof name, "f%d", i);
        assert_in_range(files[i] = create(name, FILE_REPLACE), 0, FILES_MAX - 1);
        snprintf(name, sizeof name, "s%d", i);
        assert_int_equal(put_secret(name, "value"), MOTE_OK);
    }
    assert_int_equal(create("more", FILE_REPLACE), MOTE_ERR_NO_RESOURCES);
    assert_fault("open", "too many open files");
    for (int n = 0; n < BYTES; n++)
        for (int i = 0; i < FILES_MAX; i++) {
            char c = (char)('a' + (n + i) % 26);
            assert_int_equal(file_write(files[i], &c, 1), MOTE_OK);
            if (n % 10 != i)
                continue;
            snprintf(name, sizeof name, "s%d", i);
            snprintf(value, sizeof value, "value %d", n);
            assert_int_equal(store_delete(STORE_SECRET, name, strlen(name)), MOTE_OK);
            assert_int_equal(put_secret(name, value), MOTE_OK);
        }
    for (int i = 0; i < FILES_MAX; i++) {
        for (int n = 0; n < BYTES; n++)
            expected[n] = (char)('a' + (n + i) % 26);
        assert_int_equal(file_commit(files[i]), MOTE_OK);
        snprintf(name, sizeof name, "f%d", i);
        assert_true(has(STORE_FILE, name, expected));
        snprintf(name, sizeof name, "s%d", i);
        snprintf(value, sizeof value, "value %d", BYTES - 10 + i);
        assert_true(has(STORE_SECRET, name, i < 10 ? value : "value"));
    }
}

/* A secret that is begun, and a file that grows in front of it. */
static void test_secret_that_is_begun(void **state)
{
    char *space;
    (void)state;
    int f = create("f", FILE_REPLACE);
    store_begin(STORE_SECRET, "s", 1, 0600, 5, &space);
    memcpy(space, "value", 5);
    file_write(f, "content", 7);
    int g = create("g", FILE_REPLACE);
    file_write(g, "other", 5);
    store_trim(4);
    assert_int_equal(file_commit(f), MOTE_OK);
    assert_int_equal(store_commit(), MOTE_OK);
    assert_int_equal(file_commit(g), MOTE_OK);
    assert_true(has(STORE_SECRET, "s", "valu"));
    assert_true(has(STORE_FILE, "f", "content"));
    assert_true(has(STORE_FILE, "g", "other"));
    store_begin(STORE_SECRET, "given up", 8, 0600, 5, &space);
    memcpy(space, "value", 5);
    f = create("f", FILE_APPEND);
    file_write(f, "!", 1);
    assert_int_equal(put_secret("s", "new"), MOTE_OK);
    assert_true(has(STORE_SECRET, "s", "new"));
    assert_true(has(STORE_FILE, "f", "content!"));
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
}

static void test_in_place(void **state)
{
    (void)state;
    assert_int_equal(put("f", FILE_TRUNCATE, "first"), MOTE_OK);
    assert_int_equal(put("f", FILE_APPEND, ", second"), MOTE_OK);
    assert_true(has(STORE_FILE, "f", "first, second"));
    int f = create("f", FILE_TRUNCATE);
    assert_true(has(STORE_FILE, "f", ""));
    assert_int_equal(store_residue(), 0);
    file_write(f, "x", 1);
    assert_true(has(STORE_FILE, "f", "x"));
    file_close(f);
    assert_true(has(STORE_FILE, "f", "x"));
    f = create("f", FILE_APPEND);
    store_delete(STORE_FILE, "f", 1);
    assert_int_equal(file_write(f, "x", 1), MOTE_ERR_NOT_FOUND);
    assert_fault("write", "no such file or directory");
}

static void test_full(void **state)
{
    static char much[STORE_SIZE];
    (void)state;
    put("f", FILE_REPLACE, "old");
    put_secret("keep", "me");
    int f = create("f", FILE_REPLACE);
    assert_int_equal(file_write(f, much, 60000), MOTE_OK);
    size_t left = room();
    assert_int_equal(file_write(f, much, left + 1), MOTE_ERR_NO_ROOM);
    assert_fault("write",
                 "store full: 5526 bytes wanted, 5525 free; limit is 65536 bytes and 64 names");
    assert_int_equal(file_write(f, much, 1), MOTE_ERR_IO);
    assert_int_equal(file_commit(f), MOTE_ERR_IO); /* never the half of it */
    assert_true(has(STORE_FILE, "f", "old"));
    assert_true(has(STORE_SECRET, "keep", "me"));
    f = create("g", FILE_REPLACE);
    assert_int_equal(file_write(f, much, 60000), MOTE_OK);
    assert_int_equal(file_write(f, much, left), MOTE_OK);
    assert_int_equal(file_commit(f), MOTE_OK);
    assert_int_equal(room(), 0);
    assert_int_equal(create("h", FILE_TRUNCATE), MOTE_ERR_NO_ROOM);
    assert_int_equal(put_secret("s", ""), MOTE_ERR_NO_ROOM);
}

static void test_too_many_names(void **state)
{
    char name[16];
    (void)state;
    for (int i = 0; i < STORE_ENTRIES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(put(name, FILE_REPLACE, ""), MOTE_OK);
    }
    assert_int_equal(create("n0", FILE_REPLACE), MOTE_ERR_NO_ROOM);
    assert_int_equal(put("n0", FILE_TRUNCATE, "fits"), MOTE_OK);
    assert_true(has(STORE_FILE, "n0", "fits"));
}

static void test_names(void **state)
{
    char name[STORE_NAME_MAX + 1];
    struct bytes longest = {name, STORE_NAME_MAX}, too_long = {name, STORE_NAME_MAX + 1};
    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(file_commit(file_create(longest, 0, FILE_REPLACE, false)), MOTE_OK);
    assert_true(file_open(longest, NULL) >= 0);
    assert_int_equal(file_create(too_long, 0, FILE_REPLACE, false), MOTE_ERR_INVALID);
    assert_fault("open", "a name has 1 to 255 bytes");
    assert_int_equal(file_open(too_long, NULL), MOTE_ERR_NOT_FOUND);
    assert_int_equal(file_list(too_long), MOTE_ERR_NOT_FOUND);
    assert_int_equal(create("", FILE_REPLACE), MOTE_ERR_UNSUPPORTED);
    assert_int_equal(create("a/", FILE_REPLACE), MOTE_ERR_UNSUPPORTED);
    put("a/b", FILE_REPLACE, "");
    assert_int_equal(create("a", FILE_REPLACE), MOTE_ERR_UNSUPPORTED);
    assert_fault("open", "is a directory");
    assert_int_equal(file_open(path_of("a"), NULL), MOTE_ERR_UNSUPPORTED);
    assert_int_equal(file_open(path_of("b"), NULL), MOTE_ERR_NOT_FOUND);
    assert_fault("open", "no such file or directory");
}

/* The names of a directory, sorted by when they came, with a slash behind a directory's. */
static const char *listed(const char *path)
{
    static struct file_entry entry;
    static char text[512];
    int list = file_list(path_of(path)), result;
    size_t n = 0;

    text[0] = '\0';
    if (list < 0)
        return file_fault().why;
    while ((result = file_next(list, &entry)) == 1) {
        bool is_directory = (entry.info.mode & FILE_TYPE_MASK) == FILE_TYPE_DIRECTORY;
        assert_int_equal(strlen(entry.name), entry.name_len);
        assert_int_equal(entry.info.size, is_directory ? 0 : 1);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s ", entry.name,
                              is_directory ? "/" : "");
    }
    assert_int_equal(result, 0);
    file_close(list);
    return text;
}

static void test_list(void **state)
{
    struct file_info info;
    (void)state;
    assert_string_equal(listed("/"), "");
    put_secret("secret", "of another kind");
    put("/top/a", FILE_REPLACE, "1");
    put("/top/sub/b", FILE_REPLACE, "2");
    put("plain", FILE_REPLACE, "3");
    put("/top/sub/c", FILE_REPLACE, "4");
    put("/top/subway", FILE_REPLACE, "5");
    int hidden = create("/top/hidden", FILE_REPLACE);
    file_write(hidden, "6", 1);
    assert_string_equal(listed("/"), "top/ plain ");
    assert_string_equal(listed(""), "top/ plain ");
    assert_string_equal(listed("/top"), "a sub/ subway ");
    assert_string_equal(listed("top/"), "a sub/ subway ");
    assert_string_equal(listed("/top/sub"), "b c ");
    assert_string_equal(listed("/top/su"), "no such file or directory");
    assert_string_equal(listed("/top/a"), "no such file or directory");
    assert_int_equal(file_stat(path_of("/top/sub"), &info), MOTE_OK);
    assert_int_equal(info.mode, FILE_TYPE_DIRECTORY | 0755);
    assert_true(is_missing("/top/su"));
    assert_true(is_missing("/top/hidden"));
}

static void test_two_lists_at_once(void **state)
{
    static struct file_entry entry;
    int files[FILES_MAX];
    (void)state;
    put("d/a", FILE_REPLACE, "1");
    put("e/b", FILE_REPLACE, "1");
    int d = file_list(path_of("d")), e = file_list(path_of("e"));
    assert_int_equal(file_list(path_of("d")), MOTE_ERR_NO_RESOURCES);
    assert_int_equal(file_next(d, &entry), 1);
    assert_string_equal(entry.name, "a");
    store_delete(STORE_FILE, "d/a", 3);
    assert_int_equal(file_next(e, &entry), 1);
    assert_string_equal(entry.name, "b");
    assert_int_equal(file_next(d, &entry), 0);
    file_close(d);
    assert_int_equal(file_next(d, &entry), MOTE_ERR_IO);
    file_close(e);
    for (int i = 0; i < FILES_MAX; i++)
        files[i] = file_open(path_of("e/b"), NULL);
    assert_int_equal(file_list(path_of("e")), MOTE_ERR_NO_RESOURCES);
    assert_int_equal(file_open(path_of("e/b"), NULL), MOTE_ERR_NO_RESOURCES);
    file_close(files[3]);
    assert_int_equal(file_list(path_of("e")), files[3]);
}

/* What the store forgets is no file any more. */
static void test_store_is_wiped_meanwhile(void **state)
{
    (void)state;
    int f = create("f", FILE_REPLACE);
    file_write(f, "x", 1);
    store_wipe();
    put("g", FILE_REPLACE, "new");
    assert_int_equal(file_write(f, "y", 1), MOTE_ERR_NOT_FOUND);
    file_close(f);
    assert_true(has(STORE_FILE, "g", "new"));
    f = create("f", FILE_REPLACE);
    store_wipe();
    assert_int_equal(file_commit(f), MOTE_ERR_NOT_FOUND);
    assert_int_equal(blob_truncate(1), MOTE_ERR_NOT_FOUND);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_read_by_parts),
        TEST(test_replaced_while_it_is_read),
        TEST(test_replaced_at_once),
        TEST(test_given_up_leaves_nothing),
        TEST(test_all_grow_beside_secrets),
        TEST(test_secret_that_is_begun),
        TEST(test_in_place),
        TEST(test_full),
        TEST(test_too_many_names),
        TEST(test_names),
        TEST(test_list),
        TEST(test_two_lists_at_once),
        TEST(test_store_is_wiped_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
