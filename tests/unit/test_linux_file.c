/* SPDX-License-Identifier: MIT */
/* Files of Linux for transfers: what replaces is seen whole or never, and nothing else is left. */
#include "platform/file.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int set_up(void **state)
{
    (void)state;
    umask(022);
    fake_enter_directory();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < FILES_MAX; i++)
        file_close(i);
    umask(022);
    fake_leave_directory();
    return 0;
}

static struct bytes path_of(const char *s)
{
    return (struct bytes){s, strlen(s)};
}

static int create(const char *path, enum file_how how)
{
    return file_create(path_of(path), 0640, how, false);
}

static int put(const char *path, enum file_how how, const char *content)
{
    int file = create(path, how);

    if (file < 0)
        return file;
    int result = file_write(file, content, strlen(content));
    return result == MOTE_OK ? file_commit(file) : result;
}

static void assert_fault(const char *step, const char *why)
{
    assert_string_equal(file_fault().step, step);
    assert_string_equal(file_fault().why, why);
}

static unsigned open_files(void)
{
    return (unsigned)fake_count("/proc/self/fd");
}

static void test_read(void **state)
{
    struct file_info info;
    struct stat file;
    char buf[8];
    (void)state;
    fake_write("f", "0123456789");
    chmod("f", 0604);
    int f = file_open(path_of("f"), &info);
    stat("f", &file);
    assert_in_range(f, 0, FILES_MAX - 1);
    assert_int_equal(info.size, 10);
    assert_int_equal(info.mode, S_IFREG | 0604);
    assert_int_equal(info.mtime, file.st_mtime);
    assert_int_equal(file_read(f, buf, 8), 8);
    assert_memory_equal(buf, "01234567", 8);
    assert_int_equal(file_read(f, buf, 8), 2);
    assert_memory_equal(buf, "89", 2);
    assert_int_equal(file_read(f, buf, 8), 0);
    assert_int_equal(file_write(f, "x", 1), MOTE_ERR_IO);
    assert_fault("write", "bad file descriptor");
    file_close(f);
    assert_int_equal(file_read(f, buf, 8), MOTE_ERR_IO);
    assert_fault("read", "bad file descriptor");
}

static void test_what_cannot_be_read(void **state)
{
    char longest[FILE_PATH_MAX + 1];
    (void)state;
    assert_int_equal(file_open(path_of("none"), NULL), MOTE_ERR_NOT_FOUND);
    assert_fault("open", "no such file or directory");
    assert_int_equal(file_open(path_of(""), NULL), MOTE_ERR_NOT_FOUND);
    assert_int_equal(file_open((struct bytes){"a\0b", 3}, NULL), MOTE_ERR_INVALID);
    assert_fault("open", "invalid argument");
    memset(longest, 'a', sizeof longest);
    assert_int_equal(file_open((struct bytes){longest, sizeof longest}, NULL), MOTE_ERR_INVALID);
    assert_fault("open", "file name too long");
    mkdir("d", 0755);
    assert_int_equal(file_open(path_of("d"), NULL), MOTE_ERR_UNSUPPORTED);
    assert_fault("open", "is a directory");
    mkfifo("fifo", 0600);
    assert_int_equal(file_open(path_of("fifo"), NULL), MOTE_ERR_UNSUPPORTED); /* at once */
    assert_fault("open", "not a regular file");
    assert_int_equal(file_open(path_of("/dev/zero"), NULL), MOTE_ERR_UNSUPPORTED);
    fake_write("f", "");
    assert_int_equal(file_open(path_of("f/g"), NULL), MOTE_ERR_IO);
    assert_fault("open", "not a directory");
}

static void test_replaced_at_once(void **state)
{
    struct stat file;
    (void)state;
    umask(077);
    fake_write("f", "old");
    int f = create("f", FILE_REPLACE);
    assert_int_equal(file_write(f, "new", 3), MOTE_OK);
    assert_int_equal(file_write(f, "er", 2), MOTE_OK);
    assert_string_equal(fake_read("f"), "old");
    int reader = open("f", O_RDONLY);
    assert_int_equal(file_commit(f), MOTE_OK);
    assert_string_equal(fake_read("f"), "newer");
    char old[4] = "";
    assert_int_equal(read(reader, old, 4), 3);
    assert_string_equal(old, "old");
    close(reader);
    stat("f", &file);
    assert_int_equal(file.st_mode, S_IFREG | 0640); /* whatever the umask */
    assert_int_equal(fake_count("."), 1);
    assert_int_equal(file_commit(f), MOTE_ERR_IO);
}

static void test_given_up_leaves_nothing(void **state)
{
    unsigned before = open_files();
    (void)state;
    fake_write("f", "old");
    int f = create("f", FILE_REPLACE), g = create("g", FILE_REPLACE);
    file_write(f, "new", 3);
    assert_int_equal(fake_count("."), 3); /* both hidden */
    file_close(f);
    file_close(g);
    assert_int_equal(fake_count("."), 1);
    assert_string_equal(fake_read("f"), "old");
    assert_int_equal(open_files(), before);
    file_close(f); /* no harm */
    file_close(-1);
    file_close(FILES_MAX);
}

static void test_empty(void **state)
{
    struct file_info info;
    char c;
    (void)state;
    assert_int_equal(put("e", FILE_REPLACE, ""), MOTE_OK);
    assert_int_equal(fake_mode("e"), S_IFREG | 0640);
    int f = file_open(path_of("e"), &info);
    assert_int_equal(info.size, 0);
    assert_int_equal(file_read(f, &c, 1), 0);
}

static void test_in_place(void **state)
{
    (void)state;
    assert_int_equal(put("f", FILE_TRUNCATE, "first"), MOTE_OK);
    assert_int_equal(fake_mode("f"), S_IFREG | 0640);
    chmod("f", 0600);
    assert_int_equal(put("f", FILE_APPEND, ", second"), MOTE_OK);
    assert_string_equal(fake_read("f"), "first, second");
    int f = create("f", FILE_TRUNCATE);
    assert_string_equal(fake_read("f"), "");
    file_write(f, "x", 1);
    assert_string_equal(fake_read("f"), "x");
    file_close(f);
    assert_string_equal(fake_read("f"), "x");
    assert_int_equal(fake_mode("f"), S_IFREG | 0600); /* it was there */
    assert_int_equal(fake_count("."), 1);
}

static void test_symbolic_links(void **state)
{
    (void)state;
    fake_write("target", "untouched");
    assert_int_equal(symlink("target", "link"), 0);
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(put("link", FILE_REPLACE, "new"), MOTE_OK);
    assert_int_equal(put("dangling", FILE_REPLACE, "new"), MOTE_OK);
    assert_string_equal(fake_read("target"), "untouched");
    assert_true(S_ISREG(fake_mode("link")));
    assert_true(S_ISREG(fake_mode("dangling")));
    assert_int_equal(fake_mode("nowhere"), 0);
    mkdir("d", 0755);
    assert_int_equal(symlink("d", "to-d"), 0);
    assert_int_equal(put("to-d", FILE_REPLACE, "new"), MOTE_OK);
    assert_int_equal(fake_count("d"), 0);
    assert_int_equal(symlink("target", "followed"), 0);
    assert_int_equal(put("followed", FILE_TRUNCATE, "by writing in place"), MOTE_OK);
    assert_string_equal(fake_read("target"), "by writing in place");
}

static void test_what_is_never_replaced(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
    static const char *const names[] = {"fifo", "socket", "/dev/null"};
    static const char *const directories[] = {"d", "d/", ".", "..", "d/..", "/"};
    unsigned before = open_files();
    (void)state;
    mkdir("d", 0755);
    mkfifo("fifo", 0600);
    int s = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(s, (void *)&address, sizeof address), 0);
    close(s);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        assert_int_equal(create(names[i], FILE_REPLACE), MOTE_ERR_UNSUPPORTED);
        assert_fault("open", "not a regular file");
    }
    assert_int_equal(create("/dev/null", FILE_TRUNCATE), MOTE_ERR_UNSUPPORTED);
    assert_int_equal(create("fifo", FILE_APPEND), MOTE_ERR_UNSUPPORTED);
    for (size_t i = 0; i < sizeof directories / sizeof directories[0]; i++) {
        assert_int_equal(create(directories[i], FILE_REPLACE), MOTE_ERR_UNSUPPORTED);
        assert_fault("open", "is a directory");
        assert_int_equal(create(directories[i], FILE_TRUNCATE), MOTE_ERR_UNSUPPORTED);
    }
    assert_int_equal(create("", FILE_REPLACE), MOTE_ERR_NOT_FOUND);
    assert_int_equal(open_files(), before);
    assert_int_equal(fake_count("."), 3);
}

/* What came in the way after the begin. */
static void test_directory_in_the_way_at_the_end(void **state)
{
    (void)state;
    int f = create("f", FILE_REPLACE);
    file_write(f, "new", 3);
    mkdir("f", 0755);
    assert_int_equal(file_commit(f), MOTE_ERR_UNSUPPORTED);
    assert_fault("rename", "is a directory");
    assert_int_equal(fake_count("."), 1);
    assert_int_equal(rmdir("f"), 0);
}

static void test_parents(void **state)
{
    static const enum file_how hows[] = {FILE_REPLACE, FILE_TRUNCATE, FILE_APPEND};
    char path[32];
    (void)state;
    umask(077);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "a%zu/b//c/f", i);
        assert_int_equal(create(path, hows[i]), MOTE_ERR_NOT_FOUND);
        assert_fault("open", "no such file or directory");
        assert_int_equal(fake_count("."), i);
        int f = file_create(path_of(path), 0600, hows[i], true);
        assert_true(f >= 0);
        assert_int_equal(file_commit(f), MOTE_OK);
        assert_int_equal(fake_mode(path), S_IFREG | 0600);
        path[strlen("aN/b")] = '\0';
        assert_int_equal(fake_mode(path), S_IFDIR | 0755);
    }
    assert_int_equal(file_commit(file_create(path_of("f"), 0600, FILE_TRUNCATE, true)), MOTE_OK);
    assert_int_equal(file_create(path_of("f/x/g"), 0600, FILE_REPLACE, true), MOTE_ERR_IO);
    assert_int_equal(file_create(path_of("f/x/g"), 0600, FILE_TRUNCATE, true), MOTE_ERR_IO);
    assert_string_equal(file_fault().why, "not a directory");
}

static void test_longest_path(void **state)
{
    char path[FILE_PATH_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof path; i++)
        path[i] = i % 200 == 199 ? '/' : 'p';
    const struct bytes longest = {path, sizeof path};
    int f = file_create(longest, 0600, FILE_REPLACE, true);
    assert_true(f >= 0);
    assert_int_equal(file_commit(f), MOTE_OK);
    assert_true(file_open(longest, NULL) >= 0);
    memset(path, 'n', 256);
    assert_int_equal(file_create((struct bytes){path, 256}, 0600, FILE_REPLACE, true),
                     MOTE_ERR_INVALID);
    assert_fault("open", "file name too long");
    f = file_create((struct bytes){path, 255}, 0600, FILE_REPLACE, true);
    assert_int_equal(file_commit(f), MOTE_OK);
}

/* A name like ours is somebody else's: it stays, and another is found. */
static void test_hidden_names_of_others(void **state)
{
    char name[64];
    DIR *d;
    (void)state;
    int f = create("f", FILE_REPLACE);
    assert_non_null(d = opendir("."));
    struct dirent *e;
    unsigned serial = 0;
    while ((e = readdir(d)) != NULL)
        sscanf(e->d_name, ".mote.%*d.%u.tmp", &serial);
    closedir(d);
    file_close(f);
    for (unsigned i = 1; i <= 3; i++) {
        snprintf(name, sizeof name, ".mote.%d.%u.tmp", getpid(), serial + i);
        fake_write(name, "theirs");
    }
    assert_int_equal(put("f", FILE_REPLACE, "ours"), MOTE_OK);
    assert_string_equal(fake_read("f"), "ours");
    assert_string_equal(fake_read(name), "theirs");
    assert_int_equal(fake_count("."), 4);
}

static void test_sixteen_at_once(void **state)
{
    int files[FILES_MAX];
    char name[16];
    unsigned before = open_files();
    (void)state;
    for (int i = 0; i < FILES_MAX; i++) {
        snprintf(name, sizeof name, "f%d", i);
        files[i] = create(name, FILE_REPLACE);
        assert_in_range(files[i], 0, FILES_MAX - 1);
        for (int k = 0; k < i; k++)
            assert_int_not_equal(files[i], files[k]);
    }
    assert_int_equal(create("more", FILE_REPLACE), MOTE_ERR_NO_RESOURCES);
    assert_fault("open", "too many open files");
    assert_int_equal(file_list(path_of(".")), MOTE_ERR_NO_RESOURCES);
    file_close(files[7]);
    assert_int_equal(put("more", FILE_REPLACE, "x"), MOTE_OK);
    for (int i = 0; i < FILES_MAX; i++)
        assert_int_equal(file_commit(files[i]), i == 7 ? MOTE_ERR_IO : MOTE_OK);
    assert_int_equal(fake_count("."), FILES_MAX);
    assert_int_equal(open_files(), before);
}

/* Half of it is written when the file system is full. */
static void test_full(void **state)
{
    static char much[100000];
    struct file_info info;
    (void)state;
    if (!fake_may_mount())
        skip();
    mkdir("small", 0755);
    assert_int_equal(mount("none", "small", "tmpfs", 0, "size=65536"), 0);
    fake_write("small/f", "old");
    int f = create("small/f", FILE_REPLACE);
    assert_int_equal(file_write(f, much, sizeof much), MOTE_ERR_NO_ROOM);
    assert_fault("write", "no space left on device");
    assert_int_equal(file_write(f, "x", 1), MOTE_ERR_IO);
    assert_int_equal(file_commit(f), MOTE_ERR_IO); /* never the half of it */
    assert_string_equal(fake_read("small/f"), "old");
    assert_int_equal(fake_count("small"), 1);
    assert_int_equal(file_stat(path_of("small/f"), &info), MOTE_OK);
    assert_int_equal(info.size, 3);
    assert_int_equal(umount("small"), 0);
}

static void test_stat(void **state)
{
    struct file_info info;
    (void)state;
    fake_write("f", "12345");
    assert_int_equal(symlink("f", "link"), 0);
    mkdir("d", 0700);
    assert_int_equal(file_stat(path_of("link"), &info), MOTE_OK);
    assert_int_equal(info.size, 5);
    assert_int_equal(info.mode & FILE_TYPE_MASK, FILE_TYPE_REGULAR);
    assert_int_equal(file_stat(path_of("d"), &info), MOTE_OK);
    assert_int_equal(info.mode, FILE_TYPE_DIRECTORY | 0700);
    assert_int_equal(file_stat(path_of("/dev/null"), &info), MOTE_OK);
    assert_int_equal(info.mode & FILE_TYPE_MASK, S_IFCHR);
    assert_int_equal(file_stat(path_of("none"), &info), MOTE_ERR_NOT_FOUND);
    assert_fault("stat", "no such file or directory");
}

/* More names than one read of the directory has. */
static void test_list(void **state)
{
    static struct file_entry entry;
    char seen[200] = "", name[200];
    int links = 0;
    (void)state;
    mkdir("d", 0755);
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, "d/%s%03d%0100d", i % 2 ? "." : "n", i, 0);
        fake_write(name, "123");
    }
    assert_int_equal(symlink("nowhere", "d/link"), 0);
    int list = file_list(path_of("d"));
    int result;
    while ((result = file_next(list, &entry)) == 1) {
        assert_int_equal(strlen(entry.name), entry.name_len);
        if (strcmp(entry.name, "link") == 0) {
            assert_int_equal(entry.info.mode & FILE_TYPE_MASK, FILE_TYPE_LINK);
            links++;
            continue;
        }
        unsigned i = 0;
        assert_int_equal(sscanf(entry.name + 1, "%3u", &i), 1);
        assert_int_equal(seen[i]++, 0);
        assert_int_equal(entry.info.size, 3);
        assert_int_equal(entry.info.mode & FILE_TYPE_MASK, FILE_TYPE_REGULAR);
    }
    assert_int_equal(result, 0);
    assert_int_equal(links, 1);
    assert_null(memchr(seen, 0, sizeof seen));
    assert_int_equal(file_next(list, &entry), 0);
    file_close(list);
    assert_int_equal(file_next(list, &entry), MOTE_ERR_IO);
    assert_int_equal(file_list(path_of("d/link")), MOTE_ERR_NOT_FOUND);
    fake_write("f", "");
    assert_int_equal(file_list(path_of("f")), MOTE_ERR_IO);
    assert_fault("open", "not a directory");
}

static void test_list_of_a_directory_that_goes(void **state)
{
    static struct file_entry entry;
    (void)state;
    mkdir("d", 0755);
    fake_write("d/a", "");
    fake_write("d/b", "");
    int list = file_list(path_of("d"));
    assert_int_equal(file_next(list, &entry), 1);
    unlink("d/a");
    unlink("d/b"); /* the other one's name was read already */
    assert_int_equal(file_next(list, &entry), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_read),
        TEST(test_what_cannot_be_read),
        TEST(test_replaced_at_once),
        TEST(test_given_up_leaves_nothing),
        TEST(test_empty),
        TEST(test_in_place),
        TEST(test_symbolic_links),
        TEST(test_what_is_never_replaced),
        TEST(test_directory_in_the_way_at_the_end),
        TEST(test_parents),
        TEST(test_longest_path),
        TEST(test_hidden_names_of_others),
        TEST(test_sixteen_at_once),
        TEST(test_full),
        TEST(test_stat),
        TEST(test_list),
        TEST(test_list_of_a_directory_that_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
