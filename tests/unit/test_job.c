/* SPDX-License-Identifier: MIT */
/*
 * Jobs: from the request on the control port to what the host is told, and from an option of the
 * command line to what the console says. The peer is HostOS, where nothing else is asked for.
 */
#include "agent/job.h"
#include "agent/services.h"
#include "platform/platform.h"
#include "tests/unit/fake_endpoint.h"
#include "tests/unit/fake_platform.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <unistd.h>

#define CONTROL 20 /* number of a connection to the control port */

static char reply[ENDPOINT_SEND_BUFFER + 1];
static size_t room;
static const char *const *words; /* of the command line */

const char *platform_option(const char *key, const char *after, size_t *len)
{
    size_t n = strlen(key);
    bool found = after == NULL;

    for (size_t i = 0; words != NULL && words[i] != NULL; i++) {
        if (found && strncmp(words[i], key, n) == 0 && words[i][n] == '=') {
            *len = strlen(words[i] + n + 1);
            return words[i] + n + 1;
        }
        found |= words[i] + n + 1 == after;
    }
    return NULL;
}

/* The answer to a line on a connection; NULL: there is none yet. */
static const char *ask_on(int conn, const char *line)
{
    char *exact = test_malloc(strlen(line));
    struct out o = out_to(reply, room);

    memcpy(exact, line, strlen(line));
    bool answered = dispatch_line(conn, exact, strlen(line), &o);
    test_free(exact);
    reply[o.len] = '\0';
    return answered ? reply : NULL;
}

static const char *ask(const char *line)
{
    return ask_on(CONTROL, line);
}

#define REQUEST(type, payload) "{\"type\":\"" type "\",\"payload\":{" payload "}}"
#define HOSTOS(payload)        REQUEST("hostos", payload)
#define VERSION                HOSTOS("\"command\":\"get-hostos-version\"")
#define ACK(type, error)                                                                           \
    "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"" type "\",\"ok\":false,\"error\":\"" error     \
    "\"}}\n"

/* An answer of a job, whose id is any. */
static void assert_job(const char *got, const char *rest)
{
    static const char start[] = "{\"type\":\"job\",\"payload\":{\"id\":";

    assert_non_null(got);
    assert_memory_equal(got, start, strlen(start));
    got = strchr(got + strlen(start), ',');
    assert_string_equal(got + 1, rest);
}

static unsigned id_of(const char *got)
{
    unsigned id = 0;

    assert_int_equal(sscanf(got, "{\"type\":\"job\",\"payload\":{\"id\":%u,", &id), 1);
    return id;
}

static const char *ask_for(unsigned id)
{
    char line[80];

    snprintf(line, sizeof line, REQUEST("job", "\"id\":%u"), id);
    return ask(line);
}

static void tell(enum endpoint_event_type type, int conn)
{
    client_event(&(struct endpoint_event){.type = type, .conn = conn, .error = MOTE_ERR_REFUSED});
}

/* HostOS answers on a connection of ours. */
static void answer_up(int conn, const char *text)
{
    fake_endpoint_receive(conn, text, strlen(text));
    tell(ENDPOINT_DATA, conn);
    tell(ENDPOINT_CLOSED, conn);
}

static void answer_on(int conn, const char *text)
{
    tell(ENDPOINT_CONNECTED, conn);
    answer_up(conn, text);
}

static int set_up(void **state)
{
    (void)state;
    for (uint32_t id = 1; id < 1000; id++)
        if (client_find(id) != NULL)
            client_free(client_find(id));
    fake_endpoint_reset();
    room = STEREOS_REPLY_MAX;
    words = NULL;
    return 0;
}

static void test_done(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    assert_null(ask(VERSION)); /* the same job */
    assert_int_equal(fake_connects, 1);
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1.2 \\u003c\"}}");
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{\"version\":"
                             "\"1.2 \\u003c\"}}}\n");
    unsigned id = id_of(reply);
    assert_non_null(ask_for(id)); /* it was told */
    assert_non_null(strstr(reply, "no job "));
    assert_null(ask(VERSION)); /* another */
    assert_int_equal(fake_connects, 2);
}

static void test_refused_and_failed(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    answer_on(fake_newest, "{\"Err\":\"no \\\"HSM\\\"\"}");
    assert_job(ask(VERSION),
               "\"request\":\"hostos\",\"state\":\"refused\",\"error\":\"no \\\"HSM\\\"\"}}\n");
    assert_null(ask(VERSION));
    tell(ENDPOINT_RESET, fake_newest);
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"failed\",\"error\":\"hostos: port "
                             "19090 of the host: connection refused\"}}\n");
    fake_connect_error = MOTE_ERR_UNSUPPORTED; /* at once */
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"failed\",\"error\":\"hostos: port "
                             "19090 of the host: there is no way to a host from here\"}}\n");
}

/* As much of a long text as there is room for, up to a character's end. */
static void test_long_error(void **state)
{
    static char text[1100];
    (void)state;
    strcpy(text, "{\"Err\":\"");
    while (strlen(text) < 1000)
        strcat(text, "\xe2\x82\xac\x01");
    strcat(text, "\"}");
    room = 1000;
    assert_null(ask(VERSION));
    for (char *c = text; *c != '\0'; c++)
        *c = (char)(*c == '\1' ? '<' : *c);
    answer_on(fake_newest, text);
    assert_non_null(ask(VERSION));
    assert_non_null(strstr(reply, "\",\"truncated\":true}}\n"));
    assert_in_range(strlen(reply), room - 30, room);
    assert_non_null(strstr(reply, "\xe2\x82\xac\\u003c\xe2\x82\xac\\u003c"));
}

/* Without room for all of a result nothing of it is told, and it may be asked for again. */
static void test_result_without_room(void **state)
{
    static char text[400];
    (void)state;
    memset(text, 'x', 300);
    snprintf(text, sizeof text, "{\"Ok\":{\"HostOSVersion\":\"%0300d\"}}", 1);
    room = 300;
    assert_null(ask(VERSION));
    answer_on(fake_newest, text);
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{},"
                             "\"truncated\":true}}\n");
    room = 500;
    assert_non_null(strstr(ask_for(id_of(reply)), "0001\"}}}\n"));
}

static void test_running(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    int conn = fake_newest;
    fake_now += JOB_ANSWER_NS - 1;
    assert_null(ask(VERSION));
    fake_now++;
    assert_job(ask(VERSION), "\"request\":\"hostos\",\"state\":\"running\"}}\n");
    unsigned id = id_of(reply);
    assert_job(ask_for(id), "\"request\":\"hostos\",\"state\":\"running\"}}\n");
    answer_on(conn, "{\"Ok\":\"NoPayload\"}");
    assert_job(ask_for(id), "\"request\":\"hostos\",\"state\":\"done\",\"result\":{}}}\n");
    assert_non_null(strstr(ask_for(id), "\"error\":\"no job "));
}

/* The work goes on without those who asked for it. */
static void test_abandoned(void **state)
{
    (void)state;
    assert_null(ask(VERSION));
    int conn = fake_newest;
    dispatch_abandon(CONTROL);
    dispatch_abandon(CONTROL);
    assert_int_equal(fake_connections[conn].is, FAKE_OPEN);
    assert_null(ask(VERSION)); /* whoever has that connection now asks for another */
    assert_int_equal(fake_connects, 2);
    answer_on(conn, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    fake_now += JOB_ANSWER_NS;
    unsigned second = id_of(ask(VERSION));
    assert_non_null(strstr(ask_for(second - 1), "\"version\":\"1\""));
}

/* Of two who ask, the one who has waited is told, too. */
static void test_asked_for_while_waited_for(void **state)
{
    (void)state;
    assert_null(ask_on(1, VERSION));
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    uint32_t id = 1;
    while (client_find(id) == NULL)
        id++;
    assert_non_null(strstr(ask_for(id), "\"version\":\"1\""));
    assert_non_null(strstr(ask_on(1, VERSION), "\"version\":\"1\""));
    assert_non_null(strstr(ask_for(id), "\"error\":\"no job "));
}

/* Nobody reads what would be answered. */
static void test_no_room_at_all(void **state)
{
    (void)state;
    room = 0;
    assert_non_null(ask(VERSION));
    answer_on(fake_newest, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    uint32_t id = 1;
    while (client_find(id) == NULL)
        id++;
    ask_for(id);
    room = STEREOS_REPLY_MAX;
    assert_non_null(strstr(ask_for(id), "\"version\":\"1\""));
}

/* As many as there are places; those nobody asks for make room, those that run do not. */
static void test_places(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTS_MAX; i++)
        assert_null(ask_on(i, VERSION));
    const char *got = ask(VERSION);
    assert_non_null(got);
    assert_non_null(strstr(got, "{\"type\":\"ack\",\"payload\":{\"reply_to\":\"hostos\",\"ok\":"
                                "false,\"error\":\"hostos: "));
    dispatch_abandon(3);
    assert_non_null(strstr(ask(VERSION), "\"ok\":false")); /* it runs */
    answer_on(3, "{\"Ok\":{\"HostOSVersion\":\"1\"}}");
    assert_null(ask(VERSION));
    for (int i = 0; i < CLIENTS_MAX; i++)
        dispatch_abandon(i);
}

static void test_what_can_not_be_begun(void **state)
{
    static char line[JOB_DATA_MAX + 200];
    static const struct {
        const char *line, *answer;
    } rows[] = {
        {"{\"type\":\"hostos\"}",
         ACK("hostos", "decode hostos payload: envelope hostos has no payload")},
        {HOSTOS("\"command\":\"reb\\u006fot\""), ACK("hostos", "unknown hostos command: reboot")},
        {HOSTOS(""), ACK("hostos", "unknown hostos command: ")},
        {REQUEST("vcom", "\"request\":\"ek2\""), ACK("vcom", "unknown vcom request: ek2")},
        {REQUEST("vcom", "\"request\":\"sign\",\"data\":\"AA=A\""),
         ACK("vcom", "data: illegal base64 data at input byte 2")},
        {REQUEST("vcom", "\"request\":\"sign\",\"cred\":\"A\""),
         ACK("vcom", "cred: illegal base64 data at input byte 0")},
        {REQUEST("vcom", "\"request\":\"sign\",\"index\":\"1\""),
         ACK("vcom", "decode vcom payload: json: cannot unmarshal string into Go struct field "
                     "VcomPayload.index of type uint32")},
        {REQUEST("transfer", "\"request\":\"move\""),
         ACK("transfer", "unknown transfer request: move")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"x\""),
         ACK("transfer", "file must be absolute: \\\"x\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\",\"path\":\"/x\",\"file\":\"y\""),
         ACK("transfer", "file must be absolute: \\\"y\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\""),
         ACK("transfer", "file must be absolute: \\\"\\\"")},
        {REQUEST("transfer", "\"request\":\"download_raw\",\"path\":\"/a/../b\""),
         ACK("transfer", "file must be without \\\"..\\\": \\\"/a/../b\\\"")},
        {REQUEST("transfer", "\"request\":\"upload\",\"path\":\"/a/..\""),
         ACK("transfer", "file must be without \\\"..\\\": \\\"/a/..\\\"")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"/a\",\"file\":\"//etc/./b\""),
         ACK("transfer", "cannot download over system directory: \\\"/etc/b\\\"")},
        {REQUEST("transfer", "\"request\":\"download\",\"path\":\"/\""),
         ACK("transfer", "cannot download over system directory: \\\"/\\\"")},
        {"{\"type\":\"job\"}", ACK("job", "decode job payload: envelope job has no payload")},
        {REQUEST("job", ""), ACK("job", "no job 0")},
        {REQUEST("job", "\"id\":4294967295"), ACK("job", "no job 4294967295")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(ask(rows[i].line), rows[i].answer);
    assert_int_equal(fake_connects, 0);
    snprintf(line, sizeof line,
             HOSTOS("\"command\":\"notify\",\"message\":\"%0*d\",\"url\":\"12\""), JOB_DATA_MAX - 1,
             0);
    assert_string_equal(ask(line), ACK("hostos", "url too long: limit is 2048 bytes for all of a "
                                                 "job's strings"));
}

/* What the host writes, as JSON may spell it, is what the peer gets. */
static void test_payload_is_decoded(void **state)
{
    (void)state;
    assert_null(ask(HOSTOS("\"command\":\"notify\",\"message\":\"\\u00e4<\\n\",\"count\":3,"
                           "\"port\":7")));
    assert_int_equal(fake_connections[fake_newest].port, 7);
    tell(ENDPOINT_CONNECTED, fake_newest);
    static const char request[] = "{\"sender_cid\":3,\"message\":{\"notify\":{\"count\":3,"
                                  "\"message\":\"\xc3\xa4<\\n\"}}}";
    assert_int_equal(fake_connections[fake_newest].sent_len, strlen(request));
    assert_memory_equal(fake_connections[fake_newest].sent, request, strlen(request));
    dispatch_abandon(CONTROL);
}

/* -- the command line */

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
        TEST(test_done),
        TEST(test_refused_and_failed),
        TEST(test_long_error),
        TEST(test_result_without_room),
        TEST(test_running),
        TEST(test_abandoned),
        TEST(test_asked_for_while_waited_for),
        TEST(test_no_room_at_all),
        TEST(test_places),
        TEST(test_what_can_not_be_begun),
        TEST(test_payload_is_decoded),
        TEST(test_options),
        TEST(test_options_without_keys),
        TEST(test_transfers_as_options),
        TEST(test_wrong_options),
        TEST(test_long_options),
        TEST(test_many_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
