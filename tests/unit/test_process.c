/* SPDX-License-Identifier: MIT */
/*
 * Real processes through platform/linux/process.c: statuses as shells have them, output to the
 * last byte, what daemons leave behind, signals, users and the surroundings of a program.
 */
#include "platform/linux/children.h"
#include "platform/linux/events.h"
#include "platform/linux/signals.h"
#include "platform/linux/sys.h"
#include "platform/platform.h"
#include "platform/process.h"
#include "tests/unit/unit.h"

#include <linux/limits.h>
#include <linux/prctl.h>

#include <stdio.h>
#include <stdlib.h>

#define MS        UINT64_C(1000000)
#define PATIENCE  (60 * 1000 * MS) /* for what happens at once, on a busy machine */
#define HEARD_MAX (1 << 20)

static char heard[HEARD_MAX + 1];
static size_t heard_len;
static char passwd[PATH_MAX]; /* beside the program; empty: the system's */
static const char *program;

uint64_t platform_now_ns(void)
{
    struct __kernel_timespec now;

    sys_clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 * MS + (uint64_t)now.tv_nsec;
}

const char *platform_option(const char *key, const char *after, size_t *len)
{
    if (strcmp(key, "mote.passwd") != 0 || after != NULL || passwd[0] == '\0')
        return NULL;
    *len = strlen(passwd);
    return passwd;
}

void signals_reset(void)
{
}

/* What the agent's loop does between two turns; the children's signal is not watched here. */
static void turn(void)
{
    platform_wait(platform_now_ns() + 5 * MS);
    children_reap(256);
}

static void listen(unsigned n)
{
    int got = process_read(n, heard + heard_len, HEARD_MAX - heard_len);

    if (got > 0)
        heard[heard_len += (size_t)got] = '\0';
}

/* Its status, once it has ended. */
static int wait_for(unsigned n)
{
    uint64_t deadline = platform_now_ns() + PATIENCE;
    int status;

    while (!process_ended(n, &status)) {
        assert_true(platform_now_ns() < deadline);
        turn();
        listen(n);
    }
    assert_int_equal(process_pid(n), 0);
    return status;
}

static void start(unsigned n, const struct process_request *request)
{
    const char *fault = NULL;

    heard[heard_len = 0] = '\0';
    assert_int_equal(process_start(n, request, &fault), MOTE_OK);
    assert_true(process_pid(n) > 0);
}

static const char *const no_env[] = {NULL};

static void start_shell(unsigned n, const char *script)
{
    const char *const command[] = {"sh", "-c", script, NULL};

    start(n, &(struct process_request){.command = command, .env = no_env});
}

static int shell(const char *script)
{
    start_shell(0, script);
    return wait_for(0);
}

static int run(const char *path)
{
    const char *const command[] = {path, NULL};

    start(0, &(struct process_request){.command = command, .env = no_env});
    return wait_for(0);
}

static void wait_for_text(unsigned n, const char *text)
{
    uint64_t deadline = platform_now_ns() + PATIENCE;

    while (strstr(heard, text) == NULL) {
        assert_true(platform_now_ns() < deadline);
        turn();
        listen(n);
    }
}

static void wait_until_gone(unsigned n)
{
    uint64_t deadline = platform_now_ns() + PATIENCE;

    while (process_left(n)) {
        assert_true(platform_now_ns() < deadline);
        turn();
    }
}

static void test_statuses(void **state)
{
    (void)state;
    assert_int_equal(shell("exit 0"), 0);
    assert_int_equal(shell("exit 7"), 7);
    assert_int_equal(shell("exit 255"), 255);
    assert_int_equal(shell("kill -9 $$"), 137);
    assert_int_equal(shell("kill -15 $$"), 143);
    assert_int_equal(shell("kill -11 $$"), 139);
}

static void test_commands_that_cannot_be_run(void **state)
{
    (void)state;
    assert_int_equal(run("nonsuch-program"), PROCESS_NOT_FOUND);
    assert_string_equal(heard, "mote: cannot run nonsuch-program: no such file or directory\n");
    assert_int_equal(run("/nonsuch/program"), PROCESS_NOT_FOUND);
    assert_string_equal(heard, "mote: cannot run /nonsuch/program: no such file or directory\n");
    assert_int_equal(run("/etc/passwd"), PROCESS_CANNOT_RUN);
    assert_string_equal(heard, "mote: cannot run /etc/passwd: permission denied\n");
    assert_int_equal(run("/etc"), PROCESS_CANNOT_RUN);
    assert_int_equal(run("/etc/passwd/x"), PROCESS_CANNOT_RUN);
    assert_string_equal(heard, "mote: cannot run /etc/passwd/x: not a directory\n");
}

/* Looked up in the PATH that it has; what may not be run counts only when there is no other. */
static void test_path_of_its_own(void **state)
{
    static char path[4200];
    const char *const command[] = {"passwd-", NULL}, *const other[] = {"true", NULL};
    const char *const env[] = {"PATH=/nonsuch:/etc/passwd:/etc:/bin", NULL};
    const char *const none[] = {"PATH=", NULL}, *const endless[] = {path, NULL};
    (void)state;
    start(0, &(struct process_request){.command = other, .env = env});
    assert_int_equal(wait_for(0), 0);
    start(0, &(struct process_request){.command = other, .env = none});
    assert_int_equal(wait_for(0), PROCESS_NOT_FOUND);
    start(0, &(struct process_request){.command = command, .env = env});
    assert_int_equal(wait_for(0), PROCESS_CANNOT_RUN);
    strcpy(path, "PATH=");
    memset(path + 5, 'x', 4100);
    start(0, &(struct process_request){.command = other, .env = endless});
    assert_int_equal(wait_for(0), PROCESS_CANNOT_RUN);
    assert_string_equal(heard, "mote: cannot run true: file name too long\n");
    /* An empty place is where it runs. */
    const char *const here[] = {"PATH=/nonsuch:", NULL};
    start(0, &(struct process_request){.command = other, .env = here, .dir = "/bin"});
    assert_int_equal(wait_for(0), PROCESS_NOT_FOUND);
}

static void test_surroundings(void **state)
{
    (void)state;
    assert_int_equal(shell("pwd; umask; cat; cat /proc/self/oom_score_adj; env | grep -v ^PWD= | "
                           "sort; ls /proc/self/fd | wc -l"),
                     0);
    assert_non_null(strstr(heard, "/\n0022\n0\n"));
    assert_non_null(strstr(
        heard, "\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nSHELL=/"));
    /* Three, and the one with which ls looks. */
    assert_non_null(strstr(heard, "TERM=linux\n4\n"));
    assert_int_equal(shell("set -- $(cat /proc/$$/stat); test $$ = $5 && test $$ = $6"), 0);
    assert_int_equal(shell("grep -q 'SigBlk:.0000000000000000' /proc/self/status"), 0);
}

static void test_environment(void **state)
{
    const char *const command[] = {"env", NULL};
    const char *const env[] = {"A=b c", "HOME=/elsewhere", "TERM=", NULL};
    (void)state;
    start(0, &(struct process_request){.command = command, .env = env});
    assert_int_equal(wait_for(0), 0);
    assert_non_null(strstr(heard, "A=b c\n"));
    assert_non_null(strstr(heard, "HOME=/elsewhere\n"));
    assert_non_null(strstr(heard, "TERM=\n"));
    assert_null(strstr(heard, "TERM=linux"));
    assert_null(strstr(heard, "HOME=/\n"));
}

static void test_longest_environment(void **state)
{
    static const char *env[PROCESS_ENV_MAX + 1];
    (void)state;
    for (size_t i = 0; i < PROCESS_ENV_MAX; i++)
        env[i] = "A=b"; /* each is an entry of its own */
    const char *const command[] = {"sh", "-c", "tr '\\0' '\\n' </proc/self/environ", NULL};
    start(0, &(struct process_request){.command = command, .env = env});
    assert_int_equal(wait_for(0), 0);
    size_t entries = 0;
    for (const char *s = heard; (s = strstr(s, "A=b\n")) != NULL; s++)
        entries++;
    assert_int_equal(entries, PROCESS_ENV_MAX);
    assert_non_null(strstr(heard, "TERM=linux\n"));
    assert_non_null(strstr(heard, "HOME="));
}

static void test_directory(void **state)
{
    const char *const command[] = {"pwd", NULL};
    (void)state;
    start(0, &(struct process_request){.command = command, .env = no_env, .dir = "/etc"});
    assert_int_equal(wait_for(0), 0);
    assert_string_equal(heard, "/etc\n");
    start(0, &(struct process_request){.command = command, .env = no_env, .dir = "/nonsuch"});
    assert_int_equal(wait_for(0), PROCESS_NOT_FOUND);
    assert_string_equal(heard, "mote: cannot enter /nonsuch: no such file or directory\n");
    start(0, &(struct process_request){.command = command, .env = no_env, .dir = "/etc/passwd"});
    assert_int_equal(wait_for(0), PROCESS_CANNOT_RUN);
}

/* More than a pipe holds, and its end is told only behind the last byte. */
static void test_long_output(void **state)
{
    (void)state;
    assert_int_equal(shell("seq 1 100000; exit 3"), 3);
    assert_int_equal(heard_len, 588895);
    assert_memory_equal(heard + heard_len - 7, "100000\n", 7);
    assert_int_equal(shell("printf x; printf y >&2"), 0);
    assert_string_equal(heard, "xy");
}

/* In small pieces the end waits for them. */
static void test_end_is_told_behind_the_output(void **state)
{
    int status;
    char byte;
    (void)state;
    start_shell(0, "printf abc");
    uint64_t deadline = platform_now_ns() + PATIENCE;
    while (process_pid(0) != 0) {
        assert_true(platform_now_ns() < deadline);
        turn();
    }
    for (int i = 0; i < 3; i++) {
        assert_false(process_ended(0, &status));
        assert_int_equal(process_read(0, &byte, 1), 1);
        assert_int_equal(byte, 'a' + i);
        turn();
    }
    assert_true(process_ended(0, &status));
    assert_int_equal(status, 0);
    assert_int_equal(process_read(0, &byte, 1), MOTE_ERR_NOT_FOUND);
    assert_int_equal(process_read(0, &byte, 1), MOTE_ERR_NOT_FOUND);
}

/* A flood is read no faster than is asked for. */
static void test_flood(void **state)
{
    char buf[512];
    (void)state;
    start_shell(0, "exec yes");
    for (int i = 0; i < 100; i++) {
        turn();
        assert_true(process_read(0, buf, sizeof buf) <= (int)sizeof buf);
        assert_int_equal(process_read(0, buf, sizeof buf), 0);
    }
    process_signal(0, false);
    assert_int_equal(wait_for(0), 143);
}

/* It has ended when the one that was started has, and is heard all the same. */
static void test_daemon_that_keeps_the_pipe(void **state)
{
    (void)state;
    assert_int_equal(shell("sleep 60 & echo ready"), 0);
    assert_string_equal(heard, "ready\n");
    assert_true(process_left(0));
    process_signal(0, false);
    wait_until_gone(0);
}

static void test_daemon_that_floods(void **state)
{
    (void)state;
    assert_int_equal(shell("yes & exit 5"), 5);
    turn();
    listen(0);
    assert_memory_equal(heard, "y\ny\n", 4);
    process_signal(0, true);
    wait_until_gone(0);
}

static void test_daemon_is_heard_later(void **state)
{
    (void)state;
    assert_int_equal(
        shell("(while test -e /proc/$$/exe; do sleep 0.01; done; echo late) & echo now"), 0);
    wait_for_text(0, "late\n");
    wait_until_gone(0);
}

/* Its number serves for another, whose output is its own. */
static void test_start_again(void **state)
{
    (void)state;
    assert_int_equal(shell("sleep 60 & echo one; exit 1"), 1);
    process_signal(0, true);
    assert_int_equal(shell("echo two; exit 2"), 2);
    assert_string_equal(heard, "two\n");
    wait_until_gone(0);
}

static void test_signals(void **state)
{
    (void)state;
    start_shell(0, "trap '' TERM; echo ready; while :; do sleep 1; done");
    wait_for_text(0, "ready\n");
    process_signal(0, false);
    turn();
    assert_true(process_pid(0) != 0);
    process_signal(0, true);
    assert_int_equal(wait_for(0), 137);
    wait_until_gone(0);
}

static void test_stopped_one_ends(void **state)
{
    (void)state;
    start_shell(0, "echo ready; kill -STOP $$; exit 9");
    wait_for_text(0, "ready\n");
    turn();
    process_signal(0, false);
    assert_int_equal(wait_for(0), 143);
}

/* At once: perhaps it is no group's leader yet. */
static void test_signal_right_behind_the_start(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        start_shell(0, "while :; do sleep 1; done");
        process_signal(0, true);
        assert_int_equal(wait_for(0), 137);
        wait_until_gone(0);
    }
}

static void test_many_at_once(void **state)
{
    char script[32];
    (void)state;
    for (unsigned n = 0; n < PROCESSES_MAX; n++) {
        sprintf(script, "echo %u; exit %u", n, n);
        start_shell(n, script);
    }
    for (unsigned n = 0; n < PROCESSES_MAX; n++) {
        heard[heard_len = 0] = '\0';
        assert_int_equal(wait_for(n), (int)n);
        assert_int_equal(atoi(heard), (int)n);
    }
}

static void run_as(const char *user, const char *script, int status)
{
    const char *const command[] = {"sh", "-c", script, NULL};

    start(0, &(struct process_request){.command = command, .env = no_env, .user = user});
    assert_int_equal(wait_for(0), status);
}

static void test_users(void **state)
{
    (void)state;
    assert_non_null(realpath(program, passwd));
    strcat(passwd, ".passwd");
    FILE *f = fopen(passwd, "w");
    assert_non_null(f);
    fputs("root:x:0:0::/root:/bin/ash\nanna:x:1234:2345:A:/home/anna:/bin/zsh\n", f);
    fprintf(f, "long:x:1:1::/:/%0200d\nnone:x:1:1::/:\n", 0);
    fclose(f);
    run_as("nobody-at-all", "exit 0", PROCESS_NOT_FOUND);
    assert_string_equal(heard, "mote: cannot be user nobody-at-all: no such file or directory\n");
    if (sys_getuid() != 0) {
        print_message("only root can become others: the rest is not tested\n");
        return;
    }
    run_as("anna", "id -u; id -g; id -G; echo $HOME $SHELL $USER $LOGNAME; cat /etc/shadow", 1);
    assert_memory_equal(heard, "1234\n2345\n2345\n/home/anna /bin/zsh anna anna\ncat: ", 50);
    run_as("77", "id -u; id -g; id -G; echo $HOME $SHELL $USER.", 0);
    assert_string_equal(heard, "77\n77\n77\n/ /bin/sh .\n");
    run_as("77:88", "id -u; id -g; id -G", 0);
    assert_string_equal(heard, "77\n88\n88\n");
    run_as(NULL, "id -u; echo $HOME $SHELL", 0);
    assert_string_equal(heard, "0\n/root /bin/ash\n");
    run_as("long", "echo $SHELL", 0);
    assert_string_equal(heard, "/bin/sh\n");
    run_as("none", "echo $SHELL", 0);
    assert_string_equal(heard, "/bin/sh\n");
    static const char *const wrong[] = {"77:", ":88", "77:x", "77 ", "4294967295", "1:4294967295"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        run_as(wrong[i], "exit 0", PROCESS_NOT_FOUND);
}

/* No descriptor is left for a pipe; later there is. */
static void test_no_more_files(void **state)
{
    const char *const command[] = {"true", NULL};
    const struct process_request request = {.command = command, .env = no_env};
    const char *fault = NULL;
    int fds[4096], n = 0;
    (void)state;
    while (n < 4096 && (fds[n] = (int)sys_open("/dev/null", O_RDONLY, 0)) >= 0)
        n++;
    if (n < 4096) {
        assert_int_equal(process_start(0, &request, &fault), MOTE_ERR_IO);
        assert_string_equal(fault, "too many open files");
        assert_int_equal(process_pid(0), 0);
    }
    while (n > 0)
        sys_close(fds[--n]);
    assert_int_equal(run("true"), 0);
}

static int open_events(void **state)
{
    (void)state;
    sys_prctl(PR_SET_CHILD_SUBREAPER, 1); /* daemons come to us, as they do to the agent */
    return events_start() == 0 ? 0 : -1;
}

int main(int argc, char **argv)
{
    (void)argc;
    program = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_commands_that_cannot_be_run),
        cmocka_unit_test(test_path_of_its_own),
        cmocka_unit_test(test_surroundings),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_longest_environment),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_long_output),
        cmocka_unit_test(test_end_is_told_behind_the_output),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_daemon_that_keeps_the_pipe),
        cmocka_unit_test(test_daemon_that_floods),
        cmocka_unit_test(test_daemon_is_heard_later),
        cmocka_unit_test(test_start_again),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_stopped_one_ends),
        cmocka_unit_test(test_signal_right_behind_the_start),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_users),
        cmocka_unit_test(test_no_more_files),
    };
    return cmocka_run_group_tests(tests, open_events, NULL);
}
