/* SPDX-License-Identifier: MIT */
/*
 * The file system is made first and shown at its place in the end, by Linux' newer calls for
 * that (5.2): what is ended while it hangs leaves no mount behind that nobody knows of. The place
 * is the working directory, which stays the same whatever is renamed meanwhile.
 */
#include "platform/linux/mount_child.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/passwd.h"
#include "platform/linux/sys.h"

#include <linux/mount.h>

#include <stdio.h>
#include <string.h>

#define OWNER "agent" /* whose a mounted directory shall be, where there is such a user */

static int answer_fd;

static _Noreturn void answer(const struct mount_answer *a)
{
    sys_write(answer_fd, a, sizeof *a);
    sys_exit(0);
}

/* n bytes of path are what could not be made. */
static _Noreturn void no_mount_point(const char *path, size_t n, long error)
{
    struct mount_answer a = {.result = MOTE_ERR_NOT_FOUND};

    snprintf(a.text, sizeof a.text, "mkdir %.*s: %s", (int)n, path, errno_text(error));
    answer(&a);
}

/* As mount(8) ends, which is what the real guest reports. */
static _Noreturn void mount_failed(long error)
{
    struct mount_answer a = {.result = MOTE_ERR_IO};

    snprintf(a.text, sizeof a.text, "exit status 32 (%s)", errno_text(error));
    answer(&a);
}

static void keep_only(int fd)
{
    answer_fd = 3;
    if (fd != answer_fd)
        sys_dup3(fd, answer_fd, O_CLOEXEC);
    syscall3(__NR_close_range, answer_fd + 1, ~0u, 0);
}

/* Goes down as far as there is something, wherever symbolic links lead. How much of path that is.
 */
static size_t enter_existing(const char *path)
{
    char part[MOUNT_PATH_MAX];
    size_t n = strlen(path);

    for (;;) {
        memcpy(part, path, n);
        part[n] = '\0';
        long result = syscall3(__NR_chdir, (long)(n != 0 ? part : "/"), 0, 0);
        if (result == 0)
            return n;
        if (result != -ENOENT || n == 0)
            no_mount_point(path, n, result);
        while (path[--n] != '/')
            ;
    }
}

/* The working directory with what shall be made below it, if a mount is allowed there. */
static void check(const struct mount_request *r, const char *rest, char real[MOUNT_PATH_MAX])
{
    char here[MOUNT_PATH_MAX];
    long got = syscall3(__NR_getcwd, (long)here, sizeof here, 0);
    struct mount_answer a = {.result = MOTE_ERR_INVALID};

    if (got > 0 && here[0] != '/')
        got = -ENOENT; /* outside of our root */
    const char *above = got == 2 && *rest != '\0' ? "" : here;
    if (got == -ERANGE || (got > 0 && strlen(above) + strlen(rest) >= MOUNT_PATH_MAX))
        got = -ENAMETOOLONG;
    if (got < 0)
        no_mount_point(r->path, strlen(r->path), got);
    snprintf(real, MOUNT_PATH_MAX, "%s%s", above, rest);
    if (r->allowed(real, strlen(real)))
        return;
    strcpy(a.text, real);
    answer(&a);
}

/* Somebody else may have made it meanwhile. 0 or -errno. */
static long enter_new(const char *name)
{
    long result = sys_mkdirat(AT_FDCWD, name, 0755);

    if (result != 0 && result != -EEXIST)
        return result;
    long fd = sys_open(name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0);
    return fd < 0 ? fd : syscall3(__NR_fchdir, fd, 0, 0);
}

/* Makes what of path is behind at, one directory after the other, and follows no symbolic link. */
static void make_rest(const char *path, size_t at)
{
    char name[MOUNT_PATH_MAX];

    while (path[at] != '\0') {
        size_t n = strcspn(path + at + 1, "/");
        memcpy(name, path + at + 1, n);
        name[n] = '\0';
        at += 1 + n;
        long result = enter_new(name);
        if (result != 0)
            no_mount_point(path, at, result);
    }
}

/* 0 or -errno; a flag has no value. */
static long configure(int fs, unsigned command, const char *key, const char *value)
{
    return syscall6(__NR_fsconfig, fs, command, (long)key, (long)value, 0, 0);
}

static const struct option {
    const char *fs_type;
    const char *key;
    const char *value;
} options[] = {
    {"9p", "trans", "virtio"},
    {"9p", "version", "9p2000.L"},
};

/* The fd of a file system that can be seen nowhere yet; -errno. */
static long make_mount(const struct mount_request *r)
{
    long fs = syscall3(__NR_fsopen, (long)r->fs_type, FSOPEN_CLOEXEC, 0);

    if (fs < 0)
        return fs;
    long result = configure((int)fs, FSCONFIG_SET_STRING, "source", r->tag);
    for (size_t i = 0; result == 0 && i < sizeof options / sizeof options[0]; i++)
        if (strcmp(options[i].fs_type, r->fs_type) == 0)
            result = configure((int)fs, FSCONFIG_SET_STRING, options[i].key, options[i].value);
    if (result == 0 && r->read_only)
        result = configure((int)fs, FSCONFIG_SET_FLAG, "ro", NULL);
    if (result == 0)
        result = configure((int)fs, FSCONFIG_CMD_CREATE, NULL, NULL);
    if (result != 0)
        return result;
    return syscall3(__NR_fsmount, fs, FSMOUNT_CLOEXEC, r->read_only ? MOUNT_ATTR_RDONLY : 0);
}

/* It is no error when there is no such user, or the host does not allow it. */
static void give_away(int mount)
{
    struct user user;

    if (passwd_find(OWNER, strlen(OWNER), &user) == 0)
        sys_fchownat(mount, "", user.uid, user.gid, AT_EMPTY_PATH);
}

void mount_child(const struct mount_request *r, int fd)
{
    struct mount_answer a = {.result = MOTE_OK};

    keep_only(fd);
    sys_umask(0);
    if (strlen(r->path) >= MOUNT_PATH_MAX)
        no_mount_point(r->path, MOUNT_PATH_MAX - 1, -ENAMETOOLONG);
    size_t exists = enter_existing(r->path);
    check(r, r->path + exists, a.text);
    make_rest(r->path, exists);
    check(r, "", a.text);
    long mount = make_mount(r);
    if (mount < 0)
        mount_failed(mount);
    give_away((int)mount);
    long result =
        syscall6(__NR_move_mount, mount, (long)"", AT_FDCWD, (long)".", MOVE_MOUNT_F_EMPTY_PATH, 0);
    if (result != 0)
        mount_failed(result);
    answer(&a);
}
