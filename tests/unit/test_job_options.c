/* SPDX-License-Identifier: MIT */
/* Jobs of the command line: what begins, in which order, and what the console is told. */
#include "tests/unit/jobs.h"

#include <unistd.h>

static char console[4096];

/* Runs a step, and keeps what it prints. */
static const char *console_of(void (*step)(void))
{
    FILE *file = tmpfile();
    int before = dup(STDOUT_FILENO);

    fflush(stdout);
    dup2(fileno(file), STDOUT_FILENO);
    step();
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    rewind(file);
    console[fread(console, 1, sizeof console - 1, file)] = '\0';
    fclose(file);
    return console;
}

static const char *start(const char *const *options)
{
    words = options;
    return console_of(job_start);
}

static void assert_sent(int conn, const char *text)
{
    tell(ENDPOINT_CONNECTED, conn);
    assert_int_equal(fake_connections[conn].sent_len, strlen(text));
    assert_memory_equal(fake_connections[conn].sent, text, strlen(text));
}

static void test_options(void **state)
{
    static const char *const line[] = {"mote.hostos=notify:a%20b%3A%c3%A4\"=%3D:count=2:port=81",
                                       "mote.vcom=ek:port=82",
                                       "quiet",
                                       "mote.hostos=get-hostos-version:",
                                       "mote.hostos=upgrade:hash=x%3d:url=http%3A//a?b=c:port=83",
                                       NULL};
    (void)state;
    assert_string_equal(start(line), "mote: mote.hostos=notify:a%20b%3A%c3%A4\"=%3D:count=2:port=81"
                                     ": no such part: \"a%20b%3A%c3%A4\\\"\"\n");
    assert_int_equal(fake_connects, 3);
    assert_int_equal(fake_connections[0].port, 19090);
    assert_int_equal(fake_connections[1].port, 83);
    assert_int_equal(fake_connections[2].port, 82);
    assert_sent(1, "{\"sender_cid\":3,\"message\":{\"upgrade\":{\"url\":\"http://a?b=c\","
                   "\"target-hash\":\"x=\"}}}");
    assert_string_equal(console_of(job_tick), "");
    answer_on(0, "{\"Ok\":{\"HostOSVersion\":\"1.2.3\"}}");
    assert_string_equal(console_of(job_tick), "mote: hostos get-hostos-version: 1.2.3\n");
    answer_up(1, "{\"Err\":\"no\\nEXIT: \\u001b \\\"\\u0085\"}");
    assert_string_equal(console_of(job_tick),
                        "mote: hostos upgrade: refused: no\\nEXIT: \\x1b \"\\u0085\n");
    tell(ENDPOINT_RESET, 2);
    assert_string_equal(console_of(job_tick),
                        "mote: vcom ek: vcom: port 82 of the host: connection refused\n");
    assert_true(job_deadline() == UINT64_MAX);
}

static void test_options_without_keys(void **state)
{
    static const char *const line[] = {"mote.hostos=notify:a%20b%3A%c3%A4\"%3D:count=2", NULL};
    (void)state;
    assert_string_equal(start(line), "");
    assert_sent(0, "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":2,\"message\":\"a b:"
                   "\xc3\xa4\\\"=\"}}}");
    answer_up(0, "{\"Ok\":\"NoPayload\"}");
    assert_string_equal(console_of(job_tick), "mote: hostos notify: done\n");
}

static void test_transfers_as_options(void **state)
{
    static const char *const line[] = {
        "mote.upload=/nowhere:/not/there:cmd_id=7", "mote.download=/h%20h:/g:cmd_id=i:port=9001",
        "mote.download=/x:request=download_raw:file=/y", "mote.download=/x:/etc/y", NULL};
    (void)state;
    const char *said = start(line);
    assert_non_null(strstr(said, "mote: mote.download=/x:/etc/y: cannot download over system "
                                 "directory: \"/etc/y\"\n"));
    assert_non_null(strstr(said, "mote: mote.upload=/nowhere:/not/there:cmd_id=7: "));
    assert_int_equal(fake_connects, 2);
    assert_int_equal(fake_connections[0].port, 9001);
    assert_int_equal(fake_connections[1].port, 9000);
    assert_sent(0, "{\"type\":\"download\",\"path\":\"/h h\",\"cmd_id\":\"i\"}\n");
    tell(ENDPOINT_CONNECTED, 1);
    assert_memory_equal(fake_connections[1].sent, "{\"type\":\"download_raw\"", 22);
    tell(ENDPOINT_RESET, 0);
    tell(ENDPOINT_RESET, 1);
    assert_non_null(strstr(console_of(job_tick), "mote: download /h%20h: bandsox: "));
}

static void test_wrong_options(void **state)
{
    static const struct {
        const char *option, *why;
    } rows[] = {
        {"mote.hostos=", "unknown hostos command: "},
        {"mote.hostos=reboot", "unknown hostos command: reboot"},
        {"mote.hostos=notify:a:b", "no such part: \"b\""},
        {"mote.hostos=notify:x=1", "no such part: \"x\""},
        {"mote.hostos=notify:=1", "no such part: \"\""},
        {"mote.hostos=notify:%2", "% without two digits behind it"},
        {"mote.hostos=notify:%", "% without two digits behind it"},
        {"mote.hostos=notify:%4g", "% without two digits behind it"},
        {"mote.hostos=notify:count=", "count is not a number"},
        {"mote.hostos=notify:count=1,\"port\"%3A2", "count is not a number"},
        {"mote.hostos=notify:legacy=yes", "legacy is not true or false"},
        {"mote.hostos=notify:count=4294967296",
         "decode hostos payload: json: cannot unmarshal number 4294967296 into Go struct field "
         "HostosPayload.count of type uint32"},
        {"mote.vcom=sign:1:%41", "data: illegal base64 data at input byte 0"},
    };
    char expected[400];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *const line[] = {rows[i].option, NULL};
        snprintf(expected, sizeof expected, "mote: %s: %s\n", rows[i].option, rows[i].why);
        assert_string_equal(start(line), expected);
    }
    assert_int_equal(fake_connects, 0);
}

static void test_long_options(void **state)
{
    static char part[700] = "mote.hostos=notify:", many[1200] = "mote.hostos=notify:";
    const char *const line[] = {part, many, NULL};
    (void)state;
    memset(part + strlen(part), 'x', 513);
    for (int i = 0; i < 3; i++) {
        strcat(many, "hash=");
        memset(many + strlen(many), 'x', 340);
        strcat(many, i < 2 ? ":" : "");
    }
    const char *said = start(line);
    assert_non_null(strstr(said, "x: part too long: limit is 512 bytes\n"));
    assert_non_null(strstr(said, "x: too long: limit is 1024 bytes of JSON\n"));
}

/* More than there are places: the others follow. */
static void test_many_options(void **state)
{
    static const char *const line[] = {"mote.hostos=attach-hsm:port=1",
                                       "mote.hostos=attach-hsm:port=2",
                                       "mote.hostos=attach-hsm:port=3",
                                       "mote.hostos=attach-hsm:port=4",
                                       "mote.hostos=attach-hsm:port=5",
                                       "mote.hostos=attach-hsm:port=6",
                                       "mote.hostos=attach-hsm:port=7",
                                       "mote.hostos=attach-hsm:port=8",
                                       "mote.hostos=attach-hsm:port=9",
                                       "mote.hostos=attach-hsm:port=10",
                                       NULL};
    (void)state;
    assert_string_equal(start(line), "");
    assert_int_equal(fake_connects, CLIENTS_MAX);
    assert_true(job_deadline() < UINT64_MAX);
    tell(ENDPOINT_RESET, 5);
    tell(ENDPOINT_RESET, 6);
    const char *said = console_of(job_tick);
    assert_int_equal(fake_connects, 10);
    assert_true(job_deadline() == UINT64_MAX);
    for (int i = 0; i < 10; i++)
        if (fake_connections[i].is == FAKE_OPEN)
            tell(ENDPOINT_RESET, i);
    said = console_of(job_tick);
    int lines = 0;
    for (; (said = strchr(said, '\n')) != NULL; said++)
        lines++;
    assert_int_equal(lines, 8);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_options),       TEST(test_options_without_keys), TEST(test_transfers_as_options),
        TEST(test_wrong_options), TEST(test_long_options),         TEST(test_many_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
