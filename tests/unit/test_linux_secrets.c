/* SPDX-License-Identifier: MIT */
/* Secrets as files: content, modes, replacement at once, the list, and that they go wiped. */
#include "platform/store.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DIRECTORY "run/stereos/secrets"

static int set_up(void **state)
{
    (void)state;
    umask(022);
    fake_is_init = false;
    fake_enter_directory();
    fake_no_options();
    fake_option("mote.secrets", DIRECTORY);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_leave_directory();
    return 0;
}

static int put_bytes(const char *name, unsigned mode, const char *value, size_t n)
{
    char *space;
    int result = store_begin(STORE_SECRET, name, strlen(name), mode, n, &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, value, n);
    return store_commit();
}

static int put(const char *name, unsigned mode, const char *value)
{
    return put_bytes(name, mode, value, strlen(value));
}

static void test_content_and_modes(void **state)
{
    (void)state;
    umask(077);
    assert_int_equal(put("TOKEN", 0640, "hunter2"), MOTE_OK);
    assert_string_equal(fake_read(DIRECTORY "/TOKEN"), "hunter2");
    assert_int_equal(fake_mode(DIRECTORY "/TOKEN"), S_IFREG | 0640);
    assert_int_equal(fake_mode(DIRECTORY), S_IFDIR | 0700);
    assert_int_equal(fake_mode("run/stereos"), S_IFDIR | 0755);
    assert_int_equal(fake_mode("run"), S_IFDIR | 0755);
    assert_int_equal(umask(022), 077);
    assert_int_equal(put("all", 07777, ""), MOTE_OK); /* more than permissions is not given */
    assert_int_equal(fake_mode(DIRECTORY "/all"), S_IFREG | 0777);
    assert_string_equal(fake_read(DIRECTORY "/all"), "");
    assert_int_equal(put("none", 0, "x"), MOTE_OK);
    assert_int_equal(fake_mode(DIRECTORY "/none"), S_IFREG);
    assert_int_equal(fake_count(DIRECTORY), 3);
}

static void test_directory_gets_its_mode_back(void **state)
{
    (void)state;
    put("a", 0600, "1");
    chmod(DIRECTORY, 0777);
    chmod("run", 0711);
    assert_int_equal(put("a", 0600, "2"), MOTE_OK);
    assert_int_equal(fake_mode(DIRECTORY), S_IFDIR | 0700);
    assert_int_equal(fake_mode("run"), S_IFDIR | 0711); /* not ours to judge */
}

static void test_replaced(void **state)
{
    struct stat before, after;
    (void)state;
    put("n", 0644, "a long value");
    stat(DIRECTORY "/n", &before);
    assert_int_equal(put("n", 0600, "short"), MOTE_OK);
    stat(DIRECTORY "/n", &after);
    assert_string_equal(fake_read(DIRECTORY "/n"), "short");
    assert_int_equal(after.st_mode, S_IFREG | 0600);
    assert_int_not_equal(before.st_ino, after.st_ino);
    assert_int_equal(fake_count(DIRECTORY), 1);
}

/* What lies at the name that is written to first, or is a symbolic link, is never followed. */
static void test_stale_and_hostile_temporaries(void **state)
{
    (void)state;
    put("n", 0600, "old");
    fake_write("victim", "untouched");
    fake_write(DIRECTORY "/.mote.tmp", "half of another sec");
    chmod(DIRECTORY "/.mote.tmp", 0666);
    assert_int_equal(put("n", 0600, "new"), MOTE_OK);
    assert_string_equal(fake_read(DIRECTORY "/n"), "new");
    assert_int_equal(fake_mode(DIRECTORY "/n"), S_IFREG | 0600);
    assert_int_equal(symlink("../../../victim", DIRECTORY "/.mote.tmp"), 0);
    assert_int_equal(put("n", 0600, "newer"), MOTE_OK);
    unlink(DIRECTORY "/n");
    assert_int_equal(symlink("../../../victim", DIRECTORY "/n"), 0);
    assert_int_equal(put("n", 0600, "newest"), MOTE_OK);
    assert_int_equal(fake_mode(DIRECTORY "/n"), S_IFREG | 0600);
    assert_string_equal(fake_read("victim"), "untouched");
    assert_int_equal(fake_count(DIRECTORY), 1);
}

/* StereOS' own temporary name is that of a secret like any other. */
static void test_names_that_end_in_tmp(void **state)
{
    (void)state;
    assert_int_equal(put("n.tmp", 0600, "one"), MOTE_OK);
    assert_int_equal(put("n", 0600, "two"), MOTE_OK);
    assert_string_equal(fake_read(DIRECTORY "/n.tmp"), "one");
    assert_string_equal(fake_read(DIRECTORY "/n"), "two");
}

static void test_longest_name(void **state)
{
    char name[STORE_NAME_MAX + 2], path[sizeof name + sizeof DIRECTORY], *space;
    (void)state;
    memset(name, 'n', sizeof name);
    assert_int_equal(store_begin(STORE_SECRET, name, 256, 0600, 1, &space), MOTE_ERR_INVALID);
    assert_int_equal(store_begin(STORE_SECRET, name, 0, 0600, 1, &space), MOTE_ERR_INVALID);
    name[STORE_NAME_MAX] = '\0';
    assert_int_equal(put(name, 0600, "x"), MOTE_OK);
    snprintf(path, sizeof path, "%s/%s", DIRECTORY, name);
    assert_string_equal(fake_read(path), "x");
}

static void test_names_that_no_file_can_have(void **state)
{
    static const char *const names[] = {".", "..", ".hidden", "a/b", "../x", "/", ".mote.tmp"};
    struct store_blob blob;
    char *space;
    (void)state;
    fake_write("x", "outside");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        assert_int_equal(put(names[i], 0600, "v"), MOTE_ERR_INVALID);
        assert_int_equal(store_get(STORE_SECRET, names[i], n, &blob), MOTE_ERR_NOT_FOUND);
        assert_int_equal(store_delete(STORE_SECRET, names[i], n), MOTE_ERR_NOT_FOUND);
    }
    assert_int_equal(store_begin(STORE_SECRET, "a\0b", 3, 0600, 1, &space), MOTE_ERR_INVALID);
    assert_string_equal(fake_read("x"), "outside");
}

static void test_get(void **state)
{
    struct store_blob blob;
    (void)state;
    assert_int_equal(store_get(STORE_SECRET, "n", 1, &blob), MOTE_ERR_NOT_FOUND);
    put("n", 0640, "value");
    assert_int_equal(store_get(STORE_SECRET, "n", 1, &blob), MOTE_OK);
    assert_int_equal(blob.size, 5);
    assert_int_equal(blob.mode, 0640);
    assert_memory_equal(blob.data, "value", 5);
    assert_int_equal(store_residue(), 0); /* what it holds is no residue */
    assert_int_equal(store_get(STORE_SECRET, "m", 1, &blob), MOTE_ERR_NOT_FOUND);
    store_wipe();
    assert_int_equal(truncate(DIRECTORY "/n", STORE_SIZE + 1), 0);
    assert_int_equal(store_get(STORE_SECRET, "n", 1, &blob), MOTE_ERR_NOT_FOUND);
}

static void test_one_that_was_given_up(void **state)
{
    struct store_blob blob;
    char *space;
    (void)state;
    put("n", 0600, "old");
    store_begin(STORE_SECRET, "n", 1, 0600, 6, &space);
    memcpy(space, "secret", 6);
    assert_int_equal(store_get(STORE_SECRET, "n", 1, &blob), MOTE_OK);
    assert_memory_equal(blob.data, "old\0\0\0", 6);
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
    assert_string_equal(fake_read(DIRECTORY "/n"), "old");
    assert_int_equal(store_residue(), 0);
}

static size_t resident_pages(const void *at, size_t n)
{
    unsigned char pages[STORE_SIZE / 4096 + 1];
    size_t resident = 0;

    assert_int_equal(mincore((void *)(uintptr_t)at, n, pages), 0);
    for (size_t i = 0; i < n / 4096; i++)
        resident += pages[i] & 1;
    return resident;
}

/* Wiped, and given back, also when it may not be swapped, as mote's memory may not. (The
 * sanitizer's mlock() does nothing.) */
static void test_memory_is_wiped_and_given_back(void **state)
{
    char *space;
    (void)state;
    for (int locked = 0; locked < 2; locked++) {
        store_begin(STORE_SECRET, "n", 1, 0600, STORE_SIZE, &space);
        if (locked && syscall(SYS_mlock, space, STORE_SIZE) != 0) {
            print_message("skipped: memory can't be locked here\n");
            skip();
        }
        memset(space, 'x', STORE_SIZE);
        assert_int_equal(resident_pages(space, STORE_SIZE), STORE_SIZE / 4096);
        store_trim(STORE_SIZE - 10000);
        assert_int_equal(store_commit(), MOTE_OK);
        assert_true(resident_pages(space, STORE_SIZE) <= 1);
        assert_int_equal(store_residue(), 0);
        for (size_t i = 0; i < STORE_SIZE; i++)
            assert_int_equal(space[i], 0);
        space[STORE_SIZE - 1] = 'x';
        assert_int_equal(store_residue(), 1); /* it does look */
        space[STORE_SIZE - 1] = '\0';
    }
    syscall(SYS_munlock, space, STORE_SIZE);
}

static void test_trim(void **state)
{
    char *space;
    (void)state;
    store_begin(STORE_SECRET, "n", 1, 0600, 8, &space);
    memcpy(space, "key\n\n\n\n\n", 8);
    store_trim(9); /* more than it was */
    store_trim(4);
    assert_int_equal(store_commit(), MOTE_OK);
    assert_string_equal(fake_read(DIRECTORY "/n"), "key\n");
    store_trim(1);
}

/* What is begun, and what was read. */
static void test_abandon_wipes(void **state)
{
    struct store_blob blob;
    char *space;
    (void)state;
    put("n", 0600, "value");
    assert_int_equal(store_get(STORE_SECRET, "n", 1, &blob), MOTE_OK);
    assert_memory_equal(blob.data, "value", 5);
    store_abandon();
    assert_memory_equal(blob.data, "\0\0\0\0", 5);
    store_begin(STORE_SECRET, "n", 1, 0600, 3, &space);
    memcpy(space, "two", 3);
    store_abandon();
    assert_memory_equal(space, "\0\0", 3);
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
    assert_string_equal(fake_read(DIRECTORY "/n"), "value");
}

/* Everybody who has the file open sees zeros. */
static void test_delete_wipes(void **state)
{
    char value[3000], left[sizeof value];
    (void)state;
    memset(value, 's', sizeof value);
    put_bytes("n", 0600, value, sizeof value);
    put("m", 0600, "stays");
    int fd = open(DIRECTORY "/n", O_RDONLY);
    assert_int_equal(store_delete(STORE_SECRET, "n", 1), MOTE_OK);
    assert_int_equal(fake_mode(DIRECTORY "/n"), 0);
    assert_int_equal(read(fd, left, sizeof left), sizeof left);
    for (size_t i = 0; i < sizeof left; i++)
        assert_int_equal(left[i], 0);
    close(fd);
    assert_int_equal(store_delete(STORE_SECRET, "n", 1), MOTE_ERR_NOT_FOUND);
    assert_string_equal(fake_read(DIRECTORY "/m"), "stays");
}

static void test_what_is_no_file_is_no_secret(void **state)
{
    struct store_name next;
    struct store_blob blob;
    static const char *const names[] = {"fifo", "folder", "link"};
    (void)state;
    put("real", 0600, "x");
    mkfifo(DIRECTORY "/fifo", 0600);
    mkdir(DIRECTORY "/folder", 0700);
    symlink("real", DIRECTORY "/link");
    fake_write(DIRECTORY "/.hidden", "y");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = strlen(names[i]);
        assert_int_equal(store_get(STORE_SECRET, names[i], n, &blob), MOTE_ERR_NOT_FOUND);
        assert_int_equal(store_delete(STORE_SECRET, names[i], n), MOTE_ERR_NOT_FOUND);
    }
    assert_int_equal(store_next(STORE_SECRET, "", 0, &next), MOTE_OK);
    assert_string_equal(next.name, "real");
    assert_int_equal(store_next(STORE_SECRET, "real", 4, &next), MOTE_ERR_NOT_FOUND);
    assert_int_equal(fake_count(DIRECTORY), 5);
}

/* In byte order, each once, with size and mode. */
static void test_list(void **state)
{
    static const char *const names[] = {"A", "A0", "Z", "a", "b-long-one", "\xc3\xa4", "\xff"};
    char name[STORE_NAME_MAX], value[16];
    struct store_name next = {.len = 0};
    (void)state;
    assert_int_equal(store_next(STORE_SECRET, "", 0, &next), MOTE_ERR_NOT_FOUND);
    for (size_t i = 7; i-- > 0;) {
        memset(value, 'v', sizeof value);
        put_bytes(names[i], 0600 + (unsigned)i, value, i);
    }
    for (size_t i = 0; i < 7; i++) {
        memcpy(name, next.name != NULL ? next.name : "", next.len);
        assert_int_equal(store_next(STORE_SECRET, name, next.len, &next), MOTE_OK);
        assert_string_equal(next.name, names[i]);
        assert_int_equal(next.len, strlen(names[i]));
        assert_int_equal(next.size, i);
        assert_int_equal(next.mode, 0600 + i);
    }
    assert_int_equal(store_next(STORE_SECRET, "\xff", 1, &next), MOTE_ERR_NOT_FOUND);
    assert_int_equal(store_next(STORE_SECRET, "A00", 3, &next), MOTE_OK);
    assert_string_equal(next.name, "Z"); /* behind a name that is not there */
    assert_int_equal(store_next(STORE_CONFIG, "", 0, &next), MOTE_ERR_NOT_FOUND);
}

static void test_as_many_names_as_the_limit(void **state)
{
    char name[16];
    struct store_name next = {.len = 0};
    int n = 0;
    (void)state;
    for (int i = 0; i < STORE_ENTRIES; i++) {
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(put(name, 0600, "v"), MOTE_OK);
    }
    assert_int_equal(put("more", 0600, "v"), MOTE_ERR_NO_ROOM);
    assert_string_equal(store_fault().step, "write");
    assert_string_equal(store_fault().why,
                        "store full: 1 bytes wanted; limit is 65536 bytes and 64 names");
    assert_int_equal(put("n7", 0600, "replaced"), MOTE_OK);
    assert_string_equal(fake_read(DIRECTORY "/n7"), "replaced");
    while (store_next(STORE_SECRET, name, next.len, &next) == MOTE_OK) {
        memcpy(name, next.name, next.len);
        n++;
    }
    assert_int_equal(n, STORE_ENTRIES);
    assert_int_equal(store_delete(STORE_SECRET, "n0", 2), MOTE_OK);
    assert_int_equal(put("more", 0600, "v"), MOTE_OK);
}

static void test_longest_value(void **state)
{
    static char value[STORE_SIZE];
    struct stat file;
    char *space;
    (void)state;
    memset(value, 'v', sizeof value);
    assert_int_equal(put_bytes("n", 0600, value, sizeof value), MOTE_OK);
    stat(DIRECTORY "/n", &file);
    assert_int_equal(file.st_size, sizeof value);
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, STORE_SIZE + 1, &space),
                     MOTE_ERR_NO_ROOM);
    assert_int_equal(store_begin(STORE_SECRET, "n", 1, 0, SIZE_MAX, &space), MOTE_ERR_NO_ROOM);
    stat(DIRECTORY "/n", &file);
    assert_int_equal(file.st_size, sizeof value);
}

static void test_wipe(void **state)
{
    char *space;
    (void)state;
    put("a", 0600, "1");
    put("b", 0600, "2");
    fake_write(DIRECTORY "/.hidden", "y");
    store_begin(STORE_SECRET, "c", 1, 0600, 6, &space);
    memcpy(space, "secret", 6);
    store_wipe();
    assert_memory_equal(space, "\0\0\0\0\0\0", 6);
    assert_int_equal(store_commit(), MOTE_ERR_INVALID);
    assert_int_equal(fake_count(DIRECTORY), 3); /* a service's users keep their files */
    int fd = open(DIRECTORY "/a", O_RDONLY);
    fake_is_init = true;
    store_wipe();
    assert_int_equal(fake_count(DIRECTORY), 1);
    assert_int_equal(read(fd, space, 1), 1);
    assert_int_equal(space[0], 0);
    close(fd);
}

struct writer {
    volatile bool done;
    volatile unsigned long reads;
    unsigned long missing, broken, seen[256];
};

/* A secret is 40,000 times the same byte; half of one would show two, or fewer. */
#define ATOMIC_SIZE 40000

static void *read_over_and_over(void *context)
{
    static char value[ATOMIC_SIZE + 1];
    struct writer *w = context;

    while (!w->done) {
        int fd = open(DIRECTORY "/n", O_RDONLY);
        long n = read(fd, value, sizeof value);
        close(fd);
        w->reads++;
        w->missing += fd < 0;
        w->broken += n != ATOMIC_SIZE || memcmp(value, value + 1, ATOMIC_SIZE - 1) != 0;
        w->seen[(unsigned char)value[0]]++;
    }
    return NULL;
}

static void test_readers_see_all_or_nothing(void **state)
{
    static char value[ATOMIC_SIZE];
    struct writer w = {.done = false};
    pthread_t reader;
    unsigned different = 0;
    (void)state;
    memset(value, 'a', sizeof value);
    put_bytes("n", 0600, value, sizeof value);
    assert_int_equal(pthread_create(&reader, NULL, read_over_and_over, &w), 0);
    for (int i = 0; i < 5000 || w.reads < 1000; i++) {
        memset(value, 'a' + i % 26, sizeof value);
        assert_int_equal(put_bytes("n", 0600, value, sizeof value), MOTE_OK);
    }
    w.done = true;
    pthread_join(reader, NULL);
    for (int i = 0; i < 256; i++)
        different += w.seen[i] != 0;
    print_message("%lu reads, %u different values\n", w.reads, different);
    assert_int_equal(w.missing, 0);
    assert_int_equal(w.broken, 0);
    assert_true(different > 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_content_and_modes),
        TEST(test_directory_gets_its_mode_back),
        TEST(test_replaced),
        TEST(test_stale_and_hostile_temporaries),
        TEST(test_names_that_end_in_tmp),
        TEST(test_longest_name),
        TEST(test_names_that_no_file_can_have),
        TEST(test_get),
        TEST(test_one_that_was_given_up),
        TEST(test_memory_is_wiped_and_given_back),
        TEST(test_trim),
        TEST(test_abandon_wipes),
        TEST(test_delete_wipes),
        TEST(test_what_is_no_file_is_no_secret),
        TEST(test_list),
        TEST(test_as_many_names_as_the_limit),
        TEST(test_longest_value),
        TEST(test_wipe),
        TEST(test_readers_see_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
