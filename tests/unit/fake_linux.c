/* SPDX-License-Identifier: MIT */
#include "tests/unit/fake_linux.h"

#include "platform/linux/life.h"
#include "platform/linux/signals.h"
#include "platform/platform.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPTIONS 8

static struct {
    char key[32];
    char value[512];
} options[OPTIONS];
static size_t option_count;

bool fake_is_init;
uint64_t fake_time, fake_time_step;

static char start[512], directory[1024];

void fake_option(const char *key, const char *value)
{
    assert_true(option_count < OPTIONS);
    snprintf(options[option_count].key, sizeof options[0].key, "%s", key);
    snprintf(options[option_count++].value, sizeof options[0].value, "%s", value);
}

void fake_no_options(void)
{
    option_count = 0;
}

const char *platform_option(const char *key, const char *after, size_t *len)
{
    size_t at = 0;

    while (after != NULL && options[at++].value != after)
        ;
    for (; at < option_count; at++)
        if (strcmp(options[at].key, key) == 0) {
            *len = strlen(options[at].value);
            return options[at].value;
        }
    return NULL;
}

bool life_is_init(void)
{
    return fake_is_init;
}

void signals_reset(void)
{
}

uint64_t platform_now_ns(void)
{
    return fake_time += fake_time_step;
}

const char *fake_enter_directory(void)
{
    const char *build = getenv("BUILD") != NULL ? getenv("BUILD") : "build";

    assert_non_null(getcwd(start, sizeof start));
    snprintf(directory, sizeof directory, "%s%s%s/unit-XXXXXX", *build == '/' ? "" : start,
             *build == '/' ? "" : "/", build);
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chmod(directory, 0755), 0);
    assert_int_equal(chdir(directory), 0);
    return directory;
}

void fake_leave_directory(void)
{
    char command[sizeof directory + 16];

    assert_int_equal(chdir(start), 0);
    snprintf(command, sizeof command, "rm -rf '%s'", directory);
    assert_int_equal(system(command), 0);
}

static bool write_map(const char *path, unsigned id)
{
    char map[32];
    int fd = open(path, O_WRONLY);
    int n = snprintf(map, sizeof map, "0 %u 1", id);
    bool written = write(fd, map, (size_t)n) == n;

    close(fd);
    return written;
}

static bool unshare_mounts(void)
{
    unsigned uid = getuid(), gid = getgid();

    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        fake_write("/proc/self/setgroups", "deny");
        if (!write_map("/proc/self/uid_map", uid) || !write_map("/proc/self/gid_map", gid))
            return false;
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

bool fake_may_mount(void)
{
    static int may = -1;

    if (may < 0)
        may = unshare_mounts();
    if (!may)
        print_message("skipped: no mount namespace: %s\n", strerror(errno));
    return may;
}

bool fake_is_root(void)
{
    fake_write("mine", "");
    bool given = chown("mine", 65534, 65534) == 0;

    unlink("mine");
    if (!given)
        print_message("skipped: needs root, not of a user namespace\n");
    return given;
}

void fake_write(const char *path, const char *content)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
}

const char *fake_read(const char *path)
{
    static char content[4096];
    FILE *f = fopen(path, "r");

    assert_non_null(f);
    content[fread(content, 1, sizeof content - 1, f)] = '\0';
    fclose(f);
    return content;
}

unsigned fake_mode(const char *path)
{
    struct stat file;

    return lstat(path, &file) == 0 ? file.st_mode : 0;
}

size_t fake_count(const char *path)
{
    size_t n = 0;
    DIR *d = opendir(path);

    assert_non_null(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2;
}
