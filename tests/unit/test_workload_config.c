/* SPDX-License-Identifier: MIT */
/* Lines of workloads: every option, its default, and what is said about a wrong one. */
#include "agent/workload_config.h"
#include "tests/unit/unit.h"

static struct workload_config c;
static char said[256];
static size_t said_at;

static size_t take(const char *line)
{
    struct out error = out_to(said, sizeof said - 1);
    size_t n = workload_config_take(&c, line, strlen(line), &error, &said_at);

    said[error.len] = '\0';
    return n;
}

static void test_defaults(void **state)
{
    (void)state;
    assert_int_equal(take("/usr/bin/web server -v\nnext"), 23);
    assert_string_equal(said, "");
    assert_string_equal(c.name, "web");
    assert_false(c.named);
    assert_null(c.dir);
    assert_null(c.user);
    assert_null(c.env[0]);
    assert_int_equal(c.restart, WORKLOAD_RESTART_NO);
    assert_int_equal(c.budget, 5);
    assert_int_equal(c.window_s, 60);
    assert_int_equal(c.output, WORKLOAD_CONSOLE);
    assert_false(c.exit);
    assert_string_equal(c.command[0], "/usr/bin/web");
    assert_string_equal(c.command[1], "server");
    assert_string_equal(c.command[2], "-v");
    assert_null(c.command[3]);
}

static void test_all_options(void **state)
{
    (void)state;
    take("name=a.b_c+d@e-f dir=/srv user=8:9 env=A=b 'env=C=d e=f' restart=on-failure budget=0 "
         "window=1000000 output=ring exit=yes -- x=y z=");
    assert_string_equal(said, "");
    assert_string_equal(c.name, "a.b_c+d@e-f");
    assert_true(c.named);
    assert_string_equal(c.dir, "/srv");
    assert_string_equal(c.user, "8:9");
    assert_string_equal(c.env[0], "A=b");
    assert_string_equal(c.env[1], "C=d e=f");
    assert_null(c.env[2]);
    assert_int_equal(c.restart, WORKLOAD_RESTART_ON_FAILURE);
    assert_int_equal(c.budget, 0);
    assert_int_equal(c.window_s, 1000000);
    assert_int_equal(c.output, WORKLOAD_RING);
    assert_true(c.exit);
    assert_string_equal(c.command[0], "x=y");
    assert_string_equal(c.command[1], "z=");
    assert_null(c.command[2]);
    take("restart=always output=console exit=no budget=1000000 -- x");
    assert_int_equal(c.restart, WORKLOAD_RESTART_ALWAYS);
    assert_int_equal(c.output, WORKLOAD_CONSOLE);
    assert_false(c.exit);
    assert_int_equal(c.budget, 1000000);
    take("restart=no x");
    assert_int_equal(c.restart, WORKLOAD_RESTART_NO);
}

static const struct {
    const char *line, *name;
} names[] = {
    {"sh -c x", "sh"},
    {"./a\\ b:c", "a_b_c"},
    {"/x/", "_x_"},
    {"/", "_"},
    {"-x", "-x"},
    {"/1234567890123456789012345", "123456789012345678901234"},
    {"1=2", "1_2"},
    {"a.b=2", "a.b_2"},
    {"name=n /bin/x", "n"},
    {"# nothing", ""},
    {"", ""},
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        take(names[i].line);
        assert_string_equal(said, "");
        assert_string_equal(c.name, names[i].name);
        assert_int_equal(c.command != NULL, names[i].name[0] != '\0');
    }
}

#define NAME_TEXT "name=: must be 1 to 24 of a-z A-Z 0-9 . _ + @ -"

static const struct {
    const char *line, *said;
    bool exit;
} wrong[] = {
    {"name= x", NAME_TEXT, false},
    {"name=1234567890123456789012345 x", NAME_TEXT, false},
    {"'name=a b' x", NAME_TEXT, false},
    {"name=a: x", NAME_TEXT, false},
    {"dir=srv x", "dir=: must be an absolute path", false},
    {"user= x", "user=: must be a name, or UID[:GID]", false},
    {"env=A x", "env=: must be NAME=VALUE", false},
    {"env==A x", "env=: must be NAME=VALUE", false},
    {"restart=sometimes x", "restart=: must be no, on-failure or always", false},
    {"budget=-1 x", "budget=: must be a number up to 1000000", false},
    {"budget= x", "budget=: must be a number up to 1000000", false},
    {"budget=1x x", "budget=: must be a number up to 1000000", false},
    {"budget=1000001 x", "budget=: must be a number up to 1000000", false},
    {"budget=99999999999999999999 x", "budget=: must be a number up to 1000000", false},
    {"window=0 x", "window=: must be a number from 1 up to 1000000", false},
    {"window=x x", "window=: must be a number from 1 up to 1000000", false},
    {"foo=1 dir=x y", "no option foo=", false},
    {"a{b=1 x", "", false},
    {"output=file x", "output=: must be console or ring", false},
    {"exit=maybe x", "exit=: must be no or yes", false},
    {"foo=1 x", "no option foo=", false},
    {"Env=A=b x", "no option Env=", false},
    {"nam=1 x", "no option nam=", false},
    {"names=1 x", "no option names=", false},
    {"A_1-b=1 x", "no option A_1-b=", false},
    {"foo=1 exit=yes bar=2 x", "no option foo=", true},
    {"foo=1", "no option foo=", false},
    {"exit=yes", "no command", true},
    {"--", "no command", false},
    {"'' x", "no command", false},
    {"x 'y", "a quote that is not closed", false},
};

/* The first error counts, and what else the line says is read all the same. */
static void test_wrong_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        take(wrong[i].line);
        assert_string_equal(said, wrong[i].said);
        assert_int_equal(c.exit, wrong[i].exit);
    }
    assert_int_equal(said_at, 2);
}

static void test_limits(void **state)
{
    static char line[2 * WORKLOAD_TEXT_MAX];
    (void)state;
    memset(line, 'a', WORKLOAD_TEXT_MAX - 1);
    take(line);
    assert_string_equal(said, "");
    assert_int_equal(strlen(c.command[0]), WORKLOAD_TEXT_MAX - 1);
    line[WORKLOAD_TEXT_MAX - 1] = 'a';
    take(line);
    assert_string_equal(said, "more than 8192 bytes of words");
    for (size_t i = 0; i < WORKLOAD_WORDS_MAX; i++)
        memcpy(line + 2 * i, "a ", 3);
    take(line);
    assert_string_equal(said, "");
    strcat(line, "a");
    take(line);
    assert_string_equal(said, "more than 128 words");
    /* As many options as words: none is lost. */
    *line = '\0';
    for (size_t i = 0; i + 1 < WORKLOAD_WORDS_MAX; i++)
        strcat(line, "env=A=b ");
    strcat(line, "x");
    take(line);
    assert_string_equal(said, "");
    assert_non_null(c.env[WORKLOAD_WORDS_MAX - 2]);
    assert_null(c.env[WORKLOAD_WORDS_MAX - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_all_options),
        cmocka_unit_test(test_names),    cmocka_unit_test(test_wrong_lines),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
