/* SPDX-License-Identifier: MIT */
/* Configuration and SSH keys as files, and files that can't be written: each has its error, and
 * what was there stays. */
#include "platform/store.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define USER_ID  4321
#define GROUP_ID 4322

static int set_up(void **state)
{
    (void)state;
    umask(022);
    fake_enter_directory();
    fake_no_options();
    fake_option("mote.secrets", "secrets");
    fake_option("mote.config", "etc/stereos/jcard.toml");
    fake_option("mote.passwd", "passwd");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_leave_directory();
    return 0;
}

static int put(enum store_kind kind, const char *name, unsigned mode, const char *value)
{
    char *space;
    int result = store_begin(kind, name, strlen(name), mode, strlen(value), &space);

    if (result != MOTE_OK)
        return result;
    memcpy(space, value, strlen(value));
    return store_commit();
}

static int put_secret(const char *name, const char *value)
{
    return put(STORE_SECRET, name, 0600, value);
}

static int put_config(const char *value)
{
    return put(STORE_CONFIG, "jcard.toml", 0644, value);
}

static int put_key(const char *user, const char *key)
{
    return put(STORE_SSH_KEY, user, 0600, key);
}

static void assert_fault(int result, int expected, const char *step, const char *why)
{
    assert_int_equal(result, expected);
    assert_string_equal(store_fault().step, step);
    assert_string_equal(store_fault().why, why);
    assert_int_equal(store_residue(), 0);
}

static void test_config(void **state)
{
    struct store_blob blob;
    (void)state;
    umask(077);
    assert_int_equal(put_config("a = 1\n"), MOTE_OK);
    umask(022);
    assert_string_equal(fake_read("etc/stereos/jcard.toml"), "a = 1\n");
    assert_int_equal(fake_mode("etc/stereos/jcard.toml"), S_IFREG | 0644);
    assert_int_equal(fake_mode("etc/stereos"), S_IFDIR | 0755);
    assert_int_equal(fake_mode("etc"), S_IFDIR | 0755);
    assert_int_equal(put_config(""), MOTE_OK);
    assert_string_equal(fake_read("etc/stereos/jcard.toml"), "");
    assert_int_equal(fake_count("etc/stereos"), 1);
    assert_int_equal(store_get(STORE_CONFIG, "jcard.toml", 10, &blob), MOTE_OK);
    assert_int_equal(blob.mode, 0644);
    assert_int_equal(store_delete(STORE_CONFIG, "jcard.toml", 10), MOTE_OK);
    assert_int_equal(fake_count("etc/stereos"), 0);
}

static void test_config_beside_us(void **state)
{
    (void)state;
    fake_option("mote.config", "here.toml");
    assert_int_equal(put_config("x"), MOTE_OK);
    assert_string_equal(fake_read("here.toml"), "x");
}

static void test_config_that_cannot_be(void **state)
{
    (void)state;
    mkdir("etc", 0755);
    symlink("nowhere/at/all", "etc/stereos");
    assert_fault(put_config("x"), MOTE_ERR_IO, "write",
                 "open etc/stereos/jcard.toml: no such file or directory");
    unlink("etc/stereos");
    fake_write("etc/stereos", "");
    assert_fault(put_config("x"), MOTE_ERR_IO, "write",
                 "open etc/stereos/jcard.toml: not a directory");
    unlink("etc/stereos");
    mkdir("etc/stereos", 0755);
    mkdir("etc/stereos/jcard.toml", 0755);
    assert_fault(put_config("x"), MOTE_ERR_IO, "write",
                 "open etc/stereos/jcard.toml: is a directory");
    assert_int_equal(fake_count("etc/stereos"), 1);
}

static void test_directory_in_the_place_of_a_secret(void **state)
{
    (void)state;
    put_secret("other", "x");
    mkdir("secrets/n", 0755);
    assert_fault(put_secret("n", "x"), MOTE_ERR_IO, "rename",
                 "rename secrets/n.tmp secrets/n: file exists");
    fake_write("secrets/n/inside", "");
    assert_fault(put_secret("n", "x"), MOTE_ERR_IO, "rename",
                 "rename secrets/n.tmp secrets/n: file exists");
    assert_int_equal(fake_count("secrets"), 2);
}

static void test_secrets_that_cannot_be(void **state)
{
    char longest[400];
    (void)state;
    fake_write("file", "");
    fake_option("mote.secrets", "file/secrets");
    assert_fault(put_secret("n", "x"), MOTE_ERR_IO, "write",
                 "open file/secrets/n.tmp: not a directory");
    fake_option("mote.secrets", "file");
    assert_fault(put_secret("n", "x"), MOTE_ERR_IO, "write", "open file/n.tmp: not a directory");
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fake_option("mote.secrets", longest);
    assert_fault(put_secret("n", "x"), MOTE_ERR_IO, "write",
                 "option mote.secrets: file name too long");
}

/* Two agents on one directory: the second waits for nobody, and harms nothing. */
static void test_locked_by_another(void **state)
{
    (void)state;
    put_secret("n", "old");
    int fd = open("secrets", O_RDONLY | O_DIRECTORY);
    flock(fd, LOCK_EX);
    assert_fault(put_secret("n", "new"), MOTE_ERR_IO, "write",
                 "open secrets/n.tmp: resource temporarily unavailable");
    close(fd);
    assert_int_equal(put_secret("n", "new"), MOTE_OK);
}

static void mount_tmpfs(const char *options)
{
    mkdir("secrets", 0755);
    assert_int_equal(mount("tmpfs", "secrets", "tmpfs", 0, options), 0);
}

static void test_full(void **state)
{
    static char big[60000];
    (void)state;
    if (!fake_may_mount())
        skip();
    mount_tmpfs("size=64k");
    assert_int_equal(put_secret("n", "old"), MOTE_OK);
    memset(big, 'x', sizeof big - 1);
    assert_int_equal(put_secret("m", big), MOTE_OK);
    assert_fault(put_secret("n", big), MOTE_ERR_IO, "write",
                 "write secrets/n.tmp: no space left on device");
    assert_string_equal(fake_read("secrets/n"), "old");
    assert_int_equal(fake_count("secrets"), 2);
    assert_int_equal(store_delete(STORE_SECRET, "m", 1), MOTE_OK);
    assert_int_equal(put_secret("n", big), MOTE_OK);
    umount2("secrets", MNT_DETACH);
}

static void test_no_inode_left(void **state)
{
    (void)state;
    if (!fake_may_mount())
        skip();
    mount_tmpfs("nr_inodes=2");
    assert_int_equal(put_secret("n", "old"), MOTE_OK);
    assert_fault(put_secret("m", "x"), MOTE_ERR_IO, "write",
                 "open secrets/m.tmp: no space left on device");
    assert_string_equal(fake_read("secrets/n"), "old");
    umount2("secrets", MNT_DETACH);
}

static void test_read_only(void **state)
{
    (void)state;
    if (!fake_may_mount())
        skip();
    mount_tmpfs(NULL);
    put_secret("n", "old");
    fake_option("mote.config", "secrets/jcard.toml");
    assert_int_equal(put_config("old"), MOTE_OK);
    assert_int_equal(mount(NULL, "secrets", NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
    assert_fault(put_secret("n", "new"), MOTE_ERR_IO, "write",
                 "open secrets/n.tmp: read-only file system");
    assert_fault(put_config("new"), MOTE_ERR_IO, "write",
                 "open secrets/jcard.toml: read-only file system");
    assert_int_equal(store_delete(STORE_SECRET, "n", 1), MOTE_ERR_IO);
    assert_string_equal(store_fault().why, "remove secrets/n: read-only file system");
    assert_string_equal(fake_read("secrets/n"), "old");
    fake_option("mote.config", "secrets/new/jcard.toml");
    assert_fault(put_config("new"), MOTE_ERR_IO, "write",
                 "open secrets/new/jcard.toml: read-only file system");
    umount2("secrets", MNT_DETACH);
}

/* What a service gets that is not root, but owns the directory. */
static int put_as_nobody(const char *directory, enum store_kind kind, const char *name)
{
    assert_int_equal(chown(directory, 65534, 65534), 0);
    assert_int_equal(seteuid(65534), 0);
    int result = put(kind, name, 0600, "x");
    assert_int_equal(seteuid(0), 0);
    return result;
}

static void test_forbidden(void **state)
{
    (void)state;
    if (!fake_is_root())
        skip();
    mkdir("private", 0500);
    fake_option("mote.config", "private/jcard.toml");
    int result = put_as_nobody("private", STORE_CONFIG, "jcard.toml");
    assert_fault(result, MOTE_ERR_IO, "write", "open private/jcard.toml: permission denied");
    assert_int_equal(fake_count("private"), 0);
}

/* A user of the file passwd, whom we may be or have to be root for. */
static void make_user(const char *home, unsigned uid, unsigned gid)
{
    char line[256];

    snprintf(line, sizeof line, "other:x:1:1::/:/s\nu:x:%u:%u::%s/%s:/bin/sh\n", uid, gid,
             getcwd((char[128]){0}, 128), home);
    fake_write("passwd", line);
}

/* Ourselves: nothing is given away, so that anybody can run this. */
static void make_home(void)
{
    assert_int_equal(mkdir("home", 0755), 0);
    make_user("home", getuid(), getgid());
}

static void test_key(void **state)
{
    (void)state;
    make_home();
    umask(077);
    assert_int_equal(put_key("u", "ssh-ed25519 A\n"), MOTE_OK);
    umask(0);
    assert_string_equal(fake_read("home/.ssh/authorized_keys"), "ssh-ed25519 A\n");
    assert_int_equal(fake_mode("home/.ssh/authorized_keys"), S_IFREG | 0600);
    assert_int_equal(fake_mode("home/.ssh"), S_IFDIR | 0700);
    chmod("home/.ssh", 0755);
    fake_write("home/.ssh/config", "stays");
    assert_int_equal(put_key("u", "ssh-rsa B\n"), MOTE_OK);
    assert_int_equal(fake_mode("home/.ssh"), S_IFDIR | 0700);
    assert_string_equal(fake_read("home/.ssh/authorized_keys"), "ssh-rsa B\n");
    assert_int_equal(fake_count("home/.ssh"), 2);
    assert_int_equal(fake_mode("home"), S_IFDIR | 0755);
}

static void assert_owner(const char *path)
{
    struct stat file;

    assert_int_equal(lstat(path, &file), 0);
    assert_int_equal(file.st_uid, USER_ID);
    assert_int_equal(file.st_gid, GROUP_ID);
}

static void test_key_belongs_to_its_user(void **state)
{
    (void)state;
    if (!fake_is_root())
        skip();
    mkdir("home", 0755);
    make_user("home", USER_ID, GROUP_ID);
    assert_int_equal(put_key("u", "ssh-rsa B\n"), MOTE_OK);
    assert_owner("home/.ssh");
    assert_owner("home/.ssh/authorized_keys");
}

static void test_nobody(void **state)
{
    (void)state;
    assert_int_equal(put_key("u", "k"), MOTE_ERR_NOT_FOUND); /* no file at all */
    make_home();
    assert_int_equal(put_key("v", "k"), MOTE_ERR_NOT_FOUND);
    assert_int_equal(put_key("../u", "k"), MOTE_ERR_NOT_FOUND);
    fake_option("mote.passwd", "home");
    assert_fault(put_key("u", "k"), MOTE_ERR_IO, "write", "open home: is a directory");
    fake_option("mote.passwd", "passwd");
    assert_int_equal(rmdir("home"), 0);
    assert_int_equal(put_key("u", "k"), MOTE_ERR_IO);
    assert_non_null(strstr(store_fault().why, "/home/.ssh: no such file or directory"));
    assert_int_equal(fake_mode("home"), 0);
}

/* What a user may have put in our way must not make root write or give away elsewhere. */
static void test_links_are_not_followed(void **state)
{
    (void)state;
    make_home();
    mkdir("victim", 0755);
    fake_write("victim/authorized_keys", "root's");
    assert_int_equal(symlink("../victim", "home/.ssh"), 0);
    assert_int_equal(put_key("u", "mine"), MOTE_ERR_IO);
    assert_non_null(strstr(store_fault().why, "open /"));
    assert_non_null(strstr(store_fault().why, "/home/.ssh: not a directory"));
    assert_string_equal(fake_read("victim/authorized_keys"), "root's");
    assert_int_equal(fake_mode("victim"), S_IFDIR | 0755);
    unlink("home/.ssh");
    mkdir("home/.ssh", 0700);
    assert_int_equal(symlink("../../victim/authorized_keys", "home/.ssh/authorized_keys"), 0);
    assert_int_equal(symlink("../../victim/new", "home/.ssh/.mote.tmp"), 0);
    assert_int_equal(put_key("u", "mine"), MOTE_OK);
    assert_int_equal(fake_mode("home/.ssh/authorized_keys"), S_IFREG | 0600);
    assert_string_equal(fake_read("victim/authorized_keys"), "root's");
    assert_int_equal(fake_count("victim"), 1);
}

static void test_home_may_be_a_link(void **state)
{
    (void)state;
    mkdir("disk", 0755);
    symlink("disk", "home");
    make_user("home", getuid(), getgid());
    assert_int_equal(put_key("u", "mine"), MOTE_OK);
    assert_string_equal(fake_read("disk/.ssh/authorized_keys"), "mine");
}

static void test_key_that_cannot_be(void **state)
{
    (void)state;
    make_home();
    fake_write("home/.ssh", "a file");
    assert_int_equal(put_key("u", "k"), MOTE_ERR_IO);
    assert_non_null(strstr(store_fault().why, "/home/.ssh: not a directory"));
    unlink("home/.ssh");
    mkdir("home/.ssh", 0700);
    mkdir("home/.ssh/authorized_keys", 0700);
    assert_int_equal(put_key("u", "k"), MOTE_ERR_IO);
    assert_string_equal(store_fault().step, "rename");
    assert_non_null(strstr(store_fault().why, "/home/.ssh/authorized_keys: file exists"));
    mkdir("home/.ssh/.mote.tmp", 0700);
    assert_int_equal(put_key("u", "k"), MOTE_ERR_IO);
    assert_non_null(strstr(store_fault().why, "/home/.ssh/authorized_keys.tmp: file exists"));
}

/* Not where a directory above is its owner's alone, as that of root is. */
static bool nobody_gets_here(void)
{
    char path[512];

    assert_non_null(getcwd(path, sizeof path));
    assert_int_equal(seteuid(65534), 0);
    bool gets = faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0;
    assert_int_equal(seteuid(0), 0);
    if (!gets)
        print_message("skipped: nobody but root gets to %s\n", path);
    return gets;
}

static void test_key_of_somebody_else(void **state)
{
    (void)state;
    if (!fake_is_root() || !nobody_gets_here())
        skip();
    mkdir("home", 0755);
    make_user("home", USER_ID, GROUP_ID);
    assert_int_equal(put_as_nobody("home", STORE_SSH_KEY, "u"), MOTE_ERR_IO);
    assert_non_null(strstr(store_fault().why, "chown /"));
    assert_non_null(strstr(store_fault().why, "/home/.ssh: operation not permitted"));
}

/* What mote prints for a secret, NUL-terminated. */
static const char *hear_put(void)
{
    int out = dup(STDOUT_FILENO);

    fflush(stdout);
    fake_write("heard", "");
    int heard = open("heard", O_WRONLY);
    dup2(heard, STDOUT_FILENO);
    int result = put_secret("n", "x");
    fflush(stdout);
    dup2(out, STDOUT_FILENO);
    close(heard);
    close(out);
    assert_int_equal(result, MOTE_OK);
    return fake_read("heard");
}

/* The first of all tests: it is said once. */
static void test_memory_or_disk(void **state)
{
    struct statfs fs;
    (void)state;
    if (!fake_may_mount())
        skip();
    if (statfs(".", &fs) != 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC) {
        print_message("skipped: the build directory is no disk\n");
        skip();
    }
    mount_tmpfs(NULL);
    assert_string_equal(hear_put(), "");
    umount2("secrets", MNT_DETACH);
    assert_int_equal(mount("ramfs", "secrets", "ramfs", 0, NULL), 0);
    assert_string_equal(hear_put(), "");
    umount2("secrets", MNT_DETACH);
    assert_string_equal(hear_put(), "mote: secrets is no tmpfs: secrets may reach a disk\n");
    assert_string_equal(hear_put(), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_memory_or_disk),
        TEST(test_config),
        TEST(test_config_beside_us),
        TEST(test_config_that_cannot_be),
        TEST(test_directory_in_the_place_of_a_secret),
        TEST(test_secrets_that_cannot_be),
        TEST(test_locked_by_another),
        TEST(test_full),
        TEST(test_no_inode_left),
        TEST(test_read_only),
        TEST(test_forbidden),
        TEST(test_key),
        TEST(test_key_belongs_to_its_user),
        TEST(test_nobody),
        TEST(test_links_are_not_followed),
        TEST(test_home_may_be_a_link),
        TEST(test_key_that_cannot_be),
        TEST(test_key_of_somebody_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
