/* SPDX-License-Identifier: MIT */
/* What tests of mounts begin with: a scratch directory, and requests for places in it, with tmpfs
 * where a host would share a folder. Time stands still unless a test moves it. */
#ifndef TESTS_UNIT_MOUNTING_H
#define TESTS_UNIT_MOUNTING_H

#include "platform/linux/children.h"
#include "platform/linux/mounts.h"
#include "platform/mount.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define PATIENCE_S 60

static const char *here;    /* the scratch directory */
static char protected[512]; /* what is_allowed() refuses, with all below it */

static inline int set_up(void **state)
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

/* Waits until no process of an attempt is left. */
static inline void reap_all(void)
{
    for (int i = 0; children_left(); i++) {
        assert_true(i < PATIENCE_S * 1000);
        usleep(1000);
    }
}

/* What a test has mounted it has undone. */
static inline int tear_down(void **state)
{
    (void)state;
    reap_all();
    fake_leave_directory();
    return mounts_count() != 0;
}

static inline bool is_allowed(const char *path, size_t n)
{
    size_t len = strlen(protected);

    return n < len || memcmp(path, protected, len) != 0 || (n > len && path[len] != '/');
}

static inline bool is_mounted(const char *path)
{
    struct statfs fs, around;

    return statfs(path, &fs) == 0 && statfs("..", &around) == 0 &&
           memcmp(&fs.f_fsid, &around.f_fsid, sizeof fs.f_fsid) != 0;
}

/* A request for a path below the scratch directory; the last one made. */
static inline struct mount_request *request(const char *path)
{
    static char absolute[512];
    static struct mount_request r;

    snprintf(absolute, sizeof absolute, "%s/%s", here, path);
    r = (struct mount_request){
        .tag = "tag", .path = absolute, .fs_type = "tmpfs", .allowed = is_allowed};
    return &r;
}

/* Asks until it is over. */
static inline int finish(int owner, const struct mount_request *r, const char **fault)
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

static inline int mount_at(const char *path)
{
    const char *fault;

    return finish(0, request(path), &fault);
}

static inline void test_nothing_can_be_mounted(void **state)
{
    (void)state;
    skip();
}

static const struct CMUnitTest no_tests[] = {cmocka_unit_test(test_nothing_can_be_mounted)};

#define MOUNT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Where nothing can be mounted there is one test, which is skipped. */
#define RUN_MOUNT_TESTS(tests)                                                                     \
    (fake_may_mount() ? cmocka_run_group_tests(tests, NULL, NULL)                                  \
                      : cmocka_run_group_tests(no_tests, NULL, NULL))

#endif
