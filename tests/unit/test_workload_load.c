/* SPDX-License-Identifier: MIT */
/* Which workloads there are, by options and by the file, and what is said about wrong ones. */
#include "agent/workload.h"
#include "platform/platform.h"
#include "platform/text_file.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define OPTIONS_MAX 8

static const char *options[OPTIONS_MAX]; /* KEY=VALUE */
static const char *file_text, *file_fault;
static int file_error;
static char file_path[256];

const char *platform_option(const char *key, const char *after, size_t *len)
{
    bool behind = after == NULL;

    for (size_t i = 0; i < OPTIONS_MAX && options[i] != NULL; i++) {
        const char *value = strchr(options[i], '=') + 1;
        size_t n = (size_t)(value - options[i] - 1);
        if (behind && strlen(key) == n && strncmp(options[i], key, n) == 0) {
            *len = strlen(value);
            return value;
        }
        behind |= value == after;
    }
    return NULL;
}

int text_file_read(const char *path, char *dst, size_t cap, const char **fault)
{
    strcpy(file_path, path);
    *fault = file_fault;
    if (file_error != MOTE_OK)
        return file_error;
    assert_true(strlen(file_text) <= cap);
    memcpy(dst, file_text, strlen(file_text));
    return (int)strlen(file_text);
}

static struct workload list[WORKLOADS_MAX];

/* What was loaded, as "NAME NAME(error)". */
static const char *load(const char *text)
{
    static char found[512];
    char *at = found;

    memset(list, 0, sizeof list);
    file_text = text;
    file_error = text != NULL ? MOTE_OK : MOTE_ERR_NOT_FOUND;
    file_fault = "no such file or directory";
    unsigned n = workload_load(list);
    *at = '\0';
    for (unsigned i = 0; i < n; i++) {
        assert_int_equal(list[i].state, list[i].error[0] != '\0' ? WORKLOAD_REFUSED : WORKLOAD_NEW);
        at += sprintf(at, list[i].error[0] != '\0' ? "%s%s(%s)" : "%s%s", i == 0 ? "" : " ",
                      list[i].config.name, list[i].error);
    }
    return found;
}

static int forget(void **state)
{
    (void)state;
    memset(options, 0, sizeof options);
    return 0;
}

static void test_nothing(void **state)
{
    (void)state;
    assert_string_equal(load(NULL), "");
    assert_string_equal(file_path, "/etc/mote/workloads");
    assert_string_equal(load(""), "");
    assert_string_equal(load("# a comment\n\n  \n"), "");
}

static void test_options_come_first(void **state)
{
    (void)state;
    options[0] = "mote.run=name=web sh -c 'exit 7'";
    options[1] = "mote.other=x";
    options[2] = "mote.run=/bin/true";
    assert_string_equal(load("cat\n\nname=last dog"), "web true cat last");
    assert_string_equal(list[0].config.command[2], "exit 7");
}

static void test_file_is_named_by_the_last_option(void **state)
{
    (void)state;
    options[0] = "mote.workloads=/a";
    options[1] = "mote.workloads=/b";
    assert_string_equal(load("x"), "x");
    assert_string_equal(file_path, "/b");
}

static void test_names_are_unique(void **state)
{
    (void)state;
    assert_string_equal(load("sh\nsh\nname=sh x\nname=y x"), "sh sh-2 sh-3(the name is taken) y");
    assert_string_equal(load("mote\nEXIT\nname=mote x"), "mote-2 EXIT-2 mote-3(the name is taken)");
    assert_string_equal(load("name=123456789012345678901234 x\n/123456789012345678901234"),
                        "123456789012345678901234 123456789012345678901-2");
}

static void test_wrong_ones_do_not_stop_others(void **state)
{
    (void)state;
    options[0] = "mote.run=";
    options[1] = "mote.run=x\ny";
    assert_string_equal(load("foo=1 a\nb"),
                        "workload(no command) x(a newline outside of quotes) a(no option foo=) b");
    forget(state);
    assert_string_equal(load("a\n'b\nc\n"), "a workload(a quote that is not closed)");
}

/* An error that has no room is cut. */
static void test_long_error(void **state)
{
    (void)state;
    assert_string_equal(load("budget=x y"), "y(budget=: must be a number up to 1000000)");
    assert_string_equal(load("restart=x y"), "y(restart=: must be no, on-failure or alwa)");
}

static void test_file_that_cannot_be_read(void **state)
{
    (void)state;
    options[0] = "mote.workloads=/nonsuch";
    assert_string_equal(load(NULL), "workloads(no such file or directory)");
    options[0] = "mote.run=a";
    load("");
    file_error = MOTE_ERR_TOO_LARGE;
    file_fault = "file too large";
    memset(list, 0, sizeof list);
    assert_int_equal(workload_load(list), 2);
    assert_string_equal(list[1].error, "file too large");
}

/* WORKLOADS_MAX is four here. */
static void test_too_many(void **state)
{
    (void)state;
    assert_string_equal(load("a\nb\nc\nd\n# the end\n"), "a b c d");
    assert_string_equal(load("a\nb\nc\nd\ne\nf"), "a b c d");
    for (int i = 0; i < 5; i++)
        options[i] = "mote.run=x";
    assert_string_equal(load("a"), "x x-2 x-3 x-4");
    options[4] = "mote.workloads=/nonsuch";
    assert_string_equal(load(NULL), "x x-2 x-3 x-4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing, forget),
        cmocka_unit_test_setup(test_options_come_first, forget),
        cmocka_unit_test_setup(test_file_is_named_by_the_last_option, forget),
        cmocka_unit_test_setup(test_names_are_unique, forget),
        cmocka_unit_test_setup(test_wrong_ones_do_not_stop_others, forget),
        cmocka_unit_test_setup(test_long_error, forget),
        cmocka_unit_test_setup(test_file_that_cannot_be_read, forget),
        cmocka_unit_test_setup(test_too_many, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
