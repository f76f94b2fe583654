/* SPDX-License-Identifier: MIT */
/* Mounts: where they end up, what is made for them, who is asked before, and how they fail. */
#include "tests/unit/mounting.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>

static void assert_refused(const struct mount_request *r, int expected, const char *format)
{
    char text[1024];
    const char *fault;

    assert_int_equal(finish(0, r, &fault), expected);
    snprintf(text, sizeof text, format, here);
    assert_string_equal(fault, text);
    assert_int_equal(mounts_count(), 0);
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

/* Whether /proc/self/mountinfo has this behind the path of a mount. */
static bool mount_has(const char *path, const char *options)
{
    char line[4096], what[1024];
    FILE *f = fopen("/proc/self/mountinfo", "r");
    bool found = false;

    snprintf(what, sizeof what, " %s/%s %s", here, path, options);
    while (fgets(line, sizeof line, f) != NULL)
        found |= strstr(line, what) != NULL;
    fclose(f);
    return found;
}

static void test_read_only(void **state)
{
    struct mount_request *r;
    const char *fault;
    (void)state;
    r = request("mnt");
    r->read_only = true;
    assert_int_equal(finish(0, r, &fault), MOTE_OK);
    assert_true(mount_has("mnt", "ro,")); /* this view of it */
    assert_int_equal(mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND, NULL), 0);
    assert_int_equal(open("mnt/file", O_CREAT | O_WRONLY, 0600), -1); /* and the file system */
    assert_int_equal(errno, EROFS);
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
    /* where it would lie, and where what is there already lies */
    memset(deep, 'd', sizeof deep);
    deep[254 - strlen(here)] = '\0';
    mkdir(deep, 0755);
    symlink(deep, "short");
    snprintf(text, sizeof text, "mkdir %s/short/x: file name too long", here);
    assert_refused(request("short/x"), MOTE_ERR_NOT_FOUND, text);
    assert_int_equal(fake_count(deep), 0);
    snprintf(text, sizeof text, "%s/below", deep);
    mkdir(text, 0755);
    snprintf(text, sizeof text, "mkdir %s/short/below: file name too long", here);
    assert_refused(request("short/below"), MOTE_ERR_NOT_FOUND, text);
}

static bool crash(const char *path, size_t n)
{
    (void)path, (void)n;
    _exit(3);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOUNT_TEST(test_makes_and_mounts),
        MOUNT_TEST(test_read_only),
        MOUNT_TEST(test_stacked),
        MOUNT_TEST(test_belongs_to_the_agent),
        MOUNT_TEST(test_links_are_resolved_before_anything_is_made),
        MOUNT_TEST(test_dangling_links_lead_nowhere),
        MOUNT_TEST(test_place_that_moves_meanwhile),
        MOUNT_TEST(test_mount_points_that_cannot_be),
        MOUNT_TEST(test_mounts_that_fail),
    };
    return RUN_MOUNT_TESTS(tests);
}
