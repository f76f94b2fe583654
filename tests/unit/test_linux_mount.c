/* SPDX-License-Identifier: MIT */
/*
 * Mounts, with tmpfs in the place of virtiofs: where they end up, what they make, who is asked
 * before; and those that hang: time stands still unless a test moves it.
 */
#include "platform/linux/children.h"
#include "platform/linux/mounts.h"
#include "platform/mount.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define LIMIT_NS   UINT64_C(8000000000)
#define PATIENCE_S 60

static const char *here;    /* the scratch directory */
static char protected[512]; /* what is_allowed() refuses, with all below it */

static int set_up(void **state)
{
    (void)state;
    umask(077);
    here = fake_enter_directory();
    fake_no_options();
    fake_option("mote.passwd", "/nowhere/passwd");
    fake_time_step = 0;
    snprintf(protected, sizeof protected, "%s/protected", here);
    return 0;
}

/* What a test has mounted it has undone. */
static int tear_down(void **state)
{
    (void)state;
    while (children_left())
        usleep(1000);
    fake_leave_directory();
    return mounts_count() != 0;
}

static bool is_allowed(const char *path, size_t n)
{
    size_t len = strlen(protected);

    return n < len || memcmp(path, protected, len) != 0 || (n > len && path[len] != '/');
}

static bool hang(const char *path, size_t n)
{
    (void)path, (void)n;
    for (;;)
        pause();
    return true;
}

static bool crash(const char *path, size_t n)
{
    (void)path, (void)n;
    _exit(3);
}

/* A request for a path below the scratch directory; the last one made. */
static struct mount_request *request(const char *path)
{
    static char absolute[512];
    static struct mount_request r;

    snprintf(absolute, sizeof absolute, "%s/%s", here, path);
    r = (struct mount_request){
        .tag = "tag", .path = absolute, .fs_type = "tmpfs", .allowed = is_allowed};
    return &r;
}

/* Asks until it is over. */
static int finish(int owner, const struct mount_request *r, const char **fault)
{
    int result = mount_attempt(owner, r, fault);

    assert_int_equal(result, MOTE_ERR_AGAIN);
    for (int i = 0; i < PATIENCE_S * 1000; i++) {
        usleep(1000);
        children_reap(1);
        if ((result = mount_attempt(owner, r, fault)) != MOTE_ERR_AGAIN)
            return result;
    }
    fail_msg("no result for %s", r->path);
    return result;
}

static int mount_at(const char *path)
{
    const char *fault;

    return finish(0, request(path), &fault);
}

static void assert_refused(const struct mount_request *r, int expected, const char *format)
{
    char text[1024];
    const char *fault;

    assert_int_equal(finish(0, r, &fault), expected);
    snprintf(text, sizeof text, format, here);
    assert_string_equal(fault, text);
    assert_int_equal(mounts_count(), 0);
}

static bool is_mounted(const char *path)
{
    struct statfs fs, around;

    return statfs(path, &fs) == 0 && statfs("..", &around) == 0 &&
           memcmp(&fs.f_fsid, &around.f_fsid, sizeof fs.f_fsid) != 0;
}

static void test_makes_and_mounts(void **state)
{
    (void)state;
    mkdir("mnt", 0700);
    assert_int_equal(mount_at("mnt/a/b"), MOTE_OK);
    assert_true(is_mounted("mnt/a/b"));
    assert_int_equal(fake_mode("mnt"), S_IFDIR | 0700);
    assert_int_equal(fake_mode("mnt/a"), S_IFDIR | 0755);
    fake_write("mnt/a/b/file", "written");
    assert_int_equal(mounts_count(), 1);
    mounts_undo();
    assert_int_equal(mounts_count(), 0);
    assert_false(is_mounted("mnt/a/b"));
    assert_int_equal(fake_mode("mnt/a/b"), S_IFDIR | 0755);
    assert_int_equal(fake_count("mnt/a/b"), 0);
}

static void test_read_only(void **state)
{
    struct mount_request *r;
    const char *fault;
    (void)state;
    r = request("mnt");
    r->read_only = true;
    assert_int_equal(finish(0, r, &fault), MOTE_OK);
    assert_int_equal(open("mnt/file", O_CREAT | O_WRONLY, 0600), -1);
    assert_int_equal(fake_count("mnt"), 0);
    /* the file system itself, not only this view of it */
    assert_int_not_equal(mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND, NULL), -1);
    assert_int_equal(open("mnt/file", O_CREAT | O_WRONLY, 0600), -1);
    mounts_undo();
}

static void test_stacked(void **state)
{
    (void)state;
    assert_int_equal(mount_at("mnt"), MOTE_OK);
    fake_write("mnt/below", "");
    assert_int_equal(mount_at("mnt"), MOTE_OK);
    assert_int_equal(fake_count("mnt"), 0);
    assert_int_equal(mount_at("mnt/inner"), MOTE_OK);
    assert_int_equal(mounts_count(), 3);
    mounts_undo(); /* the other way round it would not go */
    assert_false(is_mounted("mnt"));
    assert_int_equal(fake_count("mnt"), 0);
}

static void test_belongs_to_the_agent(void **state)
{
    struct stat file;
    (void)state;
    if (!fake_is_root())
        skip();
    char path[600];
    snprintf(path, sizeof path, "%s/passwd", here);
    fake_write(path, "agent:x:4321:4322::/:/s\n");
    fake_option("mote.passwd", path);
    assert_int_equal(mount_at("mnt"), MOTE_OK);
    assert_int_equal(stat("mnt", &file), 0);
    assert_int_equal(file.st_uid, 4321);
    assert_int_equal(file.st_gid, 4322);
    mounts_undo();
    assert_int_equal(stat("mnt", &file), 0);
    assert_int_equal(file.st_uid, 0); /* the mount point itself is not theirs */
}

/* It is the path without symbolic links that must be allowed, before anything is made. */
static void test_links_are_resolved_before_anything_is_made(void **state)
{
    (void)state;
    mkdir("protected", 0755);
    mkdir("open", 0755);
    symlink("../protected", "open/link");
    symlink("open", "alias");
    assert_refused(request("alias/link/new/x"), MOTE_ERR_INVALID, "%s/protected/new/x");
    assert_refused(request("open/link"), MOTE_ERR_INVALID, "%s/protected");
    assert_refused(request("protected/new"), MOTE_ERR_INVALID, "%s/protected/new");
    assert_int_equal(fake_count("protected"), 0);
    assert_int_equal(mount_at("alias/mnt"), MOTE_OK);
    assert_true(is_mounted("open/mnt"));
    mounts_undo();
}

static void test_dangling_links_lead_nowhere(void **state)
{
    (void)state;
    mkdir("protected", 0755);
    symlink("protected/new", "link");
    char text[600];
    snprintf(text, sizeof text, "mkdir %s/link: not a directory", here);
    assert_refused(request("link"), MOTE_ERR_NOT_FOUND, text);
    assert_refused(request("link/x"), MOTE_ERR_NOT_FOUND, text);
    assert_int_equal(fake_count("protected"), 0);
}

/* Between the two questions somebody moves the place, and puts a link where it was. */
static const char *moved_to;

static bool move_meanwhile(const char *path, size_t n)
{
    static bool asked;

    if (asked)
        return is_allowed(path, n);
    asked = true;
    return rename("../x", moved_to) == 0 && symlink("protected", "../x") == 0;
}

static void test_place_that_moves_meanwhile(void **state)
{
    struct mount_request *r;
    const char *fault;
    (void)state;
    mkdir("protected", 0755);
    mkdir("x", 0755);
    r = request("x/new");
    r->allowed = move_meanwhile;
    moved_to = "../y";
    assert_int_equal(finish(0, r, &fault), MOTE_OK);
    assert_true(is_mounted("y/new"));
    assert_int_equal(fake_count("protected"), 0);
    mounts_undo();
    unlink("x");
    mkdir("x", 0755);
    moved_to = "../protected/y";
    assert_refused(r, MOTE_ERR_INVALID, "%s/protected/y/new");
    assert_false(is_mounted("protected/y/new"));
}

static void test_mount_points_that_cannot_be(void **state)
{
    char text[600], deep[256];
    (void)state;
    fake_write("file", "");
    snprintf(text, sizeof text, "mkdir %s/file: not a directory", here);
    assert_refused(request("file"), MOTE_ERR_NOT_FOUND, text);
    snprintf(text, sizeof text, "mkdir %s/file/x: not a directory", here);
    assert_refused(request("file/x"), MOTE_ERR_NOT_FOUND, text);
    mkdir("ro", 0755);
    assert_int_equal(mount("tmpfs", "ro", "tmpfs", MS_RDONLY, NULL), 0);
    snprintf(text, sizeof text, "mkdir %s/ro/x: read-only file system", here);
    assert_refused(request("ro/x/y"), MOTE_ERR_NOT_FOUND, text);
    umount("ro");
    symlink("loop", "loop");
    snprintf(text, sizeof text, "mkdir %s/loop: too many levels of symbolic links", here);
    assert_refused(request("loop"), MOTE_ERR_NOT_FOUND, text);
    memset(deep, 'd', 250);
    deep[250] = '\0';
    mkdir(deep, 0755);
    symlink(deep, "short");
    snprintf(text, sizeof text, "mkdir %s/short/x: file name too long", here);
    assert_refused(request("short/x"), MOTE_ERR_NOT_FOUND, text);
    assert_int_equal(fake_count(deep), 0);
}

static void test_mounts_that_fail(void **state)
{
    struct mount_request *r;
    (void)state;
    r = request("mnt");
    r->fs_type = "nosuchfs";
    assert_refused(r, MOTE_ERR_IO, "exit status 32 (no such device)");
    r = request("mnt");
    r->allowed = crash;
    assert_refused(r, MOTE_ERR_IO, "its process ended with status 3");
    assert_int_equal(mount_at("mnt"), MOTE_OK);
    mounts_undo();
}

/* One that hangs is given up after eight seconds; what is not reaped stands for a process that
 * not even SIGKILL ends. Its owner can go on at once. */
static void test_hangs(void **state)
{
    struct mount_request *r;
    const char *fault;
    (void)state;
    r = request("mnt");
    r->allowed = hang;
    assert_int_equal(mount_attempt(3, r, &fault), MOTE_ERR_AGAIN);
    fake_time += LIMIT_NS - 1;
    assert_int_equal(mount_attempt(3, r, &fault), MOTE_ERR_AGAIN);
    fake_time += 1;
    assert_int_equal(mount_attempt(3, r, &fault), MOTE_ERR_TIMEOUT);
    assert_string_equal(fault, "no answer within 8 s");
    assert_int_equal(finish(3, request("mnt"), &fault), MOTE_OK);
    mounts_undo();
}

static void test_abandoned(void **state)
{
    struct mount_request *r;
    const char *fault;
    int ends[2];
    (void)state;
    mount_abandon(0); /* nothing to end */
    assert_int_equal(pipe(ends), 0);
    r = request("mnt");
    r->allowed = hang;
    assert_int_equal(mount_attempt(0, r, &fault), MOTE_ERR_AGAIN);
    assert_int_equal(mount_attempt(1, r, &fault), MOTE_ERR_AGAIN);
    usleep(100000);
    close(ends[1]); /* no process of a mount holds on to what is ours */
    struct pollfd end = {.fd = ends[0]};
    assert_int_equal(poll(&end, 1, PATIENCE_S * 1000), 1);
    assert_true(end.revents & POLLHUP);
    close(ends[0]);
    mount_abandon(0);
    mount_abandon(0);
    assert_int_equal(mount_attempt(1, r, &fault), MOTE_ERR_AGAIN); /* another's goes on */
    mount_abandon(1);
    assert_int_equal(mounts_count(), 0);
}

/* It was mounted when its owner went: somebody must know of it. */
static void test_mounted_for_nobody(void **state)
{
    const char *fault;
    (void)state;
    for (int reaped = 0; reaped < 2; reaped++) {
        assert_int_equal(mount_attempt(0, request("mnt"), &fault), MOTE_ERR_AGAIN);
        while (!is_mounted("mnt"))
            usleep(1000);
        usleep(100000);
        if (reaped)
            children_reap(1);
        mount_abandon(0);
        while (children_left())
            usleep(1000);
        assert_int_equal(mounts_count(), 1);
        mounts_undo();
        assert_false(is_mounted("mnt"));
    }
}

/* Nobody looked for a while; the answer was there in time. */
static void test_answer_counts_before_the_clock(void **state)
{
    const char *fault;
    (void)state;
    assert_int_equal(mount_attempt(0, request("mnt"), &fault), MOTE_ERR_AGAIN);
    while (!is_mounted("mnt"))
        usleep(1000);
    usleep(100000);
    fake_time += LIMIT_NS;
    assert_int_equal(mount_attempt(0, request("mnt"), &fault), MOTE_OK);
    mounts_undo();
}

static void test_limit(void **state)
{
    struct mount_request *r;
    const char *fault;
    char name[32];
    (void)state;
    for (int i = 0; i < MOUNTS_MAX - 1; i++) {
        snprintf(name, sizeof name, "mnt%d", i);
        assert_int_equal(mount_at(name), MOTE_OK);
    }
    r = request("more");
    r->allowed = hang;
    assert_int_equal(mount_attempt(1, r, &fault), MOTE_ERR_AGAIN);
    assert_int_equal(mount_attempt(2, r, &fault), MOTE_ERR_IO);
    assert_string_equal(fault, "limit is 32 mounts, those that hang included");
    mount_abandon(1);
    assert_int_equal(mount_attempt(2, r, &fault), MOTE_ERR_IO); /* it may still hang */
    while (children_left())
        usleep(1000);
    assert_int_equal(mount_at("more"), MOTE_OK);
    assert_int_equal(mounts_count(), MOUNTS_MAX);
    mounts_undo();
    assert_int_equal(mount_at("more"), MOTE_OK);
    mounts_undo();
}

static void test_undo_of_what_is_in_use(void **state)
{
    (void)state;
    assert_int_equal(mount_at("mnt"), MOTE_OK);
    int fd = open("mnt/file", O_CREAT | O_RDWR, 0600);
    assert_true(fd >= 0);
    mounts_undo();
    assert_false(is_mounted("mnt"));
    assert_int_equal(write(fd, "x", 1), 1); /* who has it open keeps it */
    close(fd);
}

/* A file system whose server never says a word: whoever looks into it waits for ever. */
static int mount_silent(const char *path)
{
    char options[128];
    int fd = open("/dev/fuse", O_RDWR);

    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%u,group_id=%u", fd, getuid(),
             getgid());
    mkdir(path, 0755);
    if (fd < 0 || mount("silent", path, "fuse", 0, options) != 0) {
        print_message("skipped: no FUSE here\n");
        close(fd);
        return -1;
    }
    return fd;
}

static void test_file_system_that_does_not_answer(void **state)
{
    const char *fault;
    char path[600];
    (void)state;
    int fd = mount_silent("silent");
    if (fd < 0)
        skip();
    assert_int_equal(mount_attempt(0, request("silent/x"), &fault), MOTE_ERR_AGAIN);
    usleep(200000);
    children_reap(1);
    assert_int_equal(mount_attempt(0, request("silent/x"), &fault), MOTE_ERR_AGAIN);
    fake_time += LIMIT_NS;
    assert_int_equal(mount_attempt(0, request("silent/x"), &fault), MOTE_ERR_TIMEOUT);
    snprintf(path, sizeof path, "%s/silent/x", here);
    mounts_add(path);
    fake_time_step = 100000000;
    uint64_t before = fake_time;
    mounts_undo();
    assert_true(fake_time - before >= 2 * UINT64_C(2000000000)); /* both ways were waited for */
    assert_int_equal(mounts_count(), 0);
    assert_int_equal(umount2("silent", MNT_DETACH), 0);
    close(fd);
}

static void test_nothing_can_be_mounted(void **state)
{
    (void)state;
    skip();
}

int main(void)
{
    const struct CMUnitTest none[] = {cmocka_unit_test(test_nothing_can_be_mounted)};
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_makes_and_mounts),
        TEST(test_read_only),
        TEST(test_stacked),
        TEST(test_belongs_to_the_agent),
        TEST(test_links_are_resolved_before_anything_is_made),
        TEST(test_dangling_links_lead_nowhere),
        TEST(test_place_that_moves_meanwhile),
        TEST(test_mount_points_that_cannot_be),
        TEST(test_mounts_that_fail),
        TEST(test_hangs),
        TEST(test_abandoned),
        TEST(test_mounted_for_nobody),
        TEST(test_answer_counts_before_the_clock),
        TEST(test_limit),
        TEST(test_undo_of_what_is_in_use),
        TEST(test_file_system_that_does_not_answer),
    };
    if (!fake_may_mount())
        return cmocka_run_group_tests(none, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
