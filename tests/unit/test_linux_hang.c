/* SPDX-License-Identifier: MIT */
/* Mounts that hang, are given up or are too many, and how mounts end. */
#include "tests/unit/mounting.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define LIMIT_NS UINT64_C(8000000000)

static bool hang(const char *path, size_t n)
{
    (void)path, (void)n;
    for (;;)
        pause();
    return true;
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

/* Waits for the process of an attempt, without telling anybody that it has ended. */
static void wait_for_end(void)
{
    siginfo_t info;

    assert_int_equal(waitid(P_ALL, 0, &info, WEXITED | WNOWAIT), 0);
}

/* It was mounted when its owner went: somebody must know of it. */
static void test_mounted_for_nobody(void **state)
{
    const char *fault;
    (void)state;
    for (int reaped = 0; reaped < 2; reaped++) {
        assert_int_equal(mount_attempt(0, request("mnt"), &fault), MOTE_ERR_AGAIN);
        wait_for_end();
        if (reaped)
            children_reap(1);
        mount_abandon(0);
        reap_all();
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
    wait_for_end();
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
    reap_all();
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
    for (int i = 0; i < MOUNTS_MAX; i++)
        mounts_add(path);
    fake_time_step = 100000000;
    uint64_t before = fake_time;
    mounts_undo();
    assert_in_range(fake_time - before, UINT64_C(10000000000), UINT64_C(20000000000));
    assert_int_equal(mounts_count(), 0);
    assert_int_equal(umount2("silent", MNT_DETACH), 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        MOUNT_TEST(test_hangs),
        MOUNT_TEST(test_abandoned),
        MOUNT_TEST(test_mounted_for_nobody),
        MOUNT_TEST(test_answer_counts_before_the_clock),
        MOUNT_TEST(test_limit),
        MOUNT_TEST(test_undo_of_what_is_in_use),
        MOUNT_TEST(test_file_system_that_does_not_answer),
    };
    return RUN_MOUNT_TESTS(tests);
}
