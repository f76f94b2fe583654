/* SPDX-License-Identifier: MIT */
#include "platform/linux/place.h"

#include "platform/linux/errno_text.h"
#include "platform/linux/sys.h"

#include <asm/statfs.h>
#include <linux/magic.h>

#include <stdio.h>
#include <string.h>

#define SECRETS      "/run/stereos/secrets"
#define CONFIG       "/etc/stereos/jcard.toml"
#define SSH          ".ssh"
#define KEYS         "authorized_keys"
#define PRIVATE_MODE 0700u
#define SHARED_MODE  0755u

static bool is_file_name(const char *name, size_t n)
{
    return n > 0 && n <= STORE_NAME_MAX && name[0] != '.' && memchr(name, '/', n) == NULL &&
           memchr(name, '\0', n) == NULL;
}

static long copy_path(char *dst, size_t room, const char *path, size_t n)
{
    if (n >= room)
        return -ENAMETOOLONG;
    memcpy(dst, path, n);
    dst[n] = '\0';
    return 0;
}

static long copy_directory(struct place *p, const char *path, size_t n)
{
    return copy_path(p->directory, FILES_PATH_MAX, path, n);
}

long place_find_secrets(struct place *p)
{
    const char *path = files_option("mote.secrets", SECRETS);

    p->kind = STORE_SECRET;
    p->name[0] = '\0';
    return copy_directory(p, path, strlen(path));
}

static long find_secret(struct place *p, const char *name, size_t n)
{
    long result = place_find_secrets(p);

    if (result == 0 && !is_file_name(name, n))
        result = -EINVAL;
    return result != 0 ? result : copy_path(p->name, sizeof p->name, name, n);
}

/* There is one configuration, whatever it is called. */
static long find_config(struct place *p, const char *name, size_t n)
{
    const char *path = files_option("mote.config", CONFIG);
    const char *slash = strrchr(path, '/');
    const char *last = slash != NULL ? slash + 1 : path;

    (void)name, (void)n;
    long result = copy_path(p->name, sizeof p->name, last, strlen(last));
    if (result != 0)
        return result;
    if (slash == NULL)
        return copy_directory(p, ".", 1);
    return copy_directory(p, path, slash == path ? 1 : (size_t)(slash - path));
}

static long find_key(struct place *p, const char *name, size_t n)
{
    long result = passwd_find(name, n, &p->user);

    snprintf(p->directory, sizeof p->directory, "%s/" SSH, p->user.home);
    strcpy(p->name, KEYS);
    return result;
}

/* Once: where the memory of files may go to a disk, wiping can't be promised. */
static void warn_if_kept(const char *path)
{
    static bool warned;
    struct statfs fs;

    if (warned || sys_statfs(path, &fs) != 0 || fs.f_type == TMPFS_MAGIC ||
        fs.f_type == RAMFS_MAGIC)
        return;
    warned = true;
    printf("mote: %s is no tmpfs: secrets may reach a disk\n", path);
}

static bool is_ours(int fd)
{
    struct statx file;

    return sys_statx(fd, "", AT_EMPTY_PATH, &file) == 0 && file.stx_uid == sys_getuid();
}

static long make_secrets(const struct place *p, const char **step)
{
    long fd = files_open_directory(p->directory, PRIVATE_MODE);

    if (fd < 0)
        return fd;
    if (is_ours((int)fd))
        files_dress((int)fd, PRIVATE_MODE, FILES_OURS, 0, step);
    warn_if_kept(p->directory);
    return fd;
}

static long make_config(const struct place *p, const char **step)
{
    (void)step;
    return files_open_directory(p->directory, SHARED_MODE);
}

/* The home may be a symbolic link; below it, where its owner writes, none is followed. */
static long open_ssh(const struct place *p, bool make, const char **step)
{
    long home = sys_open(p->user.home, O_PATH | O_DIRECTORY, 0), fd = home;

    if (home < 0)
        return home;
    if (make) {
        *step = "mkdir";
        fd = sys_mkdirat((int)home, SSH, PRIVATE_MODE);
    }
    if (fd >= 0 || fd == -EEXIST) {
        *step = "open";
        fd = sys_openat((int)home, SSH, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    }
    sys_close((int)home);
    return fd;
}

static long make_ssh(const struct place *p, const char **step)
{
    long fd = open_ssh(p, true, step);

    if (fd < 0)
        return fd;
    long result = files_dress((int)fd, PRIVATE_MODE, p->user.uid, p->user.gid, step);
    if (result == 0)
        return fd;
    sys_close((int)fd);
    return result;
}

static const struct {
    long (*find)(struct place *p, const char *name, size_t n);
    long (*make)(const struct place *p, const char **step);
} kinds[] = {
    [STORE_SECRET] = {find_secret, make_secrets},
    [STORE_CONFIG] = {find_config, make_config},
    [STORE_SSH_KEY] = {find_key, make_ssh},
};

long place_find(enum store_kind kind, const char *name, size_t name_len, struct place *p)
{
    p->kind = kind;
    if (kind > STORE_SSH_KEY) /* what is a file anyway */
        return -EINVAL;
    return kinds[kind].find(p, name, name_len);
}

long place_open(const struct place *p)
{
    const char *step;

    if (p->kind == STORE_SSH_KEY)
        return open_ssh(p, false, &step);
    return sys_open(p->directory, O_RDONLY | O_DIRECTORY, 0);
}

long place_make(const struct place *p, const char **step)
{
    *step = "open";
    return kinds[p->kind].make(p, step);
}

void place_begin(void)
{
    static const char *const options[] = {"mote.secrets", "mote.config"};
    struct place places[2];
    long found[] = {place_find_secrets(&places[0]), place_find(STORE_CONFIG, "", 0, &places[1])};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *step = "open";
        long fd = found[i] == 0 ? place_make(&places[i], &step) : found[i];
        if (found[i] != 0)
            printf("mote: option %s: %s\n", options[i], errno_text(fd));
        else if (fd < 0)
            printf("mote: %s %s: %s\n", step, places[i].directory, errno_text(fd));
        else
            sys_close((int)fd);
    }
}
