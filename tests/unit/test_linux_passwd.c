/* SPDX-License-Identifier: MIT */
/* /etc/passwd: which lines are users', and that neither file nor line can be too long. */
#include "platform/linux/passwd.h"
#include "tests/unit/fake_linux.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

static struct user user;

static int set_up(void **state)
{
    (void)state;
    fake_enter_directory();
    fake_no_options();
    fake_option("mote.passwd", "passwd");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_leave_directory();
    return 0;
}

static long find(const char *name)
{
    memset(&user, 0xee, sizeof user);
    return passwd_find(name, strlen(name), &user);
}

static void assert_user(const char *name, unsigned uid, unsigned gid, const char *home)
{
    assert_int_equal(find(name), 0);
    assert_int_equal(user.uid, uid);
    assert_int_equal(user.gid, gid);
    assert_string_equal(user.home, home);
}

static void test_lines_of_users(void **state)
{
    (void)state;
    fake_write("passwd", "root:x:0:0:root:/root:/bin/sh\n"
                         "agent::1000:100::/home/agent:\n"
                         "agentd:x:7:8:a b,c:/d:/e:f:g\n"
                         "agent:x:5:5::/second:/bin/sh\n"
                         "last:*:4294967294:65535:x:/h:/s");
    assert_user("root", 0, 0, "/root");
    assert_user("agent", 1000, 100, "/home/agent"); /* the first one counts */
    assert_user("agentd", 7, 8, "/d");
    assert_user("last", 4294967294u, 65535, "/h"); /* no newline behind it */
}

static void test_names_are_compared_whole(void **state)
{
    static const char *const names[] = {"roo", "roott", "oot", "x", "0", "/root", "Root", "root:x"};
    (void)state;
    fake_write("passwd", "root:x:0:0:x:/root:/bin/sh\n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_int_equal(find(names[i]), -ENOENT);
    assert_int_equal(passwd_find("root\0x", 6, &user), -ENOENT);
    assert_int_equal(passwd_find("root", 3, &user), -ENOENT);
}

static void test_malformed_lines_are_passed_over(void **state)
{
    static const char *const lines[] = {
        "u",
        "u:",
        "u:x:1:1:g:/home",
        "u:x::1:g:/h:/s",
        "u:x:1::g:/h:/s",
        "u:x:-1:1:g:/h:/s",
        "u:x:1a:1:g:/h:/s",
        "u:x: 1:1:g:/h:/s",
        "u:x:4294967295:1:g:/h:/s",
        "u:x:1:4294967295:g:/h:/s",
        "u:x:4294967297:1:g:/h:/s",
        "u:x:18446744073709551617:1:g:/h:/s",
        "u:x:1:1:g::/s",
        "u:x:1:1:g:home:/s",
        "#u:x:1:1:g:/h:/s",
        " u:x:1:1:g:/h:/s",
        ":x:1:1:g:/h:/s",
        "u\r",
        "",
        ":::::::",
    };
    char text[256];
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        snprintf(text, sizeof text, "%s\n", lines[i]);
        fake_write("passwd", text);
        if (find("u") != -ENOENT)
            fail_msg("%s is a user", lines[i]);
        snprintf(text, sizeof text, "%s\nu:x:3:4:g:/ok:/s\n%s\n", lines[i], lines[i]);
        fake_write("passwd", text);
        assert_user("u", 3, 4, "/ok");
    }
}

static void test_homes_have_a_bound(void **state)
{
    char home[PASSWD_HOME_MAX + 1], text[PASSWD_HOME_MAX + 64];
    (void)state;
    memset(home, 'h', sizeof home);
    home[0] = '/';
    home[PASSWD_HOME_MAX] = '\0';
    snprintf(text, sizeof text, "u:x:1:1:g:%s:/s\n", home);
    fake_write("passwd", text);
    assert_int_equal(find("u"), -ENOENT);
    home[PASSWD_HOME_MAX - 1] = '\0';
    snprintf(text, sizeof text, "u:x:1:1:g:%s:/s\n", home);
    fake_write("passwd", text);
    assert_user("u", 1, 1, home);
}

/* 50 MB: many lines, one of 20 MB that begins like the user's, and the user's at the end. */
static void test_huge(void **state)
{
    static char block[1 << 20];
    FILE *f = fopen("passwd", "w");
    (void)state;
    for (int i = 0; i < 1000000; i++)
        fprintf(f, "user%06d:x:%d:%d::/home:/s\n", i, i, i);
    memset(block, 'x', sizeof block);
    fputs("wanted:", f);
    for (int i = 0; i < 20; i++)
        fwrite(block, 1, sizeof block, f);
    fputs("\nwanted:x:12:13::/home/wanted:/s\n", f);
    long size = ftell(f);
    fclose(f);
    assert_true(size > 50000000);
    assert_user("wanted", 12, 13, "/home/wanted");
    assert_user("user999999", 999999, 999999, "/home");
    assert_int_equal(find("nobody"), -ENOENT);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    assert_int_equal(find("root"), -ENOENT);
    fake_write("passwd", "");
    assert_int_equal(find("root"), -ENOENT);
    fake_option("mote.passwd", ".");
    assert_int_equal(find("root"), -EISDIR);
    assert_int_equal(mkfifo("fifo", 0600), 0); /* nobody will ever write to it */
    fake_option("mote.passwd", "fifo");
    assert_int_equal(find("root"), -ENOENT);
}

static void test_default(void **state)
{
    (void)state;
    assert_string_equal(passwd_path(), "passwd");
    fake_no_options();
    assert_string_equal(passwd_path(), "/etc/passwd");
    assert_int_equal(find("root"), 0);
    assert_int_equal(user.uid, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_of_users, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names_are_compared_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_malformed_lines_are_passed_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_homes_have_a_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_huge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_are_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_default, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
